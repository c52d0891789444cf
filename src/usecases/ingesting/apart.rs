//! HTML and PDF are read in a process of their own, with little time and memory: whatever a hostile document does to
//! its reader, the gateway goes on.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Unread;
use super::readers::{self, Extracted, Format};

/// The command by which this program reads a document from its standard input.
pub const COMMAND: &str = "read-document";
/// Longest time that a document may take.
const LONGEST: Duration = Duration::from_secs(30);
/// Most that a reader may say, in bytes.
const MOST_SAID: u64 = 16 * 1024 * 1024;

/// Reads a document; plain text here, everything else by `program` in a process of its own.
pub async fn read(program: &Path, format: Format, bytes: &[u8], charset: Option<&str>) -> Result<Extracted, Unread> {
    if matches!(format, Format::Markdown | Format::Text) {
        return Ok(readers::read(format, bytes, charset));
    }
    match tokio::time::timeout(LONGEST, ask(program, format, bytes, charset)).await {
        Ok(Ok(Some(extracted))) => Ok(extracted),
        // It was killed, or it died over it.
        Ok(Ok(None)) => Err(Unread::never("the document cannot be read: its reader broke off")),
        Ok(Err(error)) => Err(Unread::soon(format!("the document's reader does not start: {error}"))),
        Err(_) => Err(Unread::never("the document cannot be read: it takes too long")),
    }
}

async fn ask(
    program: &Path,
    format: Format,
    bytes: &[u8],
    charset: Option<&str>,
) -> Result<Option<Extracted>, std::io::Error> {
    let mut child = Command::new(program)
        .arg(COMMAND)
        .arg(format.as_str())
        .args(charset)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let tell = async {
        if let Some(mut input) = input {
            // A reader that has seen enough closes its end.
            let _ = input.write_all(bytes).await;
            let _ = input.shutdown().await;
        }
    };
    let hear = async {
        let mut said = Vec::new();
        if let Some(output) = output {
            output.take(MOST_SAID).read_to_end(&mut said).await?;
        }
        Ok::<_, std::io::Error>(said)
    };
    let ((), said) = tokio::join!(tell, hear);
    let said = said?;
    let ended = child.wait().await?;
    Ok(if ended.success() { serde_json::from_slice(&said).ok() } else { None })
}
