//! The gateway as a process of its own: set up, started, asked to end or killed, always by its handle.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::Outcome;
use crate::http::Line;
use crate::webhook::{ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN, WABA_ID};

/// What the gateway says when it can be reached, before facts in JSON.
const READY: &str = "SWITCHBOARD READY ";
/// Longest time it may take to say so.
const STARTING: Duration = Duration::from_secs(120);
/// Longest time it may take to end when it is asked to.
const ENDING: Duration = Duration::from_secs(40);
const MASTER_KEY: &str = "5b1f0c9ad7e24836a1c07f52e98d3b64f0a6c2d85e174b39806d1fa3c27e945b";

/// How a gateway is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program.
    pub binary: PathBuf,
    /// Where it keeps its data.
    pub folder: PathBuf,
    /// Another database than SQLite in the folder.
    pub database: Option<String>,
    /// Where it listens.
    pub listen: SocketAddr,
}

/// A gateway that runs. Dropped, it is killed.
pub struct Gateway {
    child: Child,
    /// Kept open: what the gateway prints later has a reader.
    _output: Lines<BufReader<ChildStdout>>,
    pid: u32,
    begun: Instant,
    facts: Value,
    ended: bool,
}

/// An address of loopback on which nobody listens.
///
/// # Errors
/// There is none.
pub fn free_address() -> Outcome<SocketAddr> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Setup {
    /// Creates the workspace, its agent and its channel, whose vendor is at this address.
    ///
    /// # Errors
    /// The gateway refuses; with its words.
    pub async fn apply(&self, vendor: &str) -> Outcome<()> {
        let file = self.folder.join("bench.toml");
        std::fs::write(&file, declaration(vendor))?;
        let output = self.command(&self.binary).arg("apply").arg(&file).output().await?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("the workspace cannot be applied: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Starts the gateway with a subcommand, `serve` or `dev`, and waits until it says that it is ready.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(&self, subcommand: &str) -> Outcome<Gateway> {
        let mut command = self.command(&self.binary);
        command.arg(subcommand);
        self.launch(command, false).await
    }

    /// The same beneath a tracer that counts how often data is forced to the disk, and writes the sum to this file.
    ///
    /// # Errors
    /// There is no tracer, or it may not trace.
    pub async fn start_traced(&self, sums: &Path) -> Outcome<Gateway> {
        let mut command = self.command(Path::new("strace"));
        command.args(["-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-o"]).arg(sums);
        command.arg("--").arg(&self.binary).arg("serve");
        self.launch(command, true).await
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        // No key of the environment and no file of the place it is started from changes what is measured.
        let settings = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("SWITCHBOARD__SECURITY__MASTER_KEY", MASTER_KEY),
            ("SWITCHBOARD__CONVERSATIONS__QUIET_PERIOD", "0"),
            ("SWITCHBOARD__LOGGING__LEVEL", "warn"),
        ];
        command.envs(settings).env("SWITCHBOARD__DATA_DIR", self.folder.join("data"));
        command.env("SWITCHBOARD__LISTEN", self.listen.to_string());
        if let Some(database) = &self.database {
            command.env("SWITCHBOARD__DATABASE", database);
        }
        command
    }

    async fn launch(&self, mut command: Command, traced: bool) -> Outcome<Gateway> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("gateway.log"))?;
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn()?;
        let output = child.stdout.take().ok_or("the gateway's output cannot be read")?;
        let mut output = BufReader::new(output).lines();
        let facts = tokio::time::timeout(STARTING, ready_line(&mut output)).await;
        let facts = facts.map_err(|_| "the gateway does not become ready")?.map_err(|error| {
            let log = std::fs::read_to_string(self.folder.join("gateway.log")).unwrap_or_default();
            format!("{error}: {log}")
        })?;
        let started = child.id().ok_or("the gateway has ended")?;
        let pid = if traced { first_child(started)? } else { started };
        Ok(Gateway { child, _output: output, pid, begun, facts, ended: false })
    }
}

async fn ready_line(output: &mut Lines<BufReader<ChildStdout>>) -> Outcome<Value> {
    while let Some(line) = output.next_line().await? {
        if let Some(facts) = line.strip_prefix(READY) {
            return Ok(serde_json::from_str(facts)?);
        }
    }
    Err("the gateway ended before it was ready".into())
}

fn first_child(pid: u32) -> Outcome<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    Ok(children.split_whitespace().next().ok_or("the tracer has started nothing")?.parse()?)
}

impl Gateway {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it was started.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// What it said when it was ready.
    #[must_use]
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end within its time; then it is killed.
    pub async fn stop(mut self) -> Outcome<()> {
        self.signal(Signal::TERM)?;
        let ended = tokio::time::timeout(ENDING, self.child.wait()).await;
        if ended.is_err() {
            return Err("the gateway did not end when it was asked to".into());
        }
        self.ended = true;
        Ok(())
    }

    /// Kills it without a warning, and waits until it is gone.
    ///
    /// # Errors
    /// It is gone already.
    pub async fn kill(mut self) -> Outcome<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        self.ended = true;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Outcome<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("the gateway has no process")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if !self.ended {
            // Beneath a tracer it is a grandchild, which the handle of the child does not reach. Where it is gone
            // already there is nothing to end.
            let _ = self.signal(Signal::KILL);
        }
    }
}

/// Asks an address until it answers 200; gives up after so long.
///
/// # Errors
/// It never did.
pub async fn until_ok(gateway: SocketAddr, request: &[u8], longest: Duration) -> Outcome<()> {
    let deadline = Instant::now() + longest;
    while Instant::now() < deadline {
        if let Ok(mut line) = Line::open(gateway).await
            && let Ok((200, _)) = line.exchange(request).await
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("the gateway did not answer 200 in time".into())
}

/// The value that the gateway's metrics show under this name, if they show it.
pub async fn metric(gateway: SocketAddr, name: &str) -> Option<f64> {
    let mut line = Line::open(gateway).await.ok()?;
    let (_, body) = line.exchange(&get(gateway, "/metrics")).await.ok()?;
    let text = std::str::from_utf8(body).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A request without a body.
#[must_use]
pub fn get(gateway: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {gateway}\r\n\r\n").into_bytes()
}

fn declaration(vendor: &str) -> String {
    format!(
        r#"[[workspaces]]
name = "Bench"
plan = "enterprise"

  [[workspaces.agents]]
  name = "Echo"
  model = "builtin/echo"

  [[workspaces.channels]]
  name = "main"
  kind = "whatsapp"
  agent = "Echo"
  phone_number_id = "{PHONE_NUMBER_ID}"
  waba_id = "{WABA_ID}"
  access_token = "{ACCESS_TOKEN}"
  app_secret = "{APP_SECRET}"
  verify_token = "{VERIFY_TOKEN}"
  base_url = "{vendor}"
"#
    )
}
