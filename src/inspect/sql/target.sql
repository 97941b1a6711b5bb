-- What a target server offers. Acting as a role has a privilege of its own since 16.
select
    (select json_agg(rolname) from pg_roles) as roles,
    (
        select coalesce(json_agg(rolname), '[]')
        from pg_roles
        where pg_has_role(oid, case
            when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)
    ) as settable_roles,
    (
        select coalesce(json_agg(r.rolname), '[]')
        from pg_roles r, pg_roles me
        where me.rolname = current_user
            and (
                pg_has_role(r.oid, 'member with admin option')
                -- Until 15, who may make roles may grant all but superusers.
                or me.rolcreaterole and not r.rolsuper
                    and current_setting('server_version_num')::int < 160000
            )
    ) as grantable_roles,
    (
        select coalesce(json_agg(v.name), '[]')
        from pg_available_extension_versions v
        join pg_available_extensions e
            on e.name = v.name and e.default_version = v.version
        where v.trusted or not v.superuser
    ) as trusted_extensions,
    (
        select coalesce(json_object_agg(name, versions), '{}')
        from (
            select name, json_agg(version) as versions
            from pg_available_extension_versions
            group by name
        ) e
    ) as available_extensions,
    (select json_agg(spcname) from pg_tablespace) as tablespaces,
    (
        select coalesce(json_agg(distinct collcollate::text), '[]')
        from pg_collation
        where collprovider = 'c'
    ) as locales,
    -- initdb imports these; 16 and later have one called unicode even when built without ICU.
    exists (select from pg_collation where collprovider = 'i' and collname like '%-x-icu') as icu
