-- Functions, procedures and window functions, without their bodies. Never aggregates, nor the
-- constructors that PostgreSQL makes for a range type.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        case p.prokind when 'w' then 'window' end,
        '(' || pg_get_function_arguments(p.oid) || ')',
        'returns ' || pg_get_function_result(p.oid),
        'language ' || quote_ident(l.lanname),
        'transform ' || (select string_agg(format_type(t.oid, null), ', ' order by t.place)
                         from unnest(p.protrftypes) with ordinality as t (oid, place)),
        case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        case when p.proisstrict then 'strict' end,
        case when p.prosecdef then 'security definer' end,
        case when p.proleakproof then 'leakproof' end,
        case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' else 'parallel unsafe' end,
        'cost ' || p.procost,
        'rows ' || nullif(p.prorows, 0),
        'support ' || nullif(p.prosupport, 0)::regproc,
        'set ' || (select string_agg(s.setting, ', ' order by s.setting collate "C")
                   from unnest(p.proconfig) as s (setting))) as definition
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) as o
where p.prokind in ('f', 'p', 'w')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
