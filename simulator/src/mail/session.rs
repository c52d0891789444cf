//! The conversation of one SMTP client: which command may follow which, and what is answered. It reads and writes no
//! bytes; the mail itself is taken elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest mail.
pub const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Most recipients of one mail.
const MOST_RECIPIENTS: usize = 100;

/// What follows a line of the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This answer, and the next line.
    Say(String),
    /// This answer, and the mail; only after a `DATA` that is in order.
    Take(String),
    /// A recipient that has to be asked for.
    Recipient(String),
    /// This answer, and the end.
    Close(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Login {
    Plain,
    User,
    Password(String),
}

/// A mail under way: its sender, its recipients.
#[derive(Debug, Default, Clone)]
pub struct Envelope {
    pub from: String,
    pub to: Vec<String>,
}

/// The state of one client. `known` says whether a user and a password are good.
pub struct Session<K> {
    known: K,
    must_log_in: bool,
    greeted: bool,
    login: Option<Login>,
    pub user: Option<String>,
    mail: Option<Envelope>,
    mistakes: u32,
}

fn say(text: &str) -> Step {
    Step::Say(text.to_owned())
}

impl<K: Fn(&str, &str) -> bool> Session<K> {
    pub fn new(known: K, must_log_in: bool) -> Self {
        Self { known, must_log_in, greeted: false, login: None, user: None, mail: None, mistakes: 0 }
    }

    /// Takes a line without its end.
    pub fn line(&mut self, line: &str) -> Step {
        if let Some(login) = self.login.take() {
            return self.log_in(login, line);
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let step = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.hello(rest, true),
            "HELO" => self.hello(rest, false),
            "NOOP" => say("250 2.0.0 OK"),
            "RSET" => {
                self.mail = None;
                say("250 2.0.0 OK")
            }
            "QUIT" => Step::Close("221 2.0.0 Bye".to_owned()),
            "HELP" => say("214 2.0.0 See RFC 5321"),
            "VRFY" => say("252 2.5.0 Cannot verify, will try"),
            "AUTH" if self.greeted => self.auth(rest),
            "MAIL" if self.greeted => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" => self.data(rest),
            "AUTH" | "MAIL" => say("503 5.5.1 Say EHLO first"),
            "STARTTLS" | "BDAT" | "EXPN" | "TURN" => say("502 5.5.1 Command not implemented"),
            _ => say("500 5.5.2 Command not recognised"),
        };
        self.patience(step)
    }

    /// A client that makes mistake after mistake is sent away.
    fn patience(&mut self, step: Step) -> Step {
        if matches!(&step, Step::Say(text) if text.starts_with('5')) {
            self.mistakes += 1;
        }
        if self.mistakes > 20 { Step::Close("421 4.7.0 Too many errors".to_owned()) } else { step }
    }

    fn hello(&mut self, name: &str, extended: bool) -> Step {
        if name.is_empty() {
            return say("501 5.5.4 A name is required");
        }
        (self.greeted, self.mail) = (true, None);
        if !extended {
            return say("250 simulator.example");
        }
        Step::Say(format!(
            "250-simulator.example\r\n250-PIPELINING\r\n250-SIZE {MOST_BYTES}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
             250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN"
        ))
    }

    fn auth(&mut self, rest: &str) -> Step {
        if self.user.is_some() || self.mail.is_some() {
            return say("503 5.5.1 Already logged in or within a mail");
        }
        let (method, first) = rest.split_once(' ').unwrap_or((rest, ""));
        match (method.to_ascii_uppercase().as_str(), first) {
            ("PLAIN", "") => {
                self.login = Some(Login::Plain);
                say("334 ")
            }
            ("PLAIN", first) => self.log_in(Login::Plain, first),
            ("LOGIN", "") => {
                self.login = Some(Login::User);
                say("334 VXNlcm5hbWU6")
            }
            ("LOGIN", first) => self.log_in(Login::User, first),
            _ => say("504 5.5.4 Unrecognised authentication type"),
        }
    }

    fn log_in(&mut self, login: Login, line: &str) -> Step {
        if line == "*" {
            return say("501 5.7.0 Authentication cancelled");
        }
        let text = STANDARD.decode(line).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else { return say("501 5.5.2 Cannot decode the response") };
        let (user, password) = match login {
            Login::User => {
                self.login = Some(Login::Password(text));
                return say("334 UGFzc3dvcmQ6");
            }
            Login::Password(user) => (user, text),
            Login::Plain => {
                let mut parts = text.split('\0').skip(1);
                let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
                    return say("501 5.5.2 Cannot decode the response");
                };
                (user.to_owned(), password.to_owned())
            }
        };
        if !(self.known)(&user, &password) {
            let step = say("535 5.7.8 Authentication credentials invalid");
            return self.patience(step);
        }
        self.user = Some(user);
        say("235 2.7.0 Authentication successful")
    }

    fn mail(&mut self, rest: &str) -> Step {
        if self.mail.is_some() {
            return say("503 5.5.1 There is a sender already");
        }
        if self.must_log_in && self.user.is_none() {
            return say("530 5.7.0 Authentication required");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else { return say("501 5.5.4 Syntax: MAIL FROM:<address>") };
        for parameter in parameters.split_whitespace() {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size <= MOST_BYTES) => {}
                "SIZE" => return say("552 5.3.4 Message too big"),
                "BODY" | "SMTPUTF8" | "AUTH" | "RET" | "ENVID" => {}
                _ => return say("555 5.5.4 Unsupported parameter"),
            }
        }
        self.mail = Some(Envelope { from, to: Vec::new() });
        say("250 2.1.0 OK")
    }

    fn recipient(&mut self, rest: &str) -> Step {
        let Some(mail) = &self.mail else { return say("503 5.5.1 Say MAIL first") };
        let to = path(rest, "TO:").map(|(to, _)| to).filter(|to| to.contains('@'));
        let Some(to) = to else { return say("501 5.5.4 Syntax: RCPT TO:<address>") };
        if mail.to.len() >= MOST_RECIPIENTS {
            return say("452 4.5.3 Too many recipients");
        }
        Step::Recipient(to)
    }

    /// A recipient has been found good.
    pub fn accept(&mut self, to: String) -> String {
        if let Some(mail) = &mut self.mail {
            mail.to.push(to);
        }
        "250 2.1.5 OK".to_owned()
    }

    fn data(&mut self, rest: &str) -> Step {
        match &self.mail {
            _ if !rest.is_empty() => say("501 5.5.4 DATA takes no parameter"),
            Some(mail) if !mail.to.is_empty() => Step::Take("354 End with <CR><LF>.<CR><LF>".to_owned()),
            Some(_) => say("554 5.5.1 No valid recipients"),
            None => say("503 5.5.1 Say MAIL first"),
        }
    }

    /// The envelope of the mail that has just arrived; the next mail begins anew.
    pub fn finish(&mut self) -> Envelope {
        self.mail.take().unwrap_or_default()
    }
}

/// The address between angle brackets after a keyword, and the parameters behind it.
fn path<'a>(text: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let given = text.get(..keyword.len()).filter(|given| given.eq_ignore_ascii_case(keyword))?;
    let rest = text.get(given.len()..)?.trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    // A source route in front of the address is allowed and ignored.
    let address = address.rsplit_once(':').map_or(address, |(_, address)| address);
    let sound = address.len() <= 320 && !address.chars().any(|c| c.is_whitespace() || c.is_control() || c == '<');
    sound.then(|| (address.to_owned(), parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(lines: &[&str], must_log_in: bool) -> Vec<String> {
        let mut session = Session::new(|user: &str, password: &str| (user, password) == ("u", "p"), must_log_in);
        let code = |line: &&str| -> String {
            let text = match session.line(line) {
                Step::Recipient(to) => session.accept(to),
                Step::Say(text) | Step::Take(text) | Step::Close(text) => text,
            };
            text.chars().take(3).collect()
        };
        lines.iter().map(code).collect()
    }

    #[test]
    fn commands_have_an_order() {
        let lines = [
            "MAIL FROM:<a@x>",
            "EHLO me",
            "RCPT TO:<b@x>",
            "DATA",
            "mail from:<a@x> SIZE=10 BODY=8BITMIME",
            "MAIL FROM:<a@x>",
            "DATA",
            "RCPT TO:<nobody>",
            "RCPT TO:<b@x>",
            "DATA",
            "DANCE",
            "QUIT",
        ];
        let wanted = ["503", "250", "503", "503", "250", "503", "554", "501", "250", "354", "500", "221"];
        assert_eq!(codes(&lines, false), wanted);
    }

    #[test]
    fn both_ways_to_log_in_work_and_wrong_passwords_do_not() {
        let (good, bad) = (STANDARD.encode("\0u\0p"), STANDARD.encode("\0u\0q"));
        let (right, wrong) = (format!("AUTH PLAIN {good}"), format!("AUTH PLAIN {bad}"));
        assert_eq!(
            codes(&["EHLO me", "MAIL FROM:<a@x>", &wrong, &right, "MAIL FROM:<>"], true),
            ["250", "530", "535", "235", "250"]
        );
        let login = ["EHLO me", "AUTH LOGIN", "dQ==", "cA==", "AUTH PLAIN"];
        assert_eq!(codes(&login, true), ["250", "334", "334", "235", "503"]);
        assert_eq!(codes(&["EHLO me", "AUTH PLAIN", "*", "AUTH CRAM-MD5"], true), ["250", "334", "501", "504"]);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let mut lines = vec!["EHLO me", "MAIL FROM:<a@x> SIZE=99999999999", "MAIL FROM:<a@x>"];
        lines.extend(["RCPT TO:<b@x>"; 101]);
        let codes = codes(&lines, false);
        assert_eq!((codes[1].as_str(), codes.last().map(String::as_str)), ("552", Some("452")));
        assert!(matches!(path("FROM:<@hop:a@x> SIZE=1", "FROM:"), Some((from, " SIZE=1")) if from == "a@x"));
        assert!(path("FROM:<a b@x>", "FROM:").is_none());
    }
}
