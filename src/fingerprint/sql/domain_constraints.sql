-- CHECK constraints of domains. Never NOT NULL, which is told with the type.
select o.type, o.identity, n.nspname as schema, pg_get_constraintdef(k.oid) as definition,
    'type ' || p.identity as parent
from pg_constraint as k
join pg_type as t on t.oid = k.contypid
join pg_namespace as n on n.oid = t.typnamespace
cross join lateral pg_identify_object('pg_constraint'::regclass, k.oid, 0) as o
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) as p
where k.contype = 'c'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
