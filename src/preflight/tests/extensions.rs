//! Findings about tablespaces and extensions.
//! Never needs a server.

use super::found_when;
use super::made::names;
use crate::inspect::Facts;

#[test]
fn tablespaces_and_extensions_must_be_there() {
    let tablespace = |f: &mut Facts| f.source.tablespaces = names(&["fast"]);
    assert_eq!(found_when(tablespace), ["R missing_tablespaces"]);
    let none = |f: &mut Facts| f.target.available_extensions.clear();
    assert_eq!(found_when(none), ["R extension_unavailable"]);
    let superuser_only = |f: &mut Facts| f.target.trusted_extensions.clear();
    assert_eq!(found_when(superuser_only), [""; 0]);
    let plain_runner = |f: &mut Facts| {
        superuser_only(f);
        f.target.server.role.superuser = false;
    };
    assert_eq!(found_when(plain_runner), ["R extension_not_trusted"]);
    let hosted = |f: &mut Facts| {
        plain_runner(f);
        f.target.settable_roles.insert("rds_superuser".to_owned());
    };
    assert_eq!(found_when(hosted), ["W extension_not_trusted"]);
    let older = |f: &mut Facts| f.source.extensions[0].version = "1.2".to_owned();
    assert_eq!(found_when(older), ["W extension_version"]);
    let tables = |f: &mut Facts| {
        f.source.extensions[0]
            .config_tables
            .push(("public".to_owned(), "srs".to_owned()));
    };
    assert_eq!(found_when(tables), ["N extension_tables"]);
}
