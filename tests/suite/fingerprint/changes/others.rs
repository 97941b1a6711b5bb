//! Changes to functions, types, publications and foreign data; comments, owners and privileges.
//! Never a change that more than one entry of a fingerprint tells, unless that is its point.

use super::Change;

/// Changes that PostgreSQL 15 and later know.
pub(crate) const OTHERS: &[Change] = &[
    // Functions
    (
        "create or replace function shop.f(a int) returns int language sql as 'select  a'",
        &["body of function shop.f(integer)"],
    ),
    (
        "alter function shop.f stable",
        &["function shop.f(integer)"],
    ),
    (
        "alter function shop.f strict",
        &["function shop.f(integer)"],
    ),
    (
        "alter function shop.f security definer",
        &["function shop.f(integer)"],
    ),
    (
        "alter function shop.f parallel safe",
        &["function shop.f(integer)"],
    ),
    (
        "alter function shop.f set work_mem = '7MB'",
        &["function shop.f(integer)"],
    ),
    (
        "alter function shop.f cost 7",
        &["function shop.f(integer)"],
    ),
    (
        "create or replace function shop.parsed(a int) returns int language sql return a + 2",
        &["body of function shop.parsed(integer)"],
    ),
    (
        "create or replace function shop.parsed(a int default 9) returns int language sql return a + 2",
        &["function shop.parsed(integer)"],
    ),
    (
        "create or replace function shop.fire() returns trigger language plpgsql as 'begin return null; end'",
        &["body of function shop.fire()"],
    ),
    ("drop function shop.f", &["function shop.f(integer)"]),
    (
        "create aggregate shop.total(int) (sfunc = int4pl, stype = int, initcond = '0')",
        &["aggregate shop.total(integer)"],
    ),
    (
        "create or replace aggregate shop.total(int) (sfunc = int4pl, stype = int, initcond = '1')",
        &["aggregate shop.total(integer)"],
    ),
    // Types
    (
        "alter type shop.mood add value 'odd' before 'happy'",
        &["type shop.mood"],
    ),
    (
        "alter type shop.mood rename value 'odd' to 'even'",
        &["type shop.mood"],
    ),
    (
        "alter domain shop.quantity drop constraint quantity_check; alter domain shop.quantity add constraint quantity_check check (value > 1)",
        &["constraint quantity_check on shop.quantity"],
    ),
    (
        "alter domain shop.quantity set default 4",
        &["type shop.quantity"],
    ),
    (
        "alter type shop.address alter attribute zip type varchar(9)",
        &["column shop.address.zip"],
    ),
    (
        "alter type shop.address add attribute city text",
        &["column shop.address.city"],
    ),
    (
        "alter type shop.address drop attribute street, add attribute street text",
        &["order of columns of type shop.address"],
    ),
    (
        "drop cast (shop.mood as int)",
        &["cast (shop.mood AS integer)"],
    ),
    (
        "alter operator family shop.family using btree add operator 1 < (int, int)",
        &["operator family shop.family USING btree"],
    ),
    (
        "alter collation shop.words rename to phrases",
        &["collation shop.phrases", "collation shop.words"],
    ),
    (
        "alter text search configuration shop.search drop mapping for url",
        &["text search configuration shop.search"],
    ),
    (
        "drop statistics shop.order_statistics; create statistics shop.order_statistics (ndistinct) on customer, total from shop.orders",
        &["statistics object shop.order_statistics"],
    ),
    (
        "alter statistics shop.order_statistics set statistics 9",
        &["statistics object shop.order_statistics"],
    ),
    // Publications and foreign data
    (
        "alter publication news add table shop.elder",
        &["publication relation shop.elder in publication news"],
    ),
    (
        "alter publication news set (publish = 'insert')",
        &["publication news"],
    ),
    (
        "alter publication news set table shop.orders (id) where (id > 2), shop.elder",
        &["filter of publication relation shop.orders in publication news"],
    ),
    (
        "create publication wide for tables in schema shop",
        &["publication wide"],
    ),
    (
        "alter publication wide drop tables in schema shop",
        &["publication namespace shop in publication wide"],
    ),
    ("alter server far options (set host 'b')", &["server far"]),
    (
        r#"alter user mapping for clerk server far options (set "user" 'b')"#,
        &["user mapping clerk on server far"],
    ),
    (
        "alter user mapping for clerk server far options (drop password)",
        &["user mapping clerk on server far"],
    ),
    (
        "alter foreign table shop.remote options (set name 'b')",
        &["foreign table shop.remote"],
    ),
    // Comments, owners, privileges
    (
        "comment on table shop.orders is 'after'",
        &["comment on table shop.orders"],
    ),
    (
        "comment on constraint customer_fk on shop.orders is 'new'",
        &["comment on constraint customer_fk on shop.orders"],
    ),
    (
        "comment on trigger fires on shop.orders is 'new'",
        &["comment on trigger fires on shop.orders"],
    ),
    (
        "comment on schema public is null",
        &["comment on schema public"],
    ),
    (
        "alter table shop.elder owner to clerk",
        &["owner of table shop.elder"],
    ),
    (
        "alter schema shop owner to clerk",
        &["owner of schema shop"],
    ),
    (
        "alter type shop.mood owner to clerk",
        &["owner of type shop.mood"],
    ),
    (
        "grant insert on shop.orders to clerk",
        &["privileges on table shop.orders"],
    ),
    (
        "grant select on shop.orders to clerk with grant option",
        &["privileges on table shop.orders"],
    ),
    (
        "grant update (total) on shop.orders to clerk",
        &["privileges on column shop.orders.total"],
    ),
    (
        "grant usage on sequence shop.free to auditor",
        &["privileges on sequence shop.free"],
    ),
    (
        "grant create on schema shop to auditor",
        &["privileges on schema shop"],
    ),
    (
        "revoke execute on function shop.fire() from public",
        &["privileges on function shop.fire()"],
    ),
    (
        "revoke usage on type shop.quantity from public",
        &["privileges on type shop.quantity"],
    ),
    (
        "revoke usage on language plpgsql from public",
        &["privileges on language plpgsql"],
    ),
    (
        "revoke execute on function pg_catalog.pg_sleep(float8) from public",
        &["privileges on function pg_sleep(double precision)"],
    ),
    (
        "grant select on pg_catalog.pg_authid to auditor",
        &["privileges on table pg_authid"],
    ),
    (
        "alter default privileges for role clerk in schema shop grant select on tables to auditor",
        &["default privileges for role clerk in schema shop on tables"],
    ),
    (
        "alter default privileges for role clerk grant execute on functions to auditor",
        &["default privileges for role clerk on functions"],
    ),
    // Schemas
    ("create schema other", &["schema other"]),
    (
        "create table other.t (id int primary key); create view other.v as select * from other.t",
        &["table other.t", "view other.v"],
    ),
    (
        "drop schema other cascade",
        &["schema other", "table other.t", "view other.v"],
    ),
];
