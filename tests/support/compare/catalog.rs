//! What neither a schema dump nor a row shows: sequences, large objects, the database itself, roles.
//! Never trusts a view of the server that hides a state, such as `pg_sequences`.

use super::rows::facts;
use super::{Database, Facts};

const SEQUENCES: &str = r#"
select format($$select %L, last_value || ', called: ' || is_called from %I.%I$$,
    format('sequence %I.%I', nspname, relname), nspname, relname)
from pg_class join pg_namespace n on n.oid = relnamespace
where relkind = 'S' and relpersistence <> 't'
order by nspname, relname
\gexec
"#;

const LARGE_OBJECTS: &str = r#"
select 'large object ' || l.oid, concat_ws(', ',
    'owner ' || pg_get_userbyid(lomowner),
    'md5 ' || md5(lo_get(l.oid)),
    'comment ' || obj_description(l.oid, 'pg_largeobject'),
    'acl ' || (select string_agg(a::text, ' ' order by a::text collate "C")
               from unnest(coalesce(lomacl, acldefault('L', lomowner))) a))
from pg_largeobject_metadata l
order by l.oid;
"#;

/// A schema dump says WITH NO DATA of every materialized view, and leaves invalid indexes out.
const STORAGE: &str = r#"
select 'storage of ' || format('%I.%I', nspname, relname), concat_ws(', ',
    'tablespace ' || spcname, 'access method ' || amname, 'populated ' || relispopulated,
    'valid ' || indisvalid)
from pg_class c join pg_namespace n on n.oid = relnamespace
left join pg_tablespace t on t.oid = reltablespace
left join pg_am a on a.oid = relam
left join pg_index i on indexrelid = c.oid
where relkind in ('r', 'm', 'i', 'p', 'I') and relpersistence <> 't'
  and nspname <> 'information_schema' and nspname !~ '^pg_'
order by nspname, relname;
"#;

const DATABASE: &str = r#"
select 'the database', concat_ws(', ',
    'owner ' || pg_get_userbyid(datdba), 'encoding ' || pg_encoding_to_char(encoding),
    'collate ' || datcollate, 'ctype ' || datctype, 'provider ' || datlocprovider::text,
    'locale ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
    'connections ' || datconnlimit, 'allowed ' || datallowconn, 'template ' || datistemplate,
    'tablespace ' || (select spcname from pg_tablespace where oid = dattablespace),
    'comment ' || shobj_description(d.oid, 'pg_database'),
    'acl ' || (select string_agg(a::text, ' ' order by a::text collate "C")
               from unnest(coalesce(datacl, acldefault('d', datdba))) a))
from pg_database d where datname = current_database();
select 'settings of ' || coalesce('role ' || quote_ident(rolname) || ' in ', '') || 'the database',
    (select string_agg(s, ', ' order by s collate "C") from unnest(setconfig) s)
from pg_db_role_setting left join pg_roles r on r.oid = setrole
where setdatabase = (select oid from pg_database where datname = current_database())
order by 1;
"#;

/// What the name of an extension's version begins with.
pub(super) const EXTENSION: &str = "extension ";

const EXTENSION_VERSIONS: &str = r#"
select 'extension ' || extname, 'version ' || extversion from pg_extension order by extname;
"#;

/// The roles that this database's objects and settings name, and all that these are members of.
const ROLES: &str = r#"
with recursive named (oid) as (
    select refobjid from pg_shdepend
    where refclassid = 'pg_authid'::regclass
      and (dbid = (select oid from pg_database where datname = current_database())
           or classid = 'pg_database'::regclass
              and objid = (select oid from pg_database where datname = current_database()))
    union
    select setrole from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
      and setrole <> 0
    union
    select roleid from pg_auth_members join named on member = named.oid
)
select 'role ' || quote_ident(rolname), concat_ws(', ',
    'superuser ' || rolsuper, 'inherit ' || rolinherit, 'createrole ' || rolcreaterole,
    'createdb ' || rolcreatedb, 'login ' || rolcanlogin, 'replication ' || rolreplication,
    'bypassrls ' || rolbypassrls, 'connections ' || rolconnlimit, 'until ' || rolvaliduntil,
    'settings ' || (select string_agg(s, ' ' order by s collate "C") from unnest(rolconfig) s),
    'comment ' || shobj_description(r.oid, 'pg_authid'),
    'member of ' || (select string_agg(quote_ident(pg_get_userbyid(roleid)) || ' admin '
                                       || admin_option
                                       -- 16 and later
                                       || coalesce(to_jsonb(m) ->> 'inherit_option', rolinherit::text)
                                       || coalesce(to_jsonb(m) ->> 'set_option', 'true'),
                                       ' ' order by pg_get_userbyid(roleid))
                     from pg_auth_members m where member = r.oid))
from pg_roles r join named using (oid) where rolname !~ '^pg_'
order by rolname;
"#;

/// Sequences, large objects, storage, extensions, and the database's own properties and settings.
pub(super) fn of(database: Database<'_>) -> Facts {
    facts(
        database,
        &[
            SEQUENCES,
            LARGE_OBJECTS,
            STORAGE,
            DATABASE,
            EXTENSION_VERSIONS,
        ]
        .concat(),
    )
}

/// The roles that `database` needs, with their attributes.
pub(super) fn roles(database: Database<'_>) -> Facts {
    facts(database, ROLES)
}
