//! A network between two programs that a test can cut: a TCP proxy on loopback.
//! Never looks into the bytes that it forwards, and never listens beyond loopback.

use super::port::Port;
use super::wait_until;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// It forwards.
    Up,
    /// Connections stay open, and nothing arrives.
    Frozen,
    /// Every connection is closed, and new ones are refused.
    Cut,
    /// The proxy is no more.
    Gone,
}

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    port: Port,
    network: watch::Sender<Network>,
    seen: Arc<Seen>,
}

/// What can be seen of the proxy's own thread.
#[derive(Default)]
struct Seen {
    listening: AtomicBool,
    connections: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy on a free port, before the server that listens on this port of loopback.
    pub(crate) fn before(server: u16) -> Self {
        let port = Port::free();
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let (network, changes) = watch::channel(Network::Up);
        let seen = Arc::new(Seen::default());
        let shown = Arc::clone(&seen);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("this machine has threads and sockets");
            runtime.block_on(serve((own, server), changes, shown));
        });
        let new = Self {
            port,
            network,
            seen,
        };
        new.wait_for_listening(true);
        new
    }

    /// The port to connect to, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// How many connections are open through it.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Closes every connection and refuses new ones; both are so when it returns.
    pub(crate) fn cut(&self) {
        self.network.send_replace(Network::Cut);
        self.wait_for_listening(false);
        wait_until("every connection is closed", || self.connections() == 0);
    }

    /// Forwards nothing any more, and closes nothing.
    pub(crate) fn freeze(&self) {
        self.network.send_replace(Network::Frozen);
    }

    /// Forwards again, what was held back too, and takes new connections.
    pub(crate) fn heal(&self) {
        self.network.send_replace(Network::Up);
        self.wait_for_listening(true);
    }

    fn wait_for_listening(&self, listening: bool) {
        wait_until("the proxy has changed", || {
            self.seen.listening.load(Ordering::SeqCst) == listening
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.send_replace(Network::Gone);
    }
}

async fn serve(
    (own, server): (SocketAddr, SocketAddr),
    mut changes: watch::Receiver<Network>,
    seen: Arc<Seen>,
) {
    while let Some(Network::Up | Network::Frozen) =
        settled(&mut changes, |network| network != Network::Cut).await
    {
        let listener = TcpListener::bind(own).await;
        let listener = listener.expect("the port is held for us");
        seen.listening.store(true, Ordering::SeqCst);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = settled(&mut changes, is_over) => break,
            };
            let (client, _) = accepted.expect("the listener is ours");
            let (changes, seen) = (changes.clone(), Arc::clone(&seen));
            tokio::spawn(async move { carry(client, server, (changes, seen)).await });
        }
        drop(listener);
        seen.listening.store(false, Ordering::SeqCst);
    }
}

async fn carry(
    client: TcpStream,
    server: SocketAddr,
    (mut changes, seen): (watch::Receiver<Network>, Arc<Seen>),
) {
    seen.connections.fetch_add(1, Ordering::SeqCst);
    let cut = changes.clone();
    let carried = async {
        settled(&mut changes, |network| network != Network::Frozen).await;
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        // As a wire would: no byte waits for another.
        client.set_nodelay(true).unwrap_or_default();
        server.set_nodelay(true).unwrap_or_default();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(
            pump(from_client, to_server, changes.clone()),
            pump(from_server, to_client, changes),
        );
    };
    let mut cut = cut;
    tokio::select! {
        () = carried => {}
        _ = settled(&mut cut, is_over) => {}
    }
    seen.connections.fetch_sub(1, Ordering::SeqCst);
}

/// Forwards one direction until its end, which it passes on.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut changes: watch::Receiver<Network>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        settled(&mut changes, |network| network != Network::Frozen).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    settled(&mut changes, |network| network != Network::Frozen).await;
    to.shutdown().await.unwrap_or_default();
}

fn is_over(network: Network) -> bool {
    matches!(network, Network::Cut | Network::Gone)
}

/// Waits until the network is as wanted; `None` once nobody can change it any more.
async fn settled(
    changes: &mut watch::Receiver<Network>,
    mut wanted: impl FnMut(Network) -> bool,
) -> Option<Network> {
    let reached = changes.wait_for(|network| wanted(*network)).await;
    reached.ok().map(|network| *network)
}
