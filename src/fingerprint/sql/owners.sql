-- Owners of everything that has one and has an entry. Never owners of the members of extensions.
with found (classid, oid, owner) as (
    select 'pg_class'::regclass, oid, relowner from pg_class where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all select 'pg_proc'::regclass, oid, proowner from pg_proc
    union all select 'pg_type'::regclass, oid, typowner from pg_type where typtype <> 'm'
    union all select 'pg_namespace'::regclass, oid, nspowner from pg_namespace
    union all select 'pg_language'::regclass, oid, lanowner from pg_language
    union all select 'pg_operator'::regclass, oid, oprowner from pg_operator
    union all select 'pg_opclass'::regclass, oid, opcowner from pg_opclass
    union all select 'pg_opfamily'::regclass, oid, opfowner from pg_opfamily
    union all select 'pg_collation'::regclass, oid, collowner from pg_collation
    union all select 'pg_conversion'::regclass, oid, conowner from pg_conversion
    union all select 'pg_ts_dict'::regclass, oid, dictowner from pg_ts_dict
    union all select 'pg_ts_config'::regclass, oid, cfgowner from pg_ts_config
    union all select 'pg_statistic_ext'::regclass, oid, stxowner from pg_statistic_ext
    union all select 'pg_foreign_data_wrapper'::regclass, oid, fdwowner from pg_foreign_data_wrapper
    union all select 'pg_foreign_server'::regclass, oid, srvowner from pg_foreign_server
    union all select 'pg_event_trigger'::regclass, oid, evtowner from pg_event_trigger
    union all select 'pg_publication'::regclass, oid, pubowner from pg_publication
)
select o.type, o.identity, pg_get_userbyid(f.owner)::text as definition
from found as f
cross join lateral pg_identify_object(f.classid, f.oid, 0) as o
where f.oid >= 16384 or (f.classid = 'pg_namespace'::regclass and f.oid = to_regnamespace('public'))
