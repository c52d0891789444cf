//! A door between two programs: connections go through while it is open, to one side or to several in turn; closing it
//! cuts all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::stage::free_port;

/// A door. It ends with the runtime.
pub struct Door {
    /// Where it is.
    pub port: u16,
    leads_to: watch::Sender<Arc<[String]>>,
}

impl Door {
    /// Opens a door to these addresses.
    pub async fn to(targets: &[String]) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (leads_to, targets) = watch::channel(Arc::from(targets));
        tokio::spawn(pass(listener, targets));
        Self { port, leads_to }
    }

    /// Cuts what goes through, and lets further connections through to these; to none: they are cut at once.
    pub fn turn(&self, targets: &[String]) {
        self.leads_to.send_replace(Arc::from(targets));
    }
}

async fn pass(listener: TcpListener, targets: watch::Receiver<Arc<[String]>>) {
    let turn = AtomicUsize::new(0);
    while let Ok((mut near, _)) = listener.accept().await {
        let mut targets = targets.clone();
        let all = Arc::clone(&targets.borrow_and_update());
        let nth = turn.fetch_add(1, Ordering::Relaxed) % all.len().max(1);
        let Some(target) = all.get(nth).cloned() else { continue };
        tokio::spawn(async move {
            let through = async {
                if let Ok(mut far) = TcpStream::connect(&target).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            };
            tokio::select! {
                () = through => {}
                _ = targets.changed() => {}
            }
        });
    }
}
