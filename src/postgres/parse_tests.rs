//! Tests of taking strings apart where psql cannot be asked: the rules of libpq since 17, and
//! placeholders. Never repeats what is compared with psql itself.

use proptest::prelude::{any, proptest};

use super::parse;
use crate::secret::seal;

fn shown(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = parse("source.url", text).map_err(|error| error.what().to_owned())?;
    Ok(pairs
        .into_iter()
        .map(|(name, value)| (name, value.as_sealed_str().to_owned()))
        .collect())
}

#[test]
fn spaces_around_parts_of_a_url_are_dropped_and_inside_refused() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        shown("postgresql://host?  user = uri-user & port  = 12345 "),
        Ok(vec![
            pair("host", "host"),
            pair("user", "uri-user"),
            pair("port", "12345")
        ])
    );
    assert_eq!(
        shown("postgresql://host?user=a b"),
        Err("source.url has a space in it, which a URL writes as %20".to_owned())
    );
}

#[test]
fn a_placeholder_stays_whole_whatever_its_secret_holds() {
    let placeholder = seal("env PARSED", "a:b@c/d?e=f&g h'i\\j%zz");
    for text in [
        format!("postgres://u:{placeholder}@h/d"),
        format!("host=h user=u dbname=d password={placeholder}"),
    ] {
        let pairs = shown(&text).expect("it is well-formed");
        assert_eq!(pairs.len(), 4);
        assert!(pairs.contains(&("password".to_owned(), placeholder.clone())));
    }
}

proptest! {
    #[test]
    fn any_value_survives_quoting(value in any::<String>()) {
        let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
        let pairs = shown(&format!("a='{quoted}'")).expect("it is well-formed");
        assert_eq!(pairs, [("a".to_owned(), value)]);
    }

    #[test]
    fn any_value_survives_percent_encoding(value in any::<String>()) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == 0;
        let encoded: String = value
            .bytes()
            .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02x}") })
            .collect();
        let pairs = shown(&format!("postgres:///?a={encoded}")).expect("it is well-formed");
        assert_eq!(pairs, [("a".to_owned(), value)]);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), url in "postgres://[a:@/?%&=,\\[\\] ']{0,20}") {
        let (_, _) = (shown(&text), shown(&url));
    }
}
