-- What needs a relation that it is no part of. pg_depend holds every such need: a view's, a rule's
-- and a policy's expression, a column's default, a foreign key, a child's parent, a function's
-- parameter of a row type or its BEGIN ATOMIC body.
with needs as (
    -- The relation itself, an index of it (as a foreign key does), or its row type or an array.
    select
        d.classid, d.objid, d.objsubid,
        coalesce(i.indrelid, nullif(t.typrelid, 0), nullif(e.typrelid, 0), d.refobjid) as relation
    from pg_depend d
    left join pg_index i on d.refclassid = 'pg_class'::regclass and i.indexrelid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
    where d.deptype in ('n', 'a')
        and d.refclassid in ('pg_class'::regclass, 'pg_type'::regclass)
        and (d.refclassid = 'pg_class'::regclass or t.typrelid <> 0 or e.typrelid <> 0)
), owned as (
    -- Each with the relation that it is, or is a part of.
    select
        n.*, w.rulename, k.contype, k.conparentid,
        coalesce(
            x.indrelid, case when n.classid = 'pg_class'::regclass then n.objid end,
            w.ev_class, k.conrelid, g.tgrelid, y.polrelid, f.adrelid, s.stxrelid, p.prrelid
        ) as part_of
    from needs n
    left join pg_index x on n.classid = 'pg_class'::regclass and x.indexrelid = n.objid
    left join pg_rewrite w on n.classid = 'pg_rewrite'::regclass and w.oid = n.objid
    left join pg_constraint k on n.classid = 'pg_constraint'::regclass and k.oid = n.objid
    left join pg_trigger g on n.classid = 'pg_trigger'::regclass and g.oid = n.objid
    left join pg_policy y on n.classid = 'pg_policy'::regclass and y.oid = n.objid
    left join pg_attrdef f on n.classid = 'pg_attrdef'::regclass and f.oid = n.objid
    left join pg_statistic_ext s on n.classid = 'pg_statistic_ext'::regclass and s.oid = n.objid
    left join pg_publication_rel p on n.classid = 'pg_publication_rel'::regclass and p.oid = n.objid
)
select distinct
    case when o.rulename = '_RETURN' then pg_describe_object('pg_class'::regclass, o.part_of, 0)
        else pg_describe_object(o.classid, o.objid, 0) end as description,
    case when ofn.nspname is not null then
        jsonb_build_array(ofn.nspname, ofc.relname) end as "of",
    case when ofn.nspname is null then
        (select i.schema from pg_identify_object(o.classid, o.objid, 0) i) end as schema,
    jsonb_build_array(n.nspname, c.relname) as needs,
    coalesce(o.contype = 'f', false) as needs_rows
from owned o
join pg_class c on c.oid = o.relation and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
join pg_namespace n on n.oid = c.relnamespace
left join pg_class ofc on ofc.oid = o.part_of and ofc.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
left join pg_namespace ofn on ofn.oid = ofc.relnamespace
where o.part_of is distinct from o.relation
    and c.relpersistence <> 't' and ofc.relpersistence is distinct from 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend e
        where e.classid = o.classid and e.objid = o.objid and e.deptype = 'e'
    )
    -- A partition's copy of its parent's foreign key says nothing new; the copies that name the
    -- partitions of the table it points to do.
    and not exists (
        select from pg_constraint parent
        where parent.oid = o.conparentid and parent.conrelid <> o.part_of
    )
