-- Triggers. Never those that PostgreSQL makes for foreign keys, and a partition's copy of a
-- partitioned table's trigger only where it is enabled otherwise than the original.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ',
        pg_get_triggerdef(t.oid),
        case t.tgenabled when 'D' then 'disabled' when 'A' then 'enabled always' when 'R' then 'enabled replica' end)
        as definition
from pg_trigger as t
left join pg_trigger as p on p.oid = t.tgparentid
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_trigger'::regclass, t.oid, 0) as o
where case when p.oid is null then not t.tgisinternal
           else not p.tgisinternal and t.tgenabled <> p.tgenabled end
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
