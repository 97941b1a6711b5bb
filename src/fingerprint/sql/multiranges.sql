-- Names of the multirange types that belong to range types, from PostgreSQL 14 on.
-- Never the ranges themselves.
select o.type, o.identity, format_type(r.rngmultitypid, null) as definition
from pg_range as r
cross join lateral pg_identify_object('pg_type'::regclass, r.rngtypid, 0) as o
where r.rngtypid >= 16384
