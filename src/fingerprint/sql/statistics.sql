-- Extended statistics objects. Never what they have gathered.
select o.type, o.identity, tn.nspname as schema, c.relname as relation,
    concat_ws(' ',
        pg_get_statisticsobjdef(s.oid),
        'statistics ' || nullif(s.stxstattarget, -1)) as definition
from pg_statistic_ext as s
join pg_namespace as n on n.oid = s.stxnamespace
join pg_class as c on c.oid = s.stxrelid
join pg_namespace as tn on tn.oid = c.relnamespace
cross join lateral pg_identify_object('pg_statistic_ext'::regclass, s.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_statistic_ext'::regclass and d.objid = s.oid and d.deptype = 'e')
