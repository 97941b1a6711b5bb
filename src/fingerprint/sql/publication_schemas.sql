-- Schemas in publications, from PostgreSQL 15 on. Never the tables in them.
select o.type, o.identity, n.nspname as schema, '' as definition,
    'publication ' || quote_ident(p.pubname) as parent
from pg_publication_namespace as r
join pg_publication as p on p.oid = r.pnpubid
join pg_namespace as n on n.oid = r.pnnspid
cross join lateral pg_identify_object('pg_publication_namespace'::regclass, r.oid, 0) as o
