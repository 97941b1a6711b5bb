-- The first large object of each part in which they are copied: 2,500 of them or 64 MiB, if all were
-- of one size. A role that is no superuser cannot ask how large one is.
select min(oid)::bigint as first
from (
    select oid, ntile(least(1000, greatest(
        (select count(*) from pg_largeobject_metadata) / 2500,
        pg_table_size('pg_largeobject') / 67108864, 1))::int) over (order by oid) as part
    from pg_largeobject_metadata
) parts
group by part
order by 1
