//! The work that one integral may take.
//!
//! It is counted, not timed, so that a row is the same on all machines and for all numbers of threads.

use crate::expr::Program;
use std::cell::Cell;

/// Work for one row of eta, in units of one to three nanoseconds.
const EACH: u64 = 1_200_000_000;
/// What a point costs beside the instructions of its program.
const POINT: u64 = 24;

/// What is left of the work that some rows may take.
pub(super) struct Effort {
    given: u64,
    left: Cell<u64>,
}

impl Effort {
    /// For this many rows.
    pub fn of(rows: usize) -> Effort {
        Effort::left_of(EACH.saturating_mul(rows as u64))
    }
    /// As much as was left before.
    pub fn left_of(work: u64) -> Effort {
        Effort { given: work, left: Cell::new(work) }
    }
    /// For what ends by itself.
    pub fn without_limit() -> Effort {
        Effort::left_of(u64::MAX)
    }
    /// Takes what an entry of a program costs at some points, or all that is left.
    pub fn take(&self, program: &Program, entry: usize, points: usize) {
        let work = points as u64 * (POINT + program.instructions(entry) as u64);
        self.left.set(self.left.get().saturating_sub(work));
    }
    /// What was taken.
    pub fn taken(&self) -> u64 {
        self.given - self.left()
    }
    /// What is left.
    pub fn left(&self) -> u64 {
        self.left.get()
    }
    /// Whether nothing is left: what was not finished then says nothing.
    pub fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Graph;

    #[test]
    fn what_is_spent_stays_spent() {
        let mut g = Graph::new();
        let x = g.var(0);
        let program = Program::compile(&g, 1, &[&[x]]);
        let effort = Effort::of(2);
        effort.take(&program, 0, 1);
        assert!(!effort.is_spent() && effort.left() < 2 * EACH);
        effort.take(&program, 0, EACH as usize);
        assert!(effort.is_spent());
        effort.take(&program, 0, 1);
        assert_eq!(effort.left(), 0);
    }
}
