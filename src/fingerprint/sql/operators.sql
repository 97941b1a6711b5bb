-- Operators. Never an operator that only exists as the promised commutator of another.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        'function ' || p.oprcode, 'returns ' || format_type(p.oprresult, null),
        'commutator ' || nullif(p.oprcom, 0)::regoperator, 'negator ' || nullif(p.oprnegate, 0)::regoperator,
        'restrict ' || nullif(p.oprrest, 0)::regproc, 'join ' || nullif(p.oprjoin, 0)::regproc,
        case when p.oprcanhash then 'hashes' end, case when p.oprcanmerge then 'merges' end) as definition
from pg_operator as p
join pg_namespace as n on n.oid = p.oprnamespace
cross join lateral pg_identify_object('pg_operator'::regclass, p.oid, 0) as o
where p.oprcode <> 0
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_operator'::regclass and d.objid = p.oid and d.deptype = 'e')
