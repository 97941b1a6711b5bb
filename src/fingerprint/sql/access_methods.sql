-- Access methods. Never PostgreSQL's own and those of an extension.
select o.type, o.identity,
    concat_ws(' ', case a.amtype when 't' then 'table' else 'index' end, 'handler ' || a.amhandler) as definition
from pg_am as a
cross join lateral pg_identify_object('pg_am'::regclass, a.oid, 0) as o
where a.oid >= 16384
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_am'::regclass and d.objid = a.oid and d.deptype = 'e')
