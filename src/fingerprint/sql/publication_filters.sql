-- Column lists and row filters of tables in publications, from PostgreSQL 15 on.
-- Never a table that is published whole.
select o.type, o.identity,
    concat_ws(' ',
        '(' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                from pg_attribute as a where a.attrelid = r.prrelid and a.attnum = any (r.prattrs)) || ')',
        'where ' || pg_get_expr(r.prqual, r.prrelid)) as definition
from pg_publication_rel as r
cross join lateral pg_identify_object('pg_publication_rel'::regclass, r.oid, 0) as o
where r.prattrs is not null or r.prqual is not null
