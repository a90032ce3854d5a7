//! The Wishart law, as it is on its own and as the marginal of a normal-Wishart.

use super::draws::{log_gamma, normals};
use super::gamma::mean_log;
use super::law::{Inverted, rounded};
use crate::num::double::{Double, Number};
use crate::num::linalg;
use crate::num::special::{lgamma, trigamma};
use crate::num::stream::Xoshiro;
use std::f64::consts::{LN_2, PI};

/// Least pivot of a draw's root: its square is still a number, so that no draw is singular.
const LEAST: f64 = 1e-140;

/// The law with density proportional to det(W)^(a - (d + 1) / 2) exp(-tr(B W)): n = 2 a degrees of freedom.
pub(super) struct WishartLaw<T> {
    pub(super) d: usize,
    pub(super) a: T,
    /// a - (d - 1) / 2 > 0.
    low: T,
    pub(super) b: Inverted<T>,
}

impl<T: Number> WishartLaw<T> {
    /// From a - (d - 1) / 2 and B; none unless B is positive definite.
    pub(super) fn new(low: Double, b: &[Double], d: usize) -> Option<Self> {
        let (low, b): (T, Vec<T>) = (low.into(), b.iter().map(|v| T::from(*v)).collect());
        Some(WishartLaw { d, a: low + T::from(0.5 * (d as f64 - 1.0)), low, b: Inverted::new(&b, d)? })
    }
    /// Gamma shapes a - j / 2, with pivots of B, whose product is its determinant.
    fn shapes(&self) -> impl Iterator<Item = (T, T)> {
        (0..self.d).map(|j| {
            let root = self.b.l[j * self.d + j];
            (self.low + T::from(0.5 * j as f64), root * root)
        })
    }
    pub(super) fn log_integral(&self) -> f64 {
        let (d, a): (f64, f64) = (self.d as f64, self.a.into());
        let log_det: f64 = self.shapes().map(|(_, p)| p.ln()).sum();
        0.25 * d * (d - 1.0) * PI.ln() + self.shapes().map(|(a, _)| lgamma(a.into())).sum::<f64>() - a * log_det
    }
    pub(super) fn mean_log_det(&self) -> f64 {
        self.shapes().map(|(a, p)| mean_log(a, p)).sum()
    }
    pub(super) fn variance_log_det(&self) -> f64 {
        self.shapes().map(|(a, _)| trigamma(a.into())).sum()
    }
    /// E W_ij / a.
    pub(super) fn s(&self, i: usize, j: usize) -> T {
        self.b.s[i * self.d + j]
    }
    /// Cov(W_ij, W_kl).
    pub(super) fn covary(&self, (i, j): (usize, usize), (k, l): (usize, usize)) -> T {
        T::from(0.5) * self.a * (self.s(i, k) * self.s(j, l) + self.s(i, l) * self.s(j, k))
    }
    /// A lower triangular M with W = M M', by Bartlett's decomposition.
    pub(super) fn root(&self, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let d = self.d;
        let half: Vec<T> = self.b.s.iter().map(|s| T::from(0.5) * *s).collect();
        let mut root = normals(d * d, rng);
        for (i, (shape, _)) in self.shapes().enumerate() {
            let row = d - 1 - i;
            root[row * d + row] = (0.5 * (LN_2 + log_gamma(shape.into(), rng)?)).exp().max(LEAST);
            (row + 1..d).for_each(|j| root[row * d + j] = 0.0);
        }
        Some(linalg::matmul(&rounded(&linalg::cholesky(&half, d)?), &root, d, d, d))
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
