//! The progress bar: one on a terminal, whoever else is at work on it.

use crate::fixture::{image, layer_of, pull};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex};
use test_support::{Command, Dir, FakeRegistry, Image, Running, TarBuilder, Terminal};

/// What begins each drawing of a bar, and takes it away again.
const CLEAR: &str = "\r\x1b[2K";

/// Holds requests for a layer back until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    waiting: usize,
    open: bool,
}

impl Gate {
    fn pass(&self) {
        let (passage, changed) = &*self.0;
        let mut passage = passage.lock().expect("nobody panics with it");
        passage.waiting += 1;
        changed.notify_all();
        drop(changed.wait_while(passage, |passage| !passage.open).expect("nobody panics with it"));
    }

    /// Waits until somebody waits for the layer: a bar has been drawn by then, where it may be.
    fn is_reached(&self) {
        let (passage, changed) = &*self.0;
        let passage = passage.lock().expect("nobody panics with it");
        drop(changed.wait_while(passage, |passage| passage.waiting == 0).expect("nobody panics with it"));
    }

    fn open(&self) {
        let (passage, changed) = &*self.0;
        passage.lock().expect("nobody panics with it").open = true;
        changed.notify_all();
    }
}

/// `held:1`, whose layer of 300 kB waits at the gate, and `free:1`, which has 200 kB.
fn registry() -> (FakeRegistry, Gate) {
    let gate = Gate::default();
    let held = image("held");
    let free = Image::new().layer(TarBuilder::new().noise_file("noise", 200_000)).build();
    let (layer, theirs) = (layer_of(&held), gate.clone());
    let registry = FakeRegistry::with(move |asked| {
        if asked.is("GET", &layer) {
            theirs.pass();
        }
        None
    });
    registry.hold("held", "1", &held);
    registry.hold("free", "1", &free);
    (registry, gate)
}

fn on(terminal: &Terminal, dir: &Dir, name: &str) -> Command {
    pull(dir).arg(name).stderr_terminal(terminal)
}

/// A line of the test's own, so that what came before it can be told from what came after.
fn mark(terminal: &Terminal, text: &str) {
    terminal.file().write_all(format!("[{text}]").as_bytes()).expect("a terminal takes it");
}

/// What was written to the terminal between two marks.
fn between<'a>(screen: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = screen.split_once(&format!("[{from}]")).expect("the first mark");
    rest.split_once(&format!("[{to}]")).expect("the second mark").0
}

fn ends_well(running: Running) {
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_taken_away() {
    let (registry, gate) = registry();
    let (dir, terminal) = (Dir::new(), Terminal::open());
    let running = on(&terminal, &dir, &registry.name("held:1")).spawn();
    gate.is_reached();
    mark(&terminal, "at work");
    gate.open();
    ends_well(running);
    mark(&terminal, "done");
    let screen = terminal.screen();
    let (drawn, _) = screen.split_once("[at work]").expect("the mark");
    assert!(drawn.contains("/300."), "how much of how much: {screen:?}");
    assert!(between(&screen, "at work", "done").ends_with(CLEAR), "{screen:?}");
}

#[test]
fn of_two_tools_on_one_terminal_the_first_shows_a_bar_and_the_other_nothing() {
    let (registry, gate) = registry();
    let (dir, other, terminal) = (Dir::new(), Dir::new(), Terminal::open());
    let first = on(&terminal, &dir, &registry.name("held:1")).spawn();
    gate.is_reached();
    on(&terminal, &other, &registry.name("free:1")).succeeds();
    mark(&terminal, "second is done");
    gate.open();
    ends_well(first);
    mark(&terminal, "first is done");
    let screen = terminal.screen();
    // the first may draw at any time, but each bar says of how much it is
    assert!(screen.contains("/300.") && !screen.contains("/200."), "{screen:?}");
    assert!(between(&screen, "second is done", "first is done").contains(CLEAR), "{screen:?}");
}

#[test]
fn the_bar_passes_on_when_its_holder_is_gone() {
    let (registry, gate) = registry();
    let (dir, terminal) = (Dir::new(), Terminal::open());
    // the test itself is the first of the two: it holds the terminal, opened again, as a tool would
    let inherited = terminal.file();
    let holder = File::options().write(true).open(format!("/proc/self/fd/{}", inherited.as_raw_fd()));
    let holder = holder.expect("a terminal can be opened again");
    holder.lock().expect("nobody else has it");
    let running = on(&terminal, &dir, &registry.name("held:1")).spawn();
    gate.is_reached();
    mark(&terminal, "passed on");
    drop(holder);
    gate.open();
    ends_well(running);
    mark(&terminal, "done");
    drop(inherited);
    let screen = terminal.screen();
    assert!(screen.starts_with("[passed on]"), "it draws nothing while another has the terminal: {screen:?}");
    assert!(between(&screen, "passed on", "done").contains(CLEAR), "{screen:?}");
}

#[test]
fn there_is_no_bar_for_who_wants_none() {
    for flags in [&["-q"][..], &["--progress", "none"], &["--progress", "json"]] {
        let (registry, gate) = registry();
        gate.open();
        let (dir, terminal) = (Dir::new(), Terminal::open());
        on(&terminal, &dir, &registry.name("held:1")).args(flags).succeeds();
        let screen = terminal.screen();
        assert!(!screen.contains('\x1b'), "{flags:?}: {screen:?}");
    }
}
