//! The arguments and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Flags;
use crate::usecases::ingesting::READ_COMMAND;

const EXAMPLES: &str = "\
Examples:
  switchboard dev
      A demo workspace with an agent, a web widget and a simulated phone, to try things out.

  switchboard apply workspaces.toml --dry-run
  switchboard apply workspaces.toml
      Shows what the file would change, then changes it. Secrets come in as ${VARIABLES}.

  SWITCHBOARD__SECURITY__MASTER_KEY=$(cat master.key) switchboard serve --listen 0.0.0.0:8080
      Production, with SQLite in ./data.

  switchboard serve --database postgres://switchboard@db.internal/switchboard
      The same on PostgreSQL; other nodes may share it.

  switchboard doctor
      Says what is wrong and what to do about it.

Settings come from config/switchboard.toml, then from environment variables SWITCHBOARD__SECTION__KEY, then from the
flags above; `switchboard config-reference` lists them all.";

const APPLY_EXAMPLES: &str = "\
The file is TOML. What it names is created or updated; what it does not name stays as it is; applying it again changes
nothing. Everything is checked before anything is written.

  [[workspaces]]
  name = \"Acme\"
  plan = \"enterprise\"

    [[workspaces.agents]]
    name = \"Echo\"
    model = \"builtin/echo\"

    [[workspaces.channels]]
    name = \"main\"
    kind = \"whatsapp\"
    agent = \"Echo\"
    phone_number_id = \"12345\"
    access_token = \"${WHATSAPP_TOKEN}\"     # from the environment
    app_secret = \"${WHATSAPP_APP_SECRET}\"
    verify_token = \"a word of your choice\"

    [[workspaces.api_keys]]
    name = \"ops\"                          # without `key`, one is made and shown once";

const ROTATE_KEY_STEPS: &str = "\
How to change the master key without a break:
  1. Make a new one with `openssl rand -hex 32`, and keep a copy.
  2. Set it as SWITCHBOARD__SECURITY__MASTER_KEY, and the one before as SWITCHBOARD__SECURITY__PREVIOUS_MASTER_KEY,
     for every gateway on the database, and start them anew: they read what either has sealed.
  3. Run `switchboard rotate-key` with the same two variables. It is one transaction: all or nothing, and harmless to
     run again.
  4. Remove the previous key, and start the gateways anew.";

/// A self-hosted omnichannel messaging gateway for AI agents.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Arguments {
    /// File of the settings [default: config/switchboard.toml or switchboard.toml, where there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the HTTP server [default: 127.0.0.1:8080].
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The database: sqlite:PATH or postgres://user:password@host/name [default: SQLite in the data folder].
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Folder of everything that is kept on disk [default: data].
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the gateway with a demo workspace and the simulator, to try things out and to develop.
    Dev,
    /// Starts the gateway for production; refuses while a needed setting is missing or weak.
    Serve,
    /// Creates and updates workspaces, agents, knowledge, channels and API keys from one file.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply {
        /// The file, in TOML; - reads standard input.
        file: PathBuf,
        /// Shows what would change and writes nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Brings the database's schema up to date; `dev`, `serve` and `apply` do so by themselves.
    Migrate,
    /// Seals every secret in the database anew under the master key, after a change of the key.
    #[command(after_help = ROTATE_KEY_STEPS)]
    RotateKey,
    /// Checks settings, database, clock and the vendor of each channel, and says what to do.
    Doctor,
    /// Prints the OpenAPI document of the HTTP API.
    Openapi,
    /// Prints the table of error codes as Markdown.
    Errors,
    /// Prints the reference of all settings as Markdown.
    ConfigReference,
    /// Reads a document for the gateway, which starts this by itself.
    #[command(name = READ_COMMAND, hide = true)]
    ReadDocument {
        /// What the bytes on standard input are.
        format: String,
        /// What their carrier says of their charset.
        charset: Option<String>,
    },
}

impl Arguments {
    /// What they say about the settings.
    pub fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            listen: self.listen.clone(),
            database: self.database.clone(),
            data_dir: self.data_dir.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Arguments, Command};

    #[test]
    fn flags_are_read_before_and_after_the_command() {
        Arguments::command().debug_assert();
        let cases = [
            ["switchboard", "--listen", "0.0.0.0:1", "--data-dir", "d", "apply", "f.toml", "--dry-run"],
            ["switchboard", "apply", "--dry-run", "f.toml", "--data-dir", "d", "--listen", "0.0.0.0:1"],
        ];
        for line in cases {
            let arguments = Arguments::try_parse_from(line).expect("arguments");
            assert_eq!(arguments.flags().listen.as_deref(), Some("0.0.0.0:1"));
            assert_eq!(arguments.flags().data_dir.as_deref(), Some("d"));
            assert!(matches!(arguments.command, Command::Apply { dry_run: true, .. }));
        }
        assert!(Arguments::try_parse_from(["switchboard"]).is_err());
    }
}
