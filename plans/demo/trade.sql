-- Eighteen months of trade, made from nothing but row numbers: every run gives the same rows.

set timezone = 'UTC';
set search_path = shop;
set role shop_owner;

-- A number from 0 to n - 1 that looks random and depends on the row and the question alone.
create function pg_temp.pick(row_number bigint, question integer, n bigint) returns bigint
    language sql immutable
    return (hashint8extended(row_number, question) & 9223372036854775807) % n;

create function pg_temp.one_of(choices text[], row_number bigint, question integer) returns text
    language sql immutable
    return choices[1 + (hashint8extended(row_number, question) & 9223372036854775807)
        % array_length(choices, 1)];

insert into countries (code, name, vat_rate) values
    ('AT', 'Österreich', 0.200), ('BE', 'België', 0.210), ('CZ', 'Česko', 0.210),
    ('DE', 'Deutschland', 0.190), ('DK', 'Danmark', 0.250), ('ES', 'España', 0.210),
    ('FR', 'France', 0.200), ('GR', 'Ελλάδα', 0.240), ('IE', 'Éire', 0.230),
    ('IT', 'Italia', 0.220), ('NL', 'Nederland', 0.210), ('PL', 'Polska', 0.230);

-- 20,000 people. Every seventh keeps the birthday to themselves, every ninth has yet to move in.
insert into customers (email, name, home, country, preferences, birthday, joined_at)
select
    translate(lower(first || '.' || last), 'áéëíłöøřσταύρου''', 'aeeiloorstavrou') || i
        || '@mail.example',
    first || ' ' || last,
    case when i % 9 > 0 then row(
        pg_temp.one_of('{Quay,Mill Lane,Rue du Port,Lindenallee,Plaza Mayor,"Via dell''Orto"}', i, 3)
            || ' ' || 1 + pg_temp.pick(i, 4, 180),
        lpad(pg_temp.pick(i, 5, 100000)::text, 5, '0'),
        pg_temp.one_of('{Aarhus,Brugge,Graz,Kraków,Lyon,Malmö,Porto,Utrecht,Θεσσαλονίκη}', i, 6)
    )::address end,
    pg_temp.one_of('{AT,BE,CZ,DE,DE,DE,DK,ES,FR,FR,GR,IE,IT,NL,NL,PL}', i, 7),
    jsonb_build_object(
        'newsletter', i % 3 = 0,
        'language', pg_temp.one_of('{de,en,fr,nl,it}', i, 8),
        'teas', to_jsonb(array[pg_temp.one_of('{Assam,Sencha,"Earl Grey",Rooibos}', i, 9)])
    ),
    case when i % 7 > 0 then date '1945-01-01' + pg_temp.pick(i, 10, 22000)::integer end,
    timestamptz '2024-01-01' + pg_temp.pick(i, 11, 500) * interval '1 day'
        + pg_temp.pick(i, 12, 86400) * interval '1 second'
from (
    select
        i,
        pg_temp.one_of('{Ada,Bruno,Chloé,Dara,Emil,Freja,Gösta,Hana,Ivo,Jana,Łucja,Zoë}', i, 1) as first,
        pg_temp.one_of('{Brandt,Dvořák,García,Jansen,Møller,Nowak,"O''Neill",Rossi,Σταύρου}', i, 2) as last
    from generate_series(1, 20000) i
) people;

insert into customer_notes (customer_id, author, body, confidential)
select
    1 + pg_temp.pick(i, 20, 20000),
    pg_temp.one_of('{shop_app,shop_report,shop_owner}', i, 21),
    pg_temp.one_of('{Calls on Fridays,"Wants the blue lid, not the grey one",Paid in coins,"Says \"hello\" to the cat"}', i, 22),
    i % 5 = 0
from generate_series(1, 5000) i;

insert into categories (id, parent_id, name) values
    (1, null, 'Everything'), (10, 1, 'Tea'), (20, 1, 'Pots'), (30, 1, 'Around the table'),
    (11, 10, 'Black'), (12, 10, 'Green'), (13, 10, 'Herbs'), (21, 20, 'Kettles'),
    (22, 20, 'Teapots'), (31, 30, 'Cups'), (32, 30, 'Cloth'), (33, 30, 'Books');

-- Two photographs, as far as a kettle can be photographed in a line of SVG.
select lo_from_bytea(oid, convert_to(format(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="5" r="3" fill="%s"/></svg>',
    colour
), 'UTF8'))
from (values (880001, 'royalblue'), (880002, 'silver')) photos (oid, colour);
comment on large object 880001 is 'the kettle that gave the shop its name';

insert into products (sku, category_id, name, description, price, attributes, tags, photo)
select
    format('%s-%s', pg_temp.one_of('{TEA,POT,TAB}', i, 30), lpad(i::text, 5, '0')),
    pg_temp.one_of('{11,11,12,13,21,22,31,32,33}', i, 31)::integer,
    format(
        '%s %s %s',
        pg_temp.one_of('{Blue,Old,Quiet,Round,Little,Northern,Sunday}', i, 32),
        pg_temp.one_of('{Copper,Walnut,Linen,Glass,Enamel,Juniper}', i, 33),
        pg_temp.one_of('{Kettle,Pot,Cup,Tin,Spoon,Blend,Cosy}', i, 34)
    ),
    repeat('Made by hand, in small numbers, and sent with care. ', 1 + i % 4),
    1.90 + pg_temp.pick(i, 35, 9000) / 100.0,
    jsonb_build_object(
        'grams', 20 + pg_temp.pick(i, 36, 2000),
        'origin', pg_temp.one_of('{Assam,Uji,Fujian,Delft,Limoges}', i, 37),
        'dishwasher', i % 2 = 0
    ),
    case when i % 4 = 0 then '{gift,new}' when i % 4 = 1 then '{gift}' else '{}' end::text[],
    case i when 1 then 880001 when 2 then 880002 end
from generate_series(1, 2000) i;

insert into stock (product_id, on_hand)
select id, pg_temp.pick(id, 40, 400) from products;

insert into sales (name, during, percent_off) values
    ('Spring cleaning', '[2025-03-20,2025-04-05)', 15),
    ('Midsummer', '[2025-06-20,2025-06-27)', 20),
    ('Dark evenings', '[2025-11-10,2025-12-01)', 25),
    ('For as long as it lasts', '[2026-06-01,)', 10);

-- 60,000 orders: more every month, seldom at night, and the few loyal customers again and again.
insert into orders (placed_at, customer_id, status, sent_at, gift_note)
select
    placed_at, customer_id, status,
    case when status in ('sent', 'returned')
        then placed_at + (6 + pg_temp.pick(i, 53, 90)) * interval '1 hour' end,
    case when i % 40 = 0 then E'Happy birthday!\n\tFrom all of us ☕' end
from (
    select
        i,
        timestamptz '2025-01-01' + floor(540 * sqrt(i / 60000.0)) * interval '1 day'
            + (7 * 3600 + pg_temp.pick(i, 50, 15 * 3600)) * interval '1 second' as placed_at,
        1 + pg_temp.pick(i, 51, 20000) * pg_temp.pick(i, 52, 20000) / 20000 as customer_id,
        case
            when i > 59000 then pg_temp.one_of('{new,paid,packed}', i, 54)
            when i % 50 = 0 then 'returned'
            else 'sent'
        end::order_status as status
    from generate_series(1, 60000) i
) placed;

-- Three lines an order, more or less.
insert into order_lines (order_id, placed_at, line, product_id, quantity, unit_price)
select o.id, o.placed_at, line, p.id, 1 + pg_temp.pick(o.id * 8 + line, 61, 4), p.price
from orders o
cross join lateral generate_series(1, 1 + pg_temp.pick(o.id, 60, 5)) line
join products p on p.id = 1000 + pg_temp.pick(o.id * 8 + line, 62, 2000)
order by o.id, line;

insert into invoices (order_id, placed_at, issued_on, total)
select o.id, o.placed_at, (o.placed_at + interval '1 day')::date, sum(l.total)
from orders o
join order_lines l on l.order_id = o.id
where o.status in ('sent', 'returned')
group by o.id, o.placed_at
order by o.id;

insert into reviews (product_id, customer_id, stars, body, written_at)
select
    1000 + pg_temp.pick(i, 70, 2000),
    1 + pg_temp.pick(i, 71, 20000),
    5 - pg_temp.pick(i, 72, 5) * pg_temp.pick(i, 73, 5) / 4,
    pg_temp.one_of('{Lovely.,"It whistles in B flat.","Arrived cold, the tea I mean.",null}', i, 74),
    timestamptz '2025-01-10' + pg_temp.pick(i, 75, 540) * interval '1 day'
from generate_series(1, 30000) i
on conflict do nothing;

insert into carts (token, customer_id, content)
select md5(i::text)::uuid, nullif(i % 400, 0), jsonb_build_array(1000 + i, 1001 + i)
from generate_series(1, 1000) i;
