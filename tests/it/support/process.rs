//! The real binary as a process of its own: started, awaited, signalled, and ended through its own handle.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longest time anything may take before a test gives up: machines that are busy with other tests are slow.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often something is looked at that cannot tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// Lines of the log that are shown when a test fails.
const SHOWN: usize = 60;

/// Looks until `look` gives something, and tells what was awaited when it never does.
pub async fn await_some<T, F: Future<Output = Result<T, String>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(state) if Instant::now() >= deadline => panic!("waited in vain for {what}: {state}"),
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// How a process is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Arguments of the binary.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Where it runs and where its log goes.
    pub folder: PathBuf,
    /// A file that grows past its limit is refused to it, instead of ending it.
    pub survives_full_files: bool,
}

impl Launch {
    fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_switchboard");
        let mut command = if self.survives_full_files {
            let mut command = Command::new("/usr/bin/env");
            command.args(["--ignore-signal=XFSZ", binary]);
            command
        } else {
            Command::new(binary)
        };
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end, which must be a good one. Gives what it said.
    pub fn run(&self) -> String {
        let output = self.command().output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{:?} failed:\n{out}\n{err}", self.arguments);
        out.into_owned()
    }

    /// Starts the binary and waits until it says that it is ready.
    pub async fn start(&self) -> Process {
        let (process, ready) = self.begin().await;
        assert!(ready, "the gateway ended before it was ready");
        process
    }

    /// Starts the binary and waits until it says that it is ready, or has ended before.
    pub async fn begin(&self) -> (Process, bool) {
        let log = self.folder.join("log");
        let sink = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = self.command().stdout(Stdio::piped()).stderr(sink).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut ready = Some(ready);
            for line in lines.lines().map_while(Result::ok) {
                if line.starts_with("SWITCHBOARD READY ")
                    && let Some(ready) = ready.take()
                {
                    let _ = ready.send(());
                }
            }
        });
        let process = Process { child, log };
        let ready = tokio::time::timeout(PATIENCE, is_ready).await.expect("the gateway does not become ready");
        (process, ready.is_ok())
    }
}

/// A running gateway. It is killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Ends it without warning.
    pub async fn kill(mut self) {
        self.child.kill().unwrap();
        self.ended().await;
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a crash point has killed it.
    #[cfg(feature = "failpoints")]
    pub async fn crashed(mut self) {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it ended, but not by its crash point: {status}");
    }

    /// Asks it to end, and waits until it has drained and ended well.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "it did not end well: {status}");
    }

    /// Memory that is resident, in kilobytes.
    pub fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has a size");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failing test shows what the gateway said")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the gateway's log ends like this:\n{}", end_of(&self.log));
        }
    }
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
