-- The same before 15, where a privilege to set a parameter could not be granted.
select name
from pg_settings
where context = 'user'
    or context = 'superuser' and (select rolsuper from pg_roles where rolname = current_user)
