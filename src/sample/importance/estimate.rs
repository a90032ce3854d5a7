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
use crate::num::special::log_sum_exp;
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
    /// Largest ratio of the spread with replicates apart to that within them.
    pub rhat: f64,
}

/// A(eta) of one row, and its standard error.
#[derive(Debug, Clone, Copy)]
pub(in crate::sample) struct LogNormalizer {
    pub value: f64,
    pub error: f64,
}

/// Least error that is claimed, in units of the size of A and 1: rounding, and what lies beyond the tables of a base.
const ROUNDING: f64 = 1e-12;

impl LogNormalizer {
    /// The logarithm of the mean of exp `logs`, each that of an independent estimate of exp A. The error of a logarithm is the
    /// relative error of what it is taken of, by the spread of the estimates, of which there are four or more: the standard
    /// deviation of Student's t.
    pub fn mean_of(logs: &[f64]) -> LogNormalizer {
        let n = logs.len() as f64;
        let value = log_sum_exp(logs) - n.ln();
        let spread: f64 = logs.iter().map(|l| (l - value).exp_m1().powi(2)).sum();
        let error = (spread / (n * (n - 3.0))).sqrt();
        LogNormalizer { value, error: error.max(ROUNDING * (1.0 + value.abs())) }
    }
}

/// A region that holds half a point's worth of mass is missed by all points more often than not.
const UNSEEN: f64 = 0.5;

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
    /// Means of T.
    fn plain(&self) -> Vec<f64> {
        self.t.iter().map(|t| t / self.weight).collect()
    }
    /// Means of T, the controls regressed out.
    fn mean(&self, most: usize) -> Vec<f64> {
        let d = self.t.len();
        let plain = self.plain();
        if most == 0 || self.c.is_empty() {
            return plain;
        }
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
    /// Means, covariance and standard errors. Of several numbers of controls, none among them, the one whose standard errors
    /// are the smallest: even points leave little for a regression to take away.
    pub fn estimate(&self) -> Estimate {
        let (d, p, n) = (self.statistics, self.width, self.weights.len());
        let share = n.div_ceil(self.replicates);
        let mut parts = vec![Sums::zero(d, p); self.replicates];
        for (i, w, t, c) in self.rows() {
            parts[i / share].add(w, t, c);
        }
        let all = parts.iter().fold(Sums::zero(d, p), |all, part| all.combine(part.clone(), 1.0));
        let apart: Vec<Vec<f64>> = parts.iter().map(Sums::plain).collect();
        let without: Vec<Sums> = parts.into_iter().map(|part| all.clone().combine(part, -1.0)).collect();
        let mean = all.plain();
        let plain = self.second(&mean, &all, &[]);
        let relative = |spread: &[f64]| (0..d).map(|s| spread[s] / plain[s * d + s]).sum::<f64>();
        let most = (effective(self.weights) / DRAWS_PER_CONTROL) as usize;
        let mut best = (0, jackknife(&without, 0));
        for count in [most / 8, most].into_iter().filter(|c| p > 0 && *c > 0) {
            let spread = jackknife(&without, count);
            if relative(&spread) < relative(&best.1) {
                best = (count, spread);
            }
        }
        let (count, spread) = best;
        let mean = all.mean(count);
        let single = self.influence(&mean);
        let mcse = spread.iter().zip(&single).map(|(v, s)| v.sqrt().hypot(UNSEEN * s)).collect();
        let cov = self.covariance(&mean, &all, &all.direction(count), plain);
        Estimate { rhat: rhat(&apart, &cov), cov, mean, mcse }
    }
    /// The most that one point contributes to each mean. A region that no point fell into may hold nearly as much, and nothing
    /// in the spread of the others tells of it.
    fn influence(&self, mean: &[f64]) -> Vec<f64> {
        let mut most = vec![0.0_f64; mean.len()];
        for (_, w, t, _) in self.rows() {
            most.iter_mut().zip(t).zip(mean).for_each(|((m, t), mean)| *m = m.max(w * (t - mean).abs()));
        }
        most
    }
    /// By the weights of the regression, or the plain ones where those leave the matrix indefinite.
    fn covariance(&self, mean: &[f64], all: &Sums, direction: &[f64], plain: Vec<f64>) -> Vec<f64> {
        let d = self.statistics;
        if direction.iter().all(|a| *a == 0.0) {
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

/// Variances of the means from the sums without each replicate in turn.
fn jackknife(without: &[Sums], most: usize) -> Vec<f64> {
    let means: Vec<Vec<f64>> = without.iter().map(|sums| sums.mean(most)).collect();
    let n = means.len() as f64;
    let of = |s: usize| {
        let center = means.iter().map(|m| m[s]).sum::<f64>() / n;
        means.iter().map(|m| (m[s] - center).powi(2)).sum::<f64>() * (n - 1.0) / n
    };
    (0..means[0].len()).map(of).collect()
}

/// sqrt(1 + between / within), the largest over the statistics; `means` are those of the replicates (Gelman and Rubin 1992).
fn rhat(means: &[Vec<f64>], cov: &[f64]) -> f64 {
    let (d, n) = (means[0].len(), means.len() as f64);
    let of = |s: usize| {
        let center = means.iter().map(|m| m[s]).sum::<f64>() / n;
        let between = means.iter().map(|m| (m[s] - center).powi(2)).sum::<f64>() / (n - 1.0);
        (1.0 + between / cov[s * d + s]).sqrt()
    };
    (0..d).map(of).fold(1.0, |a, b| if b.is_nan() { b } else { a.max(b) })
}

/// Whether a symmetric matrix is positive semi-definite up to rounding.
fn definite(a: &[f64], n: usize) -> bool {
    let mut shifted = a.to_vec();
    (0..n).for_each(|i| shifted[i * n + i] *= 1.0 + 1e-9);
    linalg::cholesky(&shifted, n).is_some()
}
