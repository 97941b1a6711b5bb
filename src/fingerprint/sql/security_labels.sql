-- Security labels. Never on databases, roles and tablespaces, which the cluster shares.
select o.type, o.identity,
    string_agg(l.provider || ': ' || quote_literal(l.label), ', ' order by l.provider collate "C") as definition
from pg_seclabel as l
cross join lateral pg_identify_object(l.classoid, l.objoid, l.objsubid) as o
where l.classoid <> 'pg_largeobject'::regclass
group by o.type, o.identity
