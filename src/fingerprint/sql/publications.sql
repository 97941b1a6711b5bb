-- Publications and their options. Never their tables, which have entries of their own.
select o.type, o.identity,
    concat_ws(' ',
        case when p.puballtables then 'for all tables' end,
        'publish ' || concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                                case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
        case when p.pubviaroot then 'publish_via_partition_root' end,
        'publish_generated_columns ' || nullif(to_jsonb(p) ->> 'pubgencols', 'n')) as definition
from pg_publication as p
cross join lateral pg_identify_object('pg_publication'::regclass, p.oid, 0) as o
where not exists (select from pg_depend as d
                  where d.classid = 'pg_publication'::regclass and d.objid = p.oid and d.deptype = 'e')
