//! What was found, and on which figures it rests.

use serde_json::{Map, Value, json};

use super::Code;

/// How much a verdict matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Training cannot give what it could.
    Error,
    /// Most likely a fault.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is.
    pub code: Code,
    /// The step of the recipe that found it: 0 data, 1 initial loss, 2 a small sample, 3 the rate, 4 coarse search,
    /// 5 fine search, 6 curves.
    pub step: u8,
    /// How much it matters.
    pub severity: Severity,
    /// The layer, if it is one's.
    pub layer: Option<String>,
    /// What was found, in a sentence.
    pub text: String,
    /// The figures.
    pub evidence: Vec<(&'static str, f64)>,
}

impl Verdict {
    /// A verdict without a layer.
    pub fn new(code: Code, step: u8, severity: Severity, text: impl Into<String>) -> Self {
        Self { code, step, severity, layer: None, text: text.into(), evidence: Vec::new() }
    }

    /// The same, about a layer.
    pub fn layer(self, layer: impl Into<String>) -> Self {
        Self { layer: Some(layer.into()), ..self }
    }

    /// The same, with one more figure.
    pub fn with(mut self, name: &'static str, figure: f64) -> Self {
        self.evidence.push((name, figure));
        self
    }

    /// As in the JSON of [`Diagnosis::to_json`].
    pub fn to_json(&self) -> Value {
        let figure = |&(name, figure): &(&str, f64)| (name.to_string(), json!(figure));
        json!({
            "code": self.code.name(),
            "step": self.step,
            "severity": self.severity.name(),
            "layer": self.layer,
            "text": self.text,
            "evidence": self.evidence.iter().map(figure).collect::<Map<_, _>>(),
            "advice": self.code.advice(),
        })
    }
}

/// All that was found, the most likely cause first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    verdicts: Vec<Verdict>,
}

impl Diagnosis {
    /// Sorts what was found: by severity, then causes before what they bring about. One verdict a code is kept, and
    /// without any error or warning [`Code::Healthy`] comes first.
    pub fn of(verdicts: Vec<Verdict>) -> Self {
        let Self { verdicts: mut kept } = Self::so_far(verdicts);
        if kept.first().is_none_or(|first| first.severity == Severity::Note) {
            let text = "No fault was found.";
            kept.insert(0, Verdict::new(Code::Healthy, 6, Severity::Note, text));
        }
        Self { verdicts: kept }
    }

    /// [`Diagnosis::of`] what was found before all was looked at: it never says healthy.
    pub fn so_far(mut verdicts: Vec<Verdict>) -> Self {
        verdicts.sort_by_key(|verdict| (verdict.severity, verdict.code));
        let mut kept: Vec<Verdict> = Vec::new();
        for verdict in verdicts {
            if kept.iter().all(|other| other.code != verdict.code) {
                kept.push(verdict);
            }
        }
        Self { verdicts: kept }
    }

    /// What was found, the most likely cause first.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Whether there is neither an error nor a warning.
    pub fn is_healthy(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.severity == Severity::Note)
    }

    /// Each verdict as an object, the most likely cause first.
    pub fn to_json(&self) -> Value {
        self.verdicts.iter().map(Verdict::to_json).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_first_and_once() {
        let verdict = |code, severity| Verdict::new(code, 6, severity, "");
        let found = vec![
            verdict(Code::TooFewEpochs, Severity::Warning),
            verdict(Code::Overfitting, Severity::Note),
            verdict(Code::LrTooLow, Severity::Warning),
            verdict(Code::DeadRelu, Severity::Error),
            verdict(Code::LrTooLow, Severity::Error),
        ];
        let diagnosis = Diagnosis::of(found);
        let codes: Vec<Code> = diagnosis.verdicts().iter().map(|verdict| verdict.code).collect();
        assert_eq!(codes, [Code::DeadRelu, Code::LrTooLow, Code::TooFewEpochs, Code::Overfitting]);
        assert!(!diagnosis.is_healthy());
    }

    #[test]
    fn notes_leave_a_run_healthy() {
        let diagnosis = Diagnosis::of(vec![Verdict::new(Code::Overfitting, 6, Severity::Note, "").with("gap", 0.1)]);
        assert!(diagnosis.is_healthy());
        assert_eq!(diagnosis.verdicts()[0].code, Code::Healthy);
        let json = diagnosis.to_json();
        assert_eq!(json[1]["evidence"]["gap"], 0.1);
        assert_eq!(json[1]["severity"], "note");
        assert!(Diagnosis::of(Vec::new()).is_healthy());
        assert_eq!(Diagnosis::so_far(Vec::new()).verdicts(), []);
    }
}
