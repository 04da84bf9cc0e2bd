//! What an experiment gives.

use serde_json::{Value, json};

use crate::error::Result;
use crate::report::chart::{Bars, Chart};

/// What an experiment has shown.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The experiment.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// On what, with how many seeds.
    pub setting: String,
    /// The picture.
    pub picture: Picture,
    /// More pictures, each with what is added to the name for it.
    pub more: Vec<(&'static str, Picture)>,
    /// The figures.
    pub table: Table,
    /// Whether what is known was seen here.
    pub claims: Vec<Claim>,
    /// Published figures beside these.
    pub compared: Vec<Compared>,
}

/// Curves or bars.
#[derive(Clone, Debug)]
pub enum Picture {
    /// Curves.
    Chart(Chart),
    /// Bars.
    Bars(Bars),
}

/// Figures in rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Above the columns.
    pub heading: Vec<String>,
    /// As many cells in each as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// Something known, and whether it was seen.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What is known.
    pub text: String,
    /// Whether it was seen.
    pub held: bool,
    /// The figures that say so.
    pub figures: String,
}

/// A published figure beside the one measured here.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What was measured.
    pub what: String,
    /// As published.
    pub published: String,
    /// As measured here.
    pub ours: String,
    /// Where it was published, and on what.
    pub source: String,
}

impl Finding {
    /// One without a name yet.
    pub(super) fn new(picture: Picture, table: Table, claims: Vec<Claim>) -> Self {
        let setting = String::new();
        Self { name: "", about: "", setting, picture, more: Vec::new(), table, claims, compared: Vec::new() }
    }

    /// Whether all claims held.
    pub fn held(&self) -> bool {
        self.claims.iter().all(|claim| claim.held)
    }

    /// Everything as JSON, with `"program": "flatgrad"`.
    pub fn to_json(&self) -> Value {
        let Table { heading, rows } = &self.table;
        let row = |row: &Vec<String>| {
            heading.iter().cloned().zip(row.iter().map(|cell| json!(cell))).collect::<serde_json::Map<_, _>>()
        };
        let claim = |c: &Claim| json!({ "claim": c.text, "held": c.held, "figures": c.figures });
        let compared =
            |c: &Compared| json!({ "what": c.what, "published": c.published, "ours": c.ours, "source": c.source });
        json!({
            "program": "flatgrad",
            "experiment": self.name,
            "about": self.about,
            "setting": self.setting,
            "held": self.held(),
            "claims": self.claims.iter().map(claim).collect::<Vec<_>>(),
            "published": self.compared.iter().map(compared).collect::<Vec<_>>(),
            "table": rows.iter().map(row).collect::<Vec<_>>(),
            "picture": self.picture.numbers(),
            "more": self.more.iter().map(|(_, picture)| picture.numbers()).collect::<Vec<_>>(),
        })
    }

    /// The pictures, each with the name of its files without ending.
    pub fn pictures(&self) -> impl Iterator<Item = (String, &Picture)> {
        let more = self.more.iter().map(|(added, picture)| (format!("{}-{added}", self.name), picture));
        std::iter::once((self.name.to_string(), &self.picture)).chain(more)
    }

    /// For people: the table, published figures, and each claim with a verdict.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n{}\n\n{}", self.name, self.about, self.setting, self.table.to_text());
        if !self.compared.is_empty() {
            let heading = ["", "published", "here", "source"].map(String::from).to_vec();
            let row = |c: &Compared| vec![c.what.clone(), c.published.clone(), c.ours.clone(), c.source.clone()];
            text += "\n";
            text += &Table { heading, rows: self.compared.iter().map(row).collect() }.to_text();
        }
        text += "\n";
        for claim in &self.claims {
            let verdict = if claim.held { "held  " } else { "FAILED" };
            text += &format!("  {verdict}  {} ({})\n", claim.text, claim.figures);
        }
        text
    }
}

impl Table {
    pub(super) fn new<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> Self {
        Self { heading: heading.map(String::from).to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// Aligned, the first column to the left.
    fn to_text(&self) -> String {
        let lines = || std::iter::once(&self.heading).chain(&self.rows);
        let width = |c: usize| lines().filter_map(|line| Some(line.get(c)?.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.heading.len()).map(width).collect();
        let mut text = String::new();
        for (i, line) in lines().enumerate() {
            let cell = |(c, (cell, &width)): (usize, (&String, &usize))| match c {
                0 => format!("  {cell:width$}"),
                _ => format!("  {cell:>width$}"),
            };
            text += line.iter().zip(&widths).enumerate().map(cell).collect::<String>().trim_end();
            text += "\n";
            if i == 0 {
                text +=
                    &format!("  {}\n", "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
            }
        }
        text
    }
}

impl Claim {
    pub(super) fn new(text: impl Into<String>, held: bool, figures: impl Into<String>) -> Self {
        Self { text: text.into(), held, figures: figures.into() }
    }
}

impl Picture {
    /// As SVG.
    pub fn to_svg(&self) -> String {
        match self {
            Self::Chart(chart) => chart.to_svg(),
            Self::Bars(bars) => bars.to_svg(),
        }
    }

    /// As a PNG file.
    ///
    /// # Errors
    ///
    /// None in practice: those of the encoder.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        match self {
            Self::Chart(chart) => chart.to_png(),
            Self::Bars(bars) => bars.to_png(),
        }
    }

    /// The numbers that it shows; in JSON, those that are not finite are null.
    fn numbers(&self) -> Value {
        match self {
            Self::Chart(chart) => {
                let series = chart
                    .series
                    .iter()
                    .map(|series| json!({ "name": series.name, "points": series.points, "low_high": series.band }));
                let rules = chart.rules.iter().map(|rule| json!({ "at": rule.at, "label": rule.label }));
                json!({
                    "title": chart.title, "x": chart.x.label, "y": chart.y.label,
                    "series": series.collect::<Vec<_>>(), "rules": rules.collect::<Vec<_>>(),
                })
            }
            Self::Bars(bars) => {
                let bar = bars.bars.iter().map(|bar| {
                    json!({
                        "name": bar.name, "value": bar.value, "low_high": bar.whisker, "published": bar.reference,
                    })
                });
                json!({ "title": bars.title, "axis": bars.axis.label, "bars": bar.collect::<Vec<_>>() })
            }
        }
    }
}
