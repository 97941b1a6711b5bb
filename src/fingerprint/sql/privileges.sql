-- Privileges that differ from those an object has when it is made: what was granted, what revoked.
-- A NULL ACL therefore equals one that spells the default out. Never MAINTAIN (new in 17), large
-- objects, the database and information_schema, which no dump carries.
with held (classid, oid, subid, kind, owner, acl) as (
    select 'pg_class'::regclass, oid, 0, case relkind when 'S' then 's' else 'r' end::"char", relowner, relacl
    from pg_class
    union all
    select 'pg_class'::regclass, a.attrelid, a.attnum, 'c', c.relowner, a.attacl
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid where not a.attisdropped
    union all select 'pg_proc'::regclass, oid, 0, 'f', proowner, proacl from pg_proc
    union all select 'pg_type'::regclass, oid, 0, 'T', typowner, typacl from pg_type
    union all select 'pg_namespace'::regclass, oid, 0, 'n', nspowner, nspacl from pg_namespace
    union all select 'pg_language'::regclass, oid, 0, 'l', lanowner, lanacl from pg_language
    union all select 'pg_foreign_data_wrapper'::regclass, oid, 0, 'F', fdwowner, fdwacl from pg_foreign_data_wrapper
    union all select 'pg_foreign_server'::regclass, oid, 0, 'S', srvowner, srvacl from pg_foreign_server
), changed as (
    select h.*, case when h.is_public then acldefault(h.kind, h.owner)
                     else coalesce(i.initprivs, acldefault(h.kind, h.owner)) end as initial
    from (select held.*, classid = 'pg_namespace'::regclass and oid = to_regnamespace('public') as is_public
          from held where acl is not null) as h
    left join pg_init_privs as i on i.classoid = h.classid and i.objoid = h.oid and i.objsubid = h.subid
    -- What initdb gave on the public schema depends on the major, and dumps carry all of it.
    where h.is_public or h.acl is distinct from i.initprivs
), differing as (
    select c.classid, c.oid, c.subid,
        format(case when d.granted then 'granted %s%s to %s by %s' else 'revoked %s%s from %s by %s' end,
            d.privilege_type, case when d.is_grantable then ' with grant option' end,
            case d.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(d.grantee)) end,
            quote_ident(pg_get_userbyid(d.grantor))) as change
    from changed as c
    cross join lateral (
        (select true as granted, a.* from aclexplode(c.acl) as a
         except all select true, a.* from aclexplode(c.initial) as a)
        union all
        (select false, a.* from aclexplode(c.initial) as a
         except all select false, a.* from aclexplode(c.acl) as a)) as d
    where d.privilege_type <> 'MAINTAIN'
), told as (
    select classid, oid, subid, string_agg(change, '; ' order by change collate "C") as definition
    from differing group by classid, oid, subid
)
select o.type, o.identity, t.definition
from told as t
cross join lateral pg_identify_object(t.classid, t.oid, t.subid) as o
where o.identity !~ '^(information_schema|pg_temp|pg_toast)(\.|$)'
