-- Who holds tables of this database so that nobody may even look at them, or waits for that: everyone
-- else waits behind. The texts of their statements are theirs.
select
    l.pid,
    -- A prepared transaction has no process.
    p.gid,
    coalesce(a.usename::text, p.owner::text, '(unknown)') as user,
    format('%I.%I', n.nspname, c.relname) as table,
    l.granted,
    extract(epoch from clock_timestamp() - coalesce(a.xact_start, p.prepared))::bigint as age_secs,
    to_char(a.query_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC') as query_start
from pg_locks l
join pg_class c on c.oid = l.relation
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_activity a on a.pid = l.pid
left join pg_locks own
    on l.pid is null and own.pid is null and own.locktype = 'transactionid' and own.granted
    and own.virtualtransaction = l.virtualtransaction
left join pg_prepared_xacts p on p.transaction = own.transactionid
where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    and l.database = (select oid from pg_database where datname = current_database())
    and c.relkind in ('r', 'p', 'm') and l.pid is distinct from pg_backend_pid()
