//! The Wishart law, as it is on its own and as the marginal of a normal-Wishart.

use super::draws::{log_gamma, normals};
use super::gamma::mean_log;
use crate::num::linalg;
use crate::num::special::{lgamma, trigamma};
use crate::num::stream::Xoshiro;
use std::f64::consts::{LN_2, PI};

/// Least pivot of a draw's root: its square is still a number, so that no draw is singular.
const LEAST: f64 = 1e-140;

/// The law with density proportional to det(W)^(a - (d + 1) / 2) exp(-tr(B W)): n = 2 a degrees of freedom.
pub(super) struct Law {
    d: usize,
    pub(super) a: f64,
    /// a - (d - 1) / 2 > 0.
    low: f64,
    /// The inverse of B.
    pub(super) s: Vec<f64>,
    /// Pivots of B, whose product is its determinant.
    pivots: Vec<f64>,
}

impl Law {
    /// From a - (d - 1) / 2 and B; none unless B is positive definite.
    pub(super) fn new(low: f64, b: &[f64], d: usize) -> Option<Law> {
        let l = linalg::cholesky(b, d)?;
        let pivots = (0..d).map(|i| l[i * d + i] * l[i * d + i]).collect();
        Some(Law { d, a: low + 0.5 * (d as f64 - 1.0), low, s: linalg::spd_inverse(b, d)?.0, pivots })
    }
    fn shapes(&self) -> impl Iterator<Item = f64> {
        let low = self.low;
        (0..self.d).map(move |j| low + 0.5 * j as f64)
    }
    pub(super) fn log_normalizer(&self) -> f64 {
        let d = self.d as f64;
        let log_det: f64 = self.pivots.iter().map(|p| p.ln()).sum();
        0.25 * d * (d - 1.0) * PI.ln() + self.shapes().map(lgamma).sum::<f64>() - self.a * log_det
    }
    pub(super) fn mean_log_det(&self) -> f64 {
        self.shapes().zip(&self.pivots).map(|(a, p)| mean_log(a, *p)).sum()
    }
    pub(super) fn variance_log_det(&self) -> f64 {
        self.shapes().map(trigamma).sum()
    }
    /// Cov(W_ij, W_kl).
    pub(super) fn covariance(&self, (i, j): (usize, usize), (k, l): (usize, usize)) -> f64 {
        let s = |i: usize, j: usize| self.s[i * self.d + j];
        0.5 * self.a * (s(i, k) * s(j, l) + s(i, l) * s(j, k))
    }
    /// A lower triangular M with W = M M', by Bartlett's decomposition.
    pub(super) fn draw(&self, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let d = self.d;
        let half: Vec<f64> = self.s.iter().map(|s| 0.5 * s).collect();
        let mut root = normals(d * d, rng);
        for (i, shape) in self.shapes().enumerate() {
            let row = d - 1 - i;
            root[row * d + row] = (0.5 * (LN_2 + log_gamma(shape, rng)?)).exp().max(LEAST);
            (row + 1..d).for_each(|j| root[row * d + j] = 0.0);
        }
        Some(linalg::matmul(&linalg::cholesky(&half, d)?, &root, d, d, d))
    }
    /// M M', its diagonal raised by the roundings that keep it positive definite where its determinant is below them.
    pub(super) fn square(&self, m: &[f64]) -> Vec<f64> {
        let d = self.d;
        let mut w = linalg::matmul(m, &linalg::transpose(m, d, d), d, d, d);
        let mut lift = f64::EPSILON;
        while lift < 1.0 && linalg::cholesky(&w, d).is_none() {
            (0..d).for_each(|i| w[i * d + i] *= 1.0 + lift);
            lift *= 2.0;
        }
        w
    }
}
