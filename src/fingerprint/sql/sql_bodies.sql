-- SQL-standard bodies of functions and procedures, which exist from PostgreSQL 14 on.
-- Never bodies that are stored as text.
select o.type, o.identity, pg_get_function_sqlbody(p.oid) as definition
from pg_proc as p
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) as o
where p.prosqlbody is not null and p.oid >= 16384
