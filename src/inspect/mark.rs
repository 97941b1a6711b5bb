//! A number by which it is told, without a look at thousands of objects, that nobody changed a schema.
//! It never says what was changed.

/// A number that changes with every change of a table, column, index, constraint, type, function,
/// trigger, view or policy: the transaction that wrote each row of their catalogs. Statistics are
/// written in place and do not count, nor do temporary tables. Every number is an `int8` before they are
/// united: PostgreSQL would make all of them OIDs, which end at 2^32.
pub(crate) const SCHEMA: &str = "with temporary as (select oid from pg_class where relpersistence = 't') \
    select coalesce(sum(hashint8(oid::int8 * 31 + xmin::text::int8)::int8), 0)::text from (\
    select oid::int8, xmin from pg_class where oid >= 16384 and relpersistence <> 't' union all \
    select attrelid::int8 * 1600 + attnum, xmin from pg_attribute where attrelid >= 16384 \
    and attnum > 0 and attrelid not in (table temporary) union all \
    select oid::int8, xmin from pg_constraint where oid >= 16384 \
    and conrelid not in (table temporary) union all \
    select oid::int8, xmin from pg_type where oid >= 16384 and typrelid = 0 and typelem = 0 union all \
    select oid::int8, xmin from pg_proc where oid >= 16384 union all \
    select oid::int8, xmin from pg_trigger where oid >= 16384 \
    and tgrelid not in (table temporary) union all \
    select oid::int8, xmin from pg_enum where oid >= 16384 union all \
    select oid::int8, xmin from pg_rewrite where oid >= 16384 \
    and ev_class not in (table temporary) union all \
    select oid::int8, xmin from pg_policy where polrelid not in (table temporary)) as catalogs (oid, xmin)";
