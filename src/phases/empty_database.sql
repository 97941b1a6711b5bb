do $empty$
declare
  item record;
begin
  -- Event triggers first: they would fire on every drop that follows.
  for item in select evtname from pg_event_trigger e
    where not exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass
      and d.objid = e.oid and d.deptype = 'e')
  loop
    execute format('drop event trigger %I cascade', item.evtname);
  end loop;
  for item in select pubname from pg_publication loop
    execute format('drop publication %I', item.pubname);
  end loop;
  commit;
  -- One relation a transaction: the lock table holds only so many.
  loop
    select format('%I.%I', n.nspname, c.relname) as name, case c.relkind when 'v' then 'view'
        when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
        else 'table' end as kind
      into item from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema'
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
          and d.objid = c.oid and d.objsubid = 0 and d.deptype in ('e', 'i'))
      order by c.relispartition desc, c.relkind = 'S', c.oid desc limit 1;
    exit when not found;
    execute format('drop %s if exists %s cascade', item.kind, item.name);
    commit;
  end loop;
  -- Large objects a thousand at a time, for the same reason.
  loop
    perform lo_unlink(oid) from (select oid from pg_largeobject_metadata limit 1000) as batch;
    exit when not found;
    commit;
  end loop;
  for item in select extname from pg_extension where extname <> 'plpgsql' loop
    execute format('drop extension if exists %I cascade', item.extname);
  end loop;
  for item in select fdwname from pg_foreign_data_wrapper loop
    execute format('drop foreign data wrapper if exists %I cascade', item.fdwname);
  end loop;
  commit;
  for item in select nspname from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
  loop
    execute format('drop schema %I cascade', item.nspname);
  end loop;
  -- Default privileges go when they are as PostgreSQL has them by itself. Those in a schema went
  -- with it.
  for item in select format('alter default privileges for role %I', r.rolname) as change,
      case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'routines'
        when 'T' then 'types' when 'n' then 'schemas' when 'L' then 'large objects' end as kind,
      r.rolname as owner, (select string_agg(distinct
          coalesce((select quote_ident(g.rolname) from pg_roles g where g.oid = a.grantee), 'public'),
          ', ') from aclexplode(d.defaclacl) a) as grantees,
      d.defaclobjtype in ('f', 'T') as is_public
    from pg_default_acl d join pg_roles r on r.oid = d.defaclrole where d.defaclnamespace = 0
  loop
    if item.grantees is not null then
      execute format('%s revoke all on %s from %s', item.change, item.kind, item.grantees);
    end if;
    execute format('%s grant all on %s to %I', item.change, item.kind, item.owner);
    if item.is_public then
      execute format('%s grant all on %s to public', item.change, item.kind);
    end if;
  end loop;
  commit;
  -- As in a database that was just created.
  create schema public;
  comment on schema public is 'standard public schema';
  if current_setting('server_version_num')::int >= 140000 then
    begin
      alter schema public owner to pg_database_owner;
    exception when insufficient_privilege then
      raise notice 'schema public stays with %', current_user;
    end;
  end if;
  grant usage on schema public to public;
  if current_setting('server_version_num')::int < 150000 then
    grant create on schema public to public;
  end if;
end
$empty$
