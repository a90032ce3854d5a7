//! Moments from weighted points, their control variates, and their standard errors across replicates.
//!
//! The regression of T on controls with known expectation zero changes the weights, not T: the same new weights serve
//! every statistic and the covariance. Standard errors by the jackknife over replicates repeat the whole estimate without
//! each in turn, so that what the regression fits by chance is seen. The greatest contribution of a single point is added.
//!
//! # Source
//! Owen, "Monte Carlo theory, methods and examples", section 8.9 (regression) and 9.2 (self-normalised weights); Efron and
//! Stein, "The jackknife estimate of variance", Annals of Statistics 9 (1981).

use crate::num::linalg;
use crate::sample::control::{DRAWS_PER_CONTROL, solve};

/// Weighted points in `replicates` equal, consecutive shares.
pub(in crate::sample) struct Weighted<'a> {
    /// Statistics, [n, d].
    pub t: &'a [f64],
    /// Number of statistics d.
    pub statistics: usize,
    /// Weights that sum to 1, `[n]`.
    pub weights: &'a [f64],
    /// Controls, [n, p], with expectation zero.
    pub controls: &'a [f64],
    /// Number of controls p.
    pub width: usize,
    /// Number of replicates.
    pub replicates: usize,
}

/// Estimates of one row.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Estimate {
    /// `[d]`.
    pub mean: Vec<f64>,
    /// [d, d].
    pub cov: Vec<f64>,
    /// `[d]`.
    pub mcse: Vec<f64>,
}

/// Weighted sums over some points.
#[derive(Clone)]
struct Sums {
    weight: f64,
    t: Vec<f64>,
    c: Vec<f64>,
    /// c c', lower triangle of [p, p].
    cc: Vec<f64>,
    /// c T', [p, d].
    ct: Vec<f64>,
}

impl Sums {
    fn zero(d: usize, p: usize) -> Sums {
        Sums { weight: 0.0, t: vec![0.0; d], c: vec![0.0; p], cc: vec![0.0; p * p], ct: vec![0.0; p * d] }
    }
    fn arrays(&mut self) -> [&mut Vec<f64>; 4] {
        [&mut self.t, &mut self.c, &mut self.cc, &mut self.ct]
    }
    fn add(&mut self, w: f64, t: &[f64], c: &[f64]) {
        let (d, p) = (t.len(), c.len());
        self.weight += w;
        axpy(&mut self.t, w, t);
        axpy(&mut self.c, w, c);
        for (i, ci) in c.iter().enumerate() {
            axpy(&mut self.cc[i * p..i * p + i + 1], w * ci, &c[..=i]);
            axpy(&mut self.ct[i * d..(i + 1) * d], w * ci, t);
        }
    }
    fn combine(mut self, mut other: Sums, sign: f64) -> Sums {
        self.weight += sign * other.weight;
        for (a, b) in self.arrays().into_iter().zip(other.arrays()) {
            axpy(a, sign, b);
        }
        self
    }
    /// The inverse covariance of the controls times their mean: how far, and along what, the weights move.
    fn direction(&self, most: usize) -> Vec<f64> {
        let p = self.c.len();
        let mean: Vec<f64> = self.c.iter().map(|c| c / self.weight).collect();
        let mut cov = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..=i {
                cov[i * p + j] = self.cc[i * p + j] / self.weight - mean[i] * mean[j];
                cov[j * p + i] = cov[i * p + j];
            }
        }
        solve(&cov, &mean, p, 1, most)
    }
    /// Estimates of T.
    fn mean(&self, most: usize) -> Vec<f64> {
        let d = self.t.len();
        let plain: Vec<f64> = self.t.iter().map(|t| t / self.weight).collect();
        let mut mean = plain.clone();
        for (i, a) in self.direction(most).iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let center = self.c[i] / self.weight;
            for (s, m) in mean.iter_mut().enumerate() {
                *m -= a * (self.ct[i * d + s] / self.weight - center * plain[s]);
            }
        }
        mean
    }
}

fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

impl Weighted<'_> {
    fn rows(&self) -> impl Iterator<Item = (usize, f64, &[f64], &[f64])> {
        let (d, p) = (self.statistics, self.width);
        let live = move |(i, w): (usize, &'_ f64)| {
            (*w > 0.0).then(|| (i, *w, &self.t[i * d..(i + 1) * d], &self.controls[i * p..(i + 1) * p]))
        };
        self.weights.iter().enumerate().filter_map(live)
    }
    /// Means, covariance and standard errors.
    pub fn estimate(&self) -> Estimate {
        let (d, p, n) = (self.statistics, self.width, self.weights.len());
        let most = (effective(self.weights) / DRAWS_PER_CONTROL) as usize;
        let share = n.div_ceil(self.replicates);
        let mut parts = vec![Sums::zero(d, p); self.replicates];
        for (i, w, t, c) in self.rows() {
            parts[i / share].add(w, t, c);
        }
        let all = parts.iter().fold(Sums::zero(d, p), |all, part| all.combine(part.clone(), 1.0));
        let mean = all.mean(most);
        let without: Vec<Vec<f64>> = parts.into_iter().map(|part| all.clone().combine(part, -1.0).mean(most)).collect();
        let count = self.replicates as f64;
        let single = self.influence(&mean);
        let mcse = (0..d)
            .map(|s| {
                let center = without.iter().map(|m| m[s]).sum::<f64>() / count;
                let spread: f64 = without.iter().map(|m| (m[s] - center).powi(2)).sum();
                (spread * (count - 1.0) / count).sqrt().hypot(single[s])
            })
            .collect();
        Estimate { cov: self.covariance(&mean, &all, &all.direction(most)), mean, mcse }
    }
    /// The most that one point contributes to each mean. A region that no point fell into may hold as much as a point, and
    /// nothing in the spread of the others tells of it.
    fn influence(&self, mean: &[f64]) -> Vec<f64> {
        let mut most = vec![0.0_f64; mean.len()];
        for (_, w, t, _) in self.rows() {
            most.iter_mut().zip(t).zip(mean).for_each(|((m, t), mean)| *m = m.max(w * (t - mean).abs()));
        }
        most
    }
    /// By the weights of the regression, or the plain ones where those leave the matrix indefinite.
    fn covariance(&self, mean: &[f64], all: &Sums, direction: &[f64]) -> Vec<f64> {
        let d = self.statistics;
        let plain = self.second(mean, all, &[]);
        if direction.is_empty() {
            return plain;
        }
        let better = self.second(mean, all, direction);
        let near = (0..d).all(|i| (0.5..2.0).contains(&(better[i * d + i] / plain[i * d + i])));
        if near && definite(&better, d) { better } else { plain }
    }
    fn second(&self, mean: &[f64], all: &Sums, direction: &[f64]) -> Vec<f64> {
        let d = self.statistics;
        let center: Vec<f64> = all.c.iter().map(|c| c / all.weight).collect();
        let mut cov = vec![0.0; d * d];
        let mut centered = vec![0.0; d];
        for (_, w, t, c) in self.rows() {
            let lift: f64 = direction.iter().zip(c).zip(&center).map(|((a, c), m)| a * (c - m)).sum();
            let moved = w / all.weight * (1.0 - lift);
            centered.iter_mut().zip(t).zip(mean).for_each(|((x, t), m)| *x = t - m);
            for i in 0..d {
                axpy(&mut cov[i * d..i * d + i + 1], moved * centered[i], &centered[..=i]);
            }
        }
        for i in 0..d {
            for j in 0..i {
                cov[j * d + i] = cov[i * d + j];
            }
        }
        cov
    }
}

/// Effective number of weights that sum to 1.
pub(in crate::sample) fn effective(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum::<f64>().recip()
}

/// Whether a symmetric matrix is positive semi-definite up to rounding.
fn definite(a: &[f64], n: usize) -> bool {
    let mut shifted = a.to_vec();
    (0..n).for_each(|i| shifted[i * n + i] *= 1.0 + 1e-9);
    linalg::cholesky(&shifted, n).is_some()
}
