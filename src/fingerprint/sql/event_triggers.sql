-- Event triggers. Never those of an extension.
select o.type, o.identity,
    concat_ws(' ',
        'on ' || e.evtevent,
        'when tag in (' || (select string_agg(quote_literal(t.tag), ', ' order by t.tag collate "C")
                            from unnest(e.evttags) as t (tag)) || ')',
        'execute function ' || e.evtfoid::regproc,
        case e.evtenabled when 'D' then 'disabled' when 'A' then 'enabled always' when 'R' then 'enabled replica' end)
        as definition
from pg_event_trigger as e
cross join lateral pg_identify_object('pg_event_trigger'::regclass, e.oid, 0) as o
where not exists (select from pg_depend as d
                  where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e')
