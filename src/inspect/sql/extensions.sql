-- Extensions, without the plpgsql that every new database has; 1.0 is its only version so far.
-- Rows of configuration tables are dumped, though the tables themselves are the extension's.
select
    e.extname as name,
    e.extversion as version,
    n.nspname as schema,
    (
        select coalesce(json_agg(json_build_array(cn.nspname, c.relname)), '[]')
        from pg_class c
        join pg_namespace cn on cn.oid = c.relnamespace
        where c.oid = any (e.extconfig)
    ) as config_tables
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql' or e.extversion <> '1.0'
