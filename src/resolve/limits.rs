//! Reads durations and sizes as people write them.
//! It knows no key, and settles no default.

use std::time::Duration;

use crate::spec::{Document, Problems};

/// Reads `500ms`, `30s`, `5m`, `1h`; of anything else it says so, and goes on with nothing.
pub(super) fn duration(
    document: &Document,
    pointer: &str,
    text: &str,
    problems: &mut Problems,
) -> Duration {
    milliseconds(text).map_or_else(
        || {
            let help = "write a number and a unit: `500ms`, `30s`, `5m` or `1h`";
            problems.push(document.problem(pointer, "not a duration", help));
            Duration::ZERO
        },
        Duration::from_millis,
    )
}

fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds)
}

/// Reads `512KiB`, `512MiB`, `100GiB`, `1TiB` as bytes; of anything else it says so.
pub(super) fn size(
    document: &Document,
    pointer: &str,
    text: &str,
    problems: &mut Problems,
) -> Option<u64> {
    let read = bytes(text);
    if read.is_none() {
        let help = "write a number and a unit: `512MiB`, `100GiB` or `1TiB`";
        problems.push(document.problem(pointer, "not a size", help));
    }
    read
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let shift = match unit {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_binary_unit() {
        assert_eq!(bytes("8KiB"), Some(8192));
        assert_eq!(bytes("100GiB"), Some(100 << 30));
        assert_eq!(bytes("999999999TiB"), None);
        assert_eq!(bytes("100GB"), None);
        assert_eq!(bytes("100"), None);
    }
}
