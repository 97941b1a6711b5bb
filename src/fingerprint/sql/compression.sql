-- Compression methods set for columns, which exist from PostgreSQL 14 on. Never the default.
select o.type, o.identity,
    case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' else a.attcompression::text end as definition
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'm')
cross join lateral pg_identify_object('pg_class'::regclass, a.attrelid, a.attnum) as o
where a.attcompression <> '' and a.attnum > 0 and not a.attisdropped and a.attrelid >= 16384
