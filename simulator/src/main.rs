//! The simulator as a program: reads its flags, starts the library, waits for the signal to end.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use switchboard_simulator::{
    Account, BooksOptions, Customer, Mailbox, ModelSettings, Options, Page, Receipts, TwilioAccount, start,
};

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
    /// Address of the mail server; by default the next port.
    #[arg(long)]
    smtp_listen: Option<SocketAddr>,
    /// JSON file with a list of accounts, each with its `channel`; the flags below then do nothing.
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// The gateway's webhook for `WhatsApp`.
    #[arg(long)]
    callback_url: Option<String>,
    /// The gateway's webhook for Messenger.
    #[arg(long)]
    messenger_callback_url: Option<String>,
    /// The gateway's webhook for Instagram.
    #[arg(long)]
    instagram_callback_url: Option<String>,
    /// The gateway's webhook for Twilio.
    #[arg(long)]
    twilio_callback_url: Option<String>,
    /// The gateway's webhook for raw mail.
    #[arg(long)]
    email_callback_url: Option<String>,
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

/// Fills in the accounts: those of the file, or one of each channel.
fn open_accounts(flags: &Flags, options: &mut Options) -> Result<(), Box<dyn Error>> {
    let Some(path) = &flags.accounts else {
        let messenger = Page { callback_url: flags.messenger_callback_url.clone(), ..Page::default() };
        let instagram = Page { callback_url: flags.instagram_callback_url.clone(), ..Page::instagram() };
        let twilio = TwilioAccount { callback_url: flags.twilio_callback_url.clone(), ..TwilioAccount::default() };
        let mailbox = Mailbox { callback_url: flags.email_callback_url.clone(), ..Mailbox::default() };
        options.accounts = vec![number(flags)?];
        options.pages = vec![messenger, instagram];
        options.twilio = vec![twilio];
        options.mailboxes = vec![mailbox];
        return Ok(());
    };
    options.accounts.clear();
    for mut account in serde_json::from_slice::<Vec<serde_json::Value>>(&std::fs::read(path)?)? {
        let channel = account.get("channel").and_then(serde_json::Value::as_str).unwrap_or("whatsapp").to_owned();
        match channel.as_str() {
            "whatsapp" => options.accounts.push(serde_json::from_value(account)?),
            "messenger" => options.pages.push(serde_json::from_value(account)?),
            "instagram" => {
                let unnamed = account.get("id").is_none();
                if let Some(members) = account.as_object_mut().filter(|_| unnamed) {
                    members.insert("id".to_owned(), Page::instagram().id.into());
                }
                options.pages.push(serde_json::from_value(account)?);
            }
            "twilio" => options.twilio.push(serde_json::from_value(account)?),
            "email" => options.mailboxes.push(serde_json::from_value(account)?),
            other => return Err(format!("there is no channel `{other}`").into()),
        }
    }
    Ok(())
}

/// The one number of `WhatsApp`, as the flags describe it.
fn number(flags: &Flags) -> Result<Account, Box<dyn Error>> {
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
    Ok(account)
}

/// Two people to begin with, so that the page is not empty: one with both addresses, one known by username only.
fn customers() -> Vec<Customer> {
    let text = |text: &str| Some(text.to_owned());
    vec![
        Customer {
            name: "Sheena Nelson".to_owned(),
            wa_id: text("16505551234"),
            user_id: text("US.13491208655302741918"),
            psid: text("7240000000000001"),
            igsid: text("9240000000000001"),
            email: text("sheena@customer.example"),
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

/// The address beside another one; port 0 stays, as any free port will do.
fn next_port(mut beside: SocketAddr) -> SocketAddr {
    if beside.port() != 0 {
        beside.set_port(beside.port().saturating_add(1));
    }
    beside
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let mut options = Options {
        listen: flags.listen,
        smtp_listen: Some(flags.smtp_listen.unwrap_or_else(|| next_port(flags.listen))),
        public_url: flags.public_url.clone(),
        customers: customers(),
        books: BooksOptions { capacity: flags.capacity, count_only: flags.count_only },
        model: ModelSettings { api_key: flags.model_key.clone(), ..ModelSettings::default() },
        ..Options::default()
    };
    open_accounts(&flags, &mut options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = start(options).await?;
        let base = running.base_url();
        let smtp = running.smtp_addr();
        writeln!(
            std::io::stdout(),
            "phone   {base}/\ngraph   {base}\ntwilio  {base}\nsmtp    {smtp}\nmodel   {base}/v1\ncontrol {base}/sim"
        )?;
        tokio::signal::ctrl_c().await?;
        running.stop().await;
        Ok(())
    })
}
