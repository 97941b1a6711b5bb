-- A small database with something of every kind that a step of a migration has to carry, for the
-- tests that migrate it hundreds of times.
do $$ begin
  if not exists (select from pg_roles where rolname = 'small_owner') then
    create role small_owner;
    create role small_reader login in role small_owner;
  end if;
end $$;
create schema warehouse authorization small_owner;
create table customers (id int generated always as identity primary key, name text not null);
insert into customers (name) select 'customer ' || n from generate_series(1, 50) n;
create table orders (id bigserial primary key, customer int references customers, total numeric);
insert into orders (customer, total) select 1 + n % 50, n / 7.0 from generate_series(1, 200) n;
-- Without a key: a row that is copied twice stays.
create table readings (at timestamptz, value float8);
insert into readings values ('2024-02-29 12:00+00', 'NaN'), ('infinity', 0), ('infinity', 0);
create table sessions (token text);
insert into sessions values ('a'), ('b');
create table old_orders (id int);
insert into old_orders values (1);
create table warehouse.stock (item text, amount int);
insert into warehouse.stock values ('tea', 3), (null, null);
create view totals as select customer, sum(total) as total from orders group by customer;
create materialized view warehouse.amounts as select sum(amount) from warehouse.stock;
create sequence tickets start 41;
select nextval('tickets');
alter table customers owner to small_owner;
alter default privileges for role small_owner grant select on tables to small_reader;
grant select on orders to small_reader;
do $$ begin
  execute format('comment on database %I is ''small''', current_database());
  execute format('alter database %I set work_mem = ''5MB''', current_database());
  execute format('alter role small_reader in database %I set work_mem = ''6MB''', current_database());
  execute format('grant create on database %I to small_reader', current_database());
end $$;
select lo_from_bytea(4711, '\x000102');
