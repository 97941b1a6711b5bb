-- Rules. Never the one that makes a view a view: that is told with the view.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ',
        pg_get_ruledef(r.oid),
        case r.ev_enabled when 'D' then 'disabled' when 'A' then 'enabled always' when 'R' then 'enabled replica' end)
        as definition
from pg_rewrite as r
join pg_class as c on c.oid = r.ev_class
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_rewrite'::regclass, r.oid, 0) as o
where r.rulename <> '_RETURN'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
