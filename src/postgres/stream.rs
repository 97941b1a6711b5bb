//! The one place where a stream to a server is opened: socket, keepalives, TLS.
//! It never speaks PostgreSQL beyond the request for TLS: the start-up packet is the client
//! library's, so that a wrapper around [`Wire`] can still change it.

use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::copy_frames::CopyFrames;
use super::replication::Greeting;

/// One place where a server may listen.
#[derive(Debug, Clone)]
pub(super) enum Address {
    Tcp(SocketAddr),
    /// The path of the socket itself.
    Unix(PathBuf),
}

/// When a silent peer is given up; `None` and zero leave it to the operating system.
#[derive(Debug, Clone)]
pub(super) struct Keepalive {
    pub(super) on: bool,
    pub(super) idle: Option<Duration>,
    pub(super) interval: Option<Duration>,
    pub(super) count: Option<u32>,
    pub(super) user_timeout_ms: Option<u32>,
}

/// How TLS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Not at all.
    Never,
    /// With a request that the server may decline: then it goes on without.
    Politely,
    /// With a request that the server must accept.
    Firmly,
    /// Without a request, from the first byte.
    Directly,
}

/// Why no stream was had.
#[derive(Debug)]
pub(super) enum StreamError {
    /// Nobody answers there.
    Unreachable(io::Error),
    /// The server has TLS switched off.
    NoTls,
    /// The conversation broke while TLS was asked for.
    Broken(io::Error),
    /// The handshake failed.
    Handshake(io::Error),
}

type Encrypted = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// A stream that is ready for the start-up packet.
pub(super) struct Wire {
    stream: Stream,
    greeting: Greeting,
    frames: CopyFrames,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Encrypted>),
}

impl Wire {
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Counts the rows that COPY sends.
    pub(super) fn counting(self, rows: &Arc<AtomicU64>) -> Self {
        Self {
            frames: CopyFrames::counting(Arc::clone(rows)),
            ..self
        }
    }

    /// Has the start-up packet ask for a walsender.
    pub(super) fn replicating(self) -> Self {
        Self {
            greeting: Greeting::ToReplicate,
            ..self
        }
    }
}

impl From<Stream> for Wire {
    fn from(stream: Stream) -> Self {
        Self {
            stream,
            greeting: Greeting::AsItIs,
            frames: CopyFrames::counting(Arc::default()),
        }
    }
}

/// Opens a stream. `name` is what the certificate is checked against and what is sent as SNI.
pub(super) async fn open(
    address: &Address,
    keepalive: &Keepalive,
    asking: Asking,
    tls: (&MakeRustlsConnect, &str),
) -> Result<Wire, StreamError> {
    let address = match address {
        Address::Unix(path) => {
            // TLS is never spoken on a unix socket, whatever sslmode says, as in libpq.
            let stream = UnixStream::connect(path)
                .await
                .map_err(StreamError::Unreachable)?;
            return Ok(Stream::Unix(stream).into());
        }
        Address::Tcp(address) => address,
    };
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(StreamError::Unreachable)?;
    stream.set_nodelay(true).map_err(StreamError::Unreachable)?;
    keepalive
        .apply(&stream)
        .map_err(|error| StreamError::Unreachable(error.into()))?;
    match asking {
        Asking::Never => return Ok(Stream::Tcp(stream).into()),
        Asking::Directly => {}
        Asking::Politely | Asking::Firmly => {
            if !request_tls(&mut stream)
                .await
                .map_err(StreamError::Broken)?
            {
                let declined = asking == Asking::Politely;
                return if declined {
                    Ok(Stream::Tcp(stream).into())
                } else {
                    Err(StreamError::NoTls)
                };
            }
        }
    }
    let (connector, name) = tls;
    handshake(stream, address.ip(), connector, name).await
}

/// Sends an SSLRequest (manual, "SSL Session Encryption"); whether the server said yes.
async fn request_tls(stream: &mut TcpStream) -> io::Result<bool> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).await?;
    match answer {
        [b'S'] => Ok(true),
        [b'N'] => Ok(false),
        _ => Err(io::Error::other(
            "the server answered the request for TLS with an error",
        )),
    }
}

async fn handshake(
    stream: TcpStream,
    ip: IpAddr,
    connector: &MakeRustlsConnect,
    name: &str,
) -> Result<Wire, StreamError> {
    // A name that TLS cannot express is only ever a name that is not checked.
    let usable = rustls::pki_types::ServerName::try_from(name).is_ok();
    let name = if usable {
        name.to_owned()
    } else {
        ip.to_string()
    };
    let mut connector = connector.clone();
    let make = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect;
    let Ok(connect) = make(&mut connector, &name);
    let stream = connect
        .connect(stream)
        .await
        .map_err(StreamError::Handshake)?;
    Ok(Stream::Tls(Box::new(stream)).into())
}

impl Default for Keepalive {
    /// On, as in libpq, with the operating system's times.
    fn default() -> Self {
        Self {
            on: true,
            idle: None,
            interval: None,
            count: None,
            user_timeout_ms: None,
        }
    }
}

impl Keepalive {
    fn apply(&self, stream: &TcpStream) -> rustix::io::Result<()> {
        if let Some(limit) = self.user_timeout_ms.filter(|limit| *limit > 0) {
            sockopt::set_tcp_user_timeout(stream, limit)?;
        }
        if !self.on {
            return Ok(());
        }
        sockopt::set_socket_keepalive(stream, true)?;
        if let Some(idle) = self.idle.filter(|idle| !idle.is_zero()) {
            sockopt::set_tcp_keepidle(stream, idle)?;
        }
        if let Some(interval) = self.interval.filter(|interval| !interval.is_zero()) {
            sockopt::set_tcp_keepintvl(stream, interval)?;
        }
        if let Some(count) = self.count.filter(|count| *count > 0) {
            sockopt::set_tcp_keepcnt(stream, count)?;
        }
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, frames, .. } = self.get_mut();
        frames.poll_read(Pin::new(stream), cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream, greeting, ..
        } = self.get_mut();
        match ready!(greeting.poll_write(Pin::new(&mut *stream), cx, buf)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.stream {
            Stream::Tls(stream) => stream.channel_binding(),
            Stream::Tcp(_) | Stream::Unix(_) => ChannelBinding::none(),
        }
    }
}

/// Tells the client library that TLS is settled: it is handed the stream as it stands.
pub(super) struct Settled;

impl TlsConnect<Wire> for Settled {
    type Stream = Wire;
    type Error = io::Error;
    type Future = Ready<io::Result<Wire>>;

    fn connect(self, stream: Wire) -> Self::Future {
        ready(Ok(stream))
    }
}
