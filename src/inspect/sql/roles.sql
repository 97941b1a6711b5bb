-- Roles, PostgreSQL's own among them, that objects of this database name, with what those are members of, and so on upwards.
with recursive objects (classid, objid, owner, acl) as (
    -- pg_shdepend leaves out the bootstrap superuser (OID 10), so it is sought in the catalogs.
    select tableoid, oid, nspowner, nspacl from pg_namespace
    union all select tableoid, oid, relowner, relacl from pg_class where relpersistence <> 't'
    union all select tableoid, oid, proowner, proacl from pg_proc
    -- Types that come with another one are no extension's members by themselves.
    union all select t.tableoid, t.oid, t.typowner, t.typacl from pg_type t
        where t.typrelid = 0 and t.typtype <> 'm'
            and not exists (select from pg_type e where e.typarray = t.oid)
    union all select tableoid, oid, oprowner, null from pg_operator
    union all select tableoid, oid, opcowner, null from pg_opclass
    union all select tableoid, oid, opfowner, null from pg_opfamily
    union all select tableoid, oid, collowner, null from pg_collation
    union all select tableoid, oid, conowner, null from pg_conversion
    union all select tableoid, oid, cfgowner, null from pg_ts_config
    union all select tableoid, oid, dictowner, null from pg_ts_dict
    union all select tableoid, oid, stxowner, null from pg_statistic_ext
    union all select tableoid, oid, lanowner, lanacl from pg_language
    union all select tableoid, oid, evtowner, null from pg_event_trigger
    union all select tableoid, oid, pubowner, null from pg_publication
    union all select tableoid, oid, fdwowner, fdwacl from pg_foreign_data_wrapper
    union all select tableoid, oid, srvowner, srvacl from pg_foreign_server
    union all select 'pg_user_mapping'::regclass, umid, umuser, null from pg_user_mappings
    union all select tableoid, oid, defaclrole, defaclacl from pg_default_acl
    union all select tableoid, oid, lomowner, lomacl from pg_largeobject_metadata
    union all select a.tableoid, a.attrelid, c.relowner, a.attacl
        from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attacl is not null
), members as (
    select classid, objid from pg_depend where deptype = 'e'
    -- An extension belongs to whoever creates it anew.
    union all select tableoid, oid from pg_extension
), needed (oid) as (
    select datdba from pg_database where datname = current_database()
    union
    select a.grantee from pg_database d, aclexplode(d.datacl) a
    where d.datname = current_database()
    union
    select setrole from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
    union
    -- Grantees of extension members' privileges are needed; their owners are not.
    select s.refobjid
    from pg_shdepend s
    left join pg_class c on s.classid = 'pg_class'::regclass and c.oid = s.objid
    where s.dbid = (select oid from pg_database where datname = current_database())
        and s.refclassid = 'pg_authid'::regclass
        and c.relpersistence is distinct from 't'
        and (s.deptype <> 'o' or (s.classid, s.objid) not in (table members))
    union
    select o.owner
    from objects o
    where o.owner = 10
        and (o.objid >= 16384 or o.classid = 'pg_largeobject_metadata'::regclass)
        and (o.classid, o.objid) not in (table members)
    union
    select a.grantee
    from objects o, aclexplode(o.acl) a
    where a.grantee = 10 and a.grantee <> o.owner
        and (o.objid >= 16384 or o.classid = 'pg_largeobject_metadata'::regclass)
        and (o.classid, o.objid) not in (table members)
    union
    select r from pg_policy p, unnest(p.polroles) r where r = 10
), closure (oid) as (
    select oid from needed
    union
    select m.roleid from closure c join pg_auth_members m on m.member = c.oid
)
select
    r.rolname as name,
    r.rolsuper as superuser,
    r.rolinherit as inherit,
    r.rolcreaterole as create_role,
    r.rolcreatedb as create_database,
    r.rolcanlogin as login,
    r.rolreplication as replication,
    r.rolbypassrls as bypass_rls,
    r.rolconnlimit as connection_limit,
    -- In the transaction's time zone, which is UTC.
    r.rolvaliduntil::text as valid_until,
    shobj_description(r.oid, 'pg_authid') as comment,
    (
        select coalesce(json_agg(g), '[]')
        from (
            select
                pg_get_userbyid(m.roleid) as role,
                bool_or(m.admin_option) as admin,
                -- 16 and later
                bool_or((to_jsonb(m) ->> 'inherit_option')::boolean) as inherit,
                bool_or((to_jsonb(m) ->> 'set_option')::boolean) as set
            from pg_auth_members m
            where m.member = r.oid
            group by m.roleid
        ) g
    ) as member_of,
    (
        select coalesce(json_agg(json_build_object(
            'role', r.rolname,
            'name', split_part(c.setting, '=', 1),
            'value', substr(c.setting, strpos(c.setting, '=') + 1)
        )), '[]')
        from pg_db_role_setting s, unnest(s.setconfig) c (setting)
        where s.setrole = r.oid and s.setdatabase = 0
    ) as settings
from closure
join pg_roles r on r.oid = closure.oid
