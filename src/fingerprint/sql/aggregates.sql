-- Aggregate functions. Never ordinary and window functions.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        '(' || pg_get_function_arguments(p.oid) || ')',
        'returns ' || pg_get_function_result(p.oid),
        'kind ' || a.aggkind::text, 'direct arguments ' || a.aggnumdirectargs,
        'parallel ' || p.proparallel::text,
        'sfunc ' || a.aggtransfn, 'stype ' || format_type(a.aggtranstype, null), 'sspace ' || a.aggtransspace,
        'initcond ' || quote_literal(a.agginitval),
        'finalfunc ' || nullif(a.aggfinalfn, 0)::regproc, case when a.aggfinalextra then 'finalfunc_extra' end,
        'finalfunc_modify ' || a.aggfinalmodify::text,
        'combinefunc ' || nullif(a.aggcombinefn, 0)::regproc,
        'serialfunc ' || nullif(a.aggserialfn, 0)::regproc, 'deserialfunc ' || nullif(a.aggdeserialfn, 0)::regproc,
        'msfunc ' || nullif(a.aggmtransfn, 0)::regproc, 'minvfunc ' || nullif(a.aggminvtransfn, 0)::regproc,
        'mstype ' || format_type(nullif(a.aggmtranstype, 0), null), 'msspace ' || a.aggmtransspace,
        'minitcond ' || quote_literal(a.aggminitval),
        'mfinalfunc ' || nullif(a.aggmfinalfn, 0)::regproc, case when a.aggmfinalextra then 'mfinalfunc_extra' end,
        'mfinalfunc_modify ' || a.aggmfinalmodify::text,
        'sortop ' || nullif(a.aggsortop, 0)::regoperator) as definition
from pg_aggregate as a
join pg_proc as p on p.oid = a.aggfnoid
join pg_namespace as n on n.oid = p.pronamespace
cross join lateral pg_identify_object('pg_proc'::regclass, p.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
