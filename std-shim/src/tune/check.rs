//! The diagnosis of one run: data, initial loss, a small sample, rates, curves.

use flatgrad_core::Context;

use super::initial::Seen;
use super::subject::{Lab, Subject};
use super::{Code, Diagnosis, Severity, Verdict, Watch, curves, data, initial, neighbours, rates, small};
use crate::error::{Error, Result};
use crate::model::LayerStore;
use crate::train::History;
use crate::train::stats::LayerStats;

/// What a diagnosis found, and what it looked at.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The verdicts.
    pub diagnosis: Diagnosis,
    /// The run's curves: its test columns are samples of the training part, its validation columns held-out ones.
    pub history: History,
    /// The part of the run that there was time for, up to 1.
    pub part: f64,
    /// The layers before training.
    pub layers: Vec<LayerStats>,
    /// The loss before training, and what it must be.
    pub first_loss: [f64; 2],
    /// Factors of the rate, and the loss after the same number of steps.
    pub rates: Vec<(f32, f64)>,
    /// Whether all was looked at; not if it was interrupted.
    pub complete: bool,
}

/// Says what is wrong with a run: of its data, its network before training, a small sample learnt by heart, its rate
/// beside others, its curves. Nothing is chosen by the test part: its inputs are compared with those of training. If
/// the subject has no validation part, 15 % of the training part are held out.
///
/// The verdicts depend on the subject alone, not on the context: what it costs is counted in operations and not in
/// seconds. A run of more than 2.5e12 operations is cut.
///
/// # Errors
///
/// Those of reading the data and of [`Fit::run`](crate::train::Fit::run), except a loss that is not finite: that is a
/// verdict.
///
/// ```
/// use flatgrad::data::{SampleOptions, digits};
/// use flatgrad::model::{Architecture, Network};
/// use flatgrad::train::Settings;
/// use flatgrad::tune::{Code, Subject, check};
/// use flatgrad_core::net::Optimizer;
/// use flatgrad_core::{Context, Isa};
///
/// let samples = SampleOptions { validation: Some(0.2), limit: Some(300), ..SampleOptions::default() };
/// let samples = samples.choose(digits()?.shared())?;
/// let subject = Subject {
///     network: Network::new(Architecture::Tiny, [1, 8, 8], 10),
///     train: samples.data.train,
///     validation: samples.validation,
///     test: samples.data.test,
///     // A hundred thousand times too much.
///     settings: Settings { epochs: 10, ..Settings::new(Optimizer::adam(100.0)) },
///     augmentation: None,
/// };
/// let checked = check(Context::serial(Isa::detect()), &subject, &mut ())?;
/// assert!(checked.diagnosis.verdicts().iter().any(|verdict| verdict.code == Code::LrTooHigh));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn check(ctx: Context, subject: &Subject, watch: &mut dyn Watch) -> Result<Checked> {
    check_in(&Lab::new(ctx, subject, watch.interrupt())?, watch)
}

/// [`check`] with parts that have been made.
pub(super) fn check_in(lab: &Lab, watch: &mut dyn Watch) -> Result<Checked> {
    let (mut found, mut checked) = (Vec::new(), Checked::default());
    match stages(lab, watch, &mut found, &mut checked) {
        Ok(()) => checked.complete = true,
        // What has been found until then is worth telling.
        Err(Error::Interrupted { .. }) => {}
        Err(other) => return Err(other),
    }
    let found = explained(found);
    checked.diagnosis = if checked.complete { Diagnosis::of(found) } else { Diagnosis::so_far(found) };
    Ok(checked)
}

fn stages(lab: &Lab, watch: &mut dyn Watch, found: &mut Vec<Verdict>, checked: &mut Checked) -> Result {
    let subject = lab.subject;
    watch.stage("data", 0.0);
    data::inputs(subject, found)?;
    if found.iter().any(is_the_end) {
        return Ok(());
    }
    let store = LayerStore::default();
    let net = subject.network.net(&store)?;
    let plan = subject.checked_plan(lab.ctx, net)?;
    data::targets(subject, &plan, found);
    let signal = neighbours::signal(lab)?;
    watch.stage("initial loss", 0.08);
    let free = subject.network.clone().unregularized();
    let seen = Seen::at(lab, &free, &[])?;
    initial::look(lab, &seen, found);
    checked.layers.clone_from(&seen.stats);
    checked.first_loss = [seen.loss, initial::expected_loss(&*lab.train)];
    watch.stage("small sample", 0.1);
    let small = small::overfit(lab, found)?;
    watch.stage("rates", 0.25);
    let rates = rates::compare(lab)?;
    checked.rates.clone_from(&rates.ends);
    rates::judge(&rates, &seen, found);
    rates::optimizer(lab, &seen, &rates, found)?;
    watch.stage("training", 0.45);
    let run = curves::train(lab, lab.trial())?;
    (checked.part, checked.history) = (run.part, run.course.history.clone());
    watch.stage("curves", 0.75);
    curves::judge(lab, &run, &signal, &small, found)?;
    curves::length(&run, &rates, found);
    curves::augmentation(lab, &run, &signal, found)?;
    curves::regularization(lab, &run, found)?;
    watch.stage("done", 1.0);
    Ok(())
}

/// With such inputs nothing more can be said.
fn is_the_end(verdict: &Verdict) -> bool {
    matches!(verdict.code, Code::InputsNotFinite | Code::InputsConstant)
}

/// What follows from something else that was found becomes a note.
fn explained(mut found: Vec<Verdict>) -> Vec<Verdict> {
    let has = |codes: &[Code]| {
        found.iter().any(|verdict| verdict.severity != Severity::Note && codes.contains(&verdict.code))
    };
    let random = has(&[Code::LabelsRandom]);
    let causes = has(&[
        Code::DoubleSoftmax,
        Code::WrongLoss,
        Code::OutputRange,
        Code::InitZero,
        Code::InitTooLarge,
        Code::InitTooSmall,
        Code::InputsUnscaled,
        Code::Exploding,
        Code::Vanishing,
        Code::AugmentationDestroys,
        Code::EpsTooLarge,
    ]) || has(&[Code::ModelTooSmall]) && !random;
    let regularized = has(&[Code::BottleneckDropout, Code::DecayTooHigh]);
    let saturated = found.iter().any(|verdict| verdict.code == Code::Saturated && verdict.step == 1);
    // The first update tells of the rate alone.
    let huge = |verdict: &Verdict| verdict.code == Code::LrTooHigh && verdict.evidence[0].0 == "update_ratio";
    let huge = found.iter().any(huge) && !causes;
    let rate = huge || has(&[Code::LrTooHigh, Code::LrTooLow]) && !(random || causes || saturated || regularized);
    let short = has(&[Code::TooFewSamples, Code::TooFewEpochs]);
    // What answers badly for a reason of its own says nothing about the labels.
    let noisy = has(&[Code::LabelsNoisy]) && !(random || causes || saturated || regularized || rate || short);
    let few = has(&[Code::TooFewSamples]);
    let small_weights = has(&[Code::InitTooSmall, Code::InitZero]);
    for verdict in &mut found {
        let follows = match verdict.code {
            Code::LrTooHigh if huge => false,
            Code::LrTooHigh | Code::LrTooLow => random || causes || saturated || regularized,
            Code::DecayTooHigh => huge,
            Code::Underfitting => random || noisy || causes || rate,
            Code::TooFewEpochs => random || noisy || causes || rate || regularized,
            Code::Overfitting => random || noisy || few || causes,
            Code::ModelTooSmall => random,
            Code::LabelsNoisy => !noisy,
            Code::Vanishing | Code::EpsTooLarge => small_weights,
            _ => false,
        };
        if follows {
            verdict.severity = Severity::Note;
        }
    }
    found
}
