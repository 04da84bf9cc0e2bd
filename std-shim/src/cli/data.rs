//! `--data`, and what says how to read it.

use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::Result;
use flatgrad::data::{self, OpenOptions, Opened, TableOptions};

#[derive(Debug, Args)]
pub struct DataArgs {
    /// `digits` (1,797 handwritten digits in the program); a table, .csv or .tsv; arrays x and y (or
    /// x_train, y_train, x_test, y_test), .npz; or a folder: with the IDX files of MNIST,
    /// raw or .gz, with the binary files of CIFAR-10 or CIFAR-100, or with a folder of PNG, JPEG or BMP files for each
    /// class (also in `train` and `test`)
    #[arg(long, value_name = "digits|FILE|DIR", default_value = "digits")]
    pub data: PathBuf,
    /// The table's column to predict, by name or by number from 1 [default: the last]
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// The target is a number, not a class
    #[arg(long)]
    pub regression: bool,
    /// The table's first line is not names but numbers
    #[arg(long)]
    pub no_header: bool,
    /// The table's column that says which rows belong together: all of a group are in one part, and it is no feature
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// The share of the samples for testing, where the data does not say; always the same ones [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub split: Option<f64>,
    /// Bring all images of a folder to N by N pixels
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub resize: Option<usize>,
}

impl DataArgs {
    /// Whether it is the data in the program.
    pub fn is_digits(&self) -> bool {
        self.data == Path::new("digits")
    }

    /// The data.
    pub fn open(&self) -> Result<Opened> {
        let options = self.options();
        if !self.is_digits() {
            return data::open(&self.data, &options);
        }
        data::open_digits(&options)
    }

    fn options(&self) -> OpenOptions {
        let (target, group) = (self.target.clone(), self.group.clone());
        let table = TableOptions { target, regression: self.regression, header: !self.no_header, group };
        OpenOptions { table, split: self.split, resize: self.resize }
    }
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let share = text.parse().ok().filter(|&share: &f64| share > 0.0 && share < 1.0);
    share.ok_or_else(|| "must be a number between 0 and 1".to_string())
}
