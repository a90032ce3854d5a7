//! Moments from weighted points, their control variates, and their standard errors across replicates.
//!
//! The regression of T on controls with known expectation zero changes the weights, not T: the same new weights serve
//! every statistic and the covariance. Standard errors by the jackknife over replicates repeat the whole estimate without
//! each in turn, so that what the regression fits by chance is seen.
//!
//! # Source
//! Owen, "Monte Carlo theory, methods and examples", section 8.9 (regression) and 9.2 (self-normalised weights); Efron and
//! Stein, "The jackknife estimate of variance", Annals of Statistics 9 (1981).

use crate::num::linalg;

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

/// Relative size of what is added to the diagonal of the normal matrix, against controls that depend on each other.
const RIDGE: f64 = 1e-10;

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
    /// G^-1 times the mean of the controls, G their covariance.
    fn direction(&self) -> Option<Vec<f64>> {
        let p = self.c.len();
        let mean: Vec<f64> = self.c.iter().map(|c| c / self.weight).collect();
        let mut g = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..=i {
                g[i * p + j] = self.cc[i * p + j] / self.weight - mean[i] * mean[j];
                g[j * p + i] = g[i * p + j];
            }
        }
        // In units of the controls' own spread; one that does not vary says nothing.
        let scale: Vec<f64> = (0..p).map(|i| if g[i * p + i] > 0.0 { g[i * p + i].sqrt().recip() } else { 0.0 }).collect();
        for i in 0..p {
            (0..p).for_each(|j| g[i * p + j] *= scale[i] * scale[j]);
            g[i * p + i] = 1.0 + RIDGE;
        }
        let l = linalg::cholesky(&g, p)?;
        let right: Vec<f64> = mean.iter().zip(&scale).map(|(m, s)| m * s).collect();
        let solved = linalg::cholesky_solve(&l, p, &right);
        Some(solved.iter().zip(&scale).map(|(x, s)| x * s).collect())
    }
    /// Estimates of T.
    fn mean(&self) -> Vec<f64> {
        let d = self.t.len();
        let mut mean: Vec<f64> = self.t.iter().map(|t| t / self.weight).collect();
        if let Some(direction) = self.direction().filter(|a| !a.is_empty()) {
            let plain = mean.clone();
            for (i, a) in direction.iter().enumerate() {
                let center = self.c[i] / self.weight;
                for s in 0..d {
                    mean[s] -= a * (self.ct[i * d + s] / self.weight - center * plain[s]);
                }
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
        let share = n.div_ceil(self.replicates);
        let mut parts = vec![Sums::zero(d, p); self.replicates];
        for (i, w, t, c) in self.rows() {
            parts[i / share].add(w, t, c);
        }
        let all = parts.iter().fold(Sums::zero(d, p), |all, part| all.combine(part.clone(), 1.0));
        let mean = all.mean();
        let without: Vec<Vec<f64>> = parts.into_iter().map(|part| all.clone().combine(part, -1.0).mean()).collect();
        let count = self.replicates as f64;
        let mcse = (0..d)
            .map(|s| {
                let center = without.iter().map(|m| m[s]).sum::<f64>() / count;
                let spread: f64 = without.iter().map(|m| (m[s] - center).powi(2)).sum();
                (spread * (count - 1.0) / count).sqrt()
            })
            .collect();
        Estimate { cov: self.covariance(&mean, &all), mean, mcse }
    }
    /// By the weights of the regression, or the plain ones where those leave the matrix indefinite.
    fn covariance(&self, mean: &[f64], all: &Sums) -> Vec<f64> {
        let direction = all.direction().filter(|a| !a.is_empty());
        let plain = self.second(mean, None, all);
        let Some(direction) = direction else { return plain };
        let better = self.second(mean, Some(&direction), all);
        let d = self.statistics;
        let near = (0..d).all(|i| (0.5..2.0).contains(&(better[i * d + i] / plain[i * d + i])));
        if near && definite(&better, d) { better } else { plain }
    }
    fn second(&self, mean: &[f64], direction: Option<&Vec<f64>>, all: &Sums) -> Vec<f64> {
        let d = self.statistics;
        let mut cov = vec![0.0; d * d];
        let mut centered = vec![0.0; d];
        for (_, w, t, c) in self.rows() {
            let w = direction.map_or(w, |a| {
                let lift: f64 = a.iter().zip(c).zip(&all.c).map(|((a, c), m)| a * (c - m / all.weight)).sum();
                w * (1.0 - lift)
            });
            centered.iter_mut().zip(t).zip(mean).for_each(|((x, t), m)| *x = t - m);
            for i in 0..d {
                axpy(&mut cov[i * d..i * d + i + 1], w * centered[i], &centered[..=i]);
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

/// Whether a symmetric matrix is positive semi-definite up to rounding.
fn definite(a: &[f64], n: usize) -> bool {
    let mut shifted = a.to_vec();
    (0..n).for_each(|i| shifted[i * n + i] *= 1.0 + 1e-9);
    linalg::cholesky(&shifted, n).is_some()
}
