-- Foreign keys, but those that PostgreSQL derives for partitions, and those of extensions or that
-- depend on one: a dump says that in its own way. NOT ENFORCED came with 18.
select * from (select
    k.oid::bigint as oid,
    n.nspname as schema,
    c.relname as table,
    k.conname as name,
    pg_get_constraintdef(k.oid) as definition,
    k.convalidated and coalesce((to_jsonb(k) ->> 'conenforced')::bool, true) as validated,
    c.relkind = 'p' as of_partitioned,
    r.relkind = 'p' as to_partitioned
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_class r on r.oid = k.confrelid
join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.conparentid = 0 and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend d
        where (d.classid, d.objid) in (('pg_constraint'::regclass, k.oid), ('pg_class'::regclass, c.oid))
            and d.deptype in ('e', 'x') and d.refclassid = 'pg_extension'::regclass
    )
-- None of what is dropped meanwhile.
offset 0) as found
where definition is not null
