//! The blocks of the pages. `ES_BLESS=1` writes them: the code from `tutorial`, and what the programs print.

use crate::built;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

/// The steps with a program. Step 7 adds tests to that of step 6.
const PROGRAMS: [u8; 7] = [1, 2, 3, 4, 5, 6, 8];

/// The folder of the programs, built once.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let names = PROGRAMS.map(|step| format!("tutorial-{step}"));
    built::folder_of(&names.each_ref().map(String::as_str))
});

fn ran(step: u8, folder: &Path) -> Output {
    let program = FOLDER.join(format!("tutorial-{step}{}", std::env::consts::EXE_SUFFIX));
    Command::new(program)
        .current_dir(folder)
        .output()
        .expect("it runs")
}

/// What the program of a step prints in this folder.
fn printed(step: u8, folder: &Path) -> String {
    let ran = ran(step, folder);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "step {step}: {said}");
    String::from_utf8(ran.stdout).expect("text")
}

/// A file of a step, as a reader has it: all modules are in one folder, and nobody forbids pedantry.
fn file(step: u8, name: &str) -> String {
    let path = format!("{}/tutorial/step-{step}/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let is_read = |line: &&str| !line.starts_with("#![allow(") && !line.starts_with("#[path = ");
    let lines: Vec<&str> = text.lines().filter(is_read).collect();
    lines.join("\n").trim_start().to_owned() + "\n"
}

/// The page with its blocks as they must be: of each file that is named in the line before, and of what the program
/// prints, once for each block.
fn rewritten(page: &str, step: u8, mut prints: impl FnMut() -> String) -> String {
    let mut out = String::new();
    let mut named = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let block = match line {
            "```rust" => {
                let name: &str = named.take().expect("each block of code names its file");
                file(step, name)
            }
            "```text" => prints(),
            _ => {
                let name = line
                    .strip_prefix("`src/")
                    .and_then(|rest| rest.strip_suffix("`:"));
                named = name.or(named.filter(|_| line.is_empty()));
                continue;
            }
        };
        out += &block;
        out += "```\n";
        assert!(lines.any(|line| line == "```"), "the block ends");
    }
    out
}

/// The pages with the numbers of their steps, in order.
fn pages() -> Vec<(u8, PathBuf)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tutorial");
    let mut pages: Vec<PathBuf> = fs::read_dir(&docs)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    pages.sort();
    assert_eq!(pages.len(), 8);
    (1..).zip(pages).collect()
}

#[test]
fn the_pages_have_the_code_and_the_output_of_the_programs() {
    // The file of the hotel goes from step to step.
    let folder = tempfile::tempdir().expect("a folder");
    for (step, path) in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        let right = rewritten(&page, step, || printed(step, folder.path()));
        if std::env::var_os("ES_BLESS").is_some() {
            fs::write(&path, &right).expect("written");
        } else {
            let path = path.display();
            assert!(
                page == right,
                "{path} is not what the programs are; ES_BLESS=1 writes it:\n{right}"
            );
        }
    }
    // The older program does not misread what the newer one wrote.
    let stopped = ran(6, folder.path());
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert!(
        !stopped.status.success() && said.contains("deploy the newer program"),
        "{said}"
    );
}

/// A reader may run each program as often as they like.
#[test]
fn every_program_may_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut earlier = 1;
    for step in PROGRAMS {
        for again in [earlier, step, step] {
            printed(again, folder.path());
        }
        earlier = step;
    }
}

#[test]
fn a_block_that_differs_is_found() {
    let page = "`src/room.rs`:\n\n```rust\nstruct Room;\n```\n\n```text\n?\n```\n";
    let right = rewritten(page, 1, || "ada\n".to_owned());
    assert!(right.contains("pub struct Room {") && !right.contains("#![allow"));
    assert!(right.ends_with("```text\nada\n```\n") && right != page);
}

/// No page is without a file that its step has.
#[test]
fn every_file_of_a_step_is_shown() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (step, page) in pages() {
        let page = fs::read_to_string(page).expect("a page");
        for entry in fs::read_dir(here.join(format!("tutorial/step-{step}"))).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let shown = format!("`src/{}`:\n", name.to_str().expect("a plain name"));
            assert!(page.contains(&shown), "step {step} shows no {name:?}");
        }
    }
}
