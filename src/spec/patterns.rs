//! Checks the spelling of the patterns under `include` and `exclude`.
//! It never matches them against anything: only the source knows what there is.

use globset::GlobBuilder;
use serde_json::Value;

use super::check::{Objection, called};

pub(crate) fn check(plan: &Value, found: &mut Vec<Objection>) {
    for section in ["include", "exclude"] {
        for list in ["schemas", "tables", "table_data"] {
            let pointer = format!("/{section}/{list}");
            let items = plan.pointer(&pointer).and_then(Value::as_array);
            let items = items.into_iter().flatten().enumerate();
            found.extend(items.filter_map(|(at, item)| {
                objection(
                    &format!("{pointer}/{at}"),
                    item.as_str()?,
                    list != "schemas",
                )
            }));
        }
    }
}

fn objection(pointer: &str, pattern: &str, of_tables: bool) -> Option<Objection> {
    let name = called(pointer);
    if pattern.is_empty() {
        let message = format!("{name} is an empty pattern");
        return Some(Objection::value(
            pointer,
            message,
            "remove it; `*` stands for everything",
        ));
    }
    if let Err(error) = GlobBuilder::new(pattern).build() {
        let message = format!("{name} is not a pattern: {}", error.kind());
        let help = "`*`, `?` and `[a-z]` are wildcards; `[*]` is a star itself";
        return Some(Objection::value(pointer, message, help));
    }
    if of_tables && !pattern.contains('.') {
        let message = format!("{name} does not say which schema it means");
        let help = format!("write `public.{pattern}`, or `*.{pattern}` for every schema");
        return Some(Objection::value(pointer, message, &help));
    }
    None
}
