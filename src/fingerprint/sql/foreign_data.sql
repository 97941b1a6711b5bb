-- Foreign-data wrappers, servers and user mappings.
-- Never an option that may hold a secret: of those, only that they are set.
with found (classid, oid, definition) as (
    select 'pg_foreign_data_wrapper'::regclass, w.oid,
        concat_ws(' ', 'handler ' || nullif(w.fdwhandler, 0)::regproc, 'validator ' || nullif(w.fdwvalidator, 0)::regproc,
            'options (' || (select string_agg(s.shown, ', ' order by s.shown collate "C")
                from unnest(w.fdwoptions) as r (option)
                cross join lateral regexp_replace(r.option, '^([^=]*(pass|secret|token|key)[^=]*)=.*', '\1=<hidden>', 'i')
                    as s (shown)) || ')')
    from pg_foreign_data_wrapper as w
    union all
    select 'pg_foreign_server'::regclass, s.oid,
        concat_ws(' ', 'type ' || quote_literal(s.srvtype), 'version ' || quote_literal(s.srvversion),
            'foreign data wrapper ' || quote_ident(w.fdwname),
            'options (' || (select string_agg(s.shown, ', ' order by s.shown collate "C")
                from unnest(s.srvoptions) as r (option)
                cross join lateral regexp_replace(r.option, '^([^=]*(pass|secret|token|key)[^=]*)=.*', '\1=<hidden>', 'i')
                    as s (shown)) || ')')
    from pg_foreign_server as s
    join pg_foreign_data_wrapper as w on w.oid = s.srvfdw
    union all
    select 'pg_user_mapping'::regclass, m.umid,
        'options (' || (select string_agg(s.shown, ', ' order by s.shown collate "C")
            from unnest(m.umoptions) as r (option)
            cross join lateral (select case when r.option like 'user=%' then r.option
                                            else split_part(r.option, '=', 1) || '=<hidden>' end) as s (shown)) || ')'
    from pg_user_mappings as m
)
select o.type, o.identity, coalesce(f.definition, '') as definition
from found as f
cross join lateral pg_identify_object(f.classid, f.oid, 0) as o
where not exists (select from pg_depend as d
                  where d.classid = f.classid and d.objid = f.oid and d.deptype = 'e')
