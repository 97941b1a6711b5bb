-- The connected database. Columns that a version lacks are asked of its row as JSON:
-- datlocprovider came with 15, daticulocale was 15 and 16, datlocale and daticurules came after.
select
    d.datname as name,
    d.oid::bigint as oid,
    pg_get_userbyid(d.datdba) as owner,
    pg_has_role(d.datdba, 'usage') as owned,
    pg_database_size(d.oid) as bytes,
    json_build_object(
        'encoding', pg_encoding_to_char(d.encoding),
        'provider', case to_jsonb(d) ->> 'datlocprovider'
            when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
        'collate', d.datcollate,
        'ctype', d.datctype,
        'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
        'icu_rules', to_jsonb(d) ->> 'daticurules'
    ) as locale,
    d.datconnlimit as connection_limit,
    shobj_description(d.oid, 'pg_database') as comment,
    case when d.datacl is not null then (
        select coalesce(json_agg(json_build_object(
            'grantor', pg_get_userbyid(a.grantor),
            'grantee', case when a.grantee <> 0 then pg_get_userbyid(a.grantee) end,
            'privilege', a.privilege_type,
            'grantable', a.is_grantable
        )), '[]')
        from aclexplode(d.datacl) a
    ) end as privileges,
    (
        select coalesce(json_agg(json_build_object(
            'role', case when s.setrole <> 0 then pg_get_userbyid(s.setrole) end,
            'name', split_part(c.setting, '=', 1),
            'value', substr(c.setting, strpos(c.setting, '=') + 1)
        )), '[]')
        from pg_db_role_setting s, unnest(s.setconfig) c (setting)
        where s.setdatabase = d.oid
    ) as settings,
    (
        select coalesce(json_agg(json_build_array(l.provider, l.label)), '[]')
        from pg_shseclabel l
        where l.objoid = d.oid and l.classoid = 'pg_database'::regclass
    ) as security_labels,
    t.spcname as tablespace
from pg_database d
join pg_tablespace t on t.oid = d.dattablespace
where d.datname = current_database()
