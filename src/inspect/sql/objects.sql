-- What users have made in this database, by kind: OIDs from 16384 (FirstNormalObjectId) are given
-- after initdb. Parts of a relation (indexes, constraints, triggers and the like) are marked as such.
with objects (kind, classid, objid, namespace, is_part) as (
    select case relkind
            when 'r' then 'tables' when 'p' then 'tables' when 'v' then 'views'
            when 'm' then 'materialized_views' when 'S' then 'sequences'
            when 'f' then 'foreign_tables' when 'c' then 'types' else 'indexes' end,
        tableoid, oid, relnamespace, relkind in ('i', 'I')
    from pg_class where relkind not in ('t') and relpersistence <> 't'
    union all
    select 'schemas', tableoid, oid, oid, false from pg_namespace where nspname <> 'public'
    union all
    select case prokind when 'p' then 'procedures' when 'a' then 'aggregates'
            else 'functions' end,
        tableoid, oid, pronamespace, false
    from pg_proc
    union all
    -- Not the row types of relations, nor the array and multirange types that come with a type.
    select case typtype when 'd' then 'domains' else 'types' end,
        t.tableoid, t.oid, typnamespace, false
    from pg_type t
    where typrelid = 0 and typtype <> 'm'
        and not exists (select from pg_type e where e.typarray = t.oid)
    union all
    select 'operators', tableoid, oid, oprnamespace, false from pg_operator
    union all
    select 'operator_classes', tableoid, oid, opcnamespace, false from pg_opclass
    union all
    select 'operator_families', tableoid, oid, opfnamespace, false from pg_opfamily
    union all
    select 'collations', tableoid, oid, collnamespace, false from pg_collation
    union all
    select 'conversions', tableoid, oid, connamespace, false from pg_conversion
    union all
    select 'text_search_configurations', tableoid, oid, cfgnamespace, false from pg_ts_config
    union all
    select 'text_search_dictionaries', tableoid, oid, dictnamespace, false from pg_ts_dict
    union all
    select 'text_search_parsers', tableoid, oid, prsnamespace, false from pg_ts_parser
    union all
    select 'text_search_templates', tableoid, oid, tmplnamespace, false from pg_ts_template
    union all
    select 'statistics', tableoid, oid, stxnamespace, true from pg_statistic_ext
    union all
    select case contype when 'f' then 'foreign_keys' else 'constraints' end,
        tableoid, oid, connamespace, conrelid <> 0
    -- Not-null constraints have rows of their own since 18.
    from pg_constraint where contypid = 0 and contype <> 'n'
    union all
    select 'triggers', tableoid, oid, null, true from pg_trigger where not tgisinternal
    union all
    select 'rules', tableoid, oid, null, true from pg_rewrite where rulename <> '_RETURN'
    union all
    select 'policies', tableoid, oid, null, true from pg_policy
    union all
    select 'casts', tableoid, oid, null, false from pg_cast
    union all
    select 'transforms', tableoid, oid, null, false from pg_transform
    union all
    select 'languages', tableoid, oid, null, false from pg_language
    union all
    select 'access_methods', tableoid, oid, null, false from pg_am
    union all
    select 'event_triggers', tableoid, oid, null, false from pg_event_trigger
    union all
    select 'publications', tableoid, oid, null, false from pg_publication
    union all
    select 'foreign_data_wrappers', tableoid, oid, null, false from pg_foreign_data_wrapper
    union all
    select 'foreign_servers', tableoid, oid, null, false from pg_foreign_server
    union all
    select 'user_mappings', 'pg_user_mapping'::regclass, umid, null, true from pg_user_mappings
    union all
    select 'default_privileges', tableoid, oid, null, false from pg_default_acl
    union all
    select 'extensions', tableoid, oid, null, false from pg_extension
    union all
    select 'large_objects', 'pg_largeobject'::regclass, oid, null, false
    from pg_largeobject_metadata
), made as (
    select o.*, pg_describe_object(o.classid, o.objid, 0) as description
    from objects o
    left join pg_namespace n on n.oid = o.namespace
    -- Whoever makes a large object may choose its OID.
    where (o.objid >= 16384 or o.kind = 'large_objects')
        and (n.oid is null or n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
        and not exists (
            select from pg_depend d
            where d.classid = o.classid and d.objid = o.objid and d.deptype = 'e'
        )
    union all
    -- pg_describe_object() needs the OID, which 13 shows to superusers alone.
    select 'subscriptions', null, null, null, false, 'subscription ' || subname
    from pg_subscription
    where subdbid = (select oid from pg_database where datname = current_database())
)
select
    kind,
    is_part,
    count(*) as count,
    (array_agg(description order by description collate "C"))[1:20] as first
from made
group by kind, is_part
