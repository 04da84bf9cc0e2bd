//! No public function without a row in the list of cases.

mod cases;

use std::collections::BTreeSet;
use std::path::Path;

/// Public functions below `dir` as paths below the crate, `module::function`; the oracles of `reference` are none.
fn public_functions(dir: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
        // Files inside a room are private, and what is public in them is re-exported by the room: rooms are one level
        // deep.
        let room = if module.is_empty() && stem != "lib" { stem.clone() } else { module.to_string() };
        if path.is_dir() {
            public_functions(&path, &room, found);
        } else if path.extension().is_some_and(|e| e == "rs") && stem != "tests" {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let rest = ["pub fn ", "pub const fn "].iter().find_map(|start| line.strip_prefix(start))?;
                Some(rest.split(['(', '<']).next().unwrap().to_string())
            });
            found.extend(names.map(|name| format!("{room}::{name}")));
        }
    }
}

#[test]
fn every_public_function_has_a_row() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut functions = BTreeSet::new();
    public_functions(&core.join("src"), "", &mut functions);
    // Not kernels: the oracles themselves, and the private SIMD layer.
    functions.retain(|f| !f.starts_with("reference::") && !f.starts_with("simd::"));
    assert!(functions.len() > 30, "the search itself is broken: {functions:?}");

    let covered: Vec<&str> = cases::all().iter().flat_map(|c| c.covers).copied().collect();
    let missing: Vec<_> = functions.iter().filter(|f| !covered.contains(&f.as_str())).collect();
    assert!(missing.is_empty(), "public functions without a row in core/tests/cases: {missing:#?}");
    let gone: Vec<_> = covered.iter().filter(|c| !functions.contains(**c)).collect();
    assert!(gone.is_empty(), "rows for functions that do not exist: {gone:#?}");

    // A row that names a function calls it.
    let mut rows = String::new();
    for entry in std::fs::read_dir(core.join("tests/cases")).unwrap() {
        rows += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    for path in covered {
        let name = path.rsplit("::").next().unwrap();
        let called = rows.matches(name).count() > rows.matches(&format!("::{name}\"")).count();
        assert!(called, "{path} is listed but not called");
    }
}

/// A kernel's page says what it computes, in which order, what it refuses, what scratch it wants, and shows a call.
#[test]
fn every_kernel_has_a_whole_page() {
    let mut pages = 0;
    let mut gaps = vec![];
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&src) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("pub fn ")) {
            let signature = lines[i..].iter().take_while(|l| !l.ends_with('{')).chain([&lines[i]]);
            let signature: String = signature.copied().collect();
            if !signature.contains("ctx: Context") {
                continue;
            }
            let page: Vec<&str> =
                lines[..i].iter().rev().take_while(|l| l.starts_with("///") || l.starts_with("#[")).copied().collect();
            let page = page.concat();
            let mut wanted = vec!["# Errors", "# Numerics", "```"];
            wanted.extend(signature.contains("scratch: ").then_some("# Scratch"));
            for part in wanted.into_iter().filter(|part| !page.contains(part)) {
                gaps.push(format!("{}: {line}: {part}", path.file_name().unwrap().to_str().unwrap()));
            }
            pages += 1;
        }
    }
    assert!(pages > 25, "the search itself is broken: {pages}");
    assert!(gaps.is_empty(), "missing from the pages of kernels: {gaps:#?}");
}

fn sources(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
