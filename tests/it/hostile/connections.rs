//! Connections made to tie the gateway up: headers and bodies that never end.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::process::PATIENCE;
use crate::support::stage::{Database, Stage, run};

const SLOW_CONNECTIONS: usize = 50;

/// Opens connections that say this and then drip, and gives what each was answered until it was closed.
async fn drip(stage: &Stage, said: &str) -> Vec<String> {
    let mut ends = Vec::new();
    for _ in 0..SLOW_CONNECTIONS {
        let mut connection = TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap();
        connection.write_all(said.as_bytes()).await.unwrap();
        ends.push(tokio::spawn(async move {
            let (mut reader, mut writer) = connection.split();
            let mut answer = Vec::new();
            let dripping = async {
                // The attack itself: a byte now and then, so that the connection never falls silent.
                while writer.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = reader.read_to_end(&mut answer) => {}
                () = dripping => {}
            }
            String::from_utf8_lossy(&answer).into_owned()
        }));
    }
    // While they hang, customers are served.
    stage.say("491790000009", "is anybody there?").await;
    stage.settled().await;
    let mut answers = Vec::new();
    for end in ends {
        answers.push(tokio::time::timeout(PATIENCE, end).await.expect("the connection is closed").unwrap());
    }
    answers
}

#[test]
fn headers_and_bodies_that_never_end_are_cut_off_while_others_are_served() {
    run(async {
        let stage = Stage::with(Database::Sqlite, |setting| {
            setting.environment.push(("SWITCHBOARD__LIMITS__REQUEST_TIMEOUT".to_owned(), "2s".to_owned()));
        })
        .await;
        let process = stage.start().await;
        let address = "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: gateway\r\n";
        for answer in drip(&stage, &format!("{address}X-Slow: ")).await {
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
        let body = format!("{address}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
        for answer in drip(&stage, &body).await {
            assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    });
}
