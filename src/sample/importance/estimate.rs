//! Moments from weighted points, their control variates, and their standard errors across replicates.
//!
//! The regression of T on controls with known expectation zero changes the weights, not T: the same new weights serve
//! every statistic and the covariance. Standard errors by the jackknife over replicates repeat the whole estimate without
//! each in turn, so that what the regression fits by chance is seen. What no point tells of is added: without controls the
//! greatest contribution of a single point; with them what a regression that has not seen the outermost points leaves there,
//! because as far beyond all points the whole regression may be as wrong.
//!
//! # Source
//! Owen, "Monte Carlo theory, methods and examples", section 8.9 (regression) and 9.2 (self-normalised weights); the
//! jackknife as in [`sums`](super::sums). That errors need the points left out of a fit: Stone, "Cross-validatory choice and
//! assessment of statistical predictions", JRSS B 36 (1974); their number and the factor are found by trial.

use super::psis;
use super::sums::{Sums, axpy, jackknife};
use crate::num::linalg;
use crate::num::special::log_sum_exp;
use crate::sample::rare::is_rare;

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

/// Part that counts as error of the squares of what a regression leaves at the outermost points without having seen them.
const UNSEEN: f64 = 0.5;

/// Weight, statistics and controls of a point.
type Point<'a> = (f64, &'a [f64], &'a [f64]);

/// Means of all statistics and their standard errors by one number of controls.
struct Candidate {
    count: usize,
    mean: Vec<f64>,
    mcse: Vec<f64>,
}

impl Weighted<'_> {
    /// Points that have weight, with their numbers.
    fn rows(&self) -> impl Iterator<Item = (usize, Point<'_>)> + Clone {
        (0..self.weights.len()).filter(|i| self.weights[*i] > 0.0).map(|i| (i, self.point(i)))
    }
    fn point(&self, i: usize) -> Point<'_> {
        let (d, p) = (self.statistics, self.width);
        (self.weights[i], &self.t[i * d..(i + 1) * d], &self.controls[i * p..(i + 1) * p])
    }
    /// Whether the variance of a statistic comes from few points, or from none: what it is on the rest of the support they do not tell.
    pub fn is_rare(&self) -> bool {
        let d = self.statistics;
        let mut mean = vec![0.0; d];
        self.rows().for_each(|(_, (w, t, _))| axpy(&mut mean, w, t));
        (0..d).any(|s| is_rare(self.rows().map(|(_, (w, t, _))| w * (t[s] - mean[s]).powi(2))))
    }
    /// Means, covariance and standard errors. Of several numbers of controls, none among them, the one whose standard errors
    /// are the smallest: even points leave little for a regression to take away.
    pub fn estimate(&self) -> Estimate {
        let (d, p, n) = (self.statistics, self.width, self.weights.len());
        let share = n.div_ceil(self.replicates);
        let mut parts = vec![Sums::zero(d, p); self.replicates];
        for (i, (w, t, c)) in self.rows() {
            parts[i / share].add(w, t, c);
        }
        let all = parts.iter().fold(Sums::zero(d, p), |all, part| all.combine(part.clone(), 1.0));
        let apart: Vec<Vec<f64>> = parts.iter().map(Sums::plain).collect();
        let without: Vec<Sums> = parts.into_iter().map(|part| all.clone().combine(part, -1.0)).collect();
        let plain = self.second(&all.plain(), &all, &[]);
        let variances: Vec<f64> = (0..d).map(|s| plain[s * d + s]).collect();
        let outer = self.outermost(&all.plain(), &variances);
        let mut inner = all.clone();
        outer.iter().for_each(|(w, t, c)| inner.add(-w, t, c));
        let candidate = |count: usize| {
            let mean = all.mean(count);
            let unseen = if count == 0 { self.influence(&mean) } else { left(&outer, &mean, &inner.coefficients(count)) };
            let least = |s: usize| ROUNDING * (variances[s].sqrt() + mean[s].abs());
            let spread = jackknife(&without, count);
            let mcse = (0..d).map(|s| spread[s].hypot(unseen[s]).max(least(s))).collect();
            Candidate { count, mean, mcse }
        };
        let known: Vec<usize> = (0..d).filter(|s| variances[*s] > 0.0).collect();
        let size = |c: &Candidate| known.iter().map(|s| c.mcse[*s].powi(2) / variances[*s]).sum::<f64>();
        let mut best = candidate(0);
        for count in [p / 4, p].into_iter().filter(|c| *c > 0) {
            let found = candidate(count);
            if size(&found) < size(&best) {
                best = found;
            }
        }
        let Candidate { count, mean, mcse } = best;
        let cov = self.covariance(&mean, &all, &all.direction(count), plain);
        Estimate { rhat: rhat(&apart, &cov), cov, mean, mcse }
    }
    /// The points whose contributions are the greatest, over all statistics in units of their standard deviations: as many as
    /// make a tail of the weights.
    fn outermost(&self, mean: &[f64], variances: &[f64]) -> Vec<Point<'_>> {
        let size = |w: f64, t: &[f64]| {
            let apart = t.iter().zip(mean).zip(variances).filter(|(_, v)| **v > 0.0).map(|((t, m), v)| (t - m).powi(2) / v);
            w * w * apart.sum::<f64>()
        };
        let mut order: Vec<(f64, usize)> = self.rows().map(|(i, (w, t, _))| (size(w, t), i)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(psis::tail(order.len()));
        order.into_iter().map(|(_, i)| self.point(i)).collect()
    }
    /// The most that one point contributes to each mean. A region that no point fell into may hold as much, and nothing in the
    /// spread of the others tells of it.
    fn influence(&self, mean: &[f64]) -> Vec<f64> {
        let mut most = vec![0.0_f64; mean.len()];
        for (_, (w, t, _)) in self.rows() {
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
        let center = all.center();
        let mut cov = vec![0.0; d * d];
        let mut centered = vec![0.0; d];
        for (_, (w, t, c)) in self.rows() {
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

/// Standard errors from what the regression `beta`, [p, d], leaves at points that it has not seen.
fn left(outer: &[Point], mean: &[f64], beta: &[f64]) -> Vec<f64> {
    let d = mean.len();
    let mut squares = vec![0.0; d];
    for (w, t, c) in outer {
        let mut rest: Vec<f64> = t.iter().zip(mean).map(|(t, m)| t - m).collect();
        c.iter().zip(beta.chunks(d)).for_each(|(c, beta)| axpy(&mut rest, -c, beta));
        squares.iter_mut().zip(&rest).for_each(|(s, r)| *s += (w * r).powi(2));
    }
    squares.iter().map(|s| (UNSEEN * s).sqrt()).collect()
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
