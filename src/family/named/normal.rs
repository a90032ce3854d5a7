//! The normal law, with either layout of its second moments.

use super::draws::normals;
use super::matrix::solve_transposed;
use crate::num::linalg;
use crate::num::stream::Xoshiro;
use std::f64::consts::PI;

/// The normal distribution with density proportional to exp(e . x + x' E x).
pub(super) struct Normal {
    d: usize,
    energy: f64,
    m: Vec<f64>,
    s: Vec<f64>,
    /// Lower Cholesky factor of the precision.
    l: Vec<f64>,
}

impl Normal {
    /// From e, `[d]`, and the symmetric E, [d, d]; none unless E is negative definite.
    pub(super) fn new(e: &[f64], matrix: &[f64]) -> Option<Normal> {
        let d = e.len();
        let precision: Vec<f64> = matrix.iter().map(|v| -2.0 * v).collect();
        let l = linalg::cholesky(&precision, d)?;
        let m = linalg::cholesky_solve(&l, d, e);
        let (s, _) = linalg::spd_inverse(&precision, d)?;
        Some(Normal { d, energy: m.iter().zip(e).map(|(m, e)| m * e).sum(), m, s, l })
    }
    pub(super) fn log_normalizer(&self) -> f64 {
        let half_log_det: f64 = (0..self.d).map(|i| self.l[i * self.d + i].ln()).sum();
        0.5 * (self.d as f64 * (2.0 * PI).ln() + self.energy) - half_log_det
    }
    pub(super) fn mean(&self) -> &[f64] {
        &self.m
    }
    /// E x_i x_j.
    pub(super) fn second(&self, i: usize, j: usize) -> f64 {
        self.s[i * self.d + j] + self.m[i] * self.m[j]
    }
    /// Covariance of x and the products x_i x_j of `pairs`, by Isserlis' theorem.
    pub(super) fn covariance(&self, pairs: &[(usize, usize)]) -> Vec<f64> {
        let (d, m) = (self.d, &self.m);
        let k = d + pairs.len();
        let s = |i: usize, j: usize| self.s[i * d + j];
        let mut cov = vec![0.0; k * k];
        for i in 0..d {
            (0..d).for_each(|j| cov[i * k + j] = s(i, j));
            for (p, &(j, l)) in pairs.iter().enumerate() {
                let c = m[j] * s(i, l) + m[l] * s(i, j);
                (cov[i * k + d + p], cov[(d + p) * k + i]) = (c, c);
            }
        }
        for (p, &(i, j)) in pairs.iter().enumerate() {
            for (q, &(l, n)) in pairs.iter().enumerate() {
                cov[(d + p) * k + d + q] =
                    s(i, l) * self.second(j, n) + s(i, n) * self.second(j, l) + m[i] * (m[l] * s(j, n) + m[n] * s(j, l));
            }
        }
        cov
    }
    pub(super) fn draw(&self, rng: &mut Xoshiro) -> Vec<f64> {
        let noise = solve_transposed(&self.l, self.d, &normals(self.d, rng));
        self.m.iter().zip(noise).map(|(m, e)| m + e).collect()
    }
}
