//! What must hold in the ledger's database whatever the clients have done: each as SQL that counts
//! the rows against it. Never looks at what the clients have noted.

use super::book::{DETAILS, RATE};
use super::choice::{ACCOUNTS, BEGINNING, INITIAL_BALANCE, MARK_EVERY, MARKS_REACH};

/// The lines that the entries ask for.
const SAME_LINES: &str = "
    (select client, number, account_from account, -amount amount from entries
     union all select client, number, account_to, amount from entries)";

/// Counts of rows that must not be, each with what they are.
pub(super) fn counts() -> Vec<(String, &'static str)> {
    let differ = |one: &str, other: &str| {
        format!("select count(*) from (table {one} except all table {other}) differing")
    };
    let lines = format!(
        "with due as {SAME_LINES}, there as (select client, number, account, amount from lines) "
    );
    let marks = format!(
        "with marking as (
             select client, number, max(number) over (partition by client) seen_by
             from entries where client <> {BEGINNING} and number % {MARK_EVERY} = 0),
         due as (select * from marking where number > seen_by - {MARKS_REACH}),
         there as (select client, number, seen_by from marks) "
    );
    let balances = format!(
        "select count(*) from accounts
         full join (select account id, sum(amount) moved from lines group by account) sums using (id)
         where balance is distinct from {INITIAL_BALANCE} + coalesce(moved, 0)"
    );
    let sum = format!(
        "select abs({ACCOUNTS}::numeric * {INITIAL_BALANCE} - coalesce(sum(balance), 0)) from accounts"
    );
    let contents = format!(
        "select count(*) from entries
         where rate is distinct from {RATE} or details is distinct from {DETAILS}"
    );
    vec![
        (lines.clone() + &differ("due", "there"), "lines are missing"),
        (lines + &differ("there", "due"), "lines are too many"),
        (
            marks.clone() + &differ("due", "there"),
            "marks are missing or were not updated",
        ),
        (
            marks + &differ("there", "due"),
            "marks were not deleted or not updated",
        ),
        (
            balances,
            "accounts hold something else than their lines add up to",
        ),
        (
            sum,
            "is how far all balances are from what they were in the beginning",
        ),
        (
            contents,
            "entries hold another numeric or jsonb than was written",
        ),
    ]
}
