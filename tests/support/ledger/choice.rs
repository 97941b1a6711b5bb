//! What each transaction of the ledger is about, decided by seed, client and number alone.
//! Never draws from a clock or a shared generator: the check decides the same again.

/// How many accounts there are.
pub(crate) const ACCOUNTS: i32 = 1_000;
/// What every account holds in the beginning.
pub(crate) const INITIAL_BALANCE: i64 = 1_000_000;
/// Every so many entries of a client leave a mark.
pub(super) const MARK_EVERY: i64 = 3;
/// Marks whose number is this much below a new mark's are deleted by it.
pub(super) const MARKS_REACH: i64 = 9;

/// The client of the entries that are there from the beginning.
pub(super) const BEGINNING: i32 = 0;

/// The name of an entry: no two transactions of the application share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Which client made it, counted from 1.
    pub(crate) client: i32,
    /// Which of the client's entries it is, counted from 1.
    pub(crate) number: i64,
}

/// The content of the entry with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) account_from: i32,
    pub(super) account_to: i32,
    pub(super) amount: i64,
}

impl Choice {
    /// What the entry with this key moves, and between which accounts, which are never the same.
    pub(super) fn of(seed: u64, key: Key) -> Self {
        if key.client == BEGINNING {
            return Self {
                account_from: 1,
                account_to: 2,
                amount: 0,
            };
        }
        let mut state =
            seed ^ u64::from(key.client.unsigned_abs()).rotate_left(40) ^ key.number.unsigned_abs();
        let account_from = below(&mut state, ACCOUNTS);
        let step = 1 + below(&mut state, ACCOUNTS - 1);
        Self {
            account_from: 1 + account_from,
            account_to: 1 + (account_from + step) % ACCOUNTS,
            amount: i64::from(1 + below(&mut state, 100)),
        }
    }
}

impl Key {
    /// Whether the entry leaves a mark, and deletes the older ones.
    pub(super) fn marks(self) -> bool {
        self.number % MARK_EVERY == 0
    }

    /// Whether the transaction writes something that it takes back to a savepoint.
    pub(super) fn stumbles(self) -> bool {
        self.number % 4 == 1
    }
}

/// A number from 0 to below `limit`, and the next state: splitmix64.
fn below(state: &mut u64, limit: i32) -> i32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let limit = u64::from(limit.unsigned_abs());
    i32::try_from(mixed % limit).expect("it is below an i32")
}
