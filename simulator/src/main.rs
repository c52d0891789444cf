//! The simulator as a program: reads its flags, starts the library, waits for the signal to end.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use switchboard_simulator::{Account, BooksOptions, Customer, ModelSettings, Options, Receipts, start};

/// Stands in for the messaging vendors and for a language model.
#[derive(Debug, Parser)]
#[command(name = "switchboard-simulator", version)]
struct Flags {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9700")]
    listen: SocketAddr,
    /// Base of the addresses it gives out, when it is reached by another name.
    #[arg(long)]
    public_url: Option<String>,
    /// JSON file with a list of accounts; the flags below then do nothing.
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// The gateway's webhook.
    #[arg(long)]
    callback_url: Option<String>,
    /// Node id of the business number.
    #[arg(long)]
    phone_number_id: Option<String>,
    /// Id of the business account.
    #[arg(long)]
    waba_id: Option<String>,
    /// Digits of the business number.
    #[arg(long)]
    display_number: Option<String>,
    /// Token that calls must carry.
    #[arg(long)]
    access_token: Option<String>,
    /// Key of webhook signatures.
    #[arg(long)]
    app_secret: Option<String>,
    /// Token of the handshake.
    #[arg(long)]
    verify_token: Option<String>,
    /// Last receipt that follows a message: none, sent, delivered or read.
    #[arg(long)]
    receipts: Option<String>,
    /// Key that requests to the model must carry.
    #[arg(long)]
    model_key: Option<String>,
    /// Keep counts only, for benchmarks.
    #[arg(long)]
    count_only: bool,
    /// Most messages and events kept.
    #[arg(long, default_value_t = 20_000)]
    capacity: usize,
}

fn accounts(flags: &Flags) -> Result<Vec<Account>, Box<dyn Error>> {
    if let Some(path) = &flags.accounts {
        return Ok(serde_json::from_slice(&std::fs::read(path)?)?);
    }
    let mut account = Account { callback_url: flags.callback_url.clone(), ..Account::default() };
    for (member, flag) in [
        (&mut account.phone_number_id, &flags.phone_number_id),
        (&mut account.waba_id, &flags.waba_id),
        (&mut account.display_phone_number, &flags.display_number),
        (&mut account.access_token, &flags.access_token),
        (&mut account.app_secret, &flags.app_secret),
        (&mut account.verify_token, &flags.verify_token),
    ] {
        if let Some(given) = flag {
            member.clone_from(given);
        }
    }
    if let Some(receipts) = &flags.receipts {
        account.receipts = serde_json::from_value::<Receipts>(serde_json::Value::String(receipts.clone()))?;
    }
    Ok(vec![account])
}

/// Two people to begin with, so that the page is not empty: one with both addresses, one known by username only.
fn customers() -> Vec<Customer> {
    let text = |text: &str| Some(text.to_owned());
    vec![
        Customer {
            name: "Sheena Nelson".to_owned(),
            wa_id: text("16505551234"),
            user_id: text("US.13491208655302741918"),
            ..Customer::default()
        },
        Customer {
            name: "Julian".to_owned(),
            username: text("julianzlc"),
            user_id: text("US.24580319766413852029"),
            ..Customer::default()
        },
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let options = Options {
        listen: flags.listen,
        public_url: flags.public_url.clone(),
        accounts: accounts(&flags)?,
        customers: customers(),
        books: BooksOptions { capacity: flags.capacity, count_only: flags.count_only },
        model: ModelSettings { api_key: flags.model_key, ..ModelSettings::default() },
        on_message: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = start(options).await?;
        let base = running.base_url();
        writeln!(std::io::stdout(), "phone   {base}/\ngraph   {base}\nmodel   {base}/v1\ncontrol {base}/sim")?;
        tokio::signal::ctrl_c().await?;
        running.stop().await;
        Ok(())
    })
}
