//! Reshapes what a server sends during COPY before the client library reads it: a message a row
//! becomes a message per 64 KiB, and a row of 200 MB many of them. It never touches a byte of the data,
//! nor any other message.
//!
//! The library hands every message on as a piece of its own, and keeps each whole in memory. Where
//! rows end matters to neither side of a copy: CopyData may be cut anywhere (manual, "COPY
//! Operations").

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// How much is read at once, and so the most that a reshaped message holds.
const INBOX_BYTES: usize = 64 * 1024;
/// A message begins with its kind, a byte, and its length, which counts itself but not the kind.
const HEADER_BYTES: usize = 5;
const COPY_DATA: u8 = b'd';

/// What was read and not yet handed on.
pub(super) struct CopyFrames {
    inbox: Box<[u8]>,
    filled: usize,
    outbox: Vec<u8>,
    taken: usize,
    within: Within,
    rows: Arc<AtomicU64>,
}

/// Where the bytes that come next belong.
#[derive(Debug, Clone, Copy)]
enum Within {
    /// To the header of a message.
    Header,
    /// To a message that goes on as it is, for so many bytes.
    Other(usize),
    /// To rows, for so many bytes.
    Data(usize),
}

impl CopyFrames {
    /// Adds to `rows` as they arrive: a server sends a message a row.
    pub(super) fn counting(rows: Arc<AtomicU64>) -> Self {
        Self {
            inbox: vec![0; INBOX_BYTES].into_boxed_slice(),
            filled: 0,
            outbox: Vec::new(),
            taken: 0,
            within: Within::Header,
            rows,
        }
    }

    /// Reads from the stream, and hands on what becomes of it.
    pub(super) fn poll_read(
        &mut self,
        mut stream: Pin<&mut (impl AsyncRead + ?Sized)>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.taken == self.outbox.len() {
            self.outbox.clear();
            self.taken = 0;
            let mut inbox = ReadBuf::new(&mut self.inbox[self.filled..]);
            ready!(stream.as_mut().poll_read(cx, &mut inbox))?;
            match inbox.filled().len() {
                0 => return Poll::Ready(Ok(())),
                read => self.filled += read,
            }
            self.reshape();
        }
        let ready = &self.outbox[self.taken..];
        let some = ready.len().min(buf.remaining());
        buf.put_slice(&ready[..some]);
        self.taken += some;
        Poll::Ready(Ok(()))
    }

    /// Moves everything from the inbox to the outbox, but the beginning of a header.
    fn reshape(&mut self) {
        let mut at = 0;
        let mut open = None;
        let mut rows = 0;
        loop {
            let rest = &self.inbox[at..self.filled];
            let (left, data) = match self.within {
                Within::Header => {
                    let Some((kind, length)) = header(rest) else {
                        break;
                    };
                    if kind == COPY_DATA {
                        rows += 1;
                        at += HEADER_BYTES;
                        self.within = Within::Data(length + 1 - HEADER_BYTES);
                    } else {
                        close(&mut self.outbox, open.take());
                        self.within = Within::Other(length + 1);
                    }
                    continue;
                }
                Within::Data(0) | Within::Other(0) => {
                    self.within = Within::Header;
                    continue;
                }
                _ if rest.is_empty() => break,
                Within::Data(left) => (left, true),
                Within::Other(left) => (left, false),
            };
            if data && open.is_none() {
                open = Some(self.outbox.len());
                self.outbox.extend([COPY_DATA, 0, 0, 0, 0]);
            }
            let some = left.min(rest.len());
            self.outbox.extend_from_slice(&rest[..some]);
            at += some;
            self.within = if data {
                Within::Data(left - some)
            } else {
                Within::Other(left - some)
            };
        }
        close(&mut self.outbox, open);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.inbox.copy_within(at..self.filled, 0);
        self.filled -= at;
    }
}

/// The kind of a message and its length, once the header is there.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let &[kind, a, b, c, d, ..] = bytes else {
        return None;
    };
    // A length below its own size is nothing a server sends; it must not turn round.
    let length = u32::from_be_bytes([a, b, c, d]).max(4);
    Some((kind, length as usize))
}

/// Writes the length of a message that was opened at `open`.
fn close(outbox: &mut [u8], open: Option<usize>) {
    let Some(open) = open else { return };
    let length = u32::try_from(outbox.len() - open - 1).expect("no longer than the inbox");
    outbox[open + 1..open + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Gives a few bytes at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl AsyncRead for Drops<'_> {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Self(sent, at_once) = self.get_mut();
            let (some, later) = sent.split_at(sent.len().min(*at_once).min(buf.remaining()));
            buf.put_slice(some);
            *sent = later;
            Poll::Ready(Ok(()))
        }
    }

    struct Reshaped<'a>(CopyFrames, Drops<'a>);

    impl AsyncRead for Reshaped<'_> {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Self(frames, drops) = self.get_mut();
            frames.poll_read(Pin::new(drops), cx, buf)
        }
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("small");
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    /// Messages as (kind, body), rows that follow each other together.
    fn gathered(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut all: Vec<(u8, Vec<u8>)> = Vec::new();
        while let Some((kind, length)) = header(bytes) {
            let (body, rest) = bytes[HEADER_BYTES..].split_at(length - 4);
            match all.last_mut() {
                Some((COPY_DATA, rows)) if kind == COPY_DATA => rows.extend(body),
                _ if kind == COPY_DATA && body.is_empty() => {}
                _ => all.push((kind, body.to_vec())),
            }
            bytes = rest;
        }
        assert!(bytes.is_empty(), "half a message is left");
        all
    }

    proptest! {
        #[test]
        fn nothing_but_the_ends_of_rows_is_changed(
            sent in prop::collection::vec(
                (prop_oneof![Just(COPY_DATA), Just(b'C'), Just(b'N')],
                 prop::collection::vec(any::<u8>(), 0..300)), 0..40),
            at_once in 1..500_usize,
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|(k, body)| message(*k, body)).collect();
            let mut received = Vec::new();
            let mut reshaped = Reshaped(CopyFrames::counting(Arc::default()), Drops(&bytes, at_once));
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let read = runtime.expect("a runtime").block_on(reshaped.read_to_end(&mut received));
            read.expect("nothing fails");
            prop_assert_eq!(gathered(&received), gathered(&bytes));
        }
    }

    #[test]
    fn a_long_row_comes_in_pieces_and_many_short_ones_in_one() {
        let mut frames = CopyFrames::counting(Arc::default());
        let bytes = message(COPY_DATA, &[7; 200_000]);
        let (head, _) = bytes.split_at(INBOX_BYTES);
        frames.inbox.copy_from_slice(head);
        frames.filled = INBOX_BYTES;
        frames.reshape();
        assert_eq!(frames.outbox.len(), INBOX_BYTES);
        let mut frames = CopyFrames::counting(Arc::default());
        let rows: Vec<u8> = (0..100).flat_map(|_| message(COPY_DATA, b"row")).collect();
        frames.inbox[..rows.len()].copy_from_slice(&rows);
        frames.filled = rows.len();
        frames.reshape();
        assert_eq!(frames.outbox, message(COPY_DATA, &b"row".repeat(100)));
    }
}
