//! From the library's fields to the program's options.

use flatgrad::Error;

/// Fields that errors mention, or that are not called like their option.
const FLAGS: [(&str, &str); 15] = [
    ("bias_before_norm", "--bias-before-norm"),
    ("bias_correction", "--no-bias-correction"),
    ("clip", "--clip-norm"),
    ("crops", "--crops"),
    ("epochs", "--epochs"),
    ("every", "--step-size"),
    ("factor", "--gamma"),
    ("header", "--no-header"),
    ("limit", "--train-samples"),
    ("min", "--min-lr"),
    ("net", "--net"),
    ("pad", "--pad"),
    ("regression", "--regression"),
    ("resize", "--resize"),
    ("validation", "--val"),
];

/// What is wrong, in the words of the command line.
pub fn message(error: &Error) -> String {
    let text = match error {
        Error::Setting { what, fault } => format!("{}: {fault}", flag(what)),
        other => other.to_string(),
    };
    FLAGS.iter().fold(text, |text, (field, flag)| text.replace(&format!("`{field}`"), flag))
}

/// Text with every field in backticks as the option that it is.
pub fn options(text: &str) -> String {
    let is_field = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let words = text.split('`').enumerate();
    words.map(|(i, word)| if i % 2 == 1 && is_field(word) { flag(word) } else { word.to_string() }).collect()
}

fn flag(field: &str) -> String {
    let known = FLAGS.iter().find(|(known, _)| *known == field).map(|(_, flag)| flag.to_string());
    known.unwrap_or_else(|| format!("--{}", field.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_options() {
        let of = |what, fault: &str| message(&Error::setting(what, fault));
        assert_eq!(of("class_weights", "must be 3"), "--class-weights: must be 3");
        assert_eq!(of("limit", "must be 3"), "--train-samples: must be 3");
        assert_eq!(of("pad", "is for `crops` 5"), "--pad: is for --crops 5");
        assert_eq!(of("isa", "say `uname`"), "--isa: say `uname`");
        let weights = Error::Weights { origin: "w".into(), fault: "no `regression`".into() };
        assert_eq!(message(&weights), "w: no --regression");
    }

    #[test]
    fn every_option_exists() {
        use clap::CommandFactory;
        let program = crate::cli::args::Cli::command();
        for (field, flag) in FLAGS {
            let has =
                |command: &clap::Command| command.get_arguments().any(|a| a.get_long() == flag.strip_prefix("--"));
            assert!(program.get_subcommands().any(has), "{field}: {flag}");
        }
    }
}
