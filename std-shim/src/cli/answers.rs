//! What a network says, as a table in CSV.

use flatgrad::model::{Network, probabilities};
use flatgrad::{Error, Result};

/// A row for each sample: its class and the probability of every class, or its values.
pub struct Answers<'a> {
    table: csv::Writer<Vec<u8>>,
    network: &'a Network,
}

impl<'a> Answers<'a> {
    /// `what` names the first column.
    pub fn new(what: &str, network: &'a Network, outputs: usize) -> Result<Self> {
        let mut answers = Self { table: csv::Writer::from_writer(Vec::new()), network };
        let mut names = vec![what.to_string()];
        match network.targets() {
            Some(_) if outputs == 1 => names.push("value".to_string()),
            Some(_) => names.extend((1..=outputs).map(|output| format!("value{output}"))),
            None => {
                names.push("class".to_string());
                names.extend((0..outputs).map(|class| format!("p{}", answers.class(class))));
            }
        }
        answers.write(names)?;
        Ok(answers)
    }

    /// The outputs for one sample; values are no longer standardized.
    pub fn push(&mut self, what: &str, outputs: &[f32]) -> Result {
        let mut row = vec![what.to_string()];
        if self.network.targets().is_some() {
            row.extend(outputs.iter().map(f32::to_string));
        } else {
            let p = probabilities(outputs, outputs.len());
            let class = (0..p.len()).rev().max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0);
            row.push(self.class(class));
            row.extend(p.iter().map(|p| format!("{p:.6}")));
        }
        self.write(row)
    }

    fn class(&self, class: usize) -> String {
        self.network.classes().get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    fn write(&mut self, row: Vec<String>) -> Result {
        self.table.write_record(row).map_err(|e| Error::setting("out", e.to_string()))
    }

    /// All rows.
    pub fn finish(self) -> Result<String> {
        let bytes = self.table.into_inner().map_err(|e| Error::setting("out", e.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
