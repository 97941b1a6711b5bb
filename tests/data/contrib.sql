-- Objects that belong to extensions, and tables that use their types: what a distribution's
-- PostgreSQL 15 has beyond a bare build. Never needs more than its contributed extensions.
--     psql -v ON_ERROR_STOP=1 -d any_database -f tests/data/contrib.sql

\set ON_ERROR_STOP 1
set client_min_messages = warning;

create schema "ext ""schema""";
create extension hstore with schema "ext ""schema""";
create extension citext version '1.5';
alter extension citext update to '1.6';
create extension pg_trgm;
create extension "uuid-ossp" with schema "ext ""schema""";
create extension btree_gist;
create extension ltree;
create extension cube;
create extension earthdistance;
create extension intarray;
create extension postgres_fdw;
create extension lo;
create extension pg_stat_statements;
comment on extension pg_trgm is 'not its own comment';
grant execute on function similarity(text, text) to pg_monitor;
revoke execute on function show_limit() from public;

create table shelf (
    id uuid primary key default "ext ""schema""".uuid_generate_v4(),
    title citext unique, tags "ext ""schema""".hstore, place ltree, at cube, picture lo,
    seats int, during tstzrange,
    exclude using gist (seats with =, during with &&));
insert into shelf values
    ('00000000-0000-0000-0000-000000000001', 'Title', 'a=>1, "b c"=>NULL, ""=>"q\"uote"', 'Top.Science', '(1,2),(3,4)',
     lo_from_bytea(80001, '\xdead'), 1, '[2020-01-01,2021-01-01)'),
    ('00000000-0000-0000-0000-000000000002', null, '', '', '(0)', null, null, null);
create index on shelf using gin (title gin_trgm_ops);
create index on shelf using gist (place);
create index on shelf using gist (tags "ext ""schema""".gist_hstore_ops (siglen = 32));
create trigger lo_of_shelf before update or delete on shelf for each row execute function lo_manage(picture);
create view found as select * from shelf where title = 'TITLE' and tags operator("ext ""schema""".?) 'a';

create server elsewhere foreign data wrapper postgres_fdw options (host '/nowhere', dbname 'x');
create user mapping for current_user server elsewhere options (user 'reader', password_required 'false');
create foreign table far (a int) server elsewhere options (schema_name 'public', table_name 'far');

-- These need libxml, lz4 and ICU, which bare builds leave out.
create table with_xml (id int, document xml);
insert into with_xml values (1, '<a b="1">ü<!-- c --></a>'), (2, 'text only'), (3, null), (4, '');
create table with_lz4 (id int, body text compression lz4);
insert into with_lz4 values (1, repeat('lz4 ', 5000));
create collation "ünïcode" (provider = icu, locale = 'de-u-kn-true', deterministic = false);
create table by_icu (word text collate "ünïcode" primary key);
insert into by_icu values ('a10'), ('a2'), ('Ä');
