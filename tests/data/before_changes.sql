-- A small schema that the changes in tests/suite/fingerprint/changes.rs are made to, one by one.
-- Never loaded together with other data: the changes name its objects.

create role clerk;
create role auditor;
create schema shop;
create type shop.mood as enum ('sad', 'happy');
create type shop.address as (street text, zip text);
create domain shop.quantity as int check (value > 0);
create sequence shop.free;
create table shop.customers (
    id int generated always as identity primary key, name text not null, notes text,
    price numeric(10, 2) default 0, status varchar(10) check (status in ('new', 'old')),
    doubled numeric generated always as (price * 2) stored);
create table shop.orders (
    id int primary key, customer int, total int, placed date,
    constraint customer_fk foreign key (customer) references shop.customers (id),
    constraint total_check check (total > 0));
create index orders_total on shop.orders (total) where total > 100;
create index orders_placed on shop.orders (placed);
create unique index orders_alternative on shop.orders (id);
create table shop.parent (a int);
create table shop.child () inherits (shop.parent);
create table shop.parts (a int) partition by range (a);
create table shop.parts_low partition of shop.parts for values from (0) to (10);
create statistics shop.order_statistics (ndistinct, dependencies) on customer, total from shop.orders;
create view shop.rich as select c.id, o.total from shop.customers c join shop.orders o on o.customer = c.id;
create materialized view shop.sums as select customer, sum(total) as total from shop.orders group by customer;
create function shop.f(a int) returns int language sql as 'select a';
create function shop.parsed(a int) returns int language sql return a + 1;
create function shop.fire() returns trigger language plpgsql as 'begin return new; end';
create function shop.on_ddl() returns event_trigger language plpgsql as 'begin perform 1; end';
create trigger fires before insert on shop.orders for each row execute function shop.fire();
create rule quiet as on delete to shop.orders do also nothing;
create policy own on shop.orders for select to clerk using (customer = 1);
create event trigger watch on ddl_command_end execute function shop.on_ddl();
create publication news for table shop.orders;
create foreign data wrapper wrapper;
create server far foreign data wrapper wrapper options (host 'a');
create user mapping for clerk server far options ("user" 'a', password 'b');
create foreign table shop.remote (a int) server far options (name 'a');
create collation shop.words (locale = 'C', provider = libc);
create text search configuration shop.search (copy = simple);
create operator family shop.family using btree;
create cast (shop.mood as int) with inout;
comment on table shop.orders is 'before';
grant select on shop.orders to clerk;
