-- A database with something for every fact that planning asks for.
create role "inspect Owner" nologin;
create role inspect_group nologin;
create role inspect_reader login connection limit 7 in role inspect_group, pg_read_all_stats;
create role inspect_default nologin;
create role inspect_policy nologin;
create role inspect_settings nologin;
create role inspect_unneeded nologin;
alter role inspect_group set work_mem to '8MB';
alter role inspect_reader valid until '2040-02-03 05:05:06+01';
comment on role inspect_reader is 'reads';

select format('alter database %I owner to "inspect Owner"', current_database()) \gexec
select format('comment on database %I is %L', current_database(), 'a comment, with ''quotes''') \gexec
select format('grant connect on database %I to inspect_group with grant option', current_database()) \gexec
select format('alter database %I set search_path to public, "Odd Schema"', current_database()) \gexec
select format('alter role inspect_settings in database %I set timezone to ''UTC''', current_database()) \gexec
select format('alter database %I connection limit 42', current_database()) \gexec

create schema "Odd Schema" authorization "inspect Owner";
create schema ext;

create type mood as enum ('sad', 'glad');
create domain positive as int check (value > 0);

create table customers (
    id bigint generated always as identity primary key,
    code char(3) not null unique,
    born date,
    seen timestamptz default now(),
    balance float8
);
create table orders (
    id serial primary key,
    customer bigint not null references customers,
    mood mood
);
alter table orders owner to "inspect Owner";
grant select on customers to inspect_reader;
create table free_text (note bpchar);
create table prices (price numeric);
create table tags (tags text[]);
create type text_pair as (one text, other text);
create table awkward (moods mood[], odd text_pair, kind mood);
create table dropped (kept int, gone json);
alter table dropped drop column gone;
create table no_columns ();
create unlogged table scratch (id int);

create table events (at date not null, kind text not null) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01')
    partition by list (kind);
create table "Odd Schema"."events ""click""" partition of events_2026 for values in ('click');
create table events_key (at date, kind text, id int, primary key (at, kind, id)) partition by range (at);
create table events_key_2026 partition of events_key for values from ('2026-01-01') to ('2027-01-01');
create table refers (at date, kind text, id int, foreign key (at, kind, id) references events_key);

create table parent (id int);
create table child (extra int) inherits (parent);

create sequence numbers;
create table numbered (id int default nextval('numbers'));

create view order_moods as select id, mood from orders;
create materialized view order_count as select count(*) from order_moods;
create materialized view unfilled as select 1 as one with no data;
create rule log_it as on insert to parent do also insert into child values (new.id, 0);

create function counted() returns bigint language sql begin atomic select count(*) from orders; end;
create function mood_of(orders) returns mood language sql as 'select $1.mood';
create procedure nothing() language sql as '';

alter table prices enable row level security;
create policy seen_orders on prices to inspect_policy using (exists (select from orders));
alter default privileges for role inspect_default in schema public grant select on tables to inspect_group;

create statistics customers_stat on code, born from customers;
create publication inspected for table customers;
create function on_ddl() returns event_trigger language plpgsql as 'begin end';
create event trigger inspect_ddl on ddl_command_end execute function on_ddl();

create foreign data wrapper things;
create server elsewhere foreign data wrapper things;
create user mapping for inspect_reader server elsewhere options (password 'made-up');
create foreign table far (id int) server elsewhere;

select lo_from_bytea(4711, '\x00ff');

insert into customers (code) select to_char(n, 'FM000') from generate_series(1, 100) n;
analyze customers;

-- What no copy carries.
create unique index broken on scratch (id);
update pg_index set indisvalid = false where indexrelid = 'broken'::regclass;
grant set on parameter work_mem to inspect_reader;
