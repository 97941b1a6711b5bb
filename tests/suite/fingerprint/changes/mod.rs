//! Single changes to a schema, each with the objects that a comparison must name, and no others.
//! Never in an order of their own: each is made to what those before it left.

mod others;
mod relations;

pub(super) use others::OTHERS;
pub(super) use relations::RELATIONS;

/// A change in SQL, and what differs after it, sorted.
pub(super) type Change = (&'static str, &'static [&'static str]);

/// Changes that are told otherwise from PostgreSQL 18 on, which stores NOT NULL as a constraint.
pub(super) const CHANGES_BEFORE_18: &[Change] = &[(
    "alter table shop.orders alter placed set not null",
    &["column shop.orders.placed"],
)];

/// Changes that only PostgreSQL 18 knows.
pub(super) const CHANGES_OF_18: &[Change] = &[
    (
        "alter table shop.orders alter placed set not null",
        &[
            "column shop.orders.placed",
            "constraint orders_placed_not_null on shop.orders",
        ],
    ),
    (
        "alter table shop.customers rename constraint customers_name_not_null to has_name",
        &[
            "constraint customers_name_not_null on shop.customers",
            "constraint has_name on shop.customers",
        ],
    ),
    (
        "alter table shop.orders alter constraint customer_fk not enforced",
        &["constraint customer_fk on shop.orders"],
    ),
    (
        "grant maintain on shop.orders to auditor",
        &["privilege to maintain table shop.orders"],
    ),
    (
        "alter domain shop.quantity add constraint present not null",
        &["constraint present on shop.quantity", "type shop.quantity"],
    ),
    (
        "alter table shop.orders add half int generated always as (total / 2) virtual",
        &["column shop.orders.half"],
    ),
];
