//! A TCP port of loopback that nobody else gets while a test counts on it.
//! Never listens on it.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// A free port, held until dropped: to whoever does not know it, it is in use, and whoever does may listen on it.
///
/// A socket that is bound and does not listen keeps the kernel from handing the port out, and refuses connections.
/// One that listens may join it, where both have `SO_REUSEADDR` (socket(7)), as those of PostgreSQL and tokio do.
pub(crate) struct Port {
    number: u16,
    _held: TcpSocket,
}

impl Port {
    /// Takes a port that nobody uses.
    pub(crate) fn free() -> Self {
        let held = TcpSocket::new_v4().expect("this machine has sockets");
        held.set_reuseaddr(true).expect("it is a TCP socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        held.bind(any).expect("loopback has a free port");
        let number = held.local_addr().expect("it is bound").port();
        Self {
            number,
            _held: held,
        }
    }

    /// The port, of 127.0.0.1.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
