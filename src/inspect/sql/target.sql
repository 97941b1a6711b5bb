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
    exists (select from pg_collation where collprovider = 'i') as icu
