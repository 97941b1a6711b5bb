-- Enums, domains, ranges, composite, base and shell types. Never a table's row type, nor the
-- array and multirange types that PostgreSQL makes along with a type.
select o.type, o.identity, n.nspname as schema,
    case
        when not t.typisdefined then 'shell'
        when t.typtype = 'c' then 'composite'
        when t.typtype = 'e' then 'enum (' || coalesce(
            (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
             from pg_enum as e where e.enumtypid = t.oid), '') || ')'
        when t.typtype = 'd' then concat_ws(' ',
            'domain over ' || format_type(t.typbasetype, t.typtypmod),
            case when t.typcollation <> b.typcollation then 'collate ' || t.typcollation::regcollation end,
            case when t.typnotnull then 'not null' end,
            'default ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)))
        when t.typtype = 'r' then (
            select concat_ws(' ',
                'range over ' || format_type(r.rngsubtype, null),
                'subtype_opclass ' || c.identity,
                'collation ' || nullif(r.rngcollation, 0)::regcollation,
                'canonical ' || nullif(r.rngcanonical, 0)::regproc,
                'subtype_diff ' || nullif(r.rngsubdiff, 0)::regproc)
            from pg_range as r
            cross join lateral pg_identify_object('pg_opclass'::regclass, r.rngsubopc, 0) as c
            where r.rngtypid = t.oid)
        else concat_ws(' ',
            'base', 'input ' || t.typinput, 'output ' || t.typoutput,
            'receive ' || nullif(t.typreceive, 0)::regproc, 'send ' || nullif(t.typsend, 0)::regproc,
            'typmod_in ' || nullif(t.typmodin, 0)::regproc, 'typmod_out ' || nullif(t.typmodout, 0)::regproc,
            'analyze ' || nullif(t.typanalyze, 0)::regproc,
            'subscript ' || nullif(to_jsonb(t) ->> 'typsubscript', '-'),
            'internallength ' || t.typlen, case when t.typbyval then 'passedbyvalue' end,
            'alignment ' || t.typalign::text, 'storage ' || t.typstorage::text, 'category ' || t.typcategory::text,
            case when t.typispreferred then 'preferred' end,
            'default ' || quote_literal(t.typdefault), 'element ' || format_type(nullif(t.typelem, 0), null),
            'delimiter ' || quote_literal(t.typdelim::text), 'collation ' || nullif(t.typcollation, 0)::regcollation)
    end as definition
from pg_type as t
join pg_namespace as n on n.oid = t.typnamespace
left join pg_type as b on b.oid = t.typbasetype
cross join lateral pg_identify_object('pg_type'::regclass, t.oid, 0) as o
where t.typtype in ('b', 'c', 'd', 'e', 'r', 'p')
    and (t.typrelid = 0 or exists (select from pg_class as c where c.oid = t.typrelid and c.relkind = 'c'))
    and not exists (select from pg_type as e where e.oid = t.typelem and e.typarray = t.oid)
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d
                    where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
