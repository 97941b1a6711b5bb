-- Casts. Never those that PostgreSQL brings or makes along with a range type.
select o.type, o.identity,
    concat_ws(' ',
        case c.castmethod when 'f' then 'with function ' || c.castfunc::regprocedure
                          when 'i' then 'with inout' else 'without function' end,
        case c.castcontext when 'i' then 'as implicit' when 'a' then 'as assignment' end) as definition
from pg_cast as c
cross join lateral pg_identify_object('pg_cast'::regclass, c.oid, 0) as o
where c.oid >= 16384
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype in ('e', 'i'))
