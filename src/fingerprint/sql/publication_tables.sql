-- Tables in publications. Never their column lists and filters, which exist only from 15 on.
select o.type, o.identity, n.nspname as schema, c.relname as relation, '' as definition,
    'publication ' || quote_ident(p.pubname) as parent
from pg_publication_rel as r
join pg_publication as p on p.oid = r.prpubid
join pg_class as c on c.oid = r.prrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_publication_rel'::regclass, r.oid, 0) as o
