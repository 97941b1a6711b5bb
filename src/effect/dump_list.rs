//! Cuts the list of what a dump makes after its data into parts, each a run of `pg_restore`.
//! It never changes the dump's order, in which everything comes after what it needs.

/// What a dump makes after its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterData {
    /// Everything before the first partition's index is attached: mostly indexes, which take long.
    Indexes,
    /// Attaching partitions' indexes to their parents', which takes no time.
    Attaching,
    /// Everything after that: mostly foreign keys, triggers, policies.
    Rest,
}

impl AfterData {
    /// The part in a few words, for the plan.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Indexes => "<indexes and keys>",
            Self::Attaching => "<attaching of partitions' indexes>",
            Self::Rest => "<everything else>",
        }
    }

    /// This part of a list that `pg_restore --list --section=post-data` wrote.
    pub(super) fn of(self, list: &str) -> String {
        let entries: Vec<&str> = list.lines().filter(|l| !l.starts_with(';')).collect();
        let first = entries.iter().position(|line| attaches(line));
        let first = first.unwrap_or(entries.len());
        let after = entries.iter().rposition(|line| attaches(line));
        let after = after.map_or(entries.len(), |last| last + 1);
        let part = match self {
            Self::Indexes => &entries[..first],
            Self::Attaching => &entries[first..after],
            Self::Rest => &entries[after..],
        };
        part.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// An entry reads `3456; 0 0 INDEX ATTACH public orders_1_id_idx owner`.
fn attaches(entry: &str) -> bool {
    let kind = entry.splitn(4, ' ').nth(3);
    kind.is_some_and(|kind| kind.starts_with("INDEX ATTACH "))
}

#[cfg(test)]
mod tests {
    use super::AfterData::{Attaching, Indexes, Rest};

    const LIST: &str = "\
;
; Archive created at some time
;
1; 2606 10 CONSTRAINT public t t_pkey me
2; 1259 11 INDEX public INDEX ATTACH me
3; 0 0 INDEX ATTACH public a me
4; 0 0 COMMENT public INDEX a me
5; 0 0 INDEX ATTACH public b me
6; 2606 12 FK CONSTRAINT public t f me
";

    #[test]
    fn every_entry_is_in_one_part_and_in_its_order() {
        let all: String = [Indexes, Attaching, Rest]
            .map(|part| part.of(LIST))
            .concat();
        let entries = LIST.split_once(";\n1").expect("entries follow").1;
        assert_eq!(all, format!("1{entries}"));
    }

    #[test]
    fn all_that_attaches_is_in_the_middle() {
        let attaching = Attaching.of(LIST);
        assert_eq!(attaching.lines().count(), 3, "{attaching}");
        assert!(Rest.of(LIST).starts_with("6;"));
    }

    #[test]
    fn a_list_without_partitions_is_all_indexes() {
        let plain = "1; 2606 10 CONSTRAINT public t t_pkey me\n";
        assert_eq!(Indexes.of(plain), plain);
        assert_eq!(Attaching.of(plain) + &Rest.of(plain), "");
    }
}
