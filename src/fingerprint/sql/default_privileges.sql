-- Default privileges. Never MAINTAIN, which older servers do not have.
select o.type, o.identity, n.nspname as schema,
    (select coalesce(string_agg(g.privileges, '; ' order by g.privileges collate "C"), 'none')
     from (select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end || ': '
                || string_agg(a.privilege_type || case when a.is_grantable then ' with grant option' else '' end,
                              ', ' order by a.privilege_type collate "C") as privileges
           from aclexplode(d.defaclacl) as a
           where a.privilege_type <> 'MAINTAIN'
           group by a.grantee) as g) as definition
from pg_default_acl as d
left join pg_namespace as n on n.oid = d.defaclnamespace
cross join lateral pg_identify_object('pg_default_acl'::regclass, d.oid, 0) as o
