-- Indexes of ordinary tables, and the constraints that they are made for. Not invalid ones, which
-- no copy carries, nor those of extensions or that depend on one: a dump says that in its own way.
select * from (select
    i.oid::bigint as oid,
    n.nspname as schema,
    t.relname as table,
    i.relname as name,
    pg_get_indexdef(i.oid) as definition,
    m.amname as method,
    coalesce(pg_relation_size(i.oid), 0) as bytes,
    (select s.spcname from pg_tablespace s where s.oid = i.reltablespace) as tablespace,
    x.indisclustered as clustered,
    x.indisreplident as replica_identity,
    (
        select coalesce(json_agg(json_build_array(a.attnum, a.attstattarget) order by a.attnum), '[]')
        from pg_attribute a
        where a.attrelid = i.oid and a.attstattarget >= 0
    ) as statistics,
    (
        select json_build_object(
            'oid', k.oid::bigint,
            'name', k.conname,
            'using_index', case
                when to_jsonb(k) ->> 'conperiod' = 'true' then null
                when k.contype = 'p' then 'primary key'
                when k.contype = 'u' then 'unique'
            end,
            'definition', pg_get_constraintdef(k.oid),
            'deferrable', k.condeferrable,
            'deferred', k.condeferred,
            'storage', coalesce(to_json(i.reloptions), '[]')
        )
        from pg_constraint k
        where k.conindid = i.oid and k.conrelid = t.oid and k.contype in ('p', 'u', 'x')
    ) as constraint
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_am m on m.oid = i.relam
join pg_class t on t.oid = x.indrelid
join pg_namespace n on n.oid = t.relnamespace
where t.relkind = 'r' and t.relpersistence <> 't' and x.indisvalid
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid in (i.oid, t.oid)
            and d.deptype in ('e', 'x') and d.refclassid = 'pg_extension'::regclass
    )
-- None of what is dropped meanwhile.
offset 0) as found
where definition is not null
