-- Operator classes. Never their operators and functions, which are told with the family.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        case when c.opcdefault then 'default' end,
        'for type ' || format_type(c.opcintype, null), 'family ' || f.identity,
        'storage ' || format_type(nullif(c.opckeytype, 0), null)) as definition
from pg_opclass as c
join pg_namespace as n on n.oid = c.opcnamespace
cross join lateral pg_identify_object('pg_opfamily'::regclass, c.opcfamily, 0) as f
cross join lateral pg_identify_object('pg_opclass'::regclass, c.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_opclass'::regclass and d.objid = c.oid and d.deptype = 'e')
