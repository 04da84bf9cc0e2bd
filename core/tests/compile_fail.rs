//! A wrong network does not compile, and the message names the layer and the numbers.

use std::path::Path;
use std::process::Command;

const HEAD: &str = "use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan};\n";

/// File name, the item, and what the compiler must say.
const CASES: [(&str, &str, &str); 9] = [
    (
        "kernel_does_not_fit",
        "const NET: Net = Net::new([1, 4, 4], &[Layer::conv2d(8, 3), Layer::max_pool(4)]);",
        "layer 1 (max_pool2d): kernel 4x4 does not fit the padded image 2x2",
    ),
    (
        "not_flat",
        "const NET: Net = Net::new([3, 8, 8], &[Layer::relu(), Layer::dense(10)]);",
        "layer 1 (dense): the input is an image, 3x8x8; put a flatten layer before it",
    ),
    (
        "groups",
        "const NET: Net = Net::new([6, 8, 8], &[Layer::conv2d(8, 3).groups(4)]);",
        "layer 0 (conv2d): 4 groups do not divide 6 to 8 channels",
    ),
    (
        "no_such_option",
        "const NET: Net = Net::new([6, 8, 8], &[Layer::conv2d(8, 3), Layer::relu().padding(1)]);",
        "layer 1 (relu): has no option padding",
    ),
    (
        "dropout_probability",
        "const NET: Net = Net::new([6, 1, 1], &[Layer::dense(8), Layer::dropout(1.5)]);",
        "layer 1 (dropout): the probability to drop must be from 0 to 1",
    ),
    ("no_layers", "const NET: Net = Net::new([6, 1, 1], &[]);", "the network has no layers"),
    (
        "overflow",
        "const NET: Net = Net::new([1 << 40, 1, 1], &[Layer::relu(), Layer::dense(1 << 40)]);",
        "layer 1 (dense): a size overflows",
    ),
    (
        "over_budget",
        "const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
        const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3))).within(8192);
        const _: usize = PLAN.train_len();",
        "layer 1 (dense): sets the peak: the plan needs 14876 bytes, the budget is 8192",
    ),
    (
        "no_batch",
        "const NET: Net = Net::new([64, 1, 1], &[Layer::dense(10)]);
        const PLAN: Plan = Plan::new(&NET, Config::new(0, Optimizer::adam(1e-3)));
        const _: usize = PLAN.train_len();",
        "layer 0 (dense): batch, threads and alignment must be at least 1",
    ),
];

/// The same network with its mistake mended: what fails above fails for the right reason.
const GOOD: &str = "const NET: Net = Net::new([1, 8, 8], &[Layer::conv2d(8, 3), Layer::max_pool(2), Layer::flatten(), Layer::dense(10)]);
const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3))).within(100_000);
static ARENA: [f32; PLAN.train_len()] = [0.0; PLAN.train_len()];";

#[test]
fn wrong_networks_do_not_compile_and_the_message_names_the_layer() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let bins = dir.join("src/bin");
    std::fs::create_dir_all(&bins).unwrap();
    let core = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"compile-fail\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\nflatgrad-core = {{ path = {core:?} }}\n"
    );
    std::fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    let write = |name: &str, item: &str| {
        let unused = "#![allow(dead_code, unused_imports)]\n";
        std::fs::write(bins.join(format!("{name}.rs")), format!("{unused}{HEAD}{item}\nfn main() {{}}\n")).unwrap();
    };
    for (name, item, _) in CASES {
        write(name, item);
    }
    write("good", GOOD);
    let check = |name: &str| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["check", "--offline", "--quiet", "--bin", name]).current_dir(&dir);
        command.env("CARGO_TARGET_DIR", dir.join("target")).env_remove("RUSTFLAGS");
        let output = command.output().expect("cargo runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (ok, stderr) = check("good");
    assert!(ok, "the good network must compile:\n{stderr}");
    for (name, _, message) in CASES {
        let (ok, stderr) = check(name);
        assert!(!ok, "{name} compiled");
        assert!(stderr.contains(message), "{name}: expected {message:?} in\n{stderr}");
    }
}
