//! Tests of the network that tests can cut.
//! Never tests what the project makes of it.

use crate::support::proxy::Proxy;
use crate::support::{Cluster, Settings, wait_until};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

/// A connection through a proxy, and its far end.
fn through(proxy: &Proxy, server: &TcpListener) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("it listens");
    let (far, _) = server.accept().expect("the proxy connects");
    for end in [&near, &far] {
        let patience = Some(Duration::from_millis(300));
        end.set_read_timeout(patience).expect("it is not zero");
    }
    (near, far)
}

fn arrives(from: &mut TcpStream, to: &mut TcpStream, byte: u8) -> std::io::Result<()> {
    from.write_all(&[byte])?;
    let mut got = [0];
    to.read_exact(&mut got)?;
    assert_eq!(got, [byte]);
    Ok(())
}

#[test]
fn a_proxy_forwards_freezes_cuts_and_heals() {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let proxy = Proxy::before(server.local_addr().expect("it is bound").port());
    let (mut near, mut far) = through(&proxy, &server);
    arrives(&mut near, &mut far, 1).expect("it forwards");
    arrives(&mut far, &mut near, 2).expect("it forwards back");

    proxy.freeze();
    let held = arrives(&mut near, &mut far, 3).expect_err("nothing arrives");
    assert_eq!(held.kind(), ErrorKind::WouldBlock);
    proxy.heal();
    let mut late = [0];
    far.read_exact(&mut late).expect("what was held back comes");
    assert_eq!(late, [3]);

    proxy.cut();
    assert_eq!(proxy.connections(), 0);
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()));
    assert_eq!(
        refused.expect_err("it is cut").kind(),
        ErrorKind::ConnectionRefused
    );
    let stranger = TcpSocket::new_v4().expect("this machine has sockets");
    let taken = stranger.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, proxy.port())));
    assert_eq!(
        taken.expect_err("it is held all the same").kind(),
        ErrorKind::AddrInUse
    );
    let ended = near.read(&mut late).map_err(|error| error.kind());
    assert!(
        matches!(ended, Ok(0) | Err(ErrorKind::ConnectionReset)),
        "{ended:?}"
    );

    proxy.heal();
    let (mut near, mut far) = through(&proxy, &server);
    arrives(&mut near, &mut far, 4).expect("it forwards again");
    drop(near);
    wait_until("the far end learns that the near one is closed", || {
        matches!(far.read(&mut late), Ok(0))
    });
}

#[test]
fn a_server_can_be_reached_through_a_proxy() {
    let settings = Settings {
        tcp: true,
        ..Settings::default()
    };
    let cluster = Cluster::start_with(15, &settings);
    let proxy = Proxy::before(cluster.port());
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let ask = || {
        let psql = crate::support::tools(15).join("psql");
        let mut psql = std::process::Command::new(psql);
        psql.arg(&url).args(["-XAtc", "select 'here'"]).output()
    };
    assert_eq!(ask().expect("psql starts").stdout, b"here\n");
    proxy.cut();
    let refused = ask().expect("psql starts").stderr;
    assert!(String::from_utf8_lossy(&refused).contains("Connection refused"));
    proxy.heal();
    assert_eq!(ask().expect("psql starts").stdout, b"here\n");
}
