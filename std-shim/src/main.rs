//! The flatgrad program: `flatgrad train` or just `flatgrad`, `flatgrad check`, `tune`, `plan`, `augment`, `eval`,
//! `predict`, `info`, `export` and `import`.
//!
//! Exit status 0, or 2 after one line on stderr that says what is wrong; 1 for a plan that does not fit, 3 for a
//! diagnosis that found something, 130 for what was interrupted and can be continued.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(status) => status,
        Err(message) => {
            cli::complain(&message);
            ExitCode::from(2)
        }
    }
}
