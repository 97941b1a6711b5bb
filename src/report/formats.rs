//! The form in which each table's rows are streamed, and what decided it. It decides nothing.

use std::collections::BTreeMap;

use crate::effect::{CopyFormat, CopyRows, Effect};
use crate::plan::Plan;

/// A table's form, and what decided it.
pub(super) struct Form<'a> {
    pub(super) format: CopyFormat,
    pub(super) because: &'a str,
}

/// Every table whose rows are streamed, once, by its name.
pub(super) fn formats(plan: &Plan) -> BTreeMap<String, Form<'_>> {
    let effects = plan.steps().flat_map(|step| &step.effects);
    let copies = effects.filter_map(|effect| match effect {
        Effect::CopyRows(CopyRows { tables, into: _ }) => Some(tables),
        _ => None,
    });
    let forms = copies.flatten().map(|table| {
        let (format, because) = (table.format, table.because.as_str());
        (table.full_name(), Form { format, because })
    });
    forms.collect()
}

/// The tables that travel as text, each a sentence.
pub(super) fn as_text(plan: &Plan) -> Vec<String> {
    let forms = formats(plan).into_iter();
    let text = forms.filter(|(_, form)| form.format == CopyFormat::Text);
    text.map(|(table, form)| format!("{table}: {}", form.because))
        .collect()
}
