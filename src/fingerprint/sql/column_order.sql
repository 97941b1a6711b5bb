-- The order of the columns of tables and of the attributes of composite types, as a JSON list.
-- Never numbers: a column once dropped leaves a gap that no copy carries.
select o.type, o.identity, json_agg(a.attname order by a.attnum)::text as definition
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
cross join lateral pg_identify_object(
    case c.relkind when 'c' then 'pg_type'::regclass else 'pg_class'::regclass end,
    case c.relkind when 'c' then c.reltype else c.oid end, 0) as o
where c.relkind in ('r', 'p', 'f', 'c')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by o.type, o.identity
