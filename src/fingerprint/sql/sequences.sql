-- Sequences: parameters and the column that owns them. Never the value they stand at.
select o.type, o.identity,
    coalesce(tn.nspname, n.nspname) as schema, coalesce(t.relname, c.relname) as relation,
    concat_ws(' ',
        case c.relpersistence when 'u' then 'unlogged' end,
        'as ' || format_type(s.seqtypid, null),
        'start ' || s.seqstart, 'increment ' || s.seqincrement,
        'minvalue ' || s.seqmin, 'maxvalue ' || s.seqmax, 'cache ' || s.seqcache,
        case when s.seqcycle then 'cycle' end,
        case d.deptype when 'i' then 'identity of ' else 'owned by ' end
            || t.oid::regclass || '.' || quote_ident(a.attname)) as definition
from pg_sequence as s
join pg_class as c on c.oid = s.seqrelid
join pg_namespace as n on n.oid = c.relnamespace
left join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
    and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
left join pg_class as t on t.oid = d.refobjid
left join pg_namespace as tn on tn.oid = t.relnamespace
left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as e
                    where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
