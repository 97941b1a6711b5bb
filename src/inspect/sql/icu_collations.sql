-- Collations that a server without ICU cannot make.
select n.nspname as schema, c.collname as name
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where c.collprovider = 'i' and n.nspname <> 'pg_catalog'
    and not exists (
        select from pg_depend d
        where d.classid = c.tableoid and d.objid = c.oid and d.deptype = 'e'
    )
