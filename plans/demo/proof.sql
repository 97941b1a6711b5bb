-- Everything that makes the shop the shop, asked in plain SQL: rows with a sum over their text,
-- sequences, definitions, privileges, settings.

set timezone = 'UTC';
set search_path = shop;

select format(
    'select %L, count(*), sum(hashtextextended(t::text, 0)) from %s t', relation, relation
)
from (
    select c.oid::regclass::text as relation
    from pg_class c
    where c.relnamespace = 'shop'::regnamespace and c.relkind in ('r', 'p', 'm')
        and not c.relispartition
) relations
order by relation collate "C"
\gexec

select 'large object ' || oid, length(lo_get(oid)), md5(lo_get(oid))
from pg_largeobject_metadata order by oid;

select format('select %L, last_value, is_called from %s', 'sequence ' || oid::regclass, oid::regclass)
from pg_class where relkind = 'S' and relnamespace = 'shop'::regnamespace
order by relname collate "C"
\gexec

select 'views', count(*), md5(string_agg(pg_get_viewdef(oid), '' order by relname collate "C"))
from pg_class where relkind in ('v', 'm') and relnamespace = 'shop'::regnamespace;

select 'indexes', count(*), md5(string_agg(indexdef, '' order by indexname collate "C"))
from pg_indexes where schemaname = 'shop';

select
    'constraints', count(*),
    md5(string_agg(pg_get_constraintdef(oid), '' order by conrelid::regclass::text collate "C", conname collate "C"))
from pg_constraint where connamespace = 'shop'::regnamespace and contype <> 'n';

select 'triggers', count(*), md5(string_agg(pg_get_triggerdef(oid), '' order by tgname collate "C"))
from pg_trigger where not tgisinternal;

select
    'policies', count(*),
    md5(string_agg(concat_ws(' ', policyname, roles, cmd, qual, with_check), '' order by policyname collate "C"))
from pg_policies;

select 'owners and grants', count(*), md5(string_agg(grants, '' order by grants collate "C"))
from (
    select concat_ws(' ', c.oid::regclass, pg_get_userbyid(c.relowner), a.grantee::regrole, a.privilege_type) as grants
    from pg_class c
    cross join lateral aclexplode(c.relacl) a
    where c.relnamespace = 'shop'::regnamespace
) granted;

select 'settings of the database', count(*), md5(string_agg(setting, '' order by setting collate "C"))
from (
    select concat_ws(' ', nullif(s.setrole, 0)::regrole, unnest(s.setconfig)) as setting
    from pg_db_role_setting s
    join pg_database d on d.oid = s.setdatabase
    where d.datname = current_database()
) settings;
