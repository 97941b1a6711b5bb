-- Settings that the connected role may set for roles and databases.
select name
from pg_settings
where context = 'user' or context = 'superuser' and has_parameter_privilege(name, 'set')
