//! Comparison with families of fewer pieces, which may be decided although the whole is not.
//!
//! exp is monotone: a coupled piece whose contribution is never positive only lowers the density, so that the integral
//! without it is the larger one; a piece whose contribution is never negative only raises it.

use super::super::fuel::Fuel;
use super::super::{Existence, Tails};

impl Tails {
    /// Without coupled pieces that only lower the density the integral is larger: if it exists, so does the one sought.
    /// Without pieces that only raise it, it is smaller.
    pub(super) fn by_comparison(
        &self,
        members: &[usize],
        active: &[usize],
        coefficients: &[(f64, f64)],
        fuel: &Fuel,
    ) -> Option<Existence> {
        for want in [-1.0, 1.0] {
            let coupled = |i: &&usize| self.form.pieces[**i].coordinates.len() > 1;
            let dropped: Vec<usize> = active
                .iter()
                .filter(coupled)
                .copied()
                .filter(|i| coefficients[*i].0.signum() * self.form.pieces[*i].sign == want)
                .collect();
            let single = if dropped.len() > 1 && dropped.len() <= 6 { &dropped[..] } else { &[] };
            for set in std::iter::once(&dropped[..]).chain(single.chunks(1)).filter(|s| !s.is_empty()) {
                let mut rest = vec![(0.0, 0.0); coefficients.len()];
                active.iter().filter(|i| !set.contains(i)).for_each(|i| rest[*i] = coefficients[*i]);
                // Only the members: other coordinates are decided elsewhere.
                match (self.decide_members(members, None, &rest, fuel), want) {
                    (Existence::Proper, -1.0) => return Some(Existence::Proper),
                    (found @ Existence::Improper { .. }, 1.0) => return Some(found),
                    _ => {}
                }
            }
        }
        None
    }
}
