-- A small database with one of everything that an online migration has a step for, and a role that
-- writes to it all the while. The role clerk is there already.
create table entries (number bigint not null, ticket bigint primary key, at timestamptz default now());
-- Without a key: its replica identity is changed for the migration.
create table readings (at timestamptz, value bigint);
insert into readings values ('epoch', 0), ('infinity', 0), ('infinity', 0);
-- Not in any stream: copied at the cutover.
create unlogged table drafts (number bigint primary key);
create table measures (day int, number bigint, primary key (day, number)) partition by range (day);
create table measures_even partition of measures for values from (0) to (1);
create table measures_odd partition of measures for values from (1) to (2);
create materialized view totals as select count(*) from readings;
create sequence tickets start 41;
grant select, insert, update on all tables in schema public to clerk;
grant usage, update on sequence tickets to clerk;
