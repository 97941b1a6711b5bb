-- Comments. Never on databases, roles and tablespaces, nor on members of extensions.
select o.type, o.identity, d.description as definition
from pg_description as d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
where d.classoid <> 'pg_largeobject'::regclass
    and (d.objoid >= 16384 or (d.classoid = 'pg_namespace'::regclass and d.objoid = to_regnamespace('public')))
