-- Encoding conversions. Never PostgreSQL's own and those of an extension.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ', case when c.condefault then 'default' end,
        'for ' || pg_encoding_to_char(c.conforencoding), 'to ' || pg_encoding_to_char(c.contoencoding),
        'from ' || c.conproc) as definition
from pg_conversion as c
join pg_namespace as n on n.oid = c.connamespace
cross join lateral pg_identify_object('pg_conversion'::regclass, c.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_conversion'::regclass and d.objid = c.oid and d.deptype = 'e')
