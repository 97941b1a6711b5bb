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
        'bypass_rls', r.rolbypassrls or r.rolsuper,
        'replication', r.rolreplication or r.rolsuper,
        -- 16 and later; before, superusers alone.
        'create_subscription', r.rolsuper or exists (
            select from pg_roles c
            where c.rolname = 'pg_create_subscription' and pg_has_role(r.oid, c.oid, 'usage')
        ),
        'signal_backend', pg_has_role(r.oid, 'pg_signal_backend', 'usage'),
        'alterable_roles', (
            -- As CREATEROLE allows it: before 16 all but a few kinds, then those it has ADMIN on.
            select coalesce(json_agg(a.rolname), '[]')
            from pg_roles a
            where r.rolsuper or r.rolcreaterole and not a.rolsuper and case
                when current_setting('server_version_num')::int < 160000 then not a.rolreplication
                else pg_has_role(r.oid, a.oid, 'usage with admin option') end
        )
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
    pg_is_in_recovery() as in_recovery,
    json_build_object(
        'wal_level', current_setting('wal_level'),
        'slots', json_build_object(
            'most', current_setting('max_replication_slots')::bigint,
            'used', (select count(*) from pg_replication_slots)
        ),
        'senders', json_build_object(
            'most', current_setting('max_wal_senders')::bigint,
            'used', (select count(*) from pg_stat_replication)
        ),
        'apply_workers', json_build_object(
            'most', current_setting('max_logical_replication_workers')::bigint,
            'used', (select count(*) from pg_stat_subscription where pid is not null)
        ),
        'origins', json_build_object(
            -- 18 and later have a setting of its own for them.
            'most', coalesce(
                current_setting('max_active_replication_origins', true),
                current_setting('max_replication_slots')
            )::bigint,
            'used', (select count(*) from pg_replication_origin)
        ),
        'worker_processes', current_setting('max_worker_processes')::bigint,
        'max_slot_wal_keep_bytes', (
            select case when setting <> '-1' then setting::bigint * 1024 * 1024 end
            from pg_settings
            where name = 'max_slot_wal_keep_size'
        ),
        'slot_names', (select coalesce(json_agg(slot_name), '[]') from pg_replication_slots)
    ) as replication
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
