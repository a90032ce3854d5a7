//! Product over coordinates of two-sided exponentials about -1 and 1 (the reference system's example).

use super::draws::truncated_exponential;
use super::tilted_uniform::tilted_uniform;
use crate::domain::Support;
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::Exp1;

/// T = (xm1 = -abs(x - 1), xp1 = -abs(x + 1)), d components each, on R^d; needs eta_xm1 + eta_xp1 > 0 in each coordinate.
///
/// # Errors
/// For d = 0.
pub fn laplace_product(d: usize) -> Result<Family> {
    let region =
        Region::new(vec![("xm1".into(), Block::interval(0.5, 4.0, d)?), ("xp1".into(), Block::interval(0.5, 4.0, d)?)]);
    let family = Family::trace(
        "laplace_product",
        Support::real(d)?,
        |x| {
            let distance = |shift: f64| x.binary(Op::Add, &x.number(shift))?.unary(Op::Abs)?.unary(Op::Neg);
            Ok(vec![("xm1".into(), distance(-1.0)?), ("xp1".into(), distance(1.0)?)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(LaplaceProduct { d }))
}

struct LaplaceProduct {
    d: usize,
}

/// Masses beyond 1, below -1 and between in units of exp(second), then mean and variance of x between.
///
/// Beyond 1: xm1 = -u, xp1 = -(u + 2), u exponential with rate s; mirrored below -1. Between: xm1 = -(1 - x),
/// xp1 = -(1 + x), density proportional to exp((a - b) x).
fn weights(a: f64, b: f64) -> ([f64; 3], f64, f64, f64) {
    let s = a + b;
    let (log_between, mean, variance) = tilted_uniform(a - b);
    let logs = [-2.0 * b - s.ln(), -2.0 * a - s.ln(), log_between - s];
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (logs.map(|l| (l - top).exp()), top, mean, variance)
}

/// log Z of one coordinate with its first and second derivatives in (a, b).
///
/// With s = a + b: Z = e^{-2b}/s + e^{-2a}/s + M, where M is the integral of exp(-a(1-x) - b(1+x)) over [-1, 1]. The
/// moments of x on each of the three pieces are closed; T is linear on each, so mean and covariance follow without
/// differences that cancel.
fn coordinate(a: f64, b: f64) -> (f64, [f64; 2], [f64; 4]) {
    let s = a + b;
    let (weights, top, mean, variance) = weights(a, b);
    let total: f64 = weights.iter().sum();
    let (u, v) = (1.0 / s, 1.0 / (s * s));
    // Per piece: mean of (xm1, xp1) and covariance.
    let pieces = [
        ([-u, -u - 2.0], [v, v, v]),
        ([-u - 2.0, -u], [v, v, v]),
        ([mean - 1.0, -1.0 - mean], [variance, -variance, variance]),
    ];
    let mut mu = [0.0; 2];
    for (w, (m, _)) in weights.iter().zip(&pieces) {
        mu[0] += w / total * m[0];
        mu[1] += w / total * m[1];
    }
    let mut cov = [0.0; 4];
    for (w, (m, c)) in weights.iter().zip(&pieces) {
        let (p, d0, d1) = (w / total, m[0] - mu[0], m[1] - mu[1]);
        cov[0] += p * (c[0] + d0 * d0);
        cov[1] += p * (c[1] + d0 * d1);
        cov[3] += p * (c[2] + d1 * d1);
    }
    cov[2] = cov[1];
    (top + total.ln(), mu, cov)
}

impl ClosedForm for LaplaceProduct {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        (0..self.d).try_for_each(|j| {
            require(eta[j] + eta[self.d + j] > 0.0, &format!("eta_xm1[{j}] + eta_xp1[{j}] > 0"), eta[j] + eta[self.d + j])
        })
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        (0..self.d).map(|j| coordinate(eta[j], eta[self.d + j]).0).sum()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let pairs: Vec<[f64; 2]> = (0..self.d).map(|j| coordinate(eta[j], eta[self.d + j]).1).collect();
        (0..2).flat_map(|s| pairs.iter().map(move |p| p[s])).collect()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (d, k) = (self.d, 2 * self.d);
        let mut cov = vec![0.0; k * k];
        for j in 0..d {
            let c = coordinate(eta[j], eta[d + j]).2;
            cov[j * k + j] = c[0];
            cov[j * k + d + j] = c[1];
            cov[(d + j) * k + j] = c[2];
            cov[(d + j) * k + d + j] = c[3];
        }
        cov
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let one = |j: usize| {
            let (a, b) = (eta[j], eta[self.d + j]);
            let weights = weights(a, b).0;
            let u = rng.random::<f64>() * weights.iter().sum::<f64>();
            if u < weights[0] {
                1.0 + rng.sample::<f64, _>(Exp1) / (a + b)
            } else if u < weights[0] + weights[1] {
                -1.0 - rng.sample::<f64, _>(Exp1) / (a + b)
            } else {
                (a - b).signum() * (1.0 - truncated_exponential((a - b).abs(), 2.0, rng))
            }
        };
        Some((0..self.d).map(one).collect())
    }
}
