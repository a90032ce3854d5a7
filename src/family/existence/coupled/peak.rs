//! The sign of the largest value of a leading part over directions.
//!
//! What [`super::plain`] does not decide outright: a search finds where the part is positive, and branch and bound proves that it is negative.

use super::super::fuel::Fuel;
use super::leading::Top;
use super::proof::{FIRST, Proven, WORK};
use super::search::MARGIN;

/// What the leading part says.
pub(super) enum Peak {
    Negative,
    Positive {
        direction: Vec<f64>,
        value: f64,
    },
    /// Zero within the margin, in this direction.
    Flat(Vec<f64>),
    Unsure(&'static str),
}

impl Top<'_> {
    /// By search and proof.
    pub(super) fn peak(&self, fuel: &Fuel) -> Peak {
        let mut proof = self.proof();
        let n = self.members.len();
        // The size of the terms along the axes: a first guess, for proofs that are short.
        if let Some(proof) = &mut proof {
            let middle = |j: usize| if self.compact[j] { 0.5 * (self.bounds[j][0] + self.bounds[j][1]) } else { 0.0 };
            let axis = |i: usize, side: usize| -> Vec<f64> {
                let at = |(k, j): (usize, &usize)| if k == i { self.bounds[*j][side] } else { middle(*j) };
                self.members.iter().enumerate().map(at).collect()
            };
            let axes: Vec<Vec<f64>> = (0..n).flat_map(|i| [axis(i, 0), axis(i, 1)]).collect();
            let size = self.values(&axes).iter().map(|v| v.1).filter(|v| v.is_finite()).fold(0.0, f64::max);
            if size > 0.0 && matches!(proof.run(MARGIN * size, FIRST, fuel), Proven::Negative) {
                return Peak::Negative;
            }
        }
        let best = match self.search(proof.as_mut(), fuel) {
            Ok(best) => best,
            Err(why) => return Peak::Unsure(why),
        };
        let margin = MARGIN * best.size;
        if best.value > margin {
            // The sign in interval arithmetic, where there is one.
            let bounds = proof.map(|mut proof| proof.at(&self.point(&best.at)));
            return match bounds.filter(|b| b.is_finite() && b.low <= 0.0) {
                None => Peak::Positive { direction: self.direction(&best.at), value: best.value },
                Some(_) => Peak::Unsure("the terms of the leading part cancel to rounding"),
            };
        }
        if best.value >= -margin {
            return Peak::Flat(self.direction(&best.at));
        }
        let Some(mut proof) = proof else { return Peak::Unsure("the leading part has no bounds over directions") };
        match proof.run(margin, WORK, fuel) {
            Proven::Negative => Peak::Negative,
            Proven::Positive(x, value) => Peak::Positive { direction: self.unit(&x), value },
            Proven::Flat(x) => Peak::Flat(self.unit(&x)),
            Proven::Open => Peak::Unsure("that the leading part is negative in every direction takes too long to prove"),
            Proven::Narrow => Peak::Unsure("the leading part has no bounds in some direction"),
        }
    }
}
