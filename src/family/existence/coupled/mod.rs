//! Coordinates that share pieces.
//!
//! Tried in this order, the first that tells decides:
//!
//! - [`leading`], [`plain`] and after the cones [`peak`]: far out the density is exp of its leading
//!   (quasi-)homogeneous part up to lower orders, uniformly over directions. Where that part is negative in every direction
//!   the integral exists; where it is positive in one, it is so in a cone, and the integral does not.
//! - [`super::cones`]: powers, logarithms and absolute values, exactly.
//! - [`lines`]: where the integral along almost every parallel line does not exist, neither does the whole (Fubini).
//! - [`comparison`]: a larger density that is integrable proves the one sought; a smaller one that is not refutes it.
//! - [`shears`]: the same questions after a substitution that preserves volume.
//!
//! [`finite_ends`] adds what happens at finite ends of the support. Whatever none of them tells is left open, and so is what
//! takes more work than one verdict may.
//!
//! The sign of a leading part over directions:
//!
//! | file | what it does |
//! | --- | --- |
//! | [`plain`] | terms of one sign, quadratic forms, what is linear in pieces |
//! | [`peak`] | asks a short proof, then the search, then a long proof |
//! | [`search`] | many directions, the best of which climb: finds where the part is positive |
//! | [`proof`] | branch and bound over a cube of directions: proves that the part is negative, or finds where it is not |
//! | [`bounds`] | values and slopes over a box, by interval arithmetic and the mean-value form |
//! | [`steps`] | a node as the list of steps that are bounded |
//! | [`interval`] | closed intervals, rounded outwards |

mod bounds;
mod comparison;
mod finite_ends;
mod interval;
mod leading;
mod lines;
mod peak;
mod plain;
mod proof;
mod search;
mod shears;
mod steps;

use super::fuel::{Fuel, SPENT};
use super::place::{Place, short};
use super::series::ROUNDING;
use super::{Existence, Tails};
pub(super) use lines::{Direction, Lines};
use peak::Peak;
pub(super) use plain::edges;

impl Tails {
    /// The verdict for the coordinates `members`, which active pieces tie together. Without `eta` no substitution is
    /// tried.
    pub(super) fn coupled(
        &self,
        members: &[usize],
        eta: Option<&[f64]>,
        coefficients: &[(f64, f64)],
        fuel: &Fuel,
    ) -> Existence {
        let mut member = vec![false; self.form.axes.len()];
        members.iter().for_each(|j| member[*j] = true);
        let inside = |i: usize| self.form.pieces[i].coordinates.first().is_some_and(|j| member[*j]);
        let active: Vec<usize> = (0..coefficients.len()).filter(|i| coefficients[*i].0 != 0.0 && inside(*i)).collect();
        let mut unproven = "the leading terms of the coupled coordinates do not decide".to_string();
        if active
            .iter()
            .any(|i| coefficients[*i].0.abs() <= ROUNDING * coefficients[*i].1 && coefficients[*i].0.abs() < coefficients[*i].1)
        {
            return Existence::unproven("the terms of the coupled coordinates cancel to rounding");
        }
        if fuel.is_empty() {
            return Existence::unproven(SPENT);
        }
        let mut flat = None;
        let d = self.form.axes.len();
        let mut weightings = vec![vec![1.0; d]];
        weightings.extend(self.pure_weights(members, &active));
        let mut cones_asked = false;
        for weights in &weightings {
            let Some(top) = self.top(members, &active, coefficients, weights) else { continue };
            let plain = if top.parts.is_empty() { Some(Peak::Negative) } else { top.plain_peak() };
            if plain.is_none() && !std::mem::replace(&mut cones_asked, true) {
                let found = self.by_cones(members, &active, coefficients, fuel);
                if let Some(found) = found {
                    return found;
                }
            }
            let peak = plain.unwrap_or_else(|| top.peak(fuel));
            match peak {
                Peak::Positive { direction, value } => {
                    let towards = self.along(members, &direction);
                    let uniform = weights.iter().all(|w| *w == 1.0);
                    let reason = if uniform {
                        format!("its leading part grows there, with {} in that direction", short(value))
                    } else {
                        "its leading quasi-homogeneous part grows there".to_string()
                    };
                    return Existence::Improper { direction: towards, reason };
                }
                Peak::Negative => match self.finite_ends(members, &active, coefficients) {
                    Ok(()) => return Existence::Proper,
                    Err(why) => unproven = why,
                },
                Peak::Flat(v) if weights.iter().all(|w| *w == 1.0) => flat = Some(v),
                Peak::Flat(_) => {}
                Peak::Unsure(why) => unproven = why.to_string(),
            }
        }
        if !cones_asked && let Some(found) = self.by_cones(members, &active, coefficients, fuel) {
            return found;
        }
        if let Some(found) = self.lines_diverge(members, coefficients, fuel) {
            return found;
        }
        if let Some(v) = flat
            && let Some(found) = self.direction_diverges(members, &active, coefficients, &v, fuel)
        {
            return found;
        }
        if (2..=6).contains(&members.len()) {
            for i in 0..members.len() {
                for k in 0..i {
                    for sign in [1.0, -1.0] {
                        let mut v = vec![0.0; members.len()];
                        (v[i], v[k]) = (1.0, sign);
                        if let Some(found) = self.direction_diverges(members, &active, coefficients, &v, fuel) {
                            return found;
                        }
                    }
                }
            }
        }
        if let Some(found) = self.by_comparison(members, &active, coefficients, fuel) {
            return found;
        }
        let Some(eta) = eta.filter(|_| !self.restricted) else { return Existence::Unproven { reason: unproven } };
        for shear in self.sheared(fuel) {
            let found = shear.existence(eta, fuel);
            if !matches!(found, Existence::Unproven { .. }) {
                return found;
            }
        }
        if fuel.is_empty() { Existence::unproven(SPENT) } else { Existence::Unproven { reason: unproven } }
    }

    /// The direction `v` of the members in words.
    pub(super) fn along(&self, members: &[usize], v: &[f64]) -> String {
        let size = v.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let moving: Vec<usize> = (0..members.len()).filter(|i| v[*i].abs() > 1e-6 * size).collect();
        if let [i] = moving[..] {
            let place = if v[i] > 0.0 { Place::Up } else { Place::Down };
            return place.describe(&self.names[members[i]]);
        }
        let names: Vec<&str> = moving.iter().take(6).map(|i| self.names[members[*i]].as_str()).collect();
        let numbers: Vec<String> = moving.iter().take(6).map(|i| format!("{:.3}", v[*i])).collect();
        let more = if moving.len() > 6 { ", ..." } else { "" };
        format!("({}{more}) goes to infinity along ({}{more})", names.join(", "), numbers.join(", "))
    }
}
