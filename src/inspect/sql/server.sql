-- The server, and the role that is connected to it.
select
    (select system_identifier::text from pg_control_system()) as system_identifier,
    current_setting('server_version_num')::int as version_num,
    split_part(current_setting('server_version'), ' ', 1) as version,
    json_build_object(
        'name', r.rolname,
        'superuser', r.rolsuper,
        'create_database', r.rolcreatedb or r.rolsuper,
        'create_role', r.rolcreaterole or r.rolsuper,
        'bypass_rls', r.rolbypassrls or r.rolsuper
    ) as role,
    locks.per_transaction * (limits.connections + limits.prepared) as lock_slots,
    locks.per_transaction as max_locks_per_transaction,
    greatest(0, least(
        limits.connections - limits.reserved
            - (select sum(numbackends) from pg_stat_database where datid <> 0),
        -- CONNECTION LIMIT of the role, which does not hold for superusers.
        case when r.rolconnlimit >= 0 and not r.rolsuper then
            r.rolconnlimit - (select count(*) from pg_stat_activity where usesysid = r.oid)
        end
    )) as free_connections,
    pg_is_in_recovery() as in_recovery
from
    pg_roles r,
    (select current_setting('max_locks_per_transaction')::bigint as per_transaction) locks,
    (
        select
            current_setting('max_connections')::bigint as connections,
            current_setting('max_prepared_transactions')::bigint as prepared,
            current_setting('superuser_reserved_connections')::bigint
                -- 16 and later
                + coalesce(current_setting('reserved_connections', true), '0')::bigint as reserved
    ) limits
where r.rolname = current_user
