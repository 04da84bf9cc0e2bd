//! Who may know whom: the rooms of this crate, bottom up. The test reads the `use` lines and the paths of the source.

use flatgrad_core::net::{Layer, Optimizer};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The tiers: a room may know those of its own tier and of the tiers before it.
const TIERS: [&[&str]; 12] = [
    &["error", "keys"],
    &["machine", "update", "view"],
    &["scalar"],
    &["simd"],
    &["slice"],
    &["activation", "dropout", "gemm", "init", "loss", "math", "norm", "optim", "pool", "rng"],
    &["conv", "dense"],
    &["reference", "net::linked"],
    &["net::describe"],
    &["net::layers", "net::learn"],
    &["net::plan"],
    &["net::run"],
];

/// Where a predicate of the target may stand: the machine's room, and the tables of the instruction sets.
const PREDICATES: [&str; 2] = ["machine/", "simd/"];

/// Path of a module, such as `["net", "plan"]`.
type Module = Vec<String>;

/// A source file without comments and tests.
struct File {
    name: String,
    text: String,
    /// What `use` lines bind here: name and absolute path.
    names: BTreeMap<String, Module>,
    /// All absolute paths in it, but those of a `pub use`, which is no more than another name.
    paths: BTreeSet<Module>,
}

fn split(path: &str) -> Module {
    path.split("::").map(str::to_owned).collect()
}

/// `path` as seen from `module`, from the root of the crate; `None` for other crates.
fn absolute(module: &[String], path: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|s| *s == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (&module[..0], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().checked_sub(supers)?], &path[supers..]),
        _ => return None,
    };
    Some(base.iter().chain(rest).cloned().collect())
}

/// The paths of a `use` tree, each with the name that it binds.
fn tree(prefix: &str, text: &str, paths: &mut Vec<(String, Module)>) {
    let text = text.trim();
    if let Some((head, group)) = text.split_once('{') {
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        let (mut depth, mut start) = (0, 0);
        for (i, c) in group.char_indices().chain([(group.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    tree(&format!("{prefix}{}", head.trim()), &group[start..i], paths);
                    start = i + 1;
                }
                _ => {}
            }
        }
    } else if !text.is_empty() {
        let (path, name) = text.split_once(" as ").unwrap_or((text, ""));
        let mut path = split(&format!("{prefix}{}", path.trim()));
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let last = path.last().cloned().unwrap_or_default();
        paths.push((if name.is_empty() { last } else { name.trim().to_owned() }, path));
    }
}

/// Reads one file's text.
fn file(name: &str, module: &[String], text: &str) -> File {
    let text: String = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let (mut names, mut paths) = (BTreeMap::new(), BTreeSet::new());
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        // Behind what stands before it on its line: nothing, or a visibility.
        let found =
            statement.rfind("use ").map(|at| (at, statement[..at].rsplit('\n').next().unwrap_or_default().trim()));
        match found {
            Some((at, before)) if before.is_empty() || before == "pub" || before.starts_with("pub(") => {
                let mut found = Vec::new();
                tree("", statement[at + 4..].trim_end_matches(';'), &mut found);
                for (bound, path) in found {
                    let path = absolute(module, &path).unwrap_or_else(|| module.iter().chain(&path).cloned().collect());
                    if before.is_empty() {
                        paths.insert(path.clone());
                    }
                    names.insert(bound, path);
                }
                rest.push_str(&statement[..at]);
            }
            _ => rest.push_str(statement),
        }
    }
    // Paths in the code itself.
    for start in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(start) {
            if rest[..at].ends_with([':', '$']) || rest[..at].ends_with("(in ") {
                continue;
            }
            let path: String = rest[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            paths.extend(absolute(module, &split(path.trim_end_matches(':'))));
        }
    }
    File { name: name.to_owned(), text, names, paths }
}

/// All files below `folder`, by module.
fn read(folder: &Path, module: &[String], files: &mut BTreeMap<Module, File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = |name: &String| module.iter().chain([name]).cloned().collect::<Module>();
        if path.is_dir() {
            read(&path, &inner(&stem), files);
        } else if path.extension().is_some_and(|e| e == "rs") && stem != "tests" {
            let own = if ["mod", "lib"].contains(&stem.as_str()) { module.to_vec() } else { inner(&stem) };
            let name = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
            files.insert(own.clone(), file(name.to_str().unwrap(), &own, &fs::read_to_string(&path).unwrap()));
        }
    }
}

fn source() -> BTreeMap<Module, File> {
    let mut files = BTreeMap::new();
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &[], &mut files);
    // What is not reached through `mod kernels` on this machine.
    files.retain(|module, _| !module.last().is_some_and(|last| last == "thumb" || last == "plain"));
    files
}

/// The module that defines what `path` names: through the names that modules on the way bind.
fn definer<'f>(files: &'f BTreeMap<Module, File>, path: &[String], depth: usize) -> Option<&'f Module> {
    let known = (0..=path.len()).rev().find(|&n| files.contains_key(&path[..n]))?;
    let (module, file) = files.get_key_value(&path[..known])?;
    match path.get(known).and_then(|name| file.names.get(name)) {
        Some(target) if depth < 8 && *target != path => definer(files, target, depth + 1),
        _ => Some(module),
    }
}

/// Who knows whom, file by file; a module's own parent is known by its `mod` line.
fn arrows(files: &BTreeMap<Module, File>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let known = |(module, file): (_, &File)| {
        let others = file.paths.iter().filter_map(|path| definer(files, path, 0)).filter(|other| *other != module);
        (module, others.collect())
    };
    files.iter().map(known).collect()
}

fn tier(module: &[String]) -> Option<usize> {
    let path = module.join("::") + "::";
    TIERS.iter().position(|rooms| rooms.iter().any(|room| path.starts_with(&format!("{room}::"))))
}

/// The arrows that go up.
fn faults(files: &BTreeMap<Module, File>) -> Vec<String> {
    let mut faults = Vec::new();
    for (module, known) in arrows(files) {
        let name = &files[module].name;
        // The crate's root and a room's front page name what is inside.
        let Some(from) = tier(module) else {
            if !["lib.rs", "net/mod.rs"].contains(&name.as_str()) {
                faults.push(format!("{name}: no room of this test"));
            }
            continue;
        };
        for other in known {
            match tier(other) {
                Some(to) if to <= from => {}
                _ => faults.push(format!("{name} knows {}, which is above it", files[other].name)),
            }
        }
    }
    faults
}

/// A circle of files, if there is one.
fn circle(files: &BTreeMap<Module, File>) -> Option<String> {
    let mut left = arrows(files);
    // Who knows nobody that is left, or is known by nobody, is in no circle.
    loop {
        let known: BTreeSet<&Module> = left.values().flatten().copied().collect();
        let in_none = |module: &Module, knows: &BTreeSet<&Module>| knows.is_empty() || !known.contains(module);
        let free: Vec<&Module> = left.iter().filter(|(m, knows)| in_none(m, knows)).map(|(m, _)| *m).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module, _| !free.contains(module));
        left.values_mut().for_each(|known| known.retain(|module| !free.contains(module)));
    }
    (!left.is_empty()).then(|| left.keys().map(|module| files[*module].name.as_str()).collect::<Vec<_>>().join(", "))
}

#[test]
fn rooms_know_only_those_below_them() {
    let files = source();
    assert!(files.len() > 100);
    let faults = faults(&files);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_circle_of_files() {
    assert_eq!(circle(&source()), None);
}

#[test]
fn a_planted_arrow_is_found() {
    let mut files = source();
    let plant = |files: &mut BTreeMap<Module, File>, module: &str, line: &str| {
        let module = split(module);
        let planted = file(&files[&module].name, &module, &(files[&module].text.clone() + line));
        files.insert(module, planted);
    };
    plant(&mut files, "slice::map", "use crate::net::{Layer, Plan};\n");
    assert_eq!(faults(&files).len(), 2, "{:?}", faults(&files));
    let mut files = source();
    plant(&mut files, "conv::shape", "fn f() -> super::Context { crate::conv::conv2d_scratch_len(&C) }\n");
    assert!(circle(&files).is_some_and(|files| files.contains("conv/shape.rs")));
}

#[test]
fn targets_are_named_in_their_room_only() {
    for file in source().values().filter(|file| !PREDICATES.iter().any(|room| file.name.starts_with(room))) {
        let line = file.text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains("target_"));
        assert_eq!(line, None, "{}", file.name);
    }
}

/// The first wildcard in a match over kinds of layers, optimizers or losses. Those of setters remember all other kinds
/// as a mistake.
fn wildcard(text: &str) -> Option<&str> {
    const KINDS: [&str; 5] = ["Kind::", "Self::Sgd", "Self::CrossEntropy", "Self::Conv2d", "Self::Relu"];
    let mut over_kinds = false;
    text.lines().map(str::trim).find(|line| {
        // A pattern: what comes of it is behind the arrow.
        let pattern = line.split("=>").next().unwrap_or_default().trim_start_matches(['|', '(', ' ']);
        over_kinds = !line.contains("fn ") && (over_kinds || KINDS.iter().any(|kind| pattern.starts_with(kind)));
        over_kinds && line.starts_with("_ ") && !line.starts_with("_ => self.misuse = ")
    })
}

/// A new layer, optimizer or loss must not be forgotten without a word of the compiler.
#[test]
fn matches_over_kinds_have_no_wildcard() {
    for file in source().values().filter(|file| ["net/", "activation/"].iter().any(|room| file.name.starts_with(room)))
    {
        assert_eq!(wildcard(&file.text), None, "{}", file.name);
    }
    assert!(wildcard("match kind {\n    Kind::Add => 1,\n    _ => 2,\n}").is_some());
}

/// What stands between `start` and `end` in the source, each place of it.
fn between<'f>(files: &'f BTreeMap<Module, File>, start: &str, end: char) -> Vec<&'f str> {
    let texts = files.values().flat_map(|file| file.text.split(start).skip(1));
    texts.filter_map(|rest| rest.split(end).next()).collect()
}

/// A bit of `Parts` that two have would link one for the other.
#[test]
fn parts_have_bits_of_their_own() {
    for field in ["Self::layer(", "Self::rule(", "Self::loss("] {
        let files = source();
        let mut bits = between(&files, field, ')');
        let count = bits.len();
        bits.sort();
        bits.dedup();
        assert!(count > 3 && bits.len() == count, "{field} {bits:?}");
    }
}

/// What is left out of the lists would be unknown in files.
#[test]
fn all_layers_and_optimizers_have_their_names() {
    let files = source();
    let names = [between(&files, "About::new(\"", '"'), between(&files, "About::norm(\"", '"')].concat();
    let missing = |name: &&str| *name != "add" && !Layer::all().any(|layer| layer.kind().name() == *name);
    assert_eq!(names.into_iter().find(missing), None);
    let optimizer = &files[&split("net::learn::optimizer")].text;
    let named: Vec<&str> = optimizer.split("(_) => \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(named.len() > 4 && named.iter().all(|name| Optimizer::NAMES.contains(name)), "{named:?}");
    assert!(Optimizer::NAMES.iter().all(|name| Optimizer::named(name).is_some()));
}
