//! Coupled coordinates, exactly, for statistics made of powers, logarithms and absolute values.
//!
//! | file | argument | called by |
//! | --- | --- | --- |
//! | this one | asks the cones, and cuts finer while some are open | `decide`, `coupled` |
//! | [`split`] | cuts the support into cones x = sum of u_k generator_k, u > 0, on which coordinates, arguments of absolute values and conditions have one sign; coordinates that stand in exponentials are logarithms of a u | this one |
//! | [`walk`] | each piece is on a cone, up to a bounded amount, a signomial plus logarithms of signomials plus a quadratic form in log u | [`split`] |
//! | [`ratios`] | the same for quotients and sums of logarithms, such as the coordinates of a simplex | [`walk`] |
//! | [`sectors`] | quotients of signomials: parts of a cone on which one term of each denominator is the largest | [`split`] |
//! | [`rests`] | products of sums of logarithms on a sector, between two quadratic forms | [`sectors`], [`cone`] |
//! | [`signomial`] | the arithmetic of sums of c u^a, a real | all |
//! | [`parts`] | what a condition leaves of a cone, as cones of log u | [`split`] |
//! | [`cone`] | the integral over one cone: joins those below | this one |
//! | [`faces`], [`sign`] | far out: leading terms by the faces of the Newton polyhedron, and their signs | [`cone`], [`zeros`] |
//! | [`rays`] | what is linear in log u, at the edges of a fan of directions | [`split`], [`cone`] |
//! | [`quadratic`] | quadratic forms in log u beside the rest | [`cone`] |
//! | [`zeros`] | where what stands in logarithms is zero | [`split`], [`cone`] |
//! | [`region`] | where a condition is not decided, places inside the region at which the density is infinite | this one |
//! | [`double_zeros`] | planes on which sums are zero twice and asymptotes of conditions, at which cones are cut further | [`split`], this one |
//! | [`starts`] | the numbers that coordinates are seen from | [`split`], this one |
//!
//! A sum over cones of positive numbers is finite exactly where all of them are.

mod cone;
mod double_zeros;
mod faces;
mod parts;
mod quadratic;
mod ratios;
mod rays;
mod region;
mod rests;
mod sectors;
mod sign;
mod signomial;
mod split;
mod starts;
mod walk;
mod zeros;

use super::fuel::Fuel;
use super::{Existence, Tails};
use cone::Cone;
use cone::Verdict;
pub(super) use rays::{choices, orthogonal};
use std::sync::{Arc, PoisonError};

/// The cones of some coordinates, where there are not too many.
pub(super) type Cones = Option<Arc<Vec<Cone>>>;

/// Work for a cone, and for a node of the family on it.
const CONE: u64 = 300;
const NODE: u64 = 100;

/// What cones are cut for: the members, and more planes than signs need.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cut {
    members: Vec<usize>,
    /// Also where squares inside of statistics are zero.
    squares: bool,
    /// Bits of numbers that each member is compared with, at which it is cut as well.
    points: Vec<Vec<u64>>,
    /// Bits of linear forms in the members.
    planes: Vec<Vec<u64>>,
}

/// Most planes for one eta, and remembered cuts.
const PLANES: usize = 3;
const REMEMBERED: usize = 64;

impl Tails {
    /// The verdict for the members, where the cones tell.
    pub(super) fn by_cones(
        &self,
        members: &[usize],
        active: &[usize],
        coefficients: &[(f64, f64)],
        fuel: &Fuel,
    ) -> Option<Existence> {
        let mut cut = Cut { members: members.to_vec(), squares: false, points: vec![], planes: vec![] };
        loop {
            let cones = self.cones(&cut, fuel)?;
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
                None if !cut.points.is_empty() => return None,
                None => {
                    let whole = self.cones(&Cut { squares: false, points: vec![], planes: vec![], ..cut.clone() }, fuel)?;
                    let touched: Vec<(usize, f64)> = whole.iter().flat_map(|c| c.touched()).collect();
                    let points = self.points(members, &touched);
                    if points.iter().all(Vec::is_empty) {
                        return None;
                    }
                    cut.points = points.iter().map(|p| p.iter().map(|v| v.to_bits()).collect()).collect();
                    cut.planes = vec![];
                }
            }
        }
    }

    /// The cones, where there is fuel to make and to ask them.
    fn cones(&self, cut: &Cut, fuel: &Fuel) -> Cones {
        if fuel.is_empty() {
            return None;
        }
        let (found, work) = self.cones_and_work(cut);
        let asked = found.as_ref().map_or(0, |cones| cones.len() as u64 * CONE);
        found.filter(|_| fuel.once(&self.cones, cut, work) && fuel.take(asked))
    }

    fn cones_and_work(&self, cut: &Cut) -> (Cones, u64) {
        let mut known = self.cones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(cut) {
            return found.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let mut shapes = 0;
        let made = self.cut(cut, &mut shapes).map(Arc::new);
        let found = (made, shapes * (self.form.graph.len() + self.form.pieces.len()) as u64 * NODE);
        known.insert(cut.clone(), found.clone());
        found
    }
}
