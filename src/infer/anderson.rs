//! Anderson acceleration of a fixed-point iteration z -> g(z).
//!
//! # Source
//! Anderson, "Iterative procedures for nonlinear integral equations", J. ACM 12 (1965); Walker and Ni, "Anderson
//! acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49 (2011), the unconstrained least-squares form.

/// Differences that are used: the depth m.
const DEPTH: usize = 3;
/// Share of a difference that must be new beside the ones already used.
const INDEPENDENT: f64 = 1e-7;

/// The last points z and their images g(z), oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Anderson {
    points: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Anderson {
    /// Remember that `z` maps to `g`.
    pub fn push(&mut self, z: &[f64], g: &[f64]) {
        if self.points.len() > DEPTH {
            self.points.remove(0);
        }
        self.points.push((z.to_vec(), g.to_vec()));
    }
    /// Forget everything.
    pub fn clear(&mut self) {
        self.points.clear();
    }
    /// The accelerated point, where there are two points to learn from; `unit` holds the weight of each component in the
    /// norm of the residual. `None` where the differences say nothing.
    pub fn candidate(&self, unit: &[f64]) -> Option<Vec<f64>> {
        let residual =
            |(z, g): &(Vec<f64>, Vec<f64>)| -> Vec<f64> { g.iter().zip(z).zip(unit).map(|((g, z), u)| (g - z) * u).collect() };
        let (last, earlier) = self.points.split_last()?;
        let mut rest = residual(last);
        let mut point = last.1.clone();
        // Gram-Schmidt, newest difference first: each column carries its difference of images along.
        let mut basis: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        let mut after = last;
        for before in earlier.iter().rev() {
            let mut column = difference(&residual(after), &residual(before));
            let mut image = difference(&after.1, &before.1);
            after = before;
            let size = dot(&column, &column).sqrt();
            for (direction, moved) in &basis {
                let share = dot(&column, direction);
                column.iter_mut().zip(direction).for_each(|(c, d)| *c -= share * d);
                image.iter_mut().zip(moved).for_each(|(i, m)| *i -= share * m);
            }
            let left = dot(&column, &column).sqrt();
            if left.is_nan() || left <= INDEPENDENT * size {
                continue;
            }
            column.iter_mut().chain(&mut image).for_each(|v| *v /= left);
            let share = dot(&rest, &column);
            rest.iter_mut().zip(&column).for_each(|(r, c)| *r -= share * c);
            point.iter_mut().zip(&image).for_each(|(p, i)| *p -= share * i);
            basis.push((column, image));
        }
        (!basis.is_empty() && point.iter().all(|p| p.is_finite())).then_some(point)
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::num::close::{DIFFERENCE, close_all};

    /// On a linear map in three dimensions, three differences determine the fixed point.
    #[test]
    fn a_linear_map_is_solved_in_four_evaluations() {
        let g = |z: &[f64]| vec![0.9 * z[0] + 0.1 * z[1] + 1.0, 0.5 * z[1] - 0.2 * z[2], 0.3 * z[0] - 0.7 * z[2] + 2.0];
        let mut anderson = Anderson::default();
        let mut z = vec![0.0; 3];
        assert!(anderson.candidate(&[1.0; 3]).is_none());
        for _ in 0..4 {
            anderson.push(&z, &g(&z));
            z = g(&z);
        }
        let fixed = anderson.candidate(&[1.0, 2.0, 0.5]).unwrap();
        assert!(close_all(&fixed, &g(&fixed), DIFFERENCE), "{fixed:?}");
    }

    #[test]
    fn equal_points_give_no_candidate() {
        let mut anderson = Anderson::default();
        (0..6).for_each(|_| anderson.push(&[1.0, 2.0], &[1.5, 2.0]));
        assert!(anderson.candidate(&[1.0, 1.0]).is_none());
    }
}
