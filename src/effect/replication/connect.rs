//! The part of a fence that is the right to connect: SQL that takes CONNECT from all but a few roles,
//! that asks who has it, and that gives it back. It never touches another privilege.

use serde::{Deserialize, Serialize};

use super::Fence;
use crate::postgres::{quote_identifier, quote_literal};

/// One grant of CONNECT on a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Who may connect; `None` is PUBLIC.
    pub grantee: Option<String>,
    /// Who gave it; `None` is the owner of the database.
    pub grantor: Option<String>,
    /// WITH GRANT OPTION.
    pub grantable: bool,
}

impl Grant {
    /// What PostgreSQL gives everybody by default.
    pub(super) const PUBLIC: Self = Self {
        grantee: None,
        grantor: None,
        grantable: false,
    };
}

/// What is asked: every grant, a JSON object each. Privileges that were never changed are not
/// written down in `datacl`, and are PostgreSQL's own.
pub(super) fn question(database: &str) -> String {
    format!(
        "select json_build_object(\
         'grantee', case when a.grantee <> 0 then pg_get_userbyid(a.grantee) end, \
         'grantor', case when a.grantor <> d.datdba then pg_get_userbyid(a.grantor) end, \
         'grantable', a.is_grantable)::text from {} order by 1",
        grants(database)
    )
}

fn grants(database: &str) -> String {
    format!(
        "pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a \
         where d.datname = {} and a.privilege_type = 'CONNECT'",
        quote_literal(database)
    )
}

/// Takes CONNECT from everybody, and gives it to `only`, in one statement: the replication may
/// connect again at any moment. What the owner's grantees granted on goes with theirs.
pub(crate) fn closing(database: &str, only: &[String]) -> String {
    let quoted = quote_identifier(database);
    let revoke = quote_literal(&format!("revoke connect on database {quoted} from "));
    let body = format!(
        "declare one text; begin \
         for one in select distinct case a.grantee when 0 then 'public' \
         else quote_ident(pg_get_userbyid(a.grantee)) end from {} and a.grantor = d.datdba \
         loop execute {revoke} || one || ' cascade'; end loop; \
         grant connect on database {quoted} to {}; end",
        grants(database),
        list(only)
    );
    format!("do {}", quote_literal(&body))
}

/// Gives back what there was, in one transaction: whoever opens the fence may itself connect by one
/// of these grants. A role that was dropped meanwhile gets nothing. Grants that never were written
/// down are now; they mean the same.
pub(super) fn opening(fence: &Fence, before: &[Grant]) -> Option<String> {
    if fence.connect_only.is_empty() {
        return None;
    }
    let given = in_order(before);
    let given = given.iter().map(|grant| giving(&fence.database, grant));
    let had = |role: &String| {
        let same = |grant: &Grant| grant.grantee.as_ref() == Some(role) && grant.grantor.is_none();
        before.iter().any(same)
    };
    let only = fence.connect_only.iter();
    let extra: Vec<String> = only.filter(|role| !had(role)).cloned().collect();
    let taken = (!extra.is_empty()).then(|| {
        let database = quote_identifier(&fence.database);
        format!(
            "revoke connect on database {database} from {}",
            list(&extra)
        )
    });
    Some(given.chain(taken).collect::<Vec<_>>().join("; "))
}

/// A grant option comes before what was granted by it.
fn in_order(before: &[Grant]) -> Vec<Grant> {
    let owners = |grant: &Grant| grant.grantor.is_none();
    let (mut ordered, mut rest): (Vec<Grant>, Vec<Grant>) =
        before.iter().cloned().partition(owners);
    let may_give = |given: &[Grant], grant: &Grant| {
        let mut given = given.iter();
        given.any(|one| one.grantable && one.grantee == grant.grantor)
    };
    while let Some(at) = rest.iter().position(|grant| may_give(&ordered, grant)) {
        ordered.push(rest.remove(at));
    }
    ordered.extend(rest);
    ordered
}

fn giving(database: &str, grant: &Grant) -> String {
    let Grant {
        grantee,
        grantor,
        grantable,
    } = grant;
    let to = |name: &Option<String>| {
        name.as_deref()
            .map_or("public".to_owned(), quote_identifier)
    };
    let option = if *grantable { " with grant option" } else { "" };
    let give = format!(
        "grant connect on database {} to {}{option}",
        quote_identifier(database),
        to(grantee)
    );
    let unless_gone = format!(
        "begin {give}; exception when undefined_object then \
         raise notice 'a role that could connect is gone'; end"
    );
    let body = match (grantee, grantor) {
        (None, None) => return give,
        (Some(_), None) => unless_gone,
        // Who may not act as the grantor gives it as the owner.
        (_, Some(by)) => format!(
            "begin set local role {}; {give}; reset role; \
             exception when undefined_object or insufficient_privilege then {unless_gone}; end",
            quote_identifier(by)
        ),
    };
    format!("do {}", quote_literal(&body))
}

fn list(roles: &[String]) -> String {
    let roles: Vec<String> = roles.iter().map(|role| quote_identifier(role)).collect();
    roles.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(grantee: &str, grantor: Option<&str>, grantable: bool) -> Grant {
        Grant {
            grantee: Some(grantee.to_owned()),
            grantor: grantor.map(str::to_owned),
            grantable,
        }
    }

    #[test]
    fn what_was_granted_on_comes_after_the_option_that_it_was_granted_by() {
        let before = [
            grant("third", Some("second"), false),
            grant("second", Some("first"), true),
            grant("first", None, true),
            Grant::PUBLIC,
        ];
        let order = in_order(&before).into_iter().map(|grant| grant.grantee);
        let order: Vec<String> = order.map(Option::unwrap_or_default).collect();
        assert_eq!(order, ["first", "", "second", "third"]);
    }
}
