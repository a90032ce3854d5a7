//! Coupled coordinates, exactly, for statistics made of powers, logarithms and absolute values.
//!
//! - [`split`]: the support is cut into cones x = sum of u_k generator_k, u > 0, on which coordinates, arguments of
//!   absolute values and conditions have one sign; coordinates that stand in exponentials are logarithms of a u.
//! - [`walk`]: each piece is on a cone, up to a bounded amount, a signomial ([`signomial`]: a sum of c u^a, a real) plus
//!   logarithms of signomials.
//! - [`cone`]: the integral over one cone, by the faces of the Newton polyhedron ([`faces`], [`sign`]), by the zeros of
//!   what stands in logarithms ([`zeros`]) and by the edges of a fan of directions of log u ([`rays`]).
//!
//! A sum over cones of positive numbers is finite exactly where all of them are.

mod cone;
mod faces;
mod rays;
mod sign;
mod signomial;
mod split;
mod walk;
mod zeros;

use super::{Existence, Tails};
use cone::Cone;
use cone::Verdict;
use std::sync::{Arc, PoisonError};

/// The cones of some coordinates, where there are not too many.
pub(super) type Cones = Option<Arc<Vec<Cone>>>;

impl Tails {
    /// The verdict for the members, where the cones tell.
    pub(super) fn by_cones(&self, members: &[usize], active: &[usize], coefficients: &[(f64, f64)]) -> Option<Existence> {
        let cones = self.cones(members)?;
        let mut sure = true;
        for cone in cones.iter() {
            match cone.decide(active, coefficients) {
                Verdict::Finite => {}
                Verdict::Infinite { direction, reason } if cone.inside == Some(true) => {
                    return Some(Existence::Improper { direction: cone.describe(&direction, &self.names), reason });
                }
                _ => sure = false,
            }
        }
        sure.then_some(Existence::Proper)
    }

    fn cones(&self, members: &[usize]) -> Cones {
        let mut known = self.cones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(members) {
            return found.clone();
        }
        let made = self.cut(members).map(Arc::new);
        known.insert(members.to_vec(), made.clone());
        made
    }
}
