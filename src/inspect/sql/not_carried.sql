-- What belongs to the database and that no copy carries.
select 'subscription' as kind, subname::text as name
from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
union all
select 'replication slot', slot_name::text
from pg_replication_slots
where database = current_database() and not temporary
union all
select 'prepared transaction', gid
from pg_prepared_xacts
where database = current_database()
union all
-- The view shows no options to who may not see them, and pg_dump reads the view.
select 'user mapping', format('%s on server %s', usename, srvname)
from pg_user_mappings
where umoptions is null
    and not (select rolsuper from pg_roles where rolname = current_user)
union all
-- As CREATE INDEX CONCURRENTLY leaves it when it fails; pg_dump passes over it.
select 'invalid index', format('%I.%I', n.nspname, c.relname)
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not x.indisvalid and c.relkind = 'i' and c.relpersistence <> 't' and n.nspname !~ '^pg_'
