-- Transforms between types and languages. Never those of an extension.
select o.type, o.identity,
    concat_ws(' ', 'from sql ' || nullif(t.trffromsql, 0)::regprocedure,
                   'to sql ' || nullif(t.trftosql, 0)::regprocedure) as definition
from pg_transform as t
cross join lateral pg_identify_object('pg_transform'::regclass, t.oid, 0) as o
where not exists (select from pg_depend as d
                  where d.classid = 'pg_transform'::regclass and d.objid = t.oid and d.deptype = 'e')
