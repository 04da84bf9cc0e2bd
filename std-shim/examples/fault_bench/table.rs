//! How often each fault was named.

use std::fmt::Write;

use flatgrad::tune::Code;

/// One run.
pub struct Row {
    pub planted: Code,
    pub program: &'static str,
    pub judges: bool,
    /// Errors and warnings, the most likely first.
    pub alarms: Vec<Code>,
    pub seconds: f64,
}

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    runs: usize,
    first: usize,
    second: usize,
    found: usize,
}

impl Counts {
    fn add(&mut self, row: &Row) {
        self.runs += 1;
        self.first += usize::from(row.alarms.first() == Some(&row.planted));
        self.second += usize::from(row.alarms.iter().take(2).any(|code| *code == row.planted));
        self.found += usize::from(!row.alarms.is_empty());
    }
    fn line(&self, name: &str) -> String {
        let Self { runs, first, second, found } = self;
        format!("| {name} | {runs} | {first} | {second} | {found} |\n")
    }
    fn share(&self, part: usize) -> f64 {
        100.0 * part as f64 / self.runs.max(1) as f64
    }
}

impl Table {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn counts(&self, of: impl Fn(&Row) -> bool) -> Counts {
        let mut counts = Counts::default();
        self.rows.iter().filter(|row| row.planted != Code::Healthy && of(row)).for_each(|row| counts.add(row));
        counts
    }

    fn healthy(&self, of: impl Fn(&Row) -> bool) -> [usize; 2] {
        let healthy = self.rows.iter().filter(|row| row.planted == Code::Healthy && of(row));
        healthy.fold([0, 0], |[runs, accused], row| [runs + 1, accused + usize::from(!row.alarms.is_empty())])
    }

    pub fn text(&self) -> String {
        let mut text =
            "| planted | runs | named first | first or second | something found |\n|---|---|---|---|---|\n".to_string();
        for code in Code::ALL.into_iter().filter(|code| *code != Code::Healthy) {
            let counts = self.counts(|row| row.planted == code);
            if counts.runs > 0 {
                text += &counts.line(&format!("`{}`", code.name()));
            }
        }
        let mut seconds: Vec<f64> = self.rows.iter().map(|row| row.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        for (name, judges) in [("programs that thresholds were taken from", false), ("programs that judge", true)] {
            let counts = self.counts(|row| row.judges == judges);
            let [runs, accused] = self.healthy(|row| row.judges == judges);
            let _ = writeln!(
                text,
                "\n{name}: {} faulty runs, cause named first {:.1} %, first or second {:.1} %, something found {:.1} %; \
                 {accused} of {runs} healthy runs accused",
                counts.runs,
                counts.share(counts.first),
                counts.share(counts.second),
                counts.share(counts.found),
            );
        }
        let _ =
            writeln!(text, "\nseconds of a diagnosis, median: {:.2}", seconds.get(seconds.len() / 2).unwrap_or(&0.0));
        text += "\nprograms: ";
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.program).collect();
        names.dedup();
        names.sort_unstable();
        names.dedup();
        text + &names.join("; ") + "\n"
    }

    /// 85 % named first or second, 95 % found, at most one of 60 healthy runs accused.
    pub fn meets_goals(&self) -> bool {
        let all = self.counts(|_| true);
        let [runs, accused] = self.healthy(|_| true);
        let named = all.runs == 0 || all.share(all.second) >= 85.0 && all.share(all.found) >= 95.0;
        named && accused * 60 <= runs.max(60)
    }
}
