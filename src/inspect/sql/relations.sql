-- Relations outside PostgreSQL's own schemas and extensions. Of one that is dropped meanwhile nothing is
-- readable, not even false: functions look at the catalogs of now.
with comparable (type) as (
    -- Types that have an equality operator of their own.
    select o.opcintype
    from pg_opclass o
    join pg_am m on m.oid = o.opcmethod
    where m.amname in ('btree', 'hash') and o.opcdefault
),
-- Every type with what its values are made of: a domain's base, an array's element. Looked up by those
-- below, which would otherwise join all this anew for each table.
made_of (type, is_enum, element, element_type) as (
    select t.oid, b.typtype = 'e', e.oid, e.typtype
    from pg_type t
    join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    join pg_type e on e.oid = case
        when b.typcategory = 'A' and b.typelem <> 0 then b.typelem else b.oid end
),
-- Of another type than those of PostgreSQL's own that send no OID but their elements', which are the
-- same everywhere. A domain is sent as what it is made of, and an enum as its label; but an array of
-- either with the OID of its element type.
sent_as_text (type) as (
    select type
    from made_of
    where not is_enum
        and not (element = any (array[
            'bool', 'int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric',
            'text', 'varchar', 'bpchar', 'name', '"char"', 'bytea', 'uuid', 'json', 'jsonb',
            'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval',
            'inet', 'cidr', 'macaddr', 'macaddr8', 'bit', 'varbit',
            'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle',
            'int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange',
            'tsvector', 'pg_lsn'
        ]::regtype[]))
),
incomparable (type) as (
    select type
    from made_of
    where element_type in ('b', 'd')
        and element not in (select type from comparable)
        and not exists (
            select from pg_cast k
            where k.castsource = element and k.castmethod = 'b' and k.castcontext = 'i'
                and k.casttarget in (select type from comparable)
        )
)
select * from (select
    n.nspname as schema,
    c.relname as name,
    case c.relkind
        when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view'
        when 'm' then 'materialized_view' when 'S' then 'sequence' when 'f' then 'foreign_table'
    end as kind,
    pg_get_userbyid(c.relowner) as owner,
    pg_has_role(c.relowner, 'usage') as owned,
    heap.bytes + coalesce(pg_relation_size(c.reltoastrelid), 0) as bytes,
    case when c.relkind = 'r' then heap.bytes / current_setting('block_size')::int else 0 end as blocks,
    -- Of what is stored.
    (
        select coalesce(
            json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum),
            '[]')
        from pg_attribute a
        where c.relkind = 'r' and a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and a.atttypid in (select type from sent_as_text)
    ) as text_columns,
    -- Never analyzed: -1; on 13 that was 0, as for an empty table.
    case when c.relkind in ('r', 'p', 'm', 'f') and c.reltuples >= 0
            and (current_setting('server_version_num')::int >= 140000 or c.relpages > 0)
        then c.reltuples::bigint end as rows_estimate,
    c.relpersistence = 'u' as unlogged,
    has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') as readable,
    row_security_active(c.oid) as row_security,
    (
        select json_build_array(pn.nspname, p.relname)
        from pg_inherits i
        join pg_class p on p.oid = i.inhparent
        join pg_namespace pn on pn.oid = p.relnamespace
        where c.relispartition and i.inhrelid = c.oid
    ) as partition_of,
    (
        select json_build_array(tn.nspname, t.relname)
        from pg_depend d
        join pg_class t on t.oid = d.refobjid
        join pg_namespace tn on tn.oid = t.relnamespace
        where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid
            and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
            and d.deptype in ('a', 'i')
    ) as owned_by,
    c.relispopulated as populated,
    (
        select count(*) filter (where i.indisclustered and not i.indisreplident) > 0
            and count(*) filter (where i.indisreplident and not i.indisclustered) > 0
        from pg_index i
        where i.indrelid = c.oid
            and not exists (select from pg_constraint k where k.conindid = i.indexrelid
                and k.contype in ('p', 'u', 'x'))
    ) as crossed_indexes,
    c.relhassubclass as has_children,
    exists (
        select from pg_partitioned_table h
        join pg_opclass o on o.oid = any (h.partclass::oid[])
        where h.partrelid = c.oid and h.partstrat = 'h' and o.opcname = 'enum_ops'
    ) as hashed_by_enum,
    exists (select from pg_statistic_ext s where s.stxrelid = c.oid) as extended_statistics,
    case when current_setting('server_version_num')::int >= 140000 and not exists (
        select from pg_attribute a
        left join pg_collation l on l.oid = a.attcollation
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and not (
                -- Types of which two values hash alike only when they are the same value. Not
                -- numeric (1.0 and 1.00), interval (1 day and 24 hours), arrays ({1,2} and
                -- {{1,2}}), or bpchar without a length (trailing blanks).
                a.atttypid = any (array[
                    'bool', 'int2', 'int4', 'int8', 'oid', 'float4', 'float8',
                    'text', 'varchar', 'name', 'bytea', 'uuid',
                    'date', 'time', 'timetz', 'timestamp', 'timestamptz',
                    'inet', 'cidr', 'macaddr', 'macaddr8'
                ]::regtype[])
                or a.atttypid = 'bpchar'::regtype and a.atttypmod > 0
            )
            or a.attrelid = c.oid and a.attnum > 0 and not l.collisdeterministic
    ) then 'record' else 'text' end as row_hash,
    (
        select coalesce(json_agg(a.attname order by a.attname collate "C"), '[]')
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    json_build_object(
        'setting', case c.relreplident
            when 'd' then 'default' when 'n' then 'nothing' when 'f' then 'full' when 'i' then 'index'
        end,
        'index', (
            select x.relname
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            where c.relreplident = 'i' and i.indrelid = c.oid and i.indisreplident and i.indisvalid
        ),
        'primary_key', (
            select x.relname
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            where i.indrelid = c.oid and i.indisprimary and i.indisvalid and i.indimmediate
                and not exists (
                    select from pg_attribute a
                    where a.attrelid = c.oid and a.attnum = any (i.indkey) and a.attgenerated <> ''
                )
        ),
        'unique_indexes', (
            select coalesce(json_agg(x.relname order by x.relname collate "C"), '[]')
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            where i.indrelid = c.oid and i.indisunique and not i.indisprimary and i.indisvalid
                and i.indimmediate and i.indpred is null and i.indexprs is null
                and not exists (
                    select from unnest(i.indkey::int2[]) with ordinality k (attnum, at)
                    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                    where k.at <= i.indnkeyatts and (not a.attnotnull or a.attgenerated <> '')
                )
        ),
        'incomparable', (
            select coalesce(json_agg(a.attname order by a.attname collate "C"), '[]')
            from pg_attribute a
            where c.relkind = 'r' and a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.atttypid in (select type from incomparable)
        ),
        'generated', (
            select coalesce(json_agg(a.attname order by a.attname collate "C"), '[]')
            from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.attgenerated <> ''
        )
    ) as identity,
    (
        select coalesce(json_agg(json_build_object('name', t.tgname, 'always', t.tgenabled = 'A')
            order by t.tgname collate "C"), '[]')
        from pg_trigger t
        -- Of its type, 1 is FOR EACH ROW and 32 TRUNCATE.
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('A', 'R')
            and t.tgtype & 33 <> 0
    ) as firing_triggers,
    -- Foreign keys are triggers too, of both tables; so are deferrable keys, which set nothing off.
    exists (
        select from pg_trigger t
        where t.tgrelid = c.oid and t.tgenabled in ('O', 'A')
            and t.tgfoid <> 'unique_key_recheck'::regproc
    ) as triggered
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
-- Nothing for what is dropped meanwhile. Not pg_table_size, which looks for thrice as many files.
cross join lateral (select coalesce(pg_relation_size(c.oid), 0) as bytes offset 0) heap
where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
offset 0) as found
where readable is not null
