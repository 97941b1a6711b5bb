-- Large objects. has_largeobject_privilege() came with 18, so the privileges are read as they are.
select
    count(*) as count,
    pg_table_size('pg_largeobject') as bytes,
    count(*) filter (where not (
        pg_has_role(m.lomowner, 'usage')
        or current_setting('lo_compat_privileges')::bool
        or exists (
            select from aclexplode(m.lomacl) a
            where a.privilege_type = 'SELECT'
                and (a.grantee = 0 or pg_has_role(a.grantee, 'usage'))
        )
    )) as unreadable
from pg_largeobject_metadata m
