//! What `flatgrad eval` prints.

use flatgrad::data::{Dataset, Task};
use flatgrad::report::grouped;
use flatgrad::train::metrics::{Accuracy, Confusion, CrossEntropy, Metric, TopK};
use serde_json::json;

use super::crops::Entrance;
use super::eval::EvalArgs;
use super::output::Printer;

/// Larger confusion matrices are not printed.
const MATRIX: usize = 20;

/// Prints the error of values; `plain` is that of one crop, where there are several.
pub fn report_error(args: &EvalArgs, samples: usize, error: f64, plain: Option<(&Entrance, f64)>) {
    let printer = Printer { to_stderr: false };
    if args.json {
        let mut found = json!({ "samples": samples, "mean_absolute_error": error });
        if let Some((entrance, plain)) = plain {
            entrance.note(&mut found, json!({ "mean_absolute_error": plain }));
        }
        return printer.line(format_args!("{found}"));
    }
    printer.line(format_args!("samples         {}", grouped(samples as u64)));
    printer.line(format_args!("mean absolute error  {error:.6}"));
    if let Some((entrance, plain)) = plain {
        printer.line(format_args!("  {entrance}; of one crop {plain:.6}"));
    }
}

/// What is measured where there are classes.
pub struct Classes {
    accuracy: Accuracy,
    top: TopK,
    k: usize,
    loss: CrossEntropy,
    confusion: Confusion,
    count: usize,
}

impl Classes {
    pub fn new(k: usize, count: usize) -> Self {
        let (accuracy, loss) = (Accuracy::default(), CrossEntropy::default());
        Self { accuracy, top: TopK::new(k), k, loss, confusion: Confusion::new(count), count }
    }

    pub fn metrics(&mut self) -> [&mut dyn Metric; 4] {
        [&mut self.accuracy, &mut self.top, &mut self.loss, &mut self.confusion]
    }

    /// `plain` is what was measured of one crop, where there are several.
    pub fn report(&self, args: &EvalArgs, part: &dyn Dataset, plain: Option<(&Entrance, &Self)>) {
        if !args.json {
            return self.print(part, plain);
        }
        let mut found = self.json(part.len());
        if let Some((entrance, plain)) = plain {
            let (accuracy, top, loss) = (plain.accuracy.value(), plain.top.value(), plain.loss.value());
            entrance.note(&mut found, json!({ "accuracy": accuracy, "top_accuracy": top, "loss": loss }));
        }
        Printer { to_stderr: false }.line(format_args!("{found}"));
    }

    fn json(&self, samples: usize) -> serde_json::Value {
        let per_class = |f: &dyn Fn(usize) -> Option<f64>| (0..self.count).map(f).collect::<Vec<_>>();
        json!({
            "samples": samples,
            "accuracy": self.accuracy.value(),
            "top": self.k,
            "top_accuracy": self.top.value(),
            "loss": self.loss.value(),
            "precision": per_class(&|class| self.confusion.precision(class)),
            "recall": per_class(&|class| self.confusion.recall(class)),
            "confusion": self.confusion.counts().chunks(self.count.max(1)).collect::<Vec<_>>(),
        })
    }

    fn print(&self, part: &dyn Dataset, plain: Option<(&Entrance, &Self)>) {
        let printer = Printer { to_stderr: false };
        // Beside each number that of one crop.
        let beside = |text: &dyn Fn(&Self) -> String| {
            plain.map_or(String::new(), |(_, plain)| format!("   of one crop {}", text(plain)))
        };
        let line = |name: &str, text: &dyn Fn(&Self) -> String| {
            printer.line(format_args!("{name:<15} {}{}", text(self), beside(text)));
        };
        printer.line(format_args!("samples         {}", grouped(part.len() as u64)));
        if let Some((entrance, _)) = plain {
            printer.line(format_args!("crops           {entrance}"));
        }
        line("accuracy", &|of| format!("{:.2} %", 100.0 * of.accuracy.value()));
        line(&format!("among first {}", self.k), &|of| format!("{:.2} %", 100.0 * of.top.value()));
        line("loss", &|of| format!("{:.4}", of.loss.value()));
        let names = match part.task() {
            Task::Classes { names } => names.as_slice(),
            Task::Values { .. } => &[],
        };
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        printer.line(format_args!("\n{:>width$}  samples  precision  recall    f1", "class"));
        let percent = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{:.2} %", 100.0 * x));
        for class in (0..self.count).filter(|&class| self.confusion.support(class) > 0) {
            let [precision, recall, f1] =
                [self.confusion.precision(class), self.confusion.recall(class), self.confusion.f1(class)].map(percent);
            let (name, samples) = (names.get(class).map_or("", String::as_str), self.confusion.support(class));
            printer.line(format_args!("{name:>width$}  {samples:>7}  {precision:>9}  {recall:>8}  {f1:>8}"));
        }
        if self.count <= MATRIX {
            printer.line(format_args!("\ntrue class in rows, predicted class in columns:"));
            for row in self.confusion.counts().chunks(self.count.max(1)) {
                let row: String = row.iter().map(|count| format!("{count:>6}")).collect();
                printer.line(format_args!("{row}"));
            }
        }
    }
}
