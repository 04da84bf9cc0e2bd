//! Whether this compiler has the fault that `Simd::opaque` avoids, shown on the reduced program (`slp/program.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program prints, compiled at opt-level 3 with these flags; `None` if the compiler itself fails.
fn printed(name: &str, flags: &[&str]) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slp/program.rs");
    let program: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let compiled = Command::new(rustc)
        .args(["--edition", "2024", "-Copt-level=3", "--check-cfg", "cfg(opaque)"])
        .args(flags)
        .arg("-o")
        .args([&program, &source])
        .output()
        .expect("rustc runs");
    if !compiled.status.success() {
        return None;
    }
    let output = Command::new(&program).output().expect("the program runs");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

#[test]
fn the_barrier_is_enough_and_the_fault_is_known() {
    assert_eq!(printed("slp-opaque", &["--cfg", "opaque"]).as_deref(), Some("[]"), "the barrier no longer helps");
    match printed("slp", &[]).as_deref() {
        Some("[]") => {
            println!("this compiler no longer has the fault: `Simd::opaque` can go where it is the oldest in use")
        }
        wrong => println!("this compiler has the fault: {wrong:?}"),
    }
}
