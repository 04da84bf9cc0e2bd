//! A page of what was found: verdicts, curves, trials; one HTML file that loads nothing.

mod charts;
mod tables;

use std::fmt::Write;

use super::{Checked, Severity, Tuned, Verdict};
use crate::report::chart::dark_properties;

const STYLE: &str = include_str!("page.css");

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What was diagnosed.
    pub title: &'a str,
    /// The command that did it.
    pub command: &'a str,
    /// The diagnosis.
    pub checked: &'a Checked,
    /// The search, if there was one.
    pub tuned: Option<&'a Tuned>,
}

impl Page<'_> {
    /// The page of a diagnosis. Fields of the settings stand in backticks.
    ///
    /// ```
    /// use flatgrad::tune::{Checked, Page};
    /// let page = Page { title: "a <net>", command: "check", checked: &Checked::default(), tuned: None };
    /// let html = page.html();
    /// assert!(html.starts_with("<!doctype html>") && html.contains("a &lt;net&gt;"));
    /// assert!(!html.contains("http") || html.contains("http://www.w3.org/2000/svg"));
    /// ```
    pub fn html(&self) -> String {
        self.html_with(None)
    }

    /// The page, with the command line that a search recommends.
    pub fn html_with(&self, recommended: Option<&str>) -> String {
        let title = escaped(self.title);
        let mut body = format!(
            "<header><h1>{title}</h1><p><code>{}</code></p></header>\n<main>\n{}",
            escaped(self.command),
            self.summary()
        );
        if let Some(line) = recommended {
            let line = escaped(line);
            let _ = writeln!(body, "<section><h2>Train with</h2><pre><code>{line}</code></pre></section>");
        }
        let _ = writeln!(body, "<section><h2>What was found</h2>");
        self.checked.diagnosis.verdicts().iter().for_each(|verdict| body += &card(verdict));
        body += "</section>\n";
        if let Some(tuned) = self.tuned {
            body += &tables::search(tuned);
            body += &charts::search(tuned);
        }
        body += &charts::run(self.checked);
        body += &tables::layers(&self.checked.layers);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n</style>\n</head>\n\
             <body>\n{body}</main>\n</body>\n</html>\n",
            dark_properties()
        )
    }

    /// A line that says it all.
    fn summary(&self) -> String {
        let count =
            |severity| self.checked.diagnosis.verdicts().iter().filter(|verdict| verdict.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let (class, text) = match (errors, warnings) {
            (0, 0) if self.checked.complete => ("healthy", "No fault was found.".to_string()),
            (0, 0) => ("unknown", "No fault has been found so far.".to_string()),
            _ => ("faulty", format!("Found: {}, {}.", plural(errors, "error"), plural(warnings, "warning"))),
        };
        let mut notes = String::new();
        if !self.checked.complete {
            notes += " It was interrupted: this is what was found until then.";
        } else if self.checked.part > 0.0 && self.checked.part < 1.0 {
            let _ = write!(notes, " Of the run, {:.0} % of the steps were made.", 100.0 * self.checked.part);
        }
        format!("<p class=\"summary {class}\">{text}{notes}</p>\n")
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// One verdict: its severity is told by a sign and a word, not by colour alone.
fn card(verdict: &Verdict) -> String {
    let Verdict { code, severity, layer, text, evidence, step } = verdict;
    let sign = match severity {
        Severity::Error => "\u{2716}",
        Severity::Warning => "\u{25b2}",
        Severity::Note => "\u{25cf}",
    };
    let layer = layer.as_ref().map_or(String::new(), |layer| format!(", layer {}", escaped(layer)));
    let mut figures = String::new();
    for (name, figure) in evidence {
        let _ = write!(figures, "<dt>{}</dt><dd>{}</dd>", name.replace('_', " "), number(*figure));
    }
    if !figures.is_empty() {
        figures = format!("<dl>{figures}</dl>");
    }
    format!(
        "<article class=\"{name}\"><h3><span class=\"sign\">{sign}</span> {name}: <code>{}</code></h3>\n<p>{}</p>\
         <p class=\"advice\">{}</p>\n{figures}<p class=\"step\">step {step} of the recipe{layer}</p></article>\n",
        code.name(),
        escaped(text),
        escaped(code.advice()),
        name = severity.name(),
    )
}

/// Four digits that count.
fn number(x: f64) -> String {
    if !x.is_finite() {
        return "not finite".into();
    }
    let size = x.abs();
    if x == 0.0 || (1e-3..1e6).contains(&size) {
        let digits = (3 - size.max(1e-3).log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{x:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
    } else {
        format!("{x:.2e}")
    }
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (0.123_456, "0.1235"), (12.5, "12.5"), (1234.56, "1235"), (1e-9, "1.00e-9")];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
        assert_eq!(number(f64::INFINITY), "not finite");
    }
}
