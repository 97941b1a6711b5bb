//! The longest chain of a copy: a table, then its slowest index. It knows sizes alone, and makes no step.

/// What has to be done for a table, as bytes that could be copied meanwhile.
pub(super) struct Work {
    /// Copying it, which all jobs can share.
    pub copy: u64,
    /// Building each of its indexes, the longest first.
    pub indexes: Vec<u64>,
}

impl Work {
    fn all(&self) -> u64 {
        self.copy + self.indexes.iter().sum::<u64>()
    }
}

/// The table whose copy and longest index take longer than each of the jobs would if they shared all
/// there is evenly: the end waits for nothing but them.
pub(super) fn dominant(tables: &[Work], jobs: u64) -> Option<usize> {
    let all: u64 = tables.iter().map(Work::all).sum();
    let chain = |(at, work): (usize, &Work)| Some((work.copy / jobs + work.indexes.first()?, at));
    let chains = tables.iter().enumerate().filter_map(chain);
    let (length, at) = chains.max()?;
    (length > all / jobs).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(copy: u64, indexes: &[u64]) -> Work {
        Work {
            copy,
            indexes: indexes.to_vec(),
        }
    }

    #[test]
    fn a_chain_dominates_that_is_longer_than_an_even_share() {
        let beside = work(390, &[64]);
        let tables = [beside, work(480, &[1750, 80, 43, 43])];
        assert_eq!(dominant(&tables, 2), Some(1));
        assert_eq!(dominant(&tables, 1), None);
    }

    #[test]
    fn none_dominates_where_jobs_share_evenly() {
        let tables = [work(390, &[64]), work(400, &[80, 43, 43])];
        assert_eq!(dominant(&tables, 2), None);
        assert_eq!(dominant(&[], 2), None);
        assert_eq!(dominant(&[work(10, &[])], 2), None);
    }
}
