-- Schemas: that they exist. Never those of PostgreSQL itself or of an extension.
select o.type, o.identity, n.nspname as schema, '' as definition
from pg_namespace as n
cross join lateral pg_identify_object('pg_namespace'::regclass, n.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
