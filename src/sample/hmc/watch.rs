//! Positions of the chains that have nothing but trajectories, looked at for long tails.

use super::Group;
use crate::family::Family;
use crate::sample::stretch::Sight;

/// Looks at each chain at most.
const LOOKS: usize = 256;

/// Positions of the rows of a group, now and then.
pub(super) struct Watch {
    lines: Vec<usize>,
    /// Draws between two looks.
    every: usize,
    /// For each row and line the values seen; none for rows that jump.
    rows: Vec<Option<Vec<Vec<f64>>>>,
}

impl Watch {
    /// Of a group that goes on for `draws` draws.
    pub(super) fn new(family: &Family, group: &Group, draws: usize) -> Watch {
        let lines = family.lines();
        let rows = (0..group.rows()).map(|r| (!group.had_base(r)).then(|| vec![vec![]; lines.len()])).collect();
        Watch { lines, every: draws.div_ceil(LOOKS).max(1), rows }
    }
    /// After draw `i`.
    pub(super) fn look(&mut self, i: usize, group: &Group) {
        if !i.is_multiple_of(self.every) {
            return;
        }
        for (row, seen) in self.rows.iter_mut().enumerate() {
            for (values, j) in seen.iter_mut().flatten().zip(&self.lines) {
                group.coordinate(row, *j, values);
            }
        }
    }
    /// What was seen of each row.
    pub(super) fn sights(self) -> Vec<Sight> {
        self.rows.into_iter().map(|seen| Sight::of(seen.into_iter().flatten())).collect()
    }
}
