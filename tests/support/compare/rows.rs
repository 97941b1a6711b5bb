//! Every row of every table, as a count and a sum of hashes of each row's text.
//! Never XORs: a doubled row would cancel itself.

use super::{Database, Facts};

/// Whatever a client, a role or a database has set, a value has one text under these.
const ONE_TEXT: &str = "
set timezone = 'UTC';
set datestyle = 'ISO, YMD';
set intervalstyle = 'postgres';
set extra_float_digits = 3;
set bytea_output = 'hex';
set lc_monetary = 'C';
set row_security = off;
set search_path = '';
set default_transaction_read_only = off;
";

/// Partitions are counted each for itself, parents of an inheritance without their children.
/// Columns come in the order of their names: pg_dump does not keep their order in a child whose
/// parent got a column later. `collate` makes the hash one of bytes.
const ROWS: &str = r#"
select format(
    $$select %L, count(*) || ' rows, hash '
          || coalesce(sum(hashtextextended(row(%s)::text collate "C", 0)::numeric), 0)
      from only %I.%I$$,
    format('rows of %I.%I', nspname, relname),
    (select string_agg(quote_ident(attname), ', ' order by attname collate "C")
     from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
    nspname, relname)
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'm') and relispopulated and relpersistence <> 't'
  and nspname <> 'information_schema' and nspname !~ '^pg_'
order by nspname, relname
\gexec
"#;

/// The rows of every table, materialized view and leaf partition of `database`.
pub(super) fn of(database: Database<'_>) -> Facts {
    facts(database, ROWS)
}

/// Runs SQL that answers with a name and a fact in each row. Fields and rows end with a zero byte,
/// the only one that no name and no comment can hold.
pub(super) fn facts(database: Database<'_>, sql: &str) -> Facts {
    let zeros = "\\pset fieldsep_zero on\n\\pset recordsep_zero on\n";
    let answer = database
        .cluster
        .psql(database.name, &format!("{zeros}{ONE_TEXT}{sql}"));
    let fields: Vec<&str> = answer.split_terminator('\0').collect();
    let mut facts = Facts::new();
    for pair in fields.chunks(2) {
        let [name, fact] = pair else {
            panic!("a row of the check has one column: {pair:?}")
        };
        let before = facts.insert((*name).to_owned(), (*fact).to_owned());
        assert!(before.is_none(), "the check found two facts called {name}");
    }
    facts
}
