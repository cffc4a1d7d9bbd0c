//! The trees of stacks of layers, read by Python's `tarfile`: a reader that is none of ours.

use std::fs;
use std::path::PathBuf;

use test_support::{Command, Scratch};

const READ_TREES: &str = include_str!("read_trees.py");

/// The lines of each stack, whose layers are named from the lowest up.
pub(crate) fn trees(scratch: &Scratch, stacks: &[Vec<PathBuf>]) -> Vec<Vec<String>> {
    let out = |number: usize| scratch.join(format!("{number}.tree"));
    let jobs = stacks.iter().enumerate().map(|(number, layers)| {
        let words: Vec<String> =
            std::iter::once(&out(number)).chain(layers).map(|path| path.display().to_string()).collect();
        format!("{}\n", words.join("\t"))
    });
    fs::write(scratch.join("jobs"), jobs.collect::<String>()).expect("a file");
    Command::new("python3").args(["-c", READ_TREES]).arg(scratch.join("jobs")).succeeds();
    let lines = |number| -> Vec<String> {
        let text = fs::read_to_string(out(number)).expect("Python writes it");
        text.lines().map(str::to_owned).collect()
    };
    (0..stacks.len()).map(lines).collect()
}
