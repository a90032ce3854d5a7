//! The work that one verdict may take.
//!
//! It is counted, not timed, and does not depend on what was remembered from earlier verdicts: each part of the analysis
//! takes what it would cost without memory, things that a verdict makes once and then uses are paid once per verdict. So a
//! verdict is the same on all machines, for all numbers of threads and in any order of questions.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// All work for one verdict, in units of a few nanoseconds.
const FUEL: u64 = 150_000_000;
/// A node or piece as a series.
pub(super) const SERIES: u64 = 500;

/// What is left of the work that one verdict may take.
pub(super) struct Fuel {
    given: u64,
    left: Cell<u64>,
    paid: RefCell<HashSet<(usize, u64)>>,
}

impl Fuel {
    pub fn new() -> Fuel {
        Fuel { given: FUEL, left: Cell::new(FUEL), paid: RefCell::default() }
    }
    /// Takes this much. False where there is less: from then on there is none.
    pub fn take(&self, work: u64) -> bool {
        let left = self.left.get().checked_sub(work);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
    /// Takes this much for something that is made once, known by the address of what holds it and a key there.
    pub fn once<T>(&self, holder: &T, key: &impl Hash, work: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let first = self.paid.borrow_mut().insert((std::ptr::from_ref(holder).addr(), hasher.finish()));
        !first || self.take(work)
    }
    /// What was taken.
    pub fn taken(&self) -> u64 {
        self.given - self.left()
    }
    pub fn left(&self) -> u64 {
        self.left.get()
    }
    pub fn is_empty(&self) -> bool {
        self.left.get() == 0
    }
}

/// The reason where there is none left.
pub(super) const SPENT: &str = "the analysis of this eta takes too much work";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_stays_spent() {
        let fuel = Fuel::new();
        let thing = 1_u8;
        assert!(fuel.take(1000) && fuel.once(&thing, &0, FUEL - 1001) && fuel.once(&thing, &0, FUEL));
        assert_eq!(fuel.left(), 1);
        assert!(!fuel.take(2) && fuel.is_empty() && !fuel.take(1));
    }
}
