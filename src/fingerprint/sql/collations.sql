-- Collations. Never their version, which is the operating system's; an ICU locale is written with
-- hyphens, as PostgreSQL 16 and later write it.
select o.type, o.identity, n.nspname as schema,
    concat_ws(' ',
        'provider ' || case c.collprovider when 'i' then 'icu' when 'c' then 'libc' when 'b' then 'builtin'
                                           else 'default' end,
        case when c.collprovider in ('i', 'b')
            then 'locale ' || quote_literal(replace(
                coalesce(j ->> 'colllocale', j ->> 'colliculocale', j ->> 'collcollate'), '_', '-'))
            else 'lc_collate ' || quote_literal(c.collcollate) || ' lc_ctype ' || quote_literal(c.collctype)
        end,
        'rules ' || quote_literal(j ->> 'collicurules'),
        case when not c.collisdeterministic then 'not deterministic' end) as definition
from pg_collation as c
cross join lateral to_jsonb(c) as j
join pg_namespace as n on n.oid = c.collnamespace
cross join lateral pg_identify_object('pg_collation'::regclass, c.oid, 0) as o
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_collation'::regclass and d.objid = c.oid and d.deptype = 'e')
