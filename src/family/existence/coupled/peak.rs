//! The sign of the largest value of a leading part over directions.
//!
//! Terms that are all of one sign and quadratic forms (eigenvalues, with a margin for rounding) are decided outright;
//! for the rest a search in few coordinates counts.

use super::leading::{Part, Top};
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
