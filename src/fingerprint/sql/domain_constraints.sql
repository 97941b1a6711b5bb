-- CHECK constraints of domains, and NOT NULL by name, which exists from PostgreSQL 17 on.
-- Never whether a domain may be null: that is told with the type.
select o.type, o.identity, n.nspname as schema, pg_get_constraintdef(k.oid) as definition,
    'type ' || p.identity as parent,
    case k.contype when 'n' then 17 end as since
from pg_constraint as k
join pg_type as t on t.oid = k.contypid
join pg_namespace as n on n.oid = t.typnamespace
cross join lateral pg_identify_object('pg_constraint'::regclass, k.oid, 0) as o
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) as p
where k.contype in ('c', 'n')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
