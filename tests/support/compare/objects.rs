//! Every object of a database, as the newest pg_dump words it.
//! Never looks at rows: a schema-only dump has none.

use super::{Database, Facts};
use crate::support::programs::{client, must};
use crate::support::{Cluster, newest_tools};

/// The objects of `database`: under the heading that pg_dump gives each, the SQL that makes it.
pub(super) fn of(database: Database<'_>) -> Facts {
    entries(&dump(database))
}

/// The objects of `source`, worded as the server of `target` would word them.
///
/// Majors print views and expressions differently, so the source's dump is first restored there,
/// into a scratch database beside the target, and dumped again.
pub(super) fn as_on(source: Database<'_>, target: Database<'_>) -> Facts {
    if source.cluster.major() == target.cluster.major() {
        return of(source);
    }
    let scratch = scratch_like(target);
    let file = target
        .cluster
        .socket_folder()
        .join(format!("{scratch}.sql"));
    std::fs::write(&file, dump(source)).expect("the folder is ours");
    target.cluster.load(&scratch, &file);
    let objects = of(Database::on(target.cluster, &scratch));
    target.cluster.drop_database(&scratch);
    objects
}

/// A database without objects of its own, with the target's encoding and locale.
fn scratch_like(target: Database<'_>) -> String {
    let cluster: &Cluster = target.cluster;
    let locale = cluster.psql(
        target.name,
        "select format('encoding %L lc_collate %L lc_ctype %L',
                       pg_encoding_to_char(encoding), datcollate, datctype)
             || case datlocprovider when 'i' then ' locale_provider icu icu_locale ' || quote_literal(
                    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
                else '' end
         from pg_database d where datname = current_database()",
    );
    let name = cluster.create_database("scratch");
    cluster.drop_database(&name);
    cluster.psql(
        "postgres",
        &format!("create database \"{name}\" template template0 {locale}"),
    );
    name
}

fn dump(database: Database<'_>) -> String {
    must(
        client(&newest_tools(), "pg_dump")
            .arg("--schema-only")
            .arg("-d")
            .arg(database.cluster.url(database.name)),
    )
}

/// Splits a dump at pg_dump's headings. What is above the first is about the dump, not the database.
/// Entries are not kept in order: among objects of one kind and name it depends on their OIDs.
fn entries(dump: &str) -> Facts {
    let mut all: Vec<(&str, String)> = Vec::new();
    for entry in dump.split("\n--\n-- Name: ").skip(1) {
        let (heading, sql) = entry.split_once("\n--\n").expect("a heading ends");
        let (name, owner) = heading.split_once("; Owner: ").unwrap_or((heading, ""));
        let mut sql = without_tail(sql).to_owned();
        if name.contains("; Type: POLICY; ") {
            sql = with_roles_sorted(&sql);
        }
        all.push((name, format!("owner {owner}\n{sql}")));
    }
    all.sort();
    let mut facts = Facts::new();
    for (name, sql) in all {
        facts.entry(name.to_owned()).or_default().push_str(&sql);
    }
    facts
}

/// Cuts off what belongs to the next entry or to the dump. Where a table is stored is asked of the
/// catalog, because these settings hold until the next one.
fn without_tail(mut sql: &str) -> &str {
    let noise = [
        "SET default_tablespace = ",
        "SET default_table_access_method = ",
        "\\unrestrict ",
    ];
    loop {
        sql = sql.trim_matches('\n');
        let (before, last) = sql.rsplit_once('\n').unwrap_or(("", sql));
        let cut = last == "--"
            || last == "-- PostgreSQL database dump complete"
            || noise.iter().any(|start| last.starts_with(start));
        if !cut {
            return sql;
        }
        sql = before;
    }
}

/// pg_dump names the roles of a policy in the order in which they lie in the catalog.
fn with_roles_sorted(policy: &str) -> String {
    let start = policy.find(" TO ").map(|at| at + 4);
    let Some((before, rest)) = start.map(|at| policy.split_at(at)) else {
        return policy.to_owned();
    };
    let ends = [" USING (", " WITH CHECK (", ";"];
    let end = ends
        .iter()
        .filter_map(|end| rest.find(end))
        .min()
        .unwrap_or(rest.len());
    let mut roles: Vec<&str> = rest[..end].split(", ").collect();
    roles.sort_unstable();
    format!("{before}{}{}", roles.join(", "), &rest[end..])
}
