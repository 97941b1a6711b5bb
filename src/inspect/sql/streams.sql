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
    pg_has_role('pg_read_all_stats', 'usage') as sees_sessions,
    (
        select coalesce(json_agg(json_build_array(gid, database) order by gid collate "C"), '[]')
        from pg_prepared_xacts
    ) as prepared,
    (select json_agg(rolname) from pg_roles) as roles,
    (select coalesce(json_agg(rolname), '[]') from pg_roles where rolsuper) as superusers,
    (
        select coalesce(json_agg(r.rolname), '[]')
        from pg_roles r
        where r.rolcanlogin and not r.rolsuper and r.rolname <> current_user
            and pg_has_role(r.oid, current_user::name, 'usage')
    ) as members,
    (
        select coalesce(json_agg(distinct r.rolname), '[]')
        from pg_db_role_setting s
        join pg_roles r on r.oid = s.setrole
        cross join unnest(s.setconfig) setting
        where s.setdatabase in (0, d.oid) and r.rolcanlogin
            -- Other settings are no truth values.
            and case when setting like 'default\_transaction\_read\_only=%'
                then not split_part(setting, '=', 2)::boolean else false end
    ) as writing
from pg_database d
where d.datname = current_database()
