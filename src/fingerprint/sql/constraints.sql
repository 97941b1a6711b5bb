-- Constraints of tables, but not NOT NULL, which is told with the column. Never foreign keys that
-- PostgreSQL derives for partitions: their names are its own choice, and differ after a restore.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ',
        pg_get_constraintdef(k.oid),
        case when exists (select from pg_trigger as t where t.tgconstraint = k.oid and t.tgenabled <> 'O')
            then 'with triggers not enabled' end) as definition
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_constraint'::regclass, k.oid, 0) as o
where k.contype in ('c', 'f', 'p', 'u', 'x') and not (k.contype = 'f' and k.conparentid <> 0)
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
