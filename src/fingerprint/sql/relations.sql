-- Tables, foreign tables, views and materialized views, without what has an entry of its own.
-- Never toast tables; an access method is named only when it is not heap.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ',
        case c.relpersistence when 'u' then 'unlogged' end,
        'of ' || nullif(c.reloftype, 0)::regtype,
        'partition by ' || pg_get_partkeydef(c.oid),
        case when c.relispartition then 'partition of ' else 'inherits ' end
            || (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                from pg_inherits as i where i.inhrelid = c.oid),
        pg_get_expr(c.relpartbound, c.oid),
        'using ' || (select quote_ident(a.amname) from pg_am as a
                     where a.oid = c.relam and a.amname <> 'heap'),
        'with (' || (select string_agg(r.option, ', ' order by r.option collate "C")
                     from unnest(c.reloptions) as r (option)) || ')',
        'with toast (' || (select string_agg(r.option, ', ' order by r.option collate "C")
                           from pg_class as t, unnest(t.reloptions) as r (option)
                           where t.oid = c.reltoastrelid) || ')',
        case when c.relrowsecurity then 'row level security enabled' end,
        case when c.relforcerowsecurity then 'row level security forced' end,
        case c.relreplident
            when 'n' then case when c.relkind in ('r', 'p', 'm') then 'replica identity nothing' end
            when 'f' then 'replica identity full'
            when 'i' then 'replica identity using index '
                || (select quote_ident(x.relname) from pg_index as i join pg_class as x on x.oid = i.indexrelid
                    where i.indrelid = c.oid and i.indisreplident)
        end,
        'cluster on ' || (select quote_ident(x.relname) from pg_index as i join pg_class as x on x.oid = i.indexrelid
                          where i.indrelid = c.oid and i.indisclustered),
        (select 'server ' || quote_ident(s.srvname)
            || coalesce(' options (' || (select string_agg(r.option, ', ' order by r.option collate "C")
                                         from unnest(f.ftoptions) as r (option)) || ')', '')
         from pg_foreign_table as f join pg_foreign_server as s on s.oid = f.ftserver
         where f.ftrelid = c.oid),
        case when c.relkind in ('v', 'm') then 'as ' || pg_get_viewdef(c.oid) end) as definition
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
where c.relkind in ('r', 'p', 'f', 'v', 'm')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
