//! A database's own properties as SQL: what `pg_dump` keeps only with `--create`, under the name
//! the database has on the target. It reads nothing; the text is the same for the same facts.

use std::collections::BTreeSet;

use crate::effect::replication::READ_ONLY;
use crate::inspect::{Database, Grant, Locale, Setting, Target};
use crate::postgres::{quote_identifier, quote_literal};

/// Settings whose value is a list that PostgreSQL keeps already quoted (`GUC_LIST_QUOTE`).
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// `create database`, with the encoding and locale of the source. From `template0`, because
/// `template1` may hold things that the source lacks, and must have the same locale.
pub(crate) fn create(database: &Database, name: &str, options: CreateOptions) -> String {
    let Locale {
        encoding,
        provider,
        collate,
        ctype,
        locale,
        icu_rules,
    } = &database.locale;
    let mut sql = format!(
        "create database {} template template0",
        quote_identifier(name)
    );
    if options.owner {
        sql.push_str(&format!(" owner {}", quote_identifier(&database.owner)));
    }
    sql.push_str(&format!(" encoding {}", quote_literal(encoding)));
    if options.provider {
        sql.push_str(&format!(" locale_provider {provider}"));
    }
    sql.push_str(&format!(
        " lc_collate {} lc_ctype {}",
        quote_literal(collate),
        quote_literal(ctype)
    ));
    match (provider.as_str(), locale) {
        ("icu", Some(locale)) => {
            sql.push_str(&format!(" icu_locale {}", quote_literal(locale)));
        }
        ("builtin", Some(locale)) => {
            sql.push_str(&format!(" builtin_locale {}", quote_literal(locale)));
        }
        _ => {}
    }
    if let Some(rules) = icu_rules {
        sql.push_str(&format!(" icu_rules {}", quote_literal(rules)));
    }
    if options.tablespace && database.tablespace != "pg_default" {
        sql.push_str(&format!(
            " tablespace {}",
            quote_identifier(&database.tablespace)
        ));
    }
    sql
}

/// What a `create database` says besides encoding and locale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CreateOptions {
    /// The owner.
    pub owner: bool,
    /// The locale provider: PostgreSQL 15 and later know the word.
    pub provider: bool,
    /// The tablespace.
    pub tablespace: bool,
}

/// The owner, as a statement of its own: `create database` sets it too.
pub(crate) fn owner(database: &Database, name: &str) -> String {
    format!(
        "alter database {} owner to {}",
        quote_identifier(name),
        quote_identifier(&database.owner)
    )
}

/// The database as the target can have it: without the settings that it does not take.
pub(crate) fn as_taken(database: &Database, target: &Target) -> Database {
    let mut taken = database.clone();
    taken
        .settings
        .retain(|setting| target.takes_setting(&setting.name));
    taken
}

/// Whether it is the setting by which a database is closed until it serves.
pub(crate) fn closes(setting: &Setting) -> bool {
    setting.role.is_none() && setting.name == READ_ONLY
}

/// The settings that the target does not take, for people.
pub(crate) fn not_taken<'a>(
    target: &Target,
    settings: impl Iterator<Item = &'a Setting>,
) -> Vec<String> {
    settings
        .filter(|setting| !target.takes_setting(&setting.name))
        .map(
            |Setting {
                 role,
                 name,
                 value: _,
             }| match role {
                Some(role) => format!("{name} of role {role}"),
                None => name.clone(),
            },
        )
        .collect()
}

/// Comment, privileges, settings, security labels and connection limit.
pub(crate) fn statements(database: &Database, name: &str) -> Vec<String> {
    let quoted = quote_identifier(name);
    let mut all = Vec::new();
    if let Some(comment) = &database.comment {
        all.push(format!(
            "comment on database {quoted} is {}",
            quote_literal(comment)
        ));
    }
    if let Some(grants) = &database.privileges {
        all.extend(privileges(grants, &database.owner, &quoted));
    }
    for (provider, label) in &database.security_labels {
        all.push(format!(
            "security label for {} on database {quoted} is {}",
            quote_identifier(provider),
            quote_literal(label)
        ));
    }
    all.extend(
        database
            .settings
            .iter()
            .map(|setting| setting_statement(setting, name)),
    );
    if database.connection_limit != -1 {
        all.push(format!(
            "alter database {quoted} connection limit {}",
            database.connection_limit
        ));
    }
    all
}

/// Puts back what [`statements`] and [`owner`] of `source` changed in a database that had the
/// properties `before`.
pub(crate) fn put_back(before: &Database, source: &Database, name: &str) -> Vec<String> {
    let quoted = quote_identifier(name);
    let whose = |setting: &Setting| match &setting.role {
        Some(role) => format!("alter role {} in database {quoted}", quote_identifier(role)),
        None => format!("alter database {quoted}"),
    };
    let reset = |setting: &Setting| {
        let name = setting_name(&setting.name);
        format!("{} reset {name}", whose(setting))
    };
    let mut all = vec![owner(before, name)];
    all.extend(source.settings.iter().map(reset));
    if source.comment.is_some() {
        all.push(format!("comment on database {quoted} is null"));
    }
    for (provider, _) in &source.security_labels {
        let provider = quote_identifier(provider);
        all.push(format!(
            "security label for {provider} on database {quoted} is null"
        ));
    }
    if let Some(grants) = &source.privileges {
        let grantees: BTreeSet<_> = grants.iter().filter_map(|g| g.grantee.as_deref()).collect();
        let revoke = |grantee: &str| {
            let grantee = quote_identifier(grantee);
            format!("revoke all on database {quoted} from {grantee}")
        };
        all.push(format!("revoke all on database {quoted} from public"));
        all.extend(grantees.into_iter().map(revoke));
        let default = [(Some(&before.owner), "all"), (None, "connect, temporary")];
        all.extend(default.map(|(grantee, privileges)| {
            let grantee = grantee.map_or("public".to_owned(), |owner| quote_identifier(owner));
            format!("grant {privileges} on database {quoted} to {grantee}")
        }));
    }
    if source.connection_limit != before.connection_limit {
        let limit = before.connection_limit;
        all.push(format!("alter database {quoted} connection limit {limit}"));
    }
    all.extend(statements(before, name));
    all
}

/// Everything that is there by default is taken away first, so that what is left is exactly this.
fn privileges(grants: &[Grant], owner: &str, database: &str) -> Vec<String> {
    let mut all = vec![
        format!("revoke all on database {database} from public"),
        format!(
            "revoke all on database {database} from {}",
            quote_identifier(owner)
        ),
    ];
    for Grant {
        grantor: _,
        grantee,
        privilege,
        grantable,
    } in grants
    {
        let grantee = grantee
            .as_deref()
            .map_or("public".to_owned(), quote_identifier);
        let option = if *grantable { " with grant option" } else { "" };
        all.push(format!(
            "grant {} on database {database} to {grantee}{option}",
            privilege.to_lowercase()
        ));
    }
    all
}

/// The setting, as a statement of its own.
pub(crate) fn setting_statement(setting: &Setting, name: &str) -> String {
    let database = quote_identifier(name);
    let whose = match &setting.role {
        Some(role) => format!(
            "alter role {} in database {database}",
            quote_identifier(role)
        ),
        None => format!("alter database {database}"),
    };
    set(&whose, setting)
}

/// `ALTER ROLE … SET`, for every database.
pub(crate) fn role_setting(role: &str, setting: &Setting) -> String {
    set(&format!("alter role {}", quote_identifier(role)), setting)
}

fn set(whose: &str, setting: &Setting) -> String {
    let Setting {
        role: _,
        name,
        value,
    } = setting;
    let value = if LISTS.contains(&name.as_str()) && !value.is_empty() {
        value.clone()
    } else {
        quote_literal(value)
    };
    format!("{whose} set {} = {value}", setting_name(name))
}

/// A setting of an extension has two parts: `myapp.tenant`.
fn setting_name(name: &str) -> String {
    name.split('.')
        .map(quote_identifier)
        .collect::<Vec<_>>()
        .join(".")
}
