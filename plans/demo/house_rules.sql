-- How the shop is found quickly, kept honest, and looked at by the right people.

set timezone = 'UTC';
set search_path = shop;
set role shop_owner;

create unique index customers_email on customers (lower(email));
create index customers_newsletter on customers (id) where (preferences ->> 'newsletter')::boolean;
create index products_attributes on products using gin (attributes jsonb_path_ops);
create index products_words on products using gin (words);
create index orders_customer on orders (customer_id) include (status);
create index orders_to_do on orders (placed_at) where status in ('new', 'paid', 'packed');
create index order_lines_product on order_lines (product_id);
create index order_lines_placed on order_lines using brin (placed_at);

-- Checking 240,000 references at once takes a blink; one by one, against 19 partitions, it does not.
alter table order_lines
    add foreign key (order_id, placed_at) references orders on delete cascade;
alter table invoices
    add foreign key (order_id, placed_at) references orders;

create statistics product_kind (dependencies) on category_id, tags from products;
alter table orders alter column customer_id set statistics 500;

-- Whoever changes a price leaves a trace.
create function note_price() returns trigger
    language plpgsql security definer set search_path = shop
as $body$
begin
    insert into price_history (product_id, was, became) values (new.id, old.price, new.price);
    return null;
end
$body$;

create trigger price_changed after update of price on products
    for each row when (old.price is distinct from new.price) execute function note_price();

-- The copper got dearer. What was sold before keeps its price.
update products set price = round(price * 1.08, 2) where name like '%Copper%';

refresh materialized view monthly_sales;
create unique index monthly_sales_key on monthly_sales (month, category_id);

-- Notes about people are seen by who wrote them; what is confidential by the owner alone.
alter table customer_notes enable row level security;
create policy own_notes on customer_notes for select using (author = current_user);
create policy write_as_oneself on customer_notes for insert
    with check (author = current_user and not confidential);

grant usage on schema shop to shop_app, shop_report;
grant select, insert, update on all tables in schema shop to shop_app;
grant usage on all sequences in schema shop to shop_app;
grant select on monthly_sales, open_orders, orders, order_lines, products to shop_report;
grant select (id, country, joined_at) on customers to shop_report;
grant select on large object 880001, 880002 to shop_app;
revoke execute on function note_price() from public;
alter default privileges in schema shop grant select on tables to shop_report;

reset role;
alter database :"DBNAME" set search_path = shop, public;
alter database :"DBNAME" set timezone = 'Europe/Amsterdam';
alter role shop_app in database :"DBNAME" set statement_timeout = '5s';
grant connect on database :"DBNAME" to shop_app, shop_report;
comment on database :"DBNAME" is 'The Blue Kettle, all of it';
