-- Procedural languages. Never PostgreSQL's own and those of an extension.
select o.type, o.identity,
    concat_ws(' ', case when l.lanpltrusted then 'trusted' end,
        'handler ' || nullif(l.lanplcallfoid, 0)::regproc, 'inline ' || nullif(l.laninline, 0)::regproc,
        'validator ' || nullif(l.lanvalidator, 0)::regproc) as definition
from pg_language as l
cross join lateral pg_identify_object('pg_language'::regclass, l.oid, 0) as o
where l.oid >= 16384
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_language'::regclass and d.objid = l.oid and d.deptype = 'e')
