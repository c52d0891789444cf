//! Crash points: places where the fault tests kill the process or make a step panic. Compiled out without the
//! feature `failpoints`.

/// Passes through; with the feature `failpoints`, does what the tests configured for this name: `kill` ends the
/// process with SIGKILL, `panic` panics, `sleep(ms)` waits.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "failpoints")]
    fail::fail_point!(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

/// Reads the crash points to arm from a list like `store.commit.before=kill@3;agent.answer=panic@1` (action at the
/// n-th passage) or `conversation.receive=panic@1-5` (at each of these), as tests put it into `SWITCHBOARD_CRASH`.
///
/// # Errors
/// The list is not of that form.
#[cfg(feature = "failpoints")]
pub fn arm(list: &str) -> Result<(), String> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for part in list.split(';').filter(|part| !part.is_empty()) {
        let (name, rule) = part.split_once('=').ok_or_else(|| format!("no '=' in {part}"))?;
        let (action, passages) = rule.split_once('@').unwrap_or((rule, "1"));
        let (first, last) = passages.split_once('-').unwrap_or((passages, passages));
        let number = |text: &str| text.parse::<usize>().map_err(|error| format!("{part}: {error}"));
        let passages = number(first)?..=number(last)?;
        let passed = AtomicUsize::new(0);
        let action = action.to_owned();
        let label = name.to_owned();
        fail::cfg_callback(name, move || {
            if passages.contains(&(passed.fetch_add(1, Ordering::SeqCst) + 1)) {
                act(&action, &label);
            }
        })?;
    }
    Ok(())
}

#[cfg(feature = "failpoints")]
#[expect(clippy::panic, reason = "panicking is what the fault tests ask for")]
fn act(action: &str, name: &str) {
    match action {
        "kill" => {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            std::thread::park();
        }
        "panic" => panic!("crash point {name}"),
        _ => {}
    }
}
