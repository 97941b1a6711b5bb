-- Tablespaces of tables, indexes and materialized views. Never the database's own.
select o.type, o.identity, quote_ident(s.spcname) as definition
from pg_class as c
join pg_tablespace as s on s.oid = c.reltablespace
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
where c.relkind in ('r', 'p', 'm', 'i', 'I') and c.oid >= 16384
