//! Weights in files: names, layouts, hash, atomic replacement.
#![allow(missing_docs, reason = "a test")]

use std::fs;

use flatgrad::model::{StateDict, Tensor};
use flatgrad::{Error, atomic_write};

fn example() -> StateDict {
    let mut dict = StateDict::new();
    dict.push("conv1.weight", &[2, 1, 1, 2], vec![1.0, -2.5, f32::MIN_POSITIVE, 1e30]).unwrap();
    dict.push("bn1.running_var", &[2], vec![0.5, 1.5]).unwrap();
    dict.push_counter("bn1.num_batches_tracked", 123_456_789_012).unwrap();
    dict.push_dense("fc1.weight", [3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    dict
}

#[test]
fn dense_weights_are_stored_outputs_first() {
    let expected = Tensor::F32 { shape: vec![2, 3], data: vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0] };
    assert_eq!(example().get("fc1.weight"), Some(&expected));
}

#[test]
fn a_file_gives_back_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let dict = example();
    dict.save(&path).unwrap();
    let loaded = StateDict::load(&path).unwrap();
    assert_eq!(loaded.iter().count(), 4);
    for (name, tensor) in dict.iter() {
        assert_eq!(loaded.get(name), Some(tensor), "{name}");
    }
    // The same tensors, the same file.
    assert_eq!(fs::read(&path).unwrap(), example().to_safetensors().unwrap());
}

#[test]
fn the_header_is_what_other_readers_expect() {
    let bytes = example().to_safetensors().unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    assert_eq!(header["__metadata__"]["format"], "pt");
    assert_eq!(header["conv1.weight"]["dtype"], "F32");
    assert_eq!(header["conv1.weight"]["shape"], serde_json::json!([2, 1, 1, 2]));
    assert_eq!(header["bn1.num_batches_tracked"]["dtype"], "I64");
    assert_eq!(header["bn1.num_batches_tracked"]["shape"], serde_json::json!([]));
}

#[test]
fn the_hash_is_of_the_floats_in_order() {
    let mut dict = StateDict::new();
    assert_eq!(dict.sha256(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    dict.push("a", &[1], vec![1.0]).unwrap();
    dict.push_counter("b", 7).unwrap();
    dict.push("c", &[2], vec![-0.0, 2.0]).unwrap();
    // printf '\x00\x00\x80\x3f\x00\x00\x00\x80\x00\x00\x00\x40' | sha256sum
    assert_eq!(dict.sha256(), "61f01df2afb6db7da2698930b4f1ee1525e48b2fb609a32a774ec0ab3e01685e");
}

#[test]
fn wrong_lengths_and_repeated_names_are_refused() {
    let mut dict = example();
    assert!(matches!(dict.push("x", &[3], vec![1.0]), Err(Error::Weights { .. })));
    assert!(matches!(dict.push("x", &[usize::MAX, 2], vec![1.0]), Err(Error::Weights { .. })));
    assert!(matches!(dict.push_dense("x", [2, 2], &[1.0]), Err(Error::Weights { .. })));
    assert!(matches!(dict.push("fc1.weight", &[1], vec![1.0]), Err(Error::Weights { .. })));
    assert_eq!(dict, example());
}

#[test]
fn files_that_are_not_safetensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let good = example().to_safetensors().unwrap();
    let mut huge_header = good.clone();
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for bad in [&[][..], b"not one", &good[..good.len() - 1], &good[..20], &huge_header] {
        fs::write(&path, bad).unwrap();
        match StateDict::load(&path) {
            Err(Error::Weights { origin, .. }) => assert_eq!(origin, path.display().to_string()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_write_replaces_all_or_nothing_and_leaves_no_litter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    atomic_write(&path, b"old and long").unwrap();
    atomic_write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    // A folder stands in the way: the write fails and the folder stays.
    let blocked = folder.path().join("blocked");
    fs::create_dir(&blocked).unwrap();
    fs::write(blocked.join("inside"), b"kept").unwrap();
    match atomic_write(&blocked, b"new") {
        Err(Error::Io { path, .. }) => assert_eq!(path, blocked),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(blocked.join("inside")).unwrap(), b"kept");
    assert!(atomic_write(&folder.path().join("no/such/folder"), b"new").is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
