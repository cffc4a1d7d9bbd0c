//! A program that runs: its output is gathered while it does.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::{Dir, Outcome};

/// A test that waits this long hangs. No test's result depends on it: it only turns a hang into a failure.
const HANG: Duration = Duration::from_secs(300);

/// A started program. Dropped before its end, it is killed by its id.
pub struct Running {
    child: Child,
    line: String,
    stdin: Option<ChildStdin>,
    feeder: Option<JoinHandle<()>>,
    stdout: Gathered,
    stderr: Gathered,
    owned: Option<Dir>,
}

impl Running {
    pub(crate) fn new(mut child: Child, line: String, bytes: Option<Vec<u8>>, owned: Option<Dir>) -> Running {
        let mut stdin = child.stdin.take();
        let feeder = bytes.map(|bytes| {
            let mut pipe = stdin.take().expect("bytes are given through a pipe");
            // the program may end before it has read everything: that is its right
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let stdout = Gathered::from(child.stdout.take());
        let stderr = Gathered::from(child.stderr.take());
        Running { child, line, stdin, feeder, stdout, stderr, owned }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input, which [`stdin_pipe`](crate::Command::stdin_pipe) left open.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let pipe = self.stdin.as_mut().expect("the command was made with stdin_pipe()");
        pipe.write_all(bytes.as_ref()).unwrap_or_else(|e| panic!("writing to {}: {e}", self.line));
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        let signal = Signal::from_named_raw(signal).expect("a signal with a name");
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal)
            .unwrap_or_else(|e| panic!("signalling {}: {e}", self.line));
    }

    /// Waits until it waits for a lock that somebody else has (proc(5), `/proc/locks`).
    ///
    /// # Panics
    /// When it ends, or five minutes pass, without waiting for one.
    #[track_caller]
    pub fn wait_until_it_waits_for_a_lock(&mut self) {
        let (began, id) = (Instant::now(), self.id().to_string());
        loop {
            let locks = std::fs::read_to_string("/proc/locks").unwrap();
            let waits = |line: &str| line.contains(" -> ") && line.split_whitespace().any(|word| word == id);
            if locks.lines().any(waits) {
                return;
            }
            assert!(self.is_running(), "{} ended without waiting for a lock", self.line);
            assert!(began.elapsed() < HANG, "{} has not waited for a lock", self.line);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until its standard error holds `text`; returns all of it so far.
    ///
    /// # Panics
    /// When it ends, or five minutes pass, without having said so.
    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) -> String {
        self.stderr.wait_for(text, &self.line)
    }

    /// Waits until its standard output holds `text`; returns all of it so far.
    ///
    /// # Panics
    /// When it ends, or five minutes pass, without having said so.
    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) -> String {
        self.stdout.wait_for(text, &self.line)
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        self.stdin = None;
        self.wait_or_kill();
        let status = self.child.wait().expect("a child can be waited for");
        if let Some(feeder) = self.feeder.take() {
            feeder.join().expect("the feeder does not panic");
        }
        let (stdout, stderr) = (self.stdout.finish(&self.line), self.stderr.finish(&self.line));
        Outcome::new(std::mem::take(&mut self.line), status, stdout, stderr, self.owned.take())
    }

    fn wait_or_kill(&mut self) {
        let pidfd =
            pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).expect("Linux 5.3 has pidfds");
        let limit = Timespec { tv_sec: HANG.as_secs() as i64, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)).expect("poll") > 0;
        if !ended {
            self.child.kill().expect("a child can be killed");
            panic!("{} still ran after {HANG:?} and was killed", self.line);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // after wait() both do nothing
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a thread has read from a pipe or a terminal so far.
pub(crate) struct Gathered {
    shared: Arc<(Mutex<Text>, Condvar)>,
}

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    ended: bool,
}

impl Gathered {
    pub(crate) fn from(pipe: Option<impl Read + Send + 'static>) -> Gathered {
        let shared: Arc<(Mutex<Text>, Condvar)> = Arc::default();
        shared.0.lock().unwrap().ended = pipe.is_none();
        let theirs = shared.clone();
        let Some(mut pipe) = pipe else { return Gathered { shared } };
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let n = pipe.read(&mut buffer).unwrap_or(0);
                let mut text = theirs.0.lock().unwrap();
                text.bytes.extend(&buffer[..n]);
                text.ended = n == 0;
                theirs.1.notify_all();
                if text.ended {
                    break;
                }
            }
        });
        Gathered { shared }
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: &str, line: &str) -> String {
        let end = Instant::now() + HANG;
        let mut text = self.shared.0.lock().unwrap();
        loop {
            let so_far = String::from_utf8_lossy(&text.bytes).into_owned();
            if so_far.contains(wanted) {
                return so_far;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!text.ended && !left.is_zero(), "{line} never said {wanted:?}, but:\n{so_far}");
            text = self.shared.1.wait_timeout(text, left).unwrap().0;
        }
    }

    /// All of it, once every process that has the other end is gone.
    pub(crate) fn finish(&self, line: &str) -> Vec<u8> {
        let text = self.shared.0.lock().unwrap();
        let (mut text, waited) = self.shared.1.wait_timeout_while(text, HANG, |text| !text.ended).unwrap();
        assert!(!waited.timed_out(), "{line} ended, but another process still holds its output");
        std::mem::take(&mut text.bytes)
    }
}
