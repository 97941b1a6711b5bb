-- Row-level security policies, also on tables of extensions, as pg_dump.
-- Never whether row-level security is on: that is told with the table.
select o.type, o.identity, n.nspname as schema, c.relname as relation,
    concat_ws(' ',
        case when p.polpermissive then 'permissive' else 'restrictive' end,
        case p.polcmd when 'r' then 'for select' when 'a' then 'for insert' when 'w' then 'for update'
                      when 'd' then 'for delete' else 'for all' end,
        'to ' || (select string_agg(case r.oid when 0 then 'public' else quote_ident(pg_get_userbyid(r.oid)) end,
                                    ', ' order by pg_get_userbyid(r.oid))
                  from unnest(p.polroles) as r (oid)),
        'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') as definition
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral pg_identify_object('pg_policy'::regclass, p.oid, 0) as o
