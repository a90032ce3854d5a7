//! The sign of the largest value of a leading part over directions.
//!
//! Terms that are all of one sign and quadratic forms (eigenvalues, with a margin for rounding) are decided outright.
//! For the rest a search finds where the part is positive, and branch and bound proves that it is negative.

use super::super::fuel::Fuel;
use super::leading::{Part, Top};
use super::proof::{FIRST, Proven, WORK};
use super::search::MARGIN;
use crate::num::linalg::{cholesky, symmetric_eigen};

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
    /// Without a search, where that suffices.
    pub(super) fn plain_peak(&self) -> Option<Peak> {
        if self.plainly_negative() {
            return Some(Peak::Negative);
        }
        self.quadratic()
    }

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

    /// Negative term by term: no term is ever positive, and every unbounded side of every member has a negative one.
    fn plainly_negative(&self) -> bool {
        let mut sides: Vec<[bool; 2]> = self
            .bounds
            .iter()
            .zip(&self.compact)
            .map(|(b, c)| if *c { [true; 2] } else { [b[0] == 0.0, b[1] == 0.0] })
            .collect();
        for (c, part) in &self.parts {
            match part {
                Part::Monomial(powers) => {
                    let one_sign = powers.iter().all(|(j, p)| p % 2 == 0 || self.bounds[*j as usize][0] >= 0.0);
                    if *c > 0.0 || !one_sign {
                        return false;
                    }
                    if let [(j, _)] = powers {
                        sides[*j as usize] = [true; 2];
                    }
                }
                Part::Sides { j, plus, minus, .. } => {
                    let [down, up] = [self.bounds[*j][0] < 0.0, self.bounds[*j][1] > 0.0];
                    if up && c * plus > 0.0 || down && c * minus > 0.0 {
                        return false;
                    }
                    sides[*j][0] |= c * minus < 0.0;
                    sides[*j][1] |= c * plus < 0.0;
                }
                Part::Output(_) => return false,
            }
        }
        self.members.iter().all(|j| sides[*j] == [true; 2])
    }

    /// A quadratic form on whole lines: by its eigenvalues.
    fn quadratic(&self) -> Option<Peak> {
        let plain = self.members.iter().all(|j| self.bounds[*j] == [-1.0, 1.0] && self.weights[*j] == 1.0 && !self.compact[*j]);
        if !plain || self.degree != 2.0 {
            return None;
        }
        let n = self.members.len();
        let mut place = vec![0; self.scale.len()];
        self.members.iter().enumerate().for_each(|(i, j)| place[*j] = i);
        let mut q = vec![0.0; n * n];
        for (c, part) in &self.parts {
            let Part::Monomial(powers) = part else { return None };
            let (a, b) = match powers {
                [(a, _)] => (*a as usize, *a as usize),
                [(a, _), (b, _)] => (*a as usize, *b as usize),
                _ => return None,
            };
            let half = 0.5 * c * self.scale[a] * self.scale[b];
            q[place[a] * n + place[b]] -= half;
            q[place[b] * n + place[a]] -= half;
        }
        let size = q.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let margin = 1e-13 * n as f64 * size;
        let mut shifted = q.clone();
        (0..n).for_each(|i| shifted[i * n + i] -= margin);
        if cholesky(&shifted, n).is_some() {
            return Some(Peak::Negative);
        }
        let (values, vectors) = symmetric_eigen(&q, n);
        let least = (0..n).min_by(|a, b| values[*a].total_cmp(&values[*b]))?;
        let v: Vec<f64> = (0..n).map(|i| vectors[i * n + least]).collect();
        let direction = self.direction(&v);
        if values[least] < -margin {
            // Its value along the unit vector in x.
            let unscaled: Vec<f64> = self.members.iter().zip(&direction).map(|(j, x)| x / self.scale[*j]).collect();
            return Some(Peak::Positive { value: self.values(&[unscaled])[0].0, direction });
        }
        Some(Peak::Flat(direction))
    }
}
