-- One of everything that a PostgreSQL 15 database can hold, to see that a migration keeps it.
-- Never needs contrib, ICU, libxml or a file on the server; loads on 15 and newer with
--     psql -v ON_ERROR_STOP=1 -d any_database -f tests/data/one_of_everything.sql
-- as a superuser. Roles belong to the whole cluster, so they may be there already.

\set ON_ERROR_STOP 1
set client_encoding = 'UTF8';
set client_min_messages = warning;
set datestyle = 'ISO, YMD';
set timezone = 'UTC';

-- Roles.

do $$
declare role text;
begin
    foreach role in array array['Shop Owner', 'señor ß', 'percent%role', 'select', 'app_reader', 'app_writer']
    loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I', role);
        end if;
    end loop;
end $$;

alter role "Shop Owner" createdb connection limit 17 valid until '2099-12-31 23:59:59+00';
alter role app_writer login;
alter role app_reader set statement_timeout = '7min';
comment on role "señor ß" is 'owns what nobody else wants';
grant app_reader to app_writer with admin option;
grant "Shop Owner" to "señor ß";

-- The database itself.

do $$
declare db text := current_database();
begin
    execute format('alter database %I owner to %I', db, 'Shop Owner');
    execute format('comment on database %I is %L', db, E'one of everything:\n ''quoted'', \\back\\slashed, naïve ☃');
    execute format('revoke connect, temporary on database %I from public', db);
    execute format('grant connect on database %I to app_reader, %I', db, 'select');
    execute format('grant create on database %I to app_writer with grant option', db);
    execute format('alter database %I set work_mem = %L', db, '5MB');
    execute format('alter database %I set search_path = public, %L, %L', db, 'a "schema" 100%', 'select');
    execute format('alter database %I set application_name = %L', db, 'it''s "odd" \ 100%');
    execute format('alter database %I connection limit 93', db);
    execute format('alter role app_reader in database %I set default_transaction_read_only = on', db);
    execute format('alter role %I in database %I set datestyle = %L', 'señor ß', db, 'German, DMY');
    execute format('alter role %I in database %I set search_path = %L', 'percent%role', db, 'a "schema" 100%');
end $$;

comment on schema public is E'no longer the standard\npublic schema';
alter schema public owner to "Shop Owner";
grant create on schema public to app_writer;
revoke usage on schema public from public;
grant usage on schema public to app_reader with grant option;
grant usage on schema public to "percent%role", "select";

create schema "a ""schema"" 100%" authorization "señor ß";
comment on schema "a ""schema"" 100%" is '';
comment on schema "a ""schema"" 100%" is 'it''s a schema';
grant usage on schema "a ""schema"" 100%" to public;
create schema "select" authorization "select";
create schema "空の スキーマ";

set search_path = public;

-- Default privileges.

alter default privileges for role "Shop Owner" in schema public grant select on tables to app_reader;
alter default privileges for role "Shop Owner" grant usage on sequences to app_writer with grant option;
alter default privileges for role "señor ß" revoke execute on functions from public;
alter default privileges for role "señor ß" revoke usage on types from public;
alter default privileges for role "percent%role" grant usage on schemas to app_reader;

-- Types.

create type mood as enum ('sad', 'ok', 'it''s "great"', '', 'ünïcode 表');
alter type mood add value 'between' before 'ok';
comment on type mood is 'how one is';
create type empty_enum as enum ();
create type "my ""composite""" as (a int, "b c" text collate "C", d mood, e int[]);
comment on column "my ""composite"""."b c" is 'a column of a type';
create type nested as (inside "my ""composite""", many "my ""composite"""[]);
create type empty_composite as ();
create domain positive as int constraint "more than 0" check (value > 0);
comment on domain positive is 'above zero';
comment on constraint "more than 0" on domain positive is 'by one at least';
create domain short_code as varchar(8) collate "C" default 'x''y' not null check (value !~ '\s');
create domain unchecked as text;
alter domain unchecked add constraint later check (value <> '') not valid;
create domain moods as mood[] check (array_length(value, 1) < 10);
create domain composite_domain as "my ""composite""" check ((value).a is distinct from 0);
create type shell_only;
create function float8_apart(float8, float8) returns float8 language sql immutable strict
    as 'select $2 - $1';
create type float_range as range (subtype = float8, subtype_diff = float8_apart,
                                  multirange_type_name = float_ranges);
create type mood_range as range (subtype = mood);
create type c_range as range (subtype = text, collation = "C");
alter type nested owner to "señor ß";
grant usage on type nested to app_reader;

-- A base type, from functions that the server has built in.
create type my_text;
create function my_text_in(cstring) returns my_text language internal immutable strict as 'textin';
create function my_text_out(my_text) returns cstring language internal immutable strict as 'textout';
create type my_text (input = my_text_in, output = my_text_out, like = text,
                     category = 'S', default = 'none', collatable = true);
create cast (my_text as text) without function as implicit;
create cast (text as my_text) without function as assignment;
comment on cast (my_text as text) is 'they are the same bytes';

create collation german_ish (locale = 'C', provider = libc);
create collation "c ""too""" from "C";
comment on collation german_ish is 'not very german';
alter collation german_ish owner to "señor ß";

-- Functions, procedures, aggregates, operators.

create function "add ""one""" (a int, out b int) language sql immutable strict parallel safe
    cost 7 set work_mem = '6MB' set search_path = pg_catalog, pg_temp
    return a + 1;
create function atomic_one(a int default 3, variadic more int[] default '{}') returns bigint
    language sql stable
begin atomic
    select a + count(*) from unnest(more);
end;
create function several(n int) returns table (i int, "the text" text) language sql rows 5
    as $body$
select g, E'--\n-- Name: not a heading; Type: TABLE; Schema: public; Owner: nobody\n--\n'

from generate_series(1, n) g
$body$;
create function plpg(inout a anyelement, b text default E'tab\tquote''') language plpgsql
    security definer leakproof as $_$
begin
    -- $$ inside
    a := a;
end $_$;
create function overloaded(int) returns int language sql as 'select 1';
create function overloaded(text) returns int language sql as 'select 2';
create function overloaded(mood, positive) returns int language sql as 'select 3';
create procedure do_nothing(inout a int, b nested default null) language plpgsql as 'begin a := 1; end';
create procedure atomic_nothing() begin atomic end;
comment on function overloaded(text) is 'the one with text';
comment on procedure do_nothing(int, nested) is 'nothing at all';
alter function overloaded(int) owner to "percent%role";
revoke execute on function overloaded(int) from public;
grant execute on function overloaded(int) to app_reader with grant option;
revoke all on procedure do_nothing(int, nested) from public;

create function kept_larger(int, int) returns int language sql immutable as 'select greatest($1, $2)';
create aggregate largest(int) (sfunc = kept_larger, stype = int, initcond = '-5',
                               combinefunc = kept_larger, parallel = safe, sortop = operator(pg_catalog.>));
create aggregate "my percentile"(float8 order by anyelement) (
    sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
comment on aggregate largest(int) is 'the largest';

create function same_mod_10(int, int) returns boolean language sql immutable as 'select $1 % 10 = $2 % 10';
create operator === (function = same_mod_10, leftarg = int, rightarg = int,
                     commutator = ===, restrict = eqsel, join = eqjoinsel);
create operator !## (function = "add ""one""", rightarg = int);
comment on operator === (int, int) is 'the last digit';
create operator family odd_family using btree;
create operator class reverse_int for type int using btree family odd_family as
    operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <,
    function 1 btint4cmp(int, int);
alter operator family odd_family using btree add function 1 (int, bigint) btint48cmp(int, bigint);
comment on operator class reverse_int using btree is 'the other way round';

create transform for int language sql (from sql with function pg_catalog.prsd_lextype(internal));
create access method heap_again type table handler heap_tableam_handler;
create conversion odd_conversion for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
-- pg_dump takes a language whose functions are the server's own for an extension.
create function odd_call() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create function odd_inline(internal) returns void language c as '$libdir/plpgsql', 'plpgsql_inline_handler';
create function odd_validator(oid) returns void language c as '$libdir/plpgsql', 'plpgsql_validator';
create trusted language odd_language handler odd_call inline odd_inline validator odd_validator;
create function in_odd_language() returns int language odd_language as 'begin return 1; end';

-- Text search.

create text search dictionary "no ""stop""" (template = simple, accept = false);
create text search template odd_template (init = dsimple_init, lexize = dsimple_lexize);
create text search parser odd_parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end,
                                      headline = prsd_headline, lextypes = prsd_lextype);
create text search configuration odd_search (copy = simple);
alter text search configuration odd_search alter mapping for asciiword, word
    with "no ""stop""", english_stem;
alter text search configuration odd_search drop mapping for email;
comment on text search configuration odd_search is 'odd';
comment on text search dictionary "no ""stop""" is 'none';

-- Every built-in type, with its odd values.

create table every_type (
    id int primary key,
    c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_float4 float4, c_float8 float8,
    c_numeric numeric, c_numeric_scaled numeric(20, 5), c_numeric_negative_scale numeric(5, -2),
    c_money money, c_text text, c_varchar varchar, c_varchar_10 varchar(10), c_char char(5),
    c_one_char "char", c_name name, c_bytea bytea,
    c_date date, c_time time, c_time_3 time(3), c_timetz timetz, c_timestamp timestamp,
    c_timestamptz timestamptz, c_timestamptz_0 timestamptz(0), c_interval interval,
    c_interval_ym interval year to month, c_interval_s interval second(2),
    c_uuid uuid, c_json json, c_jsonb jsonb, c_jsonpath jsonpath,
    c_bit bit(5), c_bit_1 bit, c_varbit varbit, c_varbit_9 varbit(9),
    c_inet inet, c_cidr cidr, c_macaddr macaddr, c_macaddr8 macaddr8,
    c_point point, c_line line, c_lseg lseg, c_box box, c_path path, c_polygon polygon, c_circle circle,
    c_tsvector tsvector, c_tsquery tsquery,
    c_oid oid, c_tid tid, c_xid xid, c_xid8 xid8, c_cid cid, c_pg_lsn pg_lsn,
    c_pg_snapshot pg_snapshot, c_txid_snapshot txid_snapshot, c_refcursor refcursor,
    c_int2vector int2vector, c_oidvector oidvector, c_aclitem aclitem,
    c_regclass regclass, c_regproc regproc, c_regprocedure regprocedure, c_regoper regoper,
    c_regoperator regoperator, c_regtype regtype, c_regrole regrole, c_regnamespace regnamespace,
    c_regcollation regcollation, c_regconfig regconfig, c_regdictionary regdictionary,
    c_int4range int4range, c_int8range int8range, c_numrange numrange, c_daterange daterange,
    c_tsrange tsrange, c_tstzrange tstzrange,
    c_int4multirange int4multirange, c_int8multirange int8multirange, c_nummultirange nummultirange,
    c_datemultirange datemultirange, c_tsmultirange tsmultirange, c_tstzmultirange tstzmultirange,
    c_bool_array bool[], c_int_array int[], c_text_array text[], c_numeric_array numeric[],
    c_timestamptz_array timestamptz[], c_bytea_array bytea[], c_json_array json[], c_box_array box[],
    c_range_array int4range[],
    c_mood mood, c_moods mood[], c_mood_domain moods, c_composite "my ""composite""",
    c_composites "my ""composite"""[], c_nested nested, c_composite_domain composite_domain,
    c_positive positive, c_positives positive[], c_short_code short_code default 'x',
    c_unchecked unchecked, c_float_range float_range, c_float_ranges float_ranges,
    c_mood_range mood_range, c_c_range c_range, c_my_text my_text, c_my_texts my_text[],
    c_empty empty_composite
);

insert into every_type (id, c_short_code) values (1, 'nulls');

insert into every_type values (2,
    true, -32768, -2147483648, -9223372036854775808, 'NaN', 'NaN', 'NaN', 'NaN', -99949,
    '-92233720368547758.08', '', '', '', '', '', '', '',
    '-infinity', '00:00:00', '00:00:00.0005', '00:00:00+15:59:59', '-infinity', '-infinity', '-infinity',
    '-178000000 years', '-178000000 years', '-0.005 seconds',
    '00000000-0000-0000-0000-000000000000', ' { "b": 1,  "a" : 2, "b":3 } ', '{"b": 1, "a": 2, "b": 3}',
    'strict $."a b"[*] ? (@ > 1.50)',
    B'00000', B'0', B'', B'',
    '0.0.0.0/0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
    '(-0,NaN)', '{0,-1,0}', '[(0,0),(0,0)]', '(Infinity,1),(-Infinity,-1)', '[(0,0)]', '((0,0))', '<(0,0),0>',
    '', '',
    0, '(0,0)', '0', '0', '0', '0/0', '1:1:', '1:1:', '', '', '', 'postgres=/postgres',
    '-', '-', '-', '0', '0', '-', '-', '-', '-', 'simple', 'simple',
    'empty', 'empty', 'empty', 'empty', 'empty', 'empty',
    '{}', '{}', '{}', '{}', '{}', '{}',
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
    '', '{}', '{}', '(,,,)', '{}', '(,)', '(-1,,,)',
    1, '{}', '', null, 'empty', '{}', 'empty', 'empty', '', '{}', null);

insert into every_type values (3,
    false, 32767, 2147483647, 9223372036854775807, '-Infinity', 'Infinity', 'Infinity', 99999.99999 * 1e9, 12345,
    '92233720368547758.07', E'new\nline\ttab\\back\r\n''q'' "d" \x01 ☃ 𝄞 e\u0301', E'\\N', E'\\.', 'a    ', E'\x7f',
    repeat('n', 63)::name, '\x00ff5c0a0d09',
    'infinity', '24:00:00', '23:59:59.999', '23:59:59.999999-15:59:59', 'infinity', 'infinity', 'infinity',
    '178000000 years 11 mons 3650 days 23:59:59.999999', '-1 years -1 mons', '-59.99 seconds',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    E'{"deep": [[[{"\\u0000not in jsonb": "\\ud834\\udd1e"}]]], "n": 1.000000000000000000000000000000010e+5}',
    E'{"n": 1.10000000000000000000000000000000000000000001, "s": "\\ud834\\udd1e \\n", "e": [], "o": {}, "null": null}',
    '$.**{2 to last}.keyvalue() ? (@.key like_regex "^a\"" flag "i")',
    B'10101', B'1', B'1111111111111111111111111111111111111', B'101',
    '::ffff:1.2.3.4/128', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff',
    '(1e308,-1e-307)', '{1.1,2.2,3.3}', '[(1,2),(3,4)]', '(3,4),(1,2)', '((1,2),(3,4),(5,6))',
    '((1,2),(3,4),(5,6))', '<(1.5,-2.5),1e10>',
    E'''it''''s'':1A,2B ''\\\\'':3C fat:16383 rat', E'!(''a b'':*A & c) <-> d | ''it''''s''',
    4294967295, '(4294967295,65535)', '4294967295', '18446744073709551615', '4294967295',
    'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', '10:20:10,14,15', 'a "cursor"', '1 2 -3', '1 2 4294967295',
    '"señor ß"=r*w/"Shop Owner"',
    'every_type', 'several', 'overloaded(text)', '===', '===(int,int)', '"my ""composite"""', '"señor ß"',
    '"a ""schema"" 100%"', 'german_ish', 'odd_search', '"no ""stop"""',
    '(,)', '[1,2)', '(-Infinity,NaN]', '[infinity,infinity]', '[4713-01-01 BC,)', '(,infinity)',
    '{(,)}', '{[1,2),[5,9)}', '{(,1.5),[2.50,NaN)}', '{[4713-01-01 BC,0001-01-01 BC]}', '{}', '{(,2000-01-01),[infinity,)}',
    '{t,f,NULL}', '[-1:0][2:3]={{1,2},{3,NULL}}', E'{"",NULL,"NULL","a,b","q\\"","back\\\\slash","new\nline","{}"}',
    '{NaN,Infinity,-Infinity,0.000,1e-30}', '{infinity,-infinity,"0044-03-15 12:00:00 BC"}',
    E'{"\\\\x","\\\\x00"}', E'{"{\\"a\\":  1}"}', '{(1,1),(0,0);(2,2),(1,1)}', '{"empty","[1,3)"}',
    'ünïcode 表', '{sad,"it''s \"great\"","",between}', '[0:1]={ok,sad}',
    row(1, E'a,"b")(\n', 'sad', '{1,NULL}'), array[row(null, '', '', '{}')::"my ""composite""", null],
    row(row(1, null, null, null), array[row(2, '', null, null)::"my ""composite"""]), row(7, null, null, null),
    2147483647, '{1,2}', 'x''y"z', 'u', '[-Infinity,NaN]', '{[1.5,2.5),[3,)}', '[sad,ok]', '["a","b\"c")',
    'the text', '{a,b}', row());

-- Dates before Christ and at the ends of their ranges, leap seconds and zero-length things.
insert into every_type (id, c_short_code, c_date, c_timestamp, c_timestamptz, c_timetz, c_interval, c_float4,
                        c_float8, c_numeric, c_path, c_text_array, c_int_array)
values (4, 'bc', '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '24:00:00+00',
        '-1 mon +1 day -00:00:00.000001', '1.17549435e-38', '5e-324', ('1e-' || 1000)::numeric, '[(0,0),(1,1)]',
        '[5:5][-2:-1]={{a,b}}', '{{{1},{2}},{{3},{4}}}'),
       (5, 'far', '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00',
        '12:00:60-08', 'P1Y2M3DT4H5M6.789S', '3.4028235e38', '1.7976931348623157e308',
        ('1' || repeat('0', 5000) || '.' || repeat('9', 300))::numeric, '((0,0),(1,1))', null, null),
       (6, 'zero', '0001-12-31 BC', '0001-01-01', '1969-12-31 23:59:59.999999+00', '00:00:00-15:59:59', '0',
        '-0', '-0', '-0.000', null, array[null, null]::text[], null);

-- A value large enough to be stored out of line, by each way of storing it.
create table toasted (
    id int primary key,
    plain text, main text, external text, extended text compression pglz
);
alter table toasted alter column plain set storage plain, alter column main set storage main,
    alter column external set storage external;
insert into toasted
select 1, repeat('p', 2000), repeat('m', 60000), repeat('e', 60000),
       (select string_agg(md5(i::text), '') from generate_series(1, 4000) i);

-- Names.

create table "select" ("from" int primary key, "where" text default 'x');
create table "weird ""quote""" ("a ""column""" int, "100%" int, "it's" text, "back\slash" int, " " int);
create table "tab	le" ("new
line" int, "tab	column" int);
create table "naïve ünïcode 表" ("größe" int primary key, "価格" numeric, "💰" text);
create table "CamelCase" ("ID" serial primary key, id int);
create table "-- comment; drop table x" (a int, "$1" int, "{{ env('HOME') }}" text, "a.b" int);
create table "a ""schema"" 100%"."select" ("user" int, "order" int unique);
create table "select"."select" ("select" int constraint "order" primary key);
create table nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn (
    ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc int primary key);
create table "表表表表表表表表表表表表表表表表表表表表表" (id bigserial);
insert into "select" values (1, 'select'), (2, null);
insert into "weird ""quote""" values (1, 2, 'it''s', 4, 5), (1, 2, 'it''s', 4, 5);
insert into "tab	le" values (1, 2);
insert into "naïve ünïcode 表" values (1, 2.50, '💰💰');
insert into "CamelCase" (id) select generate_series(1, 7);
insert into "-- comment; drop table x" values (1, 2, '{{ env(''HOME'') }}', 4);
insert into "a ""schema"" 100%"."select" values (1, 1), (2, null), (3, null);
insert into "select"."select" values (1);
insert into nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn values (63);
insert into "表表表表表表表表表表表表表表表表表表表表表" values (default), (default);
create index "an ""index"" 100%" on "weird ""quote""" ("100%", ("it's" || "a ""column"""));
comment on table "weird ""quote""" is 'it''s "weird"';
comment on column "weird ""quote"""."a ""column""" is E'a comment\non two lines\\n';
comment on index "an ""index"" 100%" is 'on 100%';

-- Columns.

create table dropped_columns (gone_first int, a int, gone text, b text, gone_last int default 7);
insert into dropped_columns values (1, 2, 'x', 'y', 3);
alter table dropped_columns drop column gone_first, drop column gone, drop column gone_last;
alter table dropped_columns add column c int not null default 42;
insert into dropped_columns values (3, 'z', 5);
create table generated_columns (
    a int, b int generated always as (a * 2) stored, c text,
    "d e" text generated always as (coalesce(c, '') || '!') stored);
insert into generated_columns (a, c) values (1, 'x'), (null, null), (3, '');
alter table generated_columns alter column b drop expression;
create table identity_columns (
    always int generated always as identity (start with 100 increment by 5 minvalue 100 cache 3),
    by_default bigint generated by default as identity primary key,
    small smallint generated always as identity (sequence name "the small ""sequence"""
                                                 start with 5 increment by -1 minvalue -10 maxvalue 5 cycle));
insert into identity_columns default values;
insert into identity_columns default values;
create table no_columns ();
insert into no_columns default values;
insert into no_columns default values;
create table all_columns_dropped (a int);
insert into all_columns_dropped values (1), (2), (3);
alter table all_columns_dropped drop column a;
create table duplicates (a int, b text);
insert into duplicates values (1, 'same'), (1, 'same'), (1, 'same'), (null, null), (null, null);
create unlogged table not_logged (a int primary key, b text);
insert into not_logged values (1, 'kept'), (2, 'too');
create table tuned (
    a int, b text collate "C", c text collate german_ish default lower('X'), d jsonb)
    with (fillfactor = 71, autovacuum_enabled = false, toast.autovacuum_vacuum_threshold = 99);
alter table tuned alter column a set statistics 321, alter column b set storage external,
    alter column c set (n_distinct = -0.25), alter column d set compression pglz;
insert into tuned values (1, 'b', 'c', '{}');
create table of_type of "my ""composite""" (primary key (a), d with options default 'ok');
insert into of_type values (1, 'x', 'sad', '{1}');
create table by_other_method (a int) using heap_again;
insert into by_other_method values (1);

-- Sequences.

create sequence never_called;
create sequence never_called_started start with 50 minvalue 7;
create sequence called_once;
select nextval('called_once');
create sequence descending increment by -3 minvalue -1000 maxvalue -1 start with -7;
select nextval('descending'), nextval('descending');
create sequence small_cycle as smallint minvalue 1 maxvalue 3 cycle cache 20;
select setval('small_cycle', 2);
create sequence set_but_not_called;
select setval('set_but_not_called', 77, false);
create sequence at_its_end as bigint;
select setval('at_its_end', 9223372036854775807);
create sequence "a ""schema"" 100%"."a ""sequence"" %" start with 5;
select nextval('"a ""schema"" 100%"."a ""sequence"" %"');
create table with_serial (id serial primary key, other int default nextval('called_once'));
insert into with_serial (other) select null from generate_series(1, 3);
insert into with_serial default values;
create sequence owned_by_a_plain_column owned by with_serial.other;
select nextval('owned_by_a_plain_column');
create unlogged sequence not_logged_sequence;
select nextval('not_logged_sequence');
comment on sequence descending is 'goes down';
alter sequence never_called owner to "percent%role";
grant usage on sequence never_called to app_reader;

-- Constraints and indexes.

create table parent (id int primary key, code text not null, unique (code) include (id),
                     unique nulls not distinct (id, code));
create table child (
    id int primary key,
    parent_id int constraint "fk ""one""" references parent on delete set null on update cascade,
    code text constraint deferred_fk references parent (code) deferrable initially deferred,
    low int, high int,
    constraint "low < high" check (low < high),
    constraint not_valid_check check (low > 0) not valid,
    constraint not_inherited check (high < 1000) no inherit,
    constraint "unique low" unique (low) deferrable);
insert into parent values (1, 'a'), (2, 'b');
alter table child drop constraint not_valid_check;
insert into child values (1, 1, 'a', -5, 5), (2, null, null, 2, 3);
alter table child add constraint not_valid_check check (low > 0) not valid;
alter table child add constraint not_valid_fk foreign key (high) references parent not valid;
comment on constraint "low < high" on child is 'low below high';
comment on constraint "fk ""one""" on child is 'to its parent';
create table two_keys (a int, b int, primary key (a, b));
create table set_null_of_some (id int primary key, a int, b int,
    foreign key (a, b) references two_keys match simple on delete set null (b),
    constraint "full" foreign key (b, a) references two_keys match full);
insert into two_keys values (1, 1), (2, 2);
insert into set_null_of_some values (1, 1, 1), (2, null, null);
-- A cycle of foreign keys, and a table that refers to itself.
create table egg (id int primary key, hen_id int not null);
create table hen (id int primary key, egg_id int not null references egg deferrable initially deferred);
alter table egg add foreign key (hen_id) references hen deferrable initially deferred;
begin;
insert into egg values (1, 2), (2, 1);
insert into hen values (1, 1), (2, 2);
commit;
create table tree (id int primary key, up int references tree);
insert into tree values (1, null), (2, 1), (3, 3);

create table bookings (
    id int primary key, during tstzrange, area box,
    constraint "no overlap" exclude using gist (during with &&) where (id > 0),
    exclude using gist (area with &&) deferrable initially deferred);
insert into bookings values (1, '[2020-01-01,2020-02-01)', '(1,1),(0,0)'), (-1, '[2020-01-01,2020-02-01)', '(3,3),(2,2)');

create table indexed (id int not null, a text, b int, c int[], d tsvector, e point, f jsonb, g inet, h int not null);
insert into indexed
select i, 'text ' || i, i % 7, array[i, i + 1], to_tsvector('simple', 'word' || i), point(i, i),
       jsonb_build_object('i', i), '10.0.0.1'::inet + i, i from generate_series(1, 200) i;
create unique index indexed_id on indexed (id);
create index on indexed (lower(a) text_pattern_ops desc nulls last) where b > 2;
create index on indexed using hash (b);
create index on indexed using gin (c) with (fastupdate = off);
create index on indexed using gin (f jsonb_path_ops);
create index on indexed using gist (d, e);
create index on indexed using spgist (g);
create index on indexed using brin (h) with (pages_per_range = 4, autosummarize = on);
create index on indexed (b reverse_int);
create index on indexed (a collate german_ish) include (b, h) with (fillfactor = 55, deduplicate_items = off);
create index with_statistics on indexed ((b + 1), (h * 2));
alter index with_statistics alter column 2 set statistics 777;
alter table indexed cluster on indexed_id;
create unique index for_identity on indexed (h);
alter table indexed replica identity using index for_identity;
create table identity_full (a int);
alter table identity_full replica identity full;
create table identity_nothing (a int primary key);
alter table identity_nothing replica identity nothing;
create statistics "some ""statistics""" (ndistinct, mcv) on a, b from indexed;
create statistics expression_statistics on (b + h) from indexed;
alter statistics "some ""statistics""" set statistics 55;
comment on statistics "some ""statistics""" is 'about a and b';
alter statistics expression_statistics owner to "señor ß";

-- Inheritance and partitions.

create table animals (id int, name text default 'nameless', check (id > 0));
create table dogs (barks boolean) inherits (animals);
create table named (name text default 'nameless');
create table puppies (name text default 'pup', age int) inherits (dogs, named);
alter table animals add column added_later int default 9;
insert into animals values (1, 'animal');
insert into dogs values (2, 'dog', true, 1);
insert into puppies (id, name, age) values (3, 'puppy', 1), (3, 'puppy', 1);

create table measurements (
    id bigint generated by default as identity, city text not null, at timestamptz not null, value float8,
    primary key (id, city, at), check (value < 1e6))
    partition by list (city);
create table measurements_berlin partition of measurements for values in ('Berlin', 'it''s')
    partition by range (at);
create table measurements_berlin_old partition of measurements_berlin
    for values from (minvalue) to ('2020-01-01 00:00+00');
create table measurements_berlin_2020 partition of measurements_berlin (constraint warm check (value > -100))
    for values from ('2020-01-01 00:00+00') to ('2021-01-01 00:00+00') partition by hash (id);
create table measurements_berlin_2020_0 partition of measurements_berlin_2020 for values with (modulus 2, remainder 0);
create table measurements_berlin_2020_1 partition of measurements_berlin_2020 for values with (modulus 2, remainder 1);
create table measurements_berlin_rest partition of measurements_berlin default;
create table measurements_nowhere partition of measurements for values in (null);
create table measurements_rest partition of measurements default with (fillfactor = 66);
-- A partition whose columns are in another order and which once had one more.
create table "measurements ""odd""" (value float8 constraint measurements_value_check check (value < 1e6), gone int, at timestamptz not null, city text not null, id bigint not null);
alter table "measurements ""odd""" drop column gone;
alter table measurements attach partition "measurements ""odd""" for values in ('Odd');
insert into measurements (city, at, value)
select (array['Berlin', 'it''s', 'Rome', 'Odd'])[1 + i % 4], '2019-06-01 00:00+00'::timestamptz + i * interval '7 days', i
from generate_series(0, 199) i;
create index measurements_value on measurements (value);
create index on only measurements (at);
create table measurements_by_expression (a int, b text) partition by range ((a % 10), b collate "C");
create table measurements_by_expression_low partition of measurements_by_expression
    for values from (minvalue, minvalue) to (5, 'm');
create table without_partitions (a int) partition by hash (a);
insert into measurements_by_expression values (12, 'x');
create table refers_to_partitions (id bigint, city text, at timestamptz,
    foreign key (id, city, at) references measurements);
insert into refers_to_partitions select id, city, at from measurements where value < 3;
comment on table measurements_berlin is 'ich bin ein Kommentar';
comment on index measurements_value is 'over all of them';
alter table measurements_rest alter column value set default 5;

-- Views and rules.

create view plain_view as select id, name as "the ""name""" from animals where id between 1 and 5 order by 1;
create view checked with (security_barrier, security_invoker) as
    select * from parent where id > 0 with cascaded check option;
create recursive view counting (n) as values (1) union all select n + 1 from counting where n < 5;
create view on_view as select v.*, (select count(*) from measurements) as all_of_them from plain_view v;
create view changed as select 1 as a;
alter view changed alter column a set default 5;
-- Two views that need each other can only be made one after the other and then replaced.
create view cyclic_one as select 1 as a;
create view cyclic_two as select a from cyclic_one;
create or replace view cyclic_one as select max(id) as a from parent;
-- A view that depends on a primary key, because it groups by it.
create view grouped as select p.id, p.code, count(c.id) from parent p left join child c on c.parent_id = p.id group by p.id;
create view "select"."my view" as select "select" from "select"."select";
create materialized view with_data as select b, count(*) as n from indexed group by b;
create unique index on with_data (b);
create materialized view without_data as select a from indexed with no data;
create index on without_data (a);
create materialized view on_matview with (fillfactor = 77) as select sum(n) as total from with_data;
comment on view plain_view is 'plain';
comment on column plain_view."the ""name""" is 'not an id';
comment on materialized view with_data is 'filled';
alter materialized view with_data cluster on with_data_b_idx;
alter view plain_view owner to "percent%role";
alter materialized view without_data owner to "señor ß";

create table ruled (a int, b text);
create rule "log ""it""" as on insert to ruled where new.a > 100 do also insert into duplicates values (new.a, new.b);
create rule no_deletes as on delete to ruled do instead nothing;
create rule instead_update as on update to plain_view do instead update animals set name = new."the ""name""" where id = old.id;
alter table ruled disable rule no_deletes;
comment on rule "log ""it""" on ruled is 'also there';
insert into ruled values (1, 'x');

-- Triggers and event triggers.

create function triggered() returns trigger language plpgsql as $$
begin
    raise exception 'a trigger fired during the copy: % on %', tg_name, tg_relname;
end $$;
create function harmless() returns trigger language plpgsql as 'begin return new; end';
create table with_triggers (a int primary key, b text, c int);
insert into with_triggers select i, 'row ' || i, i from generate_series(1, 5) i;
create trigger "before ""row""" before insert or update of b, c on with_triggers
    for each row when (new.a <> 100) execute function triggered('an argument', E'it''s\\');
create trigger after_statement after delete on with_triggers
    referencing old table as old_rows for each statement execute function triggered();
create trigger on_truncate before truncate on with_triggers execute function triggered();
create constraint trigger deferred_trigger after insert on with_triggers from parent
    deferrable initially deferred for each row execute function triggered();
create trigger disabled_one before insert on with_triggers for each row execute function triggered();
create trigger replica_one before insert on with_triggers for each row execute function harmless();
create trigger always_one before insert on with_triggers for each row execute function harmless();
alter table with_triggers disable trigger disabled_one;
alter table with_triggers enable replica trigger replica_one;
alter table with_triggers enable always trigger always_one;
create trigger instead_of instead of insert on plain_view for each row execute function harmless();
create trigger on_partitions after insert on measurements for each row execute function harmless();
alter table measurements_rest disable trigger on_partitions;
comment on trigger "before ""row""" on with_triggers is 'fires before';

create function on_ddl() returns event_trigger language plpgsql as 'begin perform 1; end';
create event trigger "watch ""ddl""" on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function on_ddl();
create event trigger disabled_watch on sql_drop execute function on_ddl();
alter event trigger disabled_watch disable;
create event trigger rewrites on table_rewrite execute function on_ddl();
alter event trigger rewrites enable replica;
comment on event trigger "watch ""ddl""" is 'watches';

-- Row-level security.

create table secured (id int primary key, owner name default current_user, secret text);
insert into secured values (1, 'señor ß', 'a'), (2, 'app_reader', 'b'), (3, 'nobody', 'c');
alter table secured enable row level security;
alter table secured force row level security;
create policy "own ""rows""" on secured for select to app_reader, "señor ß" using (owner = current_user);
create policy restrictive_one on secured as restrictive for update to public
    using (id > 0) with check (secret is not null);
create policy inserting on secured for insert with check (exists (select from parent where parent.id = secured.id));
comment on policy "own ""rows""" on secured is 'only these';
create table secured_later (a int);
create policy dormant on secured_later using (false);

-- Owners and privileges.

create table granted (a int, b text, "c d" int);
insert into granted values (1, 'x', 2);
alter table granted owner to "Shop Owner";
grant select, insert on granted to app_reader;
grant update (b, "c d"), references (a) on granted to app_writer;
grant select ("c d") on granted to public;
grant all on granted to "percent%role" with grant option;
set role "percent%role";
grant delete, truncate on granted to "select";
reset role;
revoke trigger on granted from "Shop Owner";
create table nothing_granted (a int);
alter table nothing_granted owner to "señor ß";
revoke all on nothing_granted from "señor ß";
grant select on all tables in schema "select" to app_reader;
revoke usage on language plpgsql from public;
grant usage on language plpgsql to app_writer;
revoke execute on function pg_catalog.pg_ls_waldir() from pg_monitor;
grant execute on function pg_catalog.pg_ls_waldir() to app_writer;
alter table "a ""schema"" 100%"."select" owner to "señor ß";
alter type mood owner to "Shop Owner";
alter domain positive owner to "Shop Owner";
grant usage on type mood to app_reader;
alter default privileges for role "Shop Owner" in schema public revoke select on tables from app_reader;
alter default privileges for role "Shop Owner" in schema public grant select, update on tables to app_reader;

-- Foreign data, publications.

create foreign data wrapper "no ""handler""" options (debug 'true');
create server "far ""away""" type 'none' version '1.0' foreign data wrapper "no ""handler"""
    options (host 'nowhere.example', "odd option" 'it''s \ 100%');
create user mapping for public server "far ""away""" options (note 'not a password');
create user mapping for app_reader server "far ""away""" options ("user" 'reader');
create foreign table far_table (a int options (column_name 'A b') not null, b text) server "far ""away""" options (name 'x"y');
grant usage on foreign server "far ""away""" to app_reader;
comment on server "far ""away""" is 'far away';
comment on foreign table far_table is 'far too';
alter server "far ""away""" owner to "Shop Owner";

create publication some_tables for table parent, child (id, low) where (id > 1), table only animals
    with (publish = 'insert, update');
create publication all_in_schema for tables in schema "select";
create publication "all of ""it""" for all tables with (publish_via_partition_root);
comment on publication some_tables is 'some of them';
set client_min_messages = error; -- It warns that it is not connected, which is meant.
create subscription not_connected connection 'host=nowhere.example dbname=x' publication some_tables, "all of ""it"""
    with (connect = false, slot_name = none);
set client_min_messages = warning;

-- Large objects.

select lo_from_bytea(70001, '\x00ff0a0d5c'), lo_from_bytea(70002, ''), lo_create(70003),
       lo_from_bytea(70004, decode(repeat('00ff5c0a', 3000), 'hex'));
-- One that ends where a first piece does, one that ends where a second does, and one after that.
select lo_from_bytea(70005, decode(repeat('00ff5c0a', 16384), 'hex')),
       lo_from_bytea(70006, decode(repeat('00ff5c0a', 278528), 'hex')),
       lo_from_bytea(70007, decode(repeat('00ff5c0a', 300000), 'hex'));
-- One with a hole in it.
select lo_put(70003, 100000, 'after the hole');
alter large object 70001 owner to "señor ß";
grant select on large object 70001 to app_reader;
grant update on large object 70001 to app_writer with grant option;
revoke all on large object 70002 from postgres;
set role app_writer;
grant update on large object 70001 to "percent%role" with grant option;
set role "percent%role";
grant update on large object 70001 to public;
reset role;
alter large object 70004 owner to "percent%role";
comment on large object 70001 is E'it''s\nlarge';
create table refers_to_large_objects (id int primary key, picture oid);
insert into refers_to_large_objects values (1, 70001), (2, 70004), (3, 99999);

analyze;
