-- Text search parsers, templates, dictionaries and configurations with their mappings.
-- Never PostgreSQL's own and those of an extension.
with found (classid, oid, namespace, definition) as (
    select 'pg_ts_parser'::regclass, p.oid, p.prsnamespace,
        concat_ws(' ', 'start ' || p.prsstart, 'gettoken ' || p.prstoken, 'end ' || p.prsend,
            'headline ' || nullif(p.prsheadline, 0)::regproc, 'lextypes ' || p.prslextype)
    from pg_ts_parser as p
    union all
    select 'pg_ts_template'::regclass, t.oid, t.tmplnamespace,
        concat_ws(' ', 'init ' || nullif(t.tmplinit, 0)::regproc, 'lexize ' || t.tmpllexize)
    from pg_ts_template as t
    union all
    select 'pg_ts_dict'::regclass, d.oid, d.dictnamespace,
        concat_ws(' ', 'template ' || t.identity, d.dictinitoption)
    from pg_ts_dict as d
    cross join lateral pg_identify_object('pg_ts_template'::regclass, d.dicttemplate, 0) as t
    union all
    select 'pg_ts_config'::regclass, c.oid, c.cfgnamespace,
        concat_ws(' ', 'parser ' || p.identity, 'mappings ' || (
            select string_agg(m.mapping, '; ' order by m.mapping collate "C")
            from (select k.alias || ': ' || string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as mapping
                  from pg_ts_config_map as m
                  join ts_token_type(c.cfgparser) as k on k.tokid = m.maptokentype
                  where m.mapcfg = c.oid
                  group by k.alias) as m))
    from pg_ts_config as c
    cross join lateral pg_identify_object('pg_ts_parser'::regclass, c.cfgparser, 0) as p
)
select o.type, o.identity, n.nspname as schema, f.definition
from found as f
join pg_namespace as n on n.oid = f.namespace
cross join lateral pg_identify_object(f.classid, f.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = f.classid and d.objid = f.oid and d.deptype = 'e')
