-- Tables of an existing target. A table without a page is empty; where there are pages, `probe`
-- asks for a row, unless the role may not read them all: then the table counts as not empty.
select
    n.nspname as schema,
    c.relname as name,
    c.relkind = 'r' and pg_relation_size(c.oid) > 0 as has_pages,
    case when has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage')
            and not row_security_active(c.oid)
        then format('not exists (select from only %I.%I)', n.nspname, c.relname)
    end as probe
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
