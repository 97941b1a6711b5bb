-- Who owns objects besides the database, schemas and relations. An extension's belong to whoever
-- creates it anew.
with objects (kind, classid, objid, owner, namespace) as (
    select 'function', tableoid, oid, proowner, pronamespace from pg_proc
    union all
    -- Not the types that come with another one.
    select 'type', t.tableoid, t.oid, t.typowner, t.typnamespace
    from pg_type t
    left join pg_class c on c.oid = t.typrelid
    where t.typtype <> 'm' and coalesce(c.relkind, 'c') = 'c'
        and not exists (select from pg_type e where e.typarray = t.oid)
    union all select 'operator', tableoid, oid, oprowner, oprnamespace from pg_operator
    union all select 'operator class', tableoid, oid, opcowner, opcnamespace from pg_opclass
    union all select 'operator family', tableoid, oid, opfowner, opfnamespace from pg_opfamily
    union all select 'collation', tableoid, oid, collowner, collnamespace from pg_collation
    union all select 'conversion', tableoid, oid, conowner, connamespace from pg_conversion
    union all
    select 'text search configuration', tableoid, oid, cfgowner, cfgnamespace from pg_ts_config
    union all
    select 'text search dictionary', tableoid, oid, dictowner, dictnamespace from pg_ts_dict
    union all select 'statistics', tableoid, oid, stxowner, stxnamespace from pg_statistic_ext
    union all select 'language', tableoid, oid, lanowner, null from pg_language
    union all select 'event trigger', tableoid, oid, evtowner, null from pg_event_trigger
    union all select 'publication', tableoid, oid, pubowner, null from pg_publication
    union all
    select 'foreign-data wrapper', tableoid, oid, fdwowner, null from pg_foreign_data_wrapper
    union all select 'foreign server', tableoid, oid, srvowner, null from pg_foreign_server
    union all
    select 'large object', 'pg_largeobject'::regclass, oid, lomowner, null
    from pg_largeobject_metadata
    union all
    -- Default privileges are no objects, and only who may act as their role may set them.
    select 'default privileges', tableoid, oid, defaclrole, nullif(defaclnamespace, 0)
    from pg_default_acl
)
select distinct pg_get_userbyid(o.owner) as role, o.kind, n.nspname as schema
from objects o
left join pg_namespace n on n.oid = o.namespace
-- Whoever makes a large object may choose its OID.
where (o.objid >= 16384 or o.kind = 'large object')
    and (n.oid is null or n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
    and not exists (
        select from pg_depend d
        where d.classid = o.classid and d.objid = o.objid and d.deptype = 'e'
    )
