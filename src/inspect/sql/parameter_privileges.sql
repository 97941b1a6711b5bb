-- Who may set parameters that are not everybody's: of the server, and so in no dump of a database. From
-- PostgreSQL 15 on.
select 'parameter privilege' as kind,
    format('grant %s on parameter %s to %s', lower(a.privilege_type), p.parname,
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end) as name
from pg_parameter_acl p
cross join aclexplode(p.paracl) a
-- What was the first superuser's from the beginning.
where a.grantee <> 10
