//! Numbers, sizes and lists for people. It never rounds what a program will read.

/// A number of bytes for people, in powers of 1024: `1.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10).min(5);
    let size = bytes as f64 / (1_u64 << (10 * power)) as f64;
    format!("{size:.1} {}", UNITS[power as usize - 1])
}

/// `1 table`, `2 tables`, `3 memberships`, `4 properties`, `5 classes`.
pub fn counted(count: u64, noun: &str) -> String {
    let number = grouped(count);
    let before_y = noun
        .strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (count, before_y) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ if noun.ends_with("ss") || noun.ends_with('x') => format!("{number} {noun}es"),
        _ => format!("{number} {noun}s"),
    }
}

/// The noun of a plural: `policy` of `policies`, `class` of `classes`, `index` of `indexes`,
/// `table` of `tables`.
pub fn singular(plural: &str) -> String {
    match plural.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None if plural.ends_with("sses") || plural.ends_with("xes") => {
            plural[..plural.len() - 2].to_owned()
        }
        None => plural.strip_suffix('s').unwrap_or(plural).to_owned(),
    }
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first few of many names, and how many more there are.
pub fn some_of(names: &[&str], most: usize) -> String {
    let shown = names
        .iter()
        .take(most)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more as u64)),
    }
}

/// A duration for people: `350 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A duration that nobody knows exactly: `under 1 s`, `12 s`, `4 min`, `2 h 10 min`.
pub fn roughly(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        ..1.0 => "under 1 s".to_owned(),
        ..100.0 => format!("{seconds:.0} s"),
        ..6000.0 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536)],
            ["0 B", "1023 B", "1.5 KiB"]
        );
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        assert_eq!(
            [counted(1, "table"), counted(0, "table")],
            ["1 table", "0 tables"]
        );
        assert_eq!(
            [counted(2, "property"), counted(2, "key")],
            ["2 properties", "2 keys"]
        );
        assert_eq!(
            ["policies", "operator_classes", "types", "indexes"].map(singular),
            ["policy", "operator_class", "type", "index"]
        );
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_234_567)],
            ["0", "999", "1,234,567"]
        );
        assert_eq!([duration(0.35), duration(245.0)], ["350 ms", "4 min 05 s"]);
        assert_eq!(
            [0.2, 59.6, 130.0, 7800.0].map(roughly),
            ["under 1 s", "60 s", "2 min", "2 h 10 min"]
        );
        assert_eq!(some_of(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
