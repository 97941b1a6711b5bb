//! Replication connections: the start-up packet of the client library, with `replication=database`
//! added on its way to the server. Nothing else that is written is looked at.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio_postgres::Client;

use crate::error::Result;

use super::conninfo::Conninfo;

/// The parameter that makes a session a walsender's (manual, "Streaming Replication Protocol");
/// the client library knows no such parameter.
const PARAMETER: &[u8] = b"replication\0database\0";

/// Protocol 3.0, the first word after the length of a start-up packet.
const PROTOCOL: [u8; 4] = [0, 3, 0, 0];

/// What becomes of the first packet that is written to a stream.
#[derive(Debug)]
pub(super) enum Greeting {
    /// It goes out as it is, as everything after it.
    AsItIs,
    /// It is the start-up packet, to which the parameter is added.
    ToReplicate,
    /// The changed packet, from its first byte that is not written yet.
    Underway(Vec<u8>, usize),
}

impl Greeting {
    /// Writes the changed packet in the place of the library's; `None` once there is nothing to
    /// change any more.
    pub(super) fn poll_write(
        &mut self,
        stream: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
        packet: &[u8],
    ) -> Poll<Option<io::Result<usize>>> {
        if matches!(self, Self::ToReplicate) {
            *self = match with_parameter(packet) {
                Ok(changed) => Self::Underway(changed, 0),
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
        }
        let Self::Underway(changed, written) = self else {
            return Poll::Ready(None);
        };
        let mut stream = stream;
        while *written < changed.len() {
            match ready!(stream.as_mut().poll_write(cx, &changed[*written..])) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(count) => *written += count,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        *self = Self::AsItIs;
        Poll::Ready(Some(Ok(packet.len())))
    }
}

/// The packet with the parameter before its last NUL, and with its new length.
fn with_parameter(packet: &[u8]) -> io::Result<Vec<u8>> {
    let length = packet
        .first_chunk::<4>()
        .map(|word| u32::from_be_bytes(*word));
    let is_startup = length.is_some_and(|length| length as usize == packet.len())
        && packet.get(4..8) == Some(&PROTOCOL);
    let Some((0, body)) = packet.split_last().filter(|_| is_startup) else {
        return Err(io::Error::other("the first packet is no start-up packet"));
    };
    let mut changed = [body, PARAMETER, &[0]].concat();
    let length = u32::try_from(changed.len()).map_err(io::Error::other)?;
    changed[..4].copy_from_slice(&length.to_be_bytes());
    Ok(changed)
}

impl Conninfo {
    /// Connects as a walsender of the database: only simple queries and replication commands are
    /// understood there.
    ///
    /// # Errors
    /// Those of [`Conninfo::connect`]; also where the role lacks REPLICATION, or
    /// `max_wal_senders` are busy.
    pub async fn connect_to_replicate(&self) -> Result<Client> {
        let replicating = Self {
            replication: true,
            ..self.clone()
        };
        replicating.connect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_up_packet_gains_the_parameter_and_its_length() {
        let packet = b"\0\0\0\x10\0\x03\0\0user\0a\0\0";
        let packet = [&[0, 0, 0, packet.len() as u8], &packet[4..]].concat();
        let changed = with_parameter(&packet).expect("a start-up packet");
        assert_eq!(changed.len(), packet.len() + PARAMETER.len());
        assert_eq!(usize::from(changed[3]), changed.len());
        assert!(changed.ends_with(b"a\0replication\0database\0\0"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(with_parameter(b"\0\0\0\x08\x04\xd2\x16\x2f").is_err());
        assert!(with_parameter(b"").is_err());
    }
}
