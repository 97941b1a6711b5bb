-- The MAINTAIN privilege, from PostgreSQL 17 on, where others than the owner alone hold it.
-- Never any other privilege.
select o.type, o.identity, g.definition
from pg_class as c
cross join lateral (
    select coalesce(string_agg(
            case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
                || case when a.is_grantable then ' with grant option' else '' end
                || ' by ' || quote_ident(pg_get_userbyid(a.grantor)), ', '
            order by pg_get_userbyid(a.grantee), pg_get_userbyid(a.grantor)), 'nobody') as definition,
        count(*) = 1 and bool_and(a.grantee = c.relowner) as owner_alone
    from aclexplode(c.relacl) as a where a.privilege_type = 'MAINTAIN') as g
cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.oid >= 16384 and c.relacl is not null and not g.owner_alone
