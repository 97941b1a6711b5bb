//! Connecting: every server, every address, with and without TLS, in the order of libpq.
//! It never sets anything in the session it returns.

use std::future::poll_fn;
use std::net::SocketAddr;

use secrecy::ExposeSecret;
use tokio_postgres::config::{SslMode as LibrarySslMode, SslNegotiation};
use tokio_postgres::{AsyncMessage, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Result;
use crate::secret::redact;

use super::connect_error::{Cause, Refusal};
use super::conninfo::Conninfo;
use super::hosts::Host;
use super::session_attrs::SessionAttrs;
use super::stream::{self, Address, Asking, Settled, StreamError, Wire};
use super::tls::SslMode;

impl Conninfo {
    /// Connects to the first server that will do. What the server says unasked goes to the log.
    ///
    /// # Errors
    /// What was tried, why each try failed, and what to do about the last one.
    pub async fn connect(&self) -> Result<Client> {
        let connector = self
            .tls
            .connector()
            .map_err(|error| error.at(format!("{}.url", self.label)))?;
        let mut refusals = Vec::new();
        for attrs in self.session_attrs.rounds() {
            for host in &self.hosts {
                match self.connect_to(host, *attrs, &connector).await {
                    Ok(client) => return Ok(client),
                    Err(failed) => refusals.extend(failed),
                }
                if refusals.last().is_some_and(Refusal::ends_the_search) {
                    return Err(self.connect_error(&refusals));
                }
            }
        }
        Err(self.connect_error(&refusals))
    }

    async fn connect_to(
        &self,
        host: &Host,
        attrs: SessionAttrs,
        connector: &MakeRustlsConnect,
    ) -> Result<Client, Vec<Refusal>> {
        let refusal = |cause| Refusal {
            place: host.place(),
            cause,
        };
        let mut refusals = Vec::new();
        let addresses = match self.within_limit(addresses(host)).await {
            Ok(addresses) => addresses,
            Err(cause) => return Err(vec![refusal(cause)]),
        };
        for address in &addresses {
            for asking in self.ways(address) {
                let attempt = self.attempt((host, address), (*asking, attrs), connector);
                let failure = match self.within_limit(attempt).await {
                    Ok(client) => return Ok(client),
                    Err(failure) => failure,
                };
                let past = self.past_event_triggers;
                if failure.may_be_for_event_triggers(past) {
                    let other = self.past_event_triggers(!past);
                    let attempt = other.attempt((host, address), (*asking, attrs), connector);
                    if let Ok(client) = self.within_limit(attempt).await {
                        return Ok(client);
                    }
                }
                let other_way = failure.allows_another_way(*asking);
                refusals.push(refusal(failure));
                if !other_way {
                    break;
                }
            }
            if refusals.last().is_some_and(Refusal::ends_the_search) {
                break;
            }
        }
        Err(refusals)
    }

    /// How TLS is asked for, one way after the other.
    fn ways(&self, address: &Address) -> &'static [Asking] {
        match (address, self.tls.mode) {
            (Address::Unix(_), _) | (Address::Tcp(_), SslMode::Disable) => &[Asking::Never],
            (Address::Tcp(_), SslMode::Allow) => &[Asking::Never, Asking::Firmly],
            (Address::Tcp(_), SslMode::Prefer) => &[Asking::Politely, Asking::Never],
            (Address::Tcp(_), SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => {
                if self.tls.direct {
                    &[Asking::Directly]
                } else {
                    &[Asking::Firmly]
                }
            }
        }
    }

    async fn attempt(
        &self,
        place: (&Host, &Address),
        wanted: (Asking, SessionAttrs),
        connector: &MakeRustlsConnect,
    ) -> Result<Client, Cause> {
        let ((host, address), (asking, attrs)) = (place, wanted);
        let opened = stream::open(address, &self.keepalive, asking, (connector, &host.name)).await;
        let mut wire = opened.map_err(Cause::Stream)?;
        wire = wire.counting(&self.rows);
        if self.replication {
            wire = wire.replicating();
        }
        let encrypted = wire.is_encrypted();
        let connected = self.config(host)?.connect_raw(wire, Settled).await;
        let refused = |error| Cause::Server { error, encrypted };
        let (client, connection) = connected.map_err(refused)?;
        tokio::spawn(converse(connection));
        if attrs.suits(&client).await.map_err(refused)? {
            Ok(client)
        } else {
            Err(Cause::Unsuited(attrs.word()))
        }
    }

    fn config(&self, host: &Host) -> Result<Config, Cause> {
        let mut config = Config::new();
        config
            .user(&self.user)
            .dbname(&self.database)
            .application_name(&self.application_name)
            .channel_binding(self.channel_binding)
            // TLS is settled before the library sees the stream.
            .ssl_mode(LibrarySslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct);
        if let Some(options) = &self.settings() {
            config.options(options);
        }
        if let Some(password) = self.password_for(host) {
            config.password(password.reveal().map_err(Cause::Secret)?.expose_secret());
        }
        Ok(config)
    }

    async fn within_limit<T>(
        &self,
        attempt: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Cause> {
        let Some(limit) = self.timeout else {
            return attempt.await;
        };
        let timed = tokio::time::timeout(limit, attempt).await;
        timed.unwrap_or(Err(Cause::Timeout(limit)))
    }
}

/// The addresses of a server, in the order in which the name service gives them.
async fn addresses(host: &Host) -> Result<Vec<Address>, Cause> {
    if let Some(path) = host.socket() {
        return Ok(vec![Address::Unix(path)]);
    }
    if let Some(ip) = host.address {
        return Ok(vec![Address::Tcp(SocketAddr::new(ip, host.port))]);
    }
    let found = tokio::net::lookup_host((host.name.as_str(), host.port)).await;
    let mut addresses: Vec<_> = found.map_err(Cause::Unknown)?.collect();
    addresses.dedup();
    Ok(addresses.into_iter().map(Address::Tcp).collect())
}

/// Drives a connection until either side ends it.
async fn converse(mut connection: Connection<Wire, Wire>) {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                tracing::info!("{}: {}", notice.severity(), redact(notice.message()));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!("a connection ended: {}", redact(&error.to_string()));
                return;
            }
        }
    }
}

impl Cause {
    /// Whether the other of "with TLS" and "without" is worth trying at the same address: as in
    /// libpq, after a failed handshake and after the server would not let the user in this way.
    fn allows_another_way(&self, asked: Asking) -> bool {
        match self {
            Self::Stream(StreamError::Handshake(_)) => true,
            Self::Server { encrypted, .. } => {
                // Not where TLS was asked for and declined: that was the other way already.
                let as_asked = *encrypted == (asked != Asking::Never);
                as_asked && self.sqlstate().is_some_and(|code| code.starts_with("28"))
            }
            Self::Stream(
                StreamError::Unreachable(_) | StreamError::NoTls | StreamError::Broken(_),
            )
            | Self::Unknown(_)
            | Self::Timeout(_)
            | Self::Unsuited(_)
            | Self::Secret(_) => false,
        }
    }
}
