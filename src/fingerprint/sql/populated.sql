-- Whether materialized views hold what they were made for, or WITH NO DATA.
-- Never what is in them.
select o.type, o.identity, case when c.relispopulated then 'populated' else 'not populated' end as definition
from pg_class as c
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
where c.relkind = 'm'
