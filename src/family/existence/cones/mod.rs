//! Coupled coordinates, exactly, for statistics made of powers, logarithms and absolute values.
//!
//! - [`split`]: the support is cut into cones x = sum of u_k generator_k, u > 0, on which coordinates, arguments of
//!   absolute values and conditions have one sign; coordinates that stand in exponentials are logarithms of a u.
//! - [`walk`]: each piece is on a cone, up to a bounded amount, a signomial ([`signomial`]: a sum of c u^a, a real) plus
//!   logarithms of signomials ([`ratios`]), plus a quadratic form in log u ([`quadratic`]).
//! - [`cone`]: the integral over one cone, by the faces of the Newton polyhedron ([`faces`], [`sign`]), by the zeros of
//!   what stands in logarithms ([`zeros`]) and by the edges of a fan of directions of log u ([`rays`]).
//! - [`region`]: where a condition is not decided on a cone, places inside the region at which the density is infinite.
//! - [`double_zeros`]: where that does not tell, the cones are cut where squares are zero, also those of one eta.
//!
//! A sum over cones of positive numbers is finite exactly where all of them are.

mod cone;
mod double_zeros;
mod faces;
mod quadratic;
mod ratios;
mod rays;
mod region;
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

/// What cones are cut for: the members, and more planes than signs need.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cut {
    members: Vec<usize>,
    /// Also where squares inside of statistics are zero.
    squares: bool,
    /// Also where differences of one coordinate and a number are zero.
    points: bool,
    /// Bits of linear forms in the members.
    planes: Vec<Vec<u64>>,
}

/// Most planes for one eta, and remembered cuts.
const PLANES: usize = 3;
const REMEMBERED: usize = 64;

impl Tails {
    /// The verdict for the members, where the cones tell.
    pub(super) fn by_cones(&self, members: &[usize], active: &[usize], coefficients: &[(f64, f64)]) -> Option<Existence> {
        let mut cut = Cut { members: members.to_vec(), squares: false, points: false, planes: vec![] };
        loop {
            let cones = self.cones(&cut)?;
            let mut open = Vec::new();
            for cone in cones.iter() {
                match cone.decide(active, coefficients) {
                    Verdict::Finite => {}
                    Verdict::Infinite { direction, reason } if cone.inside == Some(true) => {
                        return Some(Existence::Improper { direction: cone.describe(&direction, &self.names), reason });
                    }
                    _ => match cone.infinite_within(active, coefficients) {
                        Some(Verdict::Infinite { direction, reason }) => {
                            return Some(Existence::Improper { direction: cone.describe(&direction, &self.names), reason });
                        }
                        _ => open.push(cone),
                    },
                }
            }
            if open.is_empty() {
                return Some(Existence::Proper);
            }
            if !std::mem::replace(&mut cut.squares, true) {
                continue;
            }
            let bits = |normal: Vec<f64>| normal.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
            let mut found = open.iter().flat_map(|c| c.squares(active, coefficients)).map(bits);
            match found.find(|plane| !cut.planes.contains(plane)).filter(|_| cut.planes.len() < PLANES) {
                Some(new) => cut.planes.push(new),
                None if cut.points || self.points(members).iter().all(Vec::is_empty) => return None,
                None => (cut.points, cut.planes) = (true, vec![]),
            }
        }
    }

    fn cones(&self, cut: &Cut) -> Cones {
        let mut known = self.cones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(cut) {
            return found.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let made = self.cut(cut).map(Arc::new);
        known.insert(cut.clone(), made.clone());
        made
    }
}
