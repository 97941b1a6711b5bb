-- Indexes, also those behind constraints. Never an invalid one that a failed CREATE INDEX
-- CONCURRENTLY left behind, as pg_dump: on the target it therefore counts as missing.
select o.type, o.identity, n.nspname as schema, t.relname as relation,
    concat_ws(' ',
        pg_get_indexdef(x.oid),
        'partition of ' || (select h.inhparent::regclass from pg_inherits as h where h.inhrelid = x.oid),
        case when not i.indisvalid then 'not valid' end,
        'statistics (' || (select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
                           from pg_attribute as a where a.attrelid = x.oid and a.attstattarget >= 0) || ')')
        as definition,
    (select 'constraint ' || p.identity
     from pg_constraint as k
     cross join lateral pg_identify_object('pg_constraint'::regclass, k.oid, 0) as p
     where k.conrelid = i.indrelid and k.conindid = x.oid and k.contype in ('p', 'u', 'x')) as parent
from pg_index as i
join pg_class as x on x.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = t.relnamespace
cross join lateral pg_identify_object('pg_class'::regclass, x.oid, 0) as o
where (i.indisvalid or x.relkind = 'I') and t.relkind in ('r', 'p', 'm')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = t.oid and d.deptype = 'e')
