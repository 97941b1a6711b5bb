-- NOT NULL constraints of tables by name, which exist from PostgreSQL 18 on.
-- Never whether a column may be null: that is told with the column.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ', pg_get_constraintdef(k.oid), case when k.conislocal then 'local' end) as definition
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_constraint'::regclass, k.oid, 0) as o
where k.contype = 'n'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
