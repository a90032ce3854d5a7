//! Finite ends of the support and poles inside it, for coordinates whose leading part is negative.
//!
//! There coupled pieces have to be bounded, so that the pieces of one coordinate alone decide, as in one dimension.

use super::super::Tails;
use super::super::form::Kind;
use super::super::place::{Place, reach};
use super::super::table::Outcome;

impl Tails {
    /// Whether the density is integrable at the finite ends of each member, coupled pieces being bounded there.
    pub(super) fn finite_ends(&self, members: &[usize], active: &[usize], coefficients: &[(f64, f64)]) -> Result<(), String> {
        for i in active {
            let piece = &self.form.pieces[*i];
            if !piece.regular && (piece.coordinates.len() > 1 || self.lost[*i]) {
                return Err("a statistic may have a pole inside the support".to_string());
            }
            // On compact coordinates the growth of a coupled node was not asked for.
            let bounded = members.iter().any(|j| reach(self.form.axes[*j]) != [false, false])
                || !matches!(piece.kind, Kind::Node(_))
                || piece.coordinates.len() == 1
                || self.leads(&vec![1.0; self.form.axes.len()]).far.get(i).is_some_and(|f| f.is_some_and(|f| f.low <= 0.0));
            if !bounded {
                return Err("a coupled statistic may be unbounded at an end of the support".to_string());
            }
        }
        for j in members {
            for end in self.ends[*j].iter().filter(|e| matches!(e.place, Place::Point { .. })) {
                match end.table.decide(coefficients) {
                    Outcome::Converges => {}
                    Outcome::Diverges(_) => {
                        return Err(format!("as {}: the density does not decay", end.place.describe(&self.names[*j])));
                    }
                    Outcome::Unknown(why) => return Err(format!("as {}: {why}", end.place.describe(&self.names[*j]))),
                }
            }
        }
        Ok(())
    }
}
