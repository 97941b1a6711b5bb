-- Attributes of composite types. Never their order, which has an entry of its own.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        format_type(a.atttypid, a.atttypmod),
        case when a.attcollation <> b.typcollation then 'collate ' || a.attcollation::regcollation end) as definition,
    'type ' || p.identity as parent
from pg_class as c
join pg_type as t on t.oid = c.reltype
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as b on b.oid = a.atttypid
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, a.attnum) as o
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) as p
where c.relkind = 'c'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
