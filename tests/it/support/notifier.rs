//! A notification service under its real name: it signs what it posts, and shows its certificates over TLS. Only a client
//! that is told where it is finds it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};
use switchboard::net;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::process::await_some;

/// Its name.
pub const HOST: &str = "sns.eu-central-1.amazonaws.com";
/// The topic of which it speaks.
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:mail";

type Log = Arc<Mutex<Vec<String>>>;

/// Who vouches for a server's name.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

impl Authority {
    /// A new one, which nobody knows.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

/// The service. It ends with the runtime of its test.
pub struct Notifier {
    /// Where it is.
    pub address: SocketAddr,
    key: KeyPair,
    asked: Log,
}

/// The years in which a certificate is good.
fn certificate(key: &KeyPair, from: i32, until: i32) -> String {
    let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(key).unwrap().pem()
}

impl Notifier {
    /// Starts one whose name this authority vouches for.
    pub async fn start(authority: &Authority) -> Self {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let stranger = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let shown: BTreeMap<_, _> = [
            ("/good.pem", certificate(&key, 2020, 2120)),
            ("/expired.pem", certificate(&key, 2020, 2021)),
            ("/to-come.pem", certificate(&key, 2119, 2120)),
            ("/of-another-key.pem", certificate(&stranger, 2020, 2120)),
            ("/no-certificate.pem", "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n".to_owned()),
        ]
        .into();
        let tls = acceptor(authority);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, asked, shown) = (listener.local_addr().unwrap(), Log::default(), Arc::new(shown));
        let log = Arc::clone(&asked);
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                actix_web::rt::spawn(answer(tls.clone(), stream, Arc::clone(&shown), Arc::clone(&log)));
            }
        });
        Self { address, key, asked }
    }

    /// A way out that finds it under its name and believes these authorities.
    pub fn way_out(&self, authorities: &[&Authority]) -> net::Options {
        net::Options {
            known_hosts: vec![(HOST.to_owned(), self.address)],
            more_roots: authorities.iter().map(|authority| authority.pem.clone()).collect(),
            ..net::Options::default()
        }
    }

    /// What it was asked for so far: the paths, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it is asked for this.
    pub async fn is_asked_for(&self, path: &str) {
        await_some(path, || async {
            let asked = self.asked();
            if asked.iter().any(|one| one == path) { Ok(()) } else { Err(format!("{asked:?}")) }
        })
        .await;
    }

    /// A message of the service, signed, whose certificate is said to be at this address.
    pub fn signed(&self, mut body: Value, certificate: &str) -> Value {
        body["TopicArn"] = TOPIC.into();
        body["SignatureVersion"] = "2".into();
        body["SigningCertURL"] = certificate.into();
        let names: &[&str] = match body["Type"].as_str() {
            Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
            _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
        };
        let lines = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", body[*name].as_str()?)));
        let signature = self.key.sign(lines.collect::<String>().as_bytes()).unwrap();
        body["Signature"] = STANDARD.encode(signature).into();
        body
    }
}

/// What the service says when somebody shall be subscribed; the visit of `subscribe` confirms it.
pub fn subscription(at: &str, subscribe: &str) -> Value {
    json!({
        "Type": "SubscriptionConfirmation", "MessageId": "c1", "Token": "t1", "Timestamp": at,
        "Message": "You have chosen to subscribe to the topic.", "SubscribeURL": subscribe,
    })
}

/// What the service says when a mail has come.
pub fn mail(at: &str, id: &str, text: &str) -> Value {
    let raw = format!(
        "From: Ana <ana@people.example>\r\nTo: support@acme.example\r\nSubject: Hello\r\n\
         Message-ID: <{id}@people.example>\r\n\r\n{text}\r\n"
    );
    let message = json!({
        "notificationType": "Received",
        "receipt": {
            "recipients": ["support@acme.example"], "dmarcVerdict": { "status": "PASS" },
            "action": { "type": "SNS", "encoding": "BASE64" },
        },
        "mail": { "messageId": id, "source": "ana@people.example" },
        "content": STANDARD.encode(raw),
    });
    json!({ "Type": "Notification", "MessageId": id, "Timestamp": at, "Message": message.to_string() })
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    net::install_crypto();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let leaf = CertificateDer::from(leaf.der().to_vec());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn answer(tls: TlsAcceptor, stream: TcpStream, shown: Arc<BTreeMap<&str, String>>, asked: Log) {
    // A client that does not believe the certificate leaves here.
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let mut head = Vec::new();
    let mut piece = [0_u8; 1_024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(size) => head.extend_from_slice(&piece[..size]),
        }
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.to_lowercase().contains(&format!("host: {HOST}\r\n")), "{head}");
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (status, body) = match shown.get(path.as_str()) {
        Some(certificate) => ("200 OK", certificate.as_str()),
        None if path.starts_with("/?Action=ConfirmSubscription") => ("200 OK", "<ConfirmSubscriptionResponse/>"),
        None => ("404 Not Found", ""),
    };
    asked.lock().unwrap().push(path);
    let whole = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(whole.as_bytes()).await;
    let _ = stream.shutdown().await;
}
