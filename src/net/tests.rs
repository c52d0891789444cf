//! Exchanges with a scripted peer over real sockets.

use serde_json::json;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::mail::{Relay, Tls};

use super::scripted_server::{Reply, ScriptedServer};
use super::*;

fn post(url: String) -> Request {
    Request {
        method: Method::Post,
        url,
        authorisation: Some(Authorisation::Bearer(Secret::new("s3cr3t"))),
        body: Body::Json(json!({"a": 1})),
    }
}

fn client(options: Options) -> Client {
    Client::new(options, Trust::Operator).expect("a client")
}

#[tokio::test]
async fn a_request_is_executed_as_it_is_described() {
    let reply = Reply::whole(429, "retry-after: 7\r\n", b"{\"error\":1}");
    let server = ScriptedServer::start(vec![reply]).await;
    let answer =
        client(Options::default()).send(&post(format!("{}/v1/x?y=1", server.address)), None).await.expect("an answer");
    assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(answer.body, "{\"error\":1}");
    let requests = server.requests.lock().expect("unpoisoned");
    let request = requests[0].to_lowercase();
    for part in
        ["post /v1/x?y=1 http/1.1", "authorization: bearer s3cr3t", "content-type: application/json", "switchboard/"]
    {
        assert!(request.contains(part), "{part} in {request}");
    }
    assert!(request.ends_with("{\"a\":1}"));
}

#[tokio::test]
async fn a_multipart_request_streams_its_file() {
    let server = ScriptedServer::start(vec![Reply::whole(200, "", b"{}"), Reply::whole(200, "", b"{}")]).await;
    let body = Body::Multipart {
        fields: vec![("messaging_product".into(), "chat".into())],
        file_field: "file".into(),
        filename: "cat.png".into(),
        mime_type: "image/png".into(),
    };
    let request = Request { method: Method::Post, url: server.address.clone(), authorisation: None, body };
    let client = client(Options::default());
    client.send(&request, Some(File::from_bytes("PNG1".into()))).await.expect("an answer");
    let reader = std::io::Cursor::new(b"PNG2".to_vec());
    client.send(&request, Some(File::from_reader(reader, Some(4)))).await.expect("an answer");
    let missing = client.send(&request, None).await.expect_err("no file");
    assert!(missing.certain_not_sent());
    let requests = server.requests.lock().expect("unpoisoned");
    assert_eq!(requests.len(), 2);
    for (request, content) in requests.iter().zip(["PNG1", "PNG2"]) {
        assert!(request.contains("content-length: "), "announced: {request}");
        for part in ["name=\"messaging_product\"", "filename=\"cat.png\"", "image/png", content] {
            assert!(request.contains(part), "{part} in {request}");
        }
    }
}

#[tokio::test]
async fn connections_are_kept() {
    let replies = (0..20).map(|_| Reply::whole(200, "", b"ok")).collect();
    let server = ScriptedServer::start(replies).await;
    let options = Options { request_timeout: Duration::from_secs(5), ..Options::default() };
    let client = client(options);
    for _ in 0..20 {
        assert_eq!(client.send(&post(server.address.clone()), None).await.expect("an answer").body, "ok");
    }
    assert_eq!(server.count(), 20);
}

#[tokio::test]
async fn failures_say_whether_the_peer_may_have_acted() {
    let closed =
        tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("its address");
    let cases: Vec<(&str, Vec<Reply>, Option<String>, NetErrorKind)> = vec![
        ("nobody listens", vec![], Some(format!("http://{closed}/?key=s3cr3t")), NetErrorKind::Refused),
        ("no address", vec![], Some("s3cr3t".into()), NetErrorKind::Refused),
        ("no http address", vec![], Some("gopher://s3cr3t".into()), NetErrorKind::Refused),
        ("closed without an answer", vec![], None, NetErrorKind::Lost),
        ("not http", vec![Reply::Close(b"SSH-2.0\r\n\r\n".to_vec())], None, NetErrorKind::Lost),
        ("no answer in time", vec![Reply::Hang(vec![])], None, NetErrorKind::Lost),
        (
            "cut",
            vec![Reply::Close(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nab".to_vec())],
            None,
            NetErrorKind::Lost,
        ),
        ("announced too large", vec![Reply::whole(200, "", &[b'x'; 65])], None, NetErrorKind::TooLarge),
        (
            "too large",
            vec![Reply::Close([Reply::head(200, ""), vec![b'x'; 65]].concat())],
            None,
            NetErrorKind::TooLarge,
        ),
    ];
    for (name, replies, url, kind) in cases {
        let server = ScriptedServer::start(replies).await;
        let url = url.unwrap_or_else(|| format!("{}/?key=s3cr3t", server.address));
        let mut options = Options { max_response_bytes: 64, ..Options::default() };
        if name == "no answer in time" {
            options.request_timeout = Duration::from_millis(100);
        }
        let error = client(options).send(&post(url), None).await.expect_err(name);
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert_eq!(error.certain_not_sent(), kind == NetErrorKind::Refused);
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_under_a_request_may_have_taken_it() {
    let server = ScriptedServer::start(vec![Reply::whole(200, "", b"ok"), Reply::Close(vec![])]).await;
    let client = client(Options::default());
    client.send(&post(server.address.clone()), None).await.expect("the first answer");
    let error = client.send(&post(server.address.clone()), None).await.expect_err("the second has none");
    assert_eq!(error.kind, NetErrorKind::Lost, "{error}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn addresses_from_outside_do_not_reach_this_machine() {
    let server = ScriptedServer::start(vec![Reply::whole(200, "", b"ok")]).await;
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let guarded = Client::new(Options::default(), Trust::Outside).expect("a client");
    for host in ["127.0.0.1", "localhost", "[::1]", "127.1", "[::ffff:127.0.0.1]"] {
        let error = guarded.send(&post(format!("http://{host}:{port}/")), None).await.expect_err(host);
        assert!(error.certain_not_sent() && error.message.contains("not on the public internet"), "{host}: {error}");
    }
    assert_eq!(server.count(), 0);
    assert!(guarded.check_address("https://hooks.example.com/in").is_ok());
    assert!(guarded.check_address("http://10.0.0.1/in").is_err_and(|error| error.certain_not_sent()));
    for entered in ["http://127.0.0.1/", "https://localhost:8443/x", "http://[::1]/", "10.0.0.1", "localhost"] {
        let refused = guarded.check_entered(entered).await.expect_err(entered);
        assert!(refused.message.contains("not on the public internet"), "{entered}: {refused}");
    }
    assert!(guarded.check_entered("https://93.184.215.14/").await.is_ok());
    let options = Options { allow_private_addresses: true, ..Options::default() };
    let open = Client::new(options, Trust::Outside).expect("a client");
    assert!(open.check_entered("http://127.0.0.1/").await.is_ok());
    assert_eq!(open.send(&post(format!("http://localhost:{port}/")), None).await.expect("an answer").body, "ok");
}

#[tokio::test]
async fn mail_servers_from_outside_are_not_dialled_on_this_machine() {
    let client = Client::new(Options::default(), Trust::Operator).expect("a client");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = Relay { host: "localhost".to_owned(), port, tls: Tls::None, login: None };
    let inbox = Inbox { server: server.clone(), folder: "INBOX".to_owned(), marks_seen: false };
    let outside = client.trusting(Trust::Outside);
    let refused = outside.open_folder(&inbox).await.err().expect("no mailbox").to_string();
    assert!(refused.contains("not on the public internet"), "{refused}");
    // The operator's own is dialled: it takes the connection, and hangs up.
    let (opened, ()) = tokio::join!(client.open_folder(&inbox), async { drop(listener.accept().await) });
    assert!(!opened.err().expect("no mailbox").to_string().contains("public"));
}

#[tokio::test]
async fn redirects_are_answers_unless_wanted_and_each_hop_is_checked() {
    let target = ScriptedServer::start(vec![Reply::whole(200, "", b"arrived")]).await;
    let moved = |to: &str| Reply::whole(307, &format!("location: {to}\r\n"), b"");
    let cases = [
        (0, moved(&target.address), Ok(307)),
        (1, moved(&target.address), Ok(200)),
        (1, moved("ftp://example.com/"), Err(NetErrorKind::Lost)),
    ];
    for (max_redirects, reply, expected) in cases {
        let server = ScriptedServer::start(vec![reply]).await;
        let client = client(Options { max_redirects, ..Options::default() });
        let outcome = client.send(&post(server.address.clone()), None).await;
        assert_eq!(outcome.map(|answer| answer.status).map_err(|error| error.kind), expected);
    }
    assert!(!target.requests.lock().expect("unpoisoned")[0].contains("s3cr3t"), "another host sees no token");
}

#[tokio::test]
async fn downloads_are_streamed_counted_and_hashed() {
    let body = vec![b'a'; 100_000];
    let replies = vec![
        Reply::whole(200, "content-type: Image/PNG; q=1\r\n", &body),
        Reply::whole(404, "", b"gone"),
        Reply::whole(200, "", &body),
        Reply::Close(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nab".to_vec()),
        Reply::Close([Reply::head(200, ""), body.clone()].concat()),
    ];
    let server = ScriptedServer::start(replies).await;
    let client = client(Options::default());
    let request = Request { method: Method::Get, body: Body::Empty, ..post(server.address.clone()) };
    let mut kept = Vec::new();
    let download = client.download(&request, 100_000, &mut kept).await.expect("a download");
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&body));
    assert_eq!(download, Download::Kept(Kept { mime_type: Some("image/png".into()), size: 100_000, sha256 }));
    assert_eq!(kept, body);

    let mut nothing = Vec::new();
    let declined = client.download(&request, 100_000, &mut nothing).await.expect("an answer");
    assert!(matches!(declined, Download::Declined(Answer { status: 404, ref body, .. }) if body == "gone"));
    assert!(nothing.is_empty());
    for kind in [NetErrorKind::TooLarge, NetErrorKind::Lost, NetErrorKind::TooLarge] {
        let error = client.download(&request, 99_999, &mut Vec::new()).await.expect_err("no file");
        assert_eq!(error.kind, kind, "{error}");
    }
}

/// Heads and bodies come back as they were sent, as some vendors do it with what they refuse.
#[tokio::test]
async fn a_secret_that_the_peer_repeats_is_blacked_out() {
    let secret = || Secret::new("s3cr3t/with+signs");
    let ways = [
        Authorisation::Bearer(secret()),
        Authorisation::Basic { user: "user".to_owned(), password: secret() },
        Authorisation::Header { name: "x-api-key", value: secret() },
        Authorisation::Path(secret()),
    ];
    let bodies = [Body::Empty, Body::Json(json!({"a": 1})), Body::Form(vec![("a".to_owned(), "b c".to_owned())])];
    for way in &ways {
        for body in &bodies {
            let repeated = [
                "raw s3cr3t/with+signs, form s3cr3t%2Fwith%2Bsigns, JSON s3cr3t\\/with+signs twice s3cr3t/with+signs",
                "Basic dXNlcjpzM2NyM3Qvd2l0aCtzaWducw==",
            ]
            .join(" ");
            let server = ScriptedServer::start(vec![Reply::whole(401, "", repeated.as_bytes())]).await;
            let path = if matches!(way, Authorisation::Path(_)) { "/bot{secret}/send" } else { "/send" };
            let request = Request {
                method: Method::Post,
                url: format!("{}{path}", server.address),
                authorisation: Some(way.clone()),
                body: body.clone(),
            };
            let answer = client(Options::default()).send(&request, None).await.expect("an answer");
            let told = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(told.starts_with("raw [secret], form [secret], JSON [secret] twice [secret]"), "{way:?}: {told}");
            assert!(!told.contains("s3cr3t/with"), "{way:?}: {told}");
            if matches!(way, Authorisation::Basic { .. }) {
                assert!(told.ends_with("Basic [secret]"), "{told}");
            }
            assert!(!format!("{request:?}").contains("s3cr3t"), "a request shows its secret: {request:?}");
            let sent = server.requests.lock().expect("unpoisoned").join("");
            assert!(sent.contains("s3cr3t") || sent.contains("dXNlcjpzM2NyM3Q"), "it was sent: {sent}");
        }
    }
}
