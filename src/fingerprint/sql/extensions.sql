-- Extensions, by name and schema: versions may differ between servers. Never their members.
select o.type, o.identity, 'in schema ' || quote_ident(n.nspname) as definition
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
cross join lateral pg_identify_object('pg_extension'::regclass, e.oid, 0) as o
