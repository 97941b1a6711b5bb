-- Bodies of functions and procedures that are stored as text, to the last space.
-- Never SQL-standard bodies, which PostgreSQL stores parsed.
select o.type, o.identity, concat_ws(', ', quote_literal(p.probin), p.prosrc) as definition
from pg_proc as p
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) as o
where p.prokind in ('f', 'p', 'w') and p.prosrc <> '' and p.oid >= 16384
