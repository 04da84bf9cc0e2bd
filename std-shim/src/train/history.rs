//! The course of a run, as numbers.

use serde::{Deserialize, Serialize};

use super::stats::EpochStats;
use super::{Callback, EpochEnd, Flow, Saved, StepRecord};
use crate::error::Result;

/// One line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean loss over the epoch's training samples, each measured just before the step that used it.
    pub train_loss: f32,
    /// Share of these samples that were classified correctly, from 0 to 1, each just before the step that used it; if
    /// the task is about classes. Of a mixed sample, the class with the larger share is the correct one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// Mean loss over the test part after the epoch.
    pub test_loss: f32,
    /// Share of the test part that is classified correctly after the epoch, from 0 to 1; if the task is about classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Mean absolute error on the test part after the epoch; if the task is about values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_mae: Option<f64>,
    /// Mean loss over the validation part after the epoch, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f32>,
    /// As `test_accuracy`, on the validation part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// As `test_mae`, on the validation part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_mae: Option<f64>,
    /// Mean loss over the whole training part after the epoch, as at test time; on request
    /// ([`Fit::train_eval`](super::Fit::train_eval)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_part_loss: Option<f32>,
    /// As `test_accuracy`, on the training part; on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_part_accuracy: Option<f64>,
    /// As `test_mae`, on the training part; on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_part_mae: Option<f64>,
    /// Seconds the epoch's training took, evaluation excluded.
    pub seconds: f64,
    /// Training samples per second of these.
    pub samples_per_second: f64,
    /// The learning rate of the last step.
    pub lr: f32,
}

/// Everything measured during a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The mean loss of each step's batch.
    pub step_losses: Vec<f32>,
    /// The learning rate of each step.
    pub step_rates: Vec<f32>,
    /// One record per epoch.
    pub epochs: Vec<EpochRecord>,
    /// How many steps had been taken at the end of each epoch.
    pub epoch_ends: Vec<usize>,
    /// What the layers computed, one for each epoch, if that was wanted ([`Fit::stats`](super::Fit::stats)).
    pub stats: Vec<EpochStats>,
}

/// Under this name, a checkpoint has the statistics of layers, if there are any.
const STATS: &str = "history.stats";

impl History {
    /// One JSON object per line, one line per epoch.
    pub fn to_jsonl(&self) -> String {
        self.epochs
            .iter()
            // A record is a flat struct of numbers: it cannot fail to serialize, and JSON has no NaN to offer.
            .filter_map(|record| serde_json::to_string(record).ok())
            .map(|line| line + "\n")
            .collect()
    }

    /// What the layers computed: one JSON object per line, one line per epoch and layer.
    pub fn stats_jsonl(&self) -> String {
        self.stats.iter().map(EpochStats::to_jsonl).collect()
    }

    /// The training loss of each step, smoothed: an exponential moving average over about a fortieth of the steps (but
    /// from 5 to 50), divided by `1 - beta^k` after k steps so that its start is not pulled to zero. Losses that are
    /// not finite leave it as it was; NaN before the first that is.
    pub fn smoothed_losses(&self) -> Vec<f64> {
        let beta = 1.0 - 1.0 / (self.step_losses.len() as f64 / 40.0).clamp(5.0, 50.0);
        let (mut average, mut weight) = (0.0, 1.0);
        self.step_losses
            .iter()
            .map(|&loss| {
                if loss.is_finite() {
                    average = beta * average + (1.0 - beta) * f64::from(loss);
                    weight *= beta;
                }
                average / (1.0 - weight)
            })
            .collect()
    }
}

/// Writes everything down.
impl Callback for History {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.step_losses.push(step.batch_loss);
        self.step_rates.push(step.lr);
        Ok(Flow::CONTINUE)
    }
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        self.epochs.push(epoch.record.clone());
        self.epoch_ends.push(epoch.step as usize);
        self.stats.extend(epoch.stats.cloned());
        Ok(Flow::CONTINUE)
    }
    fn save(&self, saved: &mut Saved) {
        saved.tensors.insert("history.step_losses".into(), self.step_losses.clone());
        saved.tensors.insert("history.step_rates".into(), self.step_rates.clone());
        saved.put("history.epochs", &self.epochs);
        saved.put("history.epoch_ends", &self.epoch_ends);
        if !self.stats.is_empty() {
            saved.put(STATS, &self.stats);
        }
    }
    fn load(&mut self, saved: &Saved) -> Result {
        self.step_losses = saved.tensors.get("history.step_losses").cloned().unwrap_or_default();
        self.step_rates = saved.tensors.get("history.step_rates").cloned().unwrap_or_default();
        self.epochs = saved.get("history.epochs")?.unwrap_or_default();
        self.epoch_ends = saved.get("history.epoch_ends")?.unwrap_or_default();
        self.stats = saved.get(STATS)?.unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_a_constant_and_follows_a_step() {
        let mut history = History { step_losses: vec![2.5; 40], ..History::default() };
        assert!(history.smoothed_losses().iter().all(|l| (l - 2.5).abs() < 1e-12));
        history.step_losses.extend([0.0; 400]);
        let smoothed = history.smoothed_losses();
        assert!(smoothed[41] > 2.0 && smoothed[439] < 0.01);
        history.step_losses = vec![f32::NAN, 2.0, f32::INFINITY, 2.0];
        let smoothed = history.smoothed_losses();
        assert!(smoothed[0].is_nan() && smoothed[1..].iter().all(|l| (l - 2.0).abs() < 1e-12));
    }

    #[test]
    fn a_line_per_epoch_in_json() {
        let record = EpochRecord {
            epoch: 1,
            train_loss: 0.5,
            train_accuracy: Some(0.875),
            test_loss: 0.25,
            test_accuracy: Some(0.975),
            test_mae: None,
            validation_loss: None,
            validation_accuracy: None,
            validation_mae: None,
            train_part_loss: None,
            train_part_accuracy: None,
            train_part_mae: None,
            seconds: 1.5,
            samples_per_second: 958.0,
            lr: 0.001,
        };
        let history = History { epochs: vec![record.clone(), record], ..History::default() };
        let lines = history.to_jsonl();
        assert_eq!(lines.lines().count(), 2);
        let value: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(value["test_accuracy"], 0.975);
        assert_eq!(value["train_accuracy"], 0.875);
        assert_eq!(value["epoch"], 1);
        assert_eq!(value.get("train_part_loss"), None);
    }

    #[test]
    fn a_line_of_an_earlier_version_is_read() {
        let line = r#"{"epoch":1,"train_loss":0.5,"test_loss":0.25,"seconds":1.0,"samples_per_second":9.0,"lr":0.1}"#;
        let record: EpochRecord = serde_json::from_str(line).unwrap();
        assert_eq!((record.train_accuracy, record.train_part_loss), (None, None));
    }
}
