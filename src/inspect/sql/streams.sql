-- What the connected database publishes and receives, and what the connected role may do.
select
    (select coalesce(json_agg(pubname), '[]') from pg_publication) as publications,
    (
        select coalesce(json_agg(subname), '[]')
        from pg_subscription
        where subdbid = d.oid
    ) as subscriptions,
    has_database_privilege(d.oid, 'create') as may_create,
    pg_has_role(d.datdba, 'usage') as owned,
    pg_has_role('pg_signal_backend', 'usage') as may_signal,
    (
        select coalesce(json_agg(json_build_array(gid, database) order by gid collate "C"), '[]')
        from pg_prepared_xacts
    ) as prepared,
    (select json_agg(rolname) from pg_roles) as roles,
    (select coalesce(json_agg(rolname), '[]') from pg_roles where rolsuper) as superusers
from pg_database d
where d.datname = current_database()
