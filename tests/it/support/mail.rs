//! A mail system of one's own: Exim takes mail by SMTP and hands it to Dovecot, which keeps it in mailboxes and shows them
//! by IMAP. Both are the distribution's, run on loopback in a folder of their own, and have no rights beyond it.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use rustix::process::{Pid, Signal, getegid, geteuid, kill_process};
use tokio::net::TcpStream;

use super::process::await_some;
use super::stage::free_port;

/// The address that the gateway answers for.
pub const SUPPORT: &str = "support@acme.example";
/// What every mailbox of the system is opened with.
pub const PASSWORD: &str = "the-mailbox-password";
/// The account without rights that a test as root uses: `nobody`.
const NOBODY: u32 = 65_534;

/// The mail system. It ends with the test.
pub struct MailSystem {
    folder: tempfile::TempDir,
    smtp: u16,
    imap: u16,
    imaps: u16,
    servers: Vec<Child>,
}

/// A mail as it lies in a mailbox.
#[derive(Debug, Clone)]
pub struct Letter {
    text: String,
    /// Whether it was marked as read.
    pub seen: bool,
}

impl Letter {
    /// The first header of this name, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\n\n").next().unwrap().replace("\n ", " ").replace("\n\t", " ");
        let named = |line: &str| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.lines().find_map(named)
    }

    /// What stands below the headers.
    pub fn body(&self) -> &str {
        self.text.split_once("\n\n").unwrap().1
    }
}

impl MailSystem {
    /// Starts the servers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [smtp, lmtp, imap, imaps] = std::array::from_fn(|_| free_port());
        let mut system = Self { folder, smtp, imap, imaps, servers: Vec::new() };
        system.certify();
        let account = system.account();
        system.configure(lmtp, &account);
        if geteuid().is_root() {
            for entry in walk(system.folder.path()) {
                chown(entry, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let dovecot = system.file("dovecot.conf");
        let exim = system.file("exim.conf");
        system.serve(Command::new("/usr/sbin/dovecot").arg("-F").arg("-c").arg(dovecot));
        system.serve(Command::new("/usr/sbin/exim4").arg("-bdf").arg("-C").arg(exim));
        for port in [smtp, lmtp, imap, imaps] {
            await_some("the mail system to listen", || async {
                TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| format!("{port}: {error}"))
            })
            .await;
        }
        system
    }

    /// The authority that vouches for the servers, as a file.
    pub fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The gateway's channel, as `apply` reads it, with this protection and password for the mailbox.
    pub fn channel(&self, tls: &str, password: &str) -> String {
        let imap = if tls == "implicit" { self.imaps } else { self.imap };
        format!(
            "[[workspaces.channels]]\nname = \"mail\"\nkind = \"email\"\nagent = \"Echo\"\naddress = \"{SUPPORT}\"\n\
             provider = \"imap\"\nreply_secret = \"a secret for the tests of mail\"\n\
             smtp_host = \"localhost\"\nsmtp_port = {}\nsmtp_tls = \"required\"\nsmtp_user = \"{SUPPORT}\"\n\
             smtp_password = \"{PASSWORD}\"\nimap_host = \"localhost\"\nimap_port = {imap}\nimap_tls = \"{tls}\"\n\
             imap_user = \"{SUPPORT}\"\nimap_password = \"{password}\"\n",
            self.smtp
        )
    }

    /// Sends a mail as it stands.
    pub async fn send(&self, from: &str, to: &str, mail: &str) {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(self.smtp).build();
        let envelope = Envelope::new(Some(from.parse().unwrap()), vec![to.parse().unwrap()]).unwrap();
        transport.send_raw(&envelope, mail.replace('\n', "\r\n").as_bytes()).await.unwrap();
    }

    /// What lies in a mailbox, once it is so many mails: oldest first.
    pub async fn letters(&self, mailbox: &str, count: usize) -> Vec<Letter> {
        await_some("mail to arrive", || async {
            let letters = self.inbox(mailbox);
            if letters.len() >= count {
                Ok(letters)
            } else {
                Err(format!("{} of {count}\n{}", letters.len(), self.logs()))
            }
        })
        .await
    }

    /// What lies in a mailbox: oldest first.
    pub fn inbox(&self, mailbox: &str) -> Vec<Letter> {
        let folder = self.file("mail").join(mailbox);
        let files =
            ["new", "cur"].map(|part| folder.join(part)).into_iter().filter_map(|part| std::fs::read_dir(part).ok());
        let mut files: Vec<PathBuf> = files.flatten().map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|path| path.file_name().unwrap().to_owned());
        let read = |path: &PathBuf| {
            // A mail that is marked meanwhile has moved, and is found next time.
            let text = std::fs::read(path).ok()?;
            let seen = path.to_str().unwrap().rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains('S'));
            Some(Letter { text: String::from_utf8_lossy(&text).replace("\r\n", "\n"), seen })
        };
        files.iter().filter_map(read).collect()
    }

    /// What the servers say.
    pub fn logs(&self) -> String {
        let logs = ["exim-mainlog", "exim-paniclog", "dovecot.log", "out"].map(|name| self.file(name));
        logs.iter().filter_map(|log| std::fs::read_to_string(log).ok()).collect::<Vec<_>>().join("\n")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The names of the account and the group that the servers run as.
    fn account(&self) -> [String; 2] {
        ["-un", "-gn"].map(|which| {
            let output = without_rights(Command::new("id").arg(which)).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        })
    }

    /// Makes an authority, and a certificate of it for the servers.
    fn certify(&self) {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        std::fs::write(
            self.file("extensions"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
        )
        .unwrap();
        let steps = [
            format!("req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"),
            format!("req {key} -subj /CN=localhost -keyout server.key -out server.csr"),
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem"
                .to_owned(),
        ];
        for step in steps {
            let mut command = Command::new("openssl");
            let output = command.args(step.split(' ')).current_dir(self.folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    fn configure(&self, lmtp: u16, [user, group]: &[String; 2]) {
        let (uid, gid) = ids();
        let replace = |template: &str| {
            let values = [
                ("{folder}", self.folder.path().display().to_string()),
                ("{smtp}", self.smtp.to_string()),
                ("{lmtp}", lmtp.to_string()),
                ("{imaps}", self.imaps.to_string()),
                ("{imap}", self.imap.to_string()),
                ("{uid}", uid.to_string()),
                ("{gid}", gid.to_string()),
                ("{user}", user.clone()),
                ("{group}", group.clone()),
                ("{support}", SUPPORT.to_owned()),
                ("{password}", PASSWORD.to_owned()),
            ];
            values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        std::fs::write(self.file("exim.conf"), replace(include_str!("mail/exim.conf"))).unwrap();
        std::fs::write(self.file("dovecot.conf"), replace(include_str!("mail/dovecot.conf"))).unwrap();
    }

    fn serve(&mut self, command: &mut Command) {
        let out = std::fs::File::options().create(true).append(true).open(self.file("out")).unwrap();
        let command = without_rights(command).current_dir(self.folder.path()).stdin(Stdio::null());
        self.servers.push(command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap());
    }
}

impl Drop for MailSystem {
    #[expect(clippy::print_stderr, reason = "a failing test shows what the mail system said")]
    fn drop(&mut self) {
        for server in &mut self.servers {
            let pid = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
            let _ = kill_process(pid, Signal::TERM);
            let (over, is_over) = std::sync::mpsc::channel::<()>();
            let last_word = std::thread::spawn(move || {
                if is_over.recv_timeout(Duration::from_secs(5)) == Err(RecvTimeoutError::Timeout) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            });
            let _ = server.wait();
            drop(over);
            let _ = last_word.join();
        }
        if std::thread::panicking() {
            eprintln!("the mail system's logs:\n{}", self.logs());
        }
    }
}

/// Who the servers are.
fn ids() -> (u32, u32) {
    if geteuid().is_root() { (NOBODY, NOBODY) } else { (geteuid().as_raw(), getegid().as_raw()) }
}

fn without_rights(command: &mut Command) -> &mut Command {
    if geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// A folder with all that is in it.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    std::iter::once(folder.to_owned()).chain(inside).collect()
}
