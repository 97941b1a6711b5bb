//! The parameters of one connection, filled from the text, then the service, then the environment.
//! It never overwrites what a nearer place has set, and never shows a value.

use std::collections::BTreeMap;
use std::str::FromStr;

use secrecy::ExposeSecret;

use crate::error::{Error, Exit, Result};
use crate::secret::Sealed;

use super::environment::Environment;
use super::keyword::{self, KEYWORDS, Support};

/// Parameter names to values, and the place of the whole for errors (`source.url`).
pub(super) struct Parameters {
    place: String,
    values: BTreeMap<&'static str, Sealed>,
}

impl Parameters {
    /// Takes what the text itself says; of two values for one name the later one counts, as in
    /// libpq.
    pub(super) fn of_text(place: &str, pairs: Vec<(String, Sealed)>) -> Result<Self> {
        let mut parameters = Self {
            place: place.to_owned(),
            values: BTreeMap::new(),
        };
        let mut nearest = BTreeMap::new();
        for (name, value) in pairs {
            let name = known(place, &name)?;
            nearest.insert(name, value);
        }
        parameters.values = nearest;
        Ok(parameters)
    }

    /// Fills what is still unset from a service.
    pub(super) fn fill(&mut self, place: &str, pairs: Vec<(String, Sealed)>) -> Result<()> {
        for (name, value) in pairs {
            let name = known(place, &name)?;
            self.values.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Fills what is still unset from the environment's variables.
    pub(super) fn fill_from(&mut self, environment: &Environment) -> Result<()> {
        for keyword in KEYWORDS {
            let value = keyword
                .variable
                .and_then(|name| Some((name, environment.variable(name)?)));
            let Some((variable, value)) = value else {
                continue;
            };
            if self.values.contains_key(keyword.name) || value.is_empty() {
                continue;
            }
            if let Support::Refused(next) = keyword.support {
                let what = format!("the environment variable {variable} cannot be honoured");
                return Err(Error::new(Exit::PlanInvalid, what, next));
            }
            self.values.insert(keyword.name, Sealed::new(value));
        }
        Ok(())
    }

    /// Where the parameters come from, for errors.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The value with its placeholders; an empty one counts as unset, as in libpq.
    pub(super) fn sealed(&self, name: &str) -> Option<&Sealed> {
        self.values
            .get(name)
            .filter(|value| !value.as_sealed_str().is_empty())
    }

    /// The value with its secrets filled in.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = self.sealed(name) else {
            return Ok(None);
        };
        let text = value.reveal()?.expose_secret().to_owned();
        if text.contains('\0') {
            return Err(self.invalid(name, "holds a NUL character", "Remove it."));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The value as a number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.invalid(name, "is not a whole number", "Write digits only.")),
        }
    }

    /// The value as one of a few words.
    pub(super) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let next = format!("Write one of: {}.", words.join(", "));
                Err(self.invalid(name, "has a value that libpq does not know", &next))
            }
        }
    }

    /// The refusal of one parameter's value, which it does not repeat.
    pub(super) fn invalid(&self, name: &str, why: &str, next: &str) -> Error {
        let what = format!(
            "`{name}` {why} ({}, its service or its environment)",
            self.place
        );
        Error::new(Exit::PlanInvalid, what, next)
    }
}

fn known(place: &str, name: &str) -> Result<&'static str> {
    let keyword = keyword::find(name).ok_or_else(|| keyword::unknown(place, name))?;
    match keyword.support {
        Support::Refused(next) => Err(Error::new(
            Exit::PlanInvalid,
            format!("{place} has the parameter `{name}`, which cannot be honoured"),
            next,
        )),
        Support::Honoured | Support::Ignored => Ok(keyword.name),
    }
}
