//! Fills the `{{ … }}` in one text of a plan: strictly, by expressions alone, within limits.
//! It never changes the shape of a plan, and never lets a secret out as anything but a placeholder.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use minijinja::value::ValueKind;
use minijinja::{Environment as Engine, ErrorKind, UndefinedBehavior, Value as Filled, filters};
use serde_json::Value;

use crate::secret::seal;

use super::check::cut;
use super::command::{self, MAX_SECRET_BYTES, without_newline};
use super::{document::Environment, file, hint};

/// The functions a template may call, in the order they are listed to the user.
const FUNCTIONS: [&str; 4] = ["env", "file", "command", "var"];

/// Steps of one expression. The longest sensible one takes a few dozen.
const FUEL: u64 = 10_000;

/// Templates of one plan, each of which may give [`MAX_SECRET_BYTES`].
const MAX_TEMPLATES: usize = 1_000;

/// Items of a list that a template makes.
const MAX_ITEMS: usize = 10_000;

/// Why a template cannot be filled; `needle` is the word in it that is to blame.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) help: String,
    pub(crate) needle: String,
}

impl Refusal {
    fn new(needle: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            needle: needle.to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for minijinja::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorKind::InvalidOperation, "refused").with_source(refusal)
    }
}

/// What templates may read from.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) vars: BTreeMap<String, String>,
    pub(crate) environment: Environment,
    /// What relative paths start from: the plan's folder.
    pub(crate) folder: PathBuf,
}

/// Fills templates from its sources.
pub(crate) struct Filler {
    engine: Engine<'static>,
    ran: Arc<AtomicBool>,
    filled: AtomicUsize,
}

impl Filler {
    /// With `run` off, `command()` is not run: its placeholder stands for nothing yet.
    pub(crate) fn new(sources: &Sources, run: bool) -> Self {
        let mut engine = Engine::empty();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        engine.add_filter("bool", filters::bool);
        engine.add_filter("default", filters::default);
        engine.add_filter("int", filters::int);
        engine.add_filter("lower", filters::lower);
        engine.add_filter("split", filters::split);
        engine.add_filter("trim", filters::trim);
        engine.add_filter("upper", filters::upper);
        let ran = Arc::new(AtomicBool::new(false));
        add_functions(&mut engine, sources);
        let (folder, called) = (sources.folder.clone(), Arc::clone(&ran));
        engine.add_function("command", move |argv: Vec<String>| {
            called.store(true, Ordering::Relaxed);
            run_command(&argv, run.then_some(folder.as_path())).map_err(minijinja::Error::from)
        });
        let filled = AtomicUsize::new(0);
        Self {
            engine,
            ran,
            filled,
        }
    }

    /// Whether a template has called `command()`.
    pub(crate) fn ran_commands(&self) -> bool {
        self.ran.load(Ordering::Relaxed)
    }

    /// The value that a text stands for; `None` if there is no template in it.
    pub(crate) fn fill(&self, text: &str) -> Result<Option<Value>, Refusal> {
        if text.contains("{%") {
            let help = "a value may hold expressions in `{{ }}`, no statements";
            return Err(Refusal::new("{%", "`{%` is not supported in a plan", help));
        }
        if !text.contains("{{") {
            return Ok(None);
        }
        if multiplies(text) {
            return Err(Refusal::new("*", "`*` is not supported in a template", ""));
        }
        if self.filled.fetch_add(1, Ordering::Relaxed) >= MAX_TEMPLATES {
            let message = format!("the plan has more than {MAX_TEMPLATES} templates");
            return Err(Refusal::new("{{", message, ""));
        }
        // A whole expression keeps its type.
        let whole = text
            .trim()
            .strip_prefix("{{")
            .and_then(|t| t.strip_suffix("}}"));
        if let Some(Ok(expression)) = whole.map(|source| self.engine.compile_expression(source)) {
            refuse_unknown(expression.undeclared_variables(false), text)?;
            let value = expression.eval(()).map_err(|e| refusal(&e, text))?;
            return plain(&value).map(Some);
        }
        let template = self
            .engine
            .template_from_str(text)
            .map_err(|e| refusal(&e, text))?;
        refuse_unknown(template.undeclared_variables(false), text)?;
        let filled = template.render(()).map_err(|e| refusal(&e, text))?;
        if filled.len() > MAX_SECRET_BYTES {
            return Err(too_large());
        }
        Ok(Some(Value::String(filled)))
    }
}

/// Whether an expression in the text multiplies: `'x' * 100000000` would fill the memory faster than
/// any other limit could tell.
fn multiplies(text: &str) -> bool {
    let mut expression = false;
    let mut quote = None;
    let mut last = ' ';
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if expression => quote = Some(c),
            (None, '{') if last == '{' => expression = true,
            (None, '}') if last == '}' => expression = false,
            (None, '*') if expression => return true,
            (None, _) => {}
        }
        last = c;
    }
    false
}

fn add_functions(engine: &mut Engine<'static>, sources: &Sources) {
    let environment = sources.environment.clone();
    engine.add_function("env", move |name: String, default: Option<String>| {
        let value = environment.get(&name).or(default).ok_or_else(|| {
            Refusal::new(
                &name,
                format!("the environment variable `{}` is not set", cut(&name)),
                format!("set it, or give a default: `env('{}', '…')`", cut(&name)),
            )
        })?;
        Ok::<_, minijinja::Error>(seal(&format!("env {name}"), value))
    });
    let vars = sources.vars.clone();
    engine.add_function("var", move |name: String, default: Option<String>| {
        let value = vars.get(&name).cloned().or(default).ok_or_else(|| {
            let name_shown = cut(&name);
            Refusal::new(
                &name,
                format!("the variable `{name_shown}` is not given"),
                format!("run with `--var {name_shown}=VALUE`, or give a default: `var('{name_shown}', '…')`"),
            )
        })?;
        Ok::<_, minijinja::Error>(value)
    });
    let folder = sources.folder.clone();
    engine.add_function("file", move |path: String| {
        read_secret(&path, &folder).map_err(minijinja::Error::from)
    });
}

fn read_secret(path: &str, folder: &Path) -> Result<String, Refusal> {
    let refuse = |why: &str, help: &str| {
        Refusal::new(
            path,
            format!("the file `{}` cannot be read: {why}", cut(path)),
            help,
        )
    };
    let bytes = file::limited(&folder.join(path), MAX_SECRET_BYTES)
        .map_err(|refusal| refuse(&refusal.why, "relative paths start from the plan's folder"))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8", ""))?;
    Ok(seal(&format!("file {path}"), without_newline(&text)))
}

fn run_command(argv: &[String], folder: Option<&Path>) -> Result<String, Refusal> {
    let program = argv.first().map_or("", String::as_str);
    // Only the program's name: an argument may be a secret itself.
    let label = format!("command {program}");
    let Some(folder) = folder else {
        return Ok(seal(&label, ""));
    };
    let refused = |why: String| {
        let message = format!("command(['{}', …]) {why}", cut(program));
        Refusal::new(program, message, "run it by hand to see what it says")
    };
    command::secret(argv, folder)
        .map(|value| seal(&label, value))
        .map_err(refused)
}

fn refuse_unknown(names: impl IntoIterator<Item = String>, text: &str) -> Result<(), Refusal> {
    let mut unknown: Vec<String> = names
        .into_iter()
        .filter(|name| !FUNCTIONS.contains(&name.as_str()))
        .collect();
    unknown.sort();
    let Some(name) = unknown.first() else {
        return Ok(());
    };
    let help = match hint::closest(name, &FUNCTIONS) {
        Some(meant) => format!("did you mean `{meant}(…)`?"),
        None if text.contains(&format!("{name}(")) => {
            format!("the functions are {}", hint::listed(&FUNCTIONS, "and"))
        }
        None => format!(
            "a name must be in quotes within a function: `env('{name}')` for a secret, \
             `var('{name}')` for what `--var {name}=VALUE` gives"
        ),
    };
    Err(Refusal::new(name, format!("`{name}` is not defined"), help))
}

fn refusal(error: &minijinja::Error, text: &str) -> Refusal {
    let own = error
        .source()
        .and_then(|source| source.downcast_ref::<Refusal>());
    if let Some(refusal) = own {
        return refusal.clone();
    }
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    let secret = ["env(", "file(", "command("]
        .iter()
        .any(|call| text.contains(call));
    let message = format!("this template cannot be filled: {detail}");
    match error.kind() {
        ErrorKind::UnknownFilter => {
            let help =
                "the filters are `bool`, `default`, `int`, `lower`, `split`, `trim` and `upper`";
            Refusal::new("{{", message, help)
        }
        ErrorKind::SyntaxError => {
            Refusal::new("{{", message, "an example: `{{ env('SOURCE_PASSWORD') }}`")
        }
        _ if secret => Refusal::new(
            "{{",
            "this template does something with a secret",
            "what env(), file() and command() return can only be put into a text as it is; \
             `var('NAME')` returns plain text",
        ),
        _ => Refusal::new("{{", message, ""),
    }
}

/// Texts, numbers, true and false, and lists of them: what a key of a plan may hold.
fn plain(value: &Filled) -> Result<Value, Refusal> {
    let other = || {
        let message = "this template gives neither text, a number, true or false, nor a list";
        Refusal::new("{{", message, "")
    };
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            if value.len().is_none_or(|len| len > MAX_ITEMS) {
                return Err(too_large());
            }
            let items = value.try_iter().map_err(|_| other())?;
            let items = items.map(|item| scalar(&item)?.ok_or_else(other));
            items.collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        _ => scalar(value)?.ok_or_else(other),
    }
}

fn scalar(value: &Filled) -> Result<Option<Value>, Refusal> {
    Ok(match value.kind() {
        ValueKind::Bool => Some(Value::Bool(value.is_true())),
        ValueKind::Number => serde_json::to_value(value).ok(),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            if text.len() > MAX_SECRET_BYTES {
                return Err(too_large());
            }
            Some(Value::String(text.to_owned()))
        }
        _ => None,
    })
}

fn too_large() -> Refusal {
    Refusal::new("{{", "this template gives more than a plan may hold", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_counts_only_where_it_multiplies() {
        assert!(multiplies("{{ 'x' * 9 }}"));
        assert!(multiplies("a {{ '\\'' * 9 }} b"));
        assert!(multiplies("{{ 'a' }} {{ [1]*9 }}"));
        assert!(!multiplies("public.* {{ var('t') }} *"));
        assert!(!multiplies("{{ var('t', 'log_*') }}"));
    }
}
