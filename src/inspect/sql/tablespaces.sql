-- Tablespaces that the database, its tables or its indexes name.
select t.spcname as name
from pg_tablespace t
where t.spcname <> 'pg_default'
    and (
        t.oid = (select dattablespace from pg_database where datname = current_database())
        or exists (
            select from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            where c.reltablespace = t.oid and n.nspname !~ '^pg_' and c.relpersistence <> 't'
        )
    )
