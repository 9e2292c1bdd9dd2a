//! What the fuzzers found worth keeping (`npm run fuzz -- --minimize`) is read again with every test run.

use std::path::Path;

fn replay(target: &str, read: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    assert!(files.len() > 20, "{} inputs of {target}", files.len());
    let mut size = 0;
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        size += bytes.len();
        // A crash ends the test: its output tells which input it was.
        println!("{}", file.display());
        read(&bytes);
    }
    assert!(size <= 300_000, "{size} bytes are too much for the tree");
}

#[test]
fn connections() {
    replay("protocol", ringside_agent::fuzzing::protocol);
}

#[test]
fn objects() {
    replay("object", ringside_agent::fuzzing::object);
}

#[test]
fn types() {
    replay("btf", ringside_agent::fuzzing::btf);
}

#[test]
fn binaries() {
    replay("binary", ringside_agent::fuzzing::binary);
}
