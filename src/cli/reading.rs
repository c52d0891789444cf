//! Reads one document for the gateway, in a process that a hostile document may break: its bytes come on standard
//! input, what came of them goes to standard output as JSON.

use std::io::{Read as _, Write as _};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::usecases::ingesting::LARGEST_DOCUMENT;
use crate::usecases::ingesting::readers::{self, Format};

use super::Refusal;

/// Most memory that a document may take, in bytes of address space.
const MOST_MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// Most processor time that a document may take, in seconds.
const MOST_SECONDS: u64 = 20;

/// Reads the document on standard input.
pub fn read(format: &str, charset: Option<&str>) -> Result<(), Refusal> {
    let format = Format::from_word(format).ok_or_else(|| Refusal::Words("there is no such format".to_owned()))?;
    for (resource, most) in [(Resource::As, MOST_MEMORY), (Resource::Cpu, MOST_SECONDS), (Resource::Core, 0)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LARGEST_DOCUMENT).read_to_end(&mut bytes)?;
    let extracted = readers::read(format, &bytes, charset);
    std::io::stdout().lock().write_all(&serde_json::to_vec(&extracted)?)?;
    Ok(())
}
