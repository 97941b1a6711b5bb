-- Operator families with their operators and functions, also those that came with a class.
-- Never what was added to a family of PostgreSQL itself, which no dump carries.
select o.type, o.identity, n.nspname as schema,
    concat_ws(', ',
        (select string_agg(format('operator %s %s', m.amopstrategy, m.amopopr::regoperator)
                    || coalesce(' for order by ' || s.identity, ''),
                    ', ' order by m.amopstrategy, m.amopopr::regoperator::text collate "C")
         from pg_amop as m
         left join lateral pg_identify_object('pg_opfamily'::regclass, nullif(m.amopsortfamily, 0), 0) as s on true
         where m.amopfamily = f.oid),
        (select string_agg(format('function %s (%s, %s) %s', m.amprocnum,
                    format_type(m.amproclefttype, null), format_type(m.amprocrighttype, null),
                    m.amproc::regprocedure),
                    ', ' order by m.amprocnum, format_type(m.amproclefttype, null) collate "C",
                                  format_type(m.amprocrighttype, null) collate "C")
         from pg_amproc as m where m.amprocfamily = f.oid)) as definition
from pg_opfamily as f
join pg_namespace as n on n.oid = f.opfnamespace
cross join lateral pg_identify_object('pg_opfamily'::regclass, f.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_opfamily'::regclass and d.objid = f.oid and d.deptype = 'e')
