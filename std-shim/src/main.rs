//! The flatgrad program: `flatgrad train` or just `flatgrad`, `flatgrad plan`, `augment`, `eval`, `predict`, `info`,
//! `export` and `import`.
//!
//! Exit status 0, or 2 after one line on stderr that says what is wrong; 1 for a plan that does not fit,
//! 130 for training that was interrupted and can be continued.
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
