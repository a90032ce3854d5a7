//! Points to weigh: scrambled Sobol points through the quantile functions of a base.
//!
//! # Source
//! Owen, "Scrambling Sobol' and Niederreiter-Xing points" (1998); Burley, "Practical Hash-based Owen Scrambling" (2020);
//! Hesterberg, "Weighted average importance sampling and defensive mixture distributions", Technometrics 37 (1995).

use crate::num::linalg;
use crate::num::special::{erfc, log_sum_exp, normal_quantile};
use crate::num::stream::Stream;
use crate::sample::base::Base;
use rand::Rng;

/// Points [n, m] and their log density under the proposal, `[n]`.
#[derive(Debug, Clone, Default)]
pub(in crate::sample) struct Points {
    pub t: Vec<f64>,
    pub log_q: Vec<f64>,
    /// Log density under the base alone, `[n]`.
    pub log_base: Vec<f64>,
    /// Normal scores under the base, [n, m].
    pub scores: Vec<f64>,
}

/// A base, and beside it a Gaussian over its normal scores y_j = quantile(F_j(t_j)).
///
/// Where there is a Gaussian, the proposal is the mixture of both with at least a fixed share of the base: what the Gaussian
/// misses, the base meets, and no weight is more than a few times what the base alone would give.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Proposal<'a> {
    base: &'a Base,
    scores: Option<Gaussian>,
    /// Of a mixture one point in so many follows the base alone.
    every: usize,
}

/// A Gaussian: mean and lower Cholesky factor, row-major.
#[derive(Debug, Clone)]
struct Gaussian {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

/// One point in so many follows the base alone; powers of two, so that these points are a net of their own. The first is for
/// pilots; with the last the weights vary at most twice as much as under the Gaussian alone.
const EVERY: [usize; 3] = [8, 4, 2];
/// Ratio of the squared weights to the least ones that is given for a greater share of the base: less than a quarter of base
/// costs where the Gaussian is all that is needed, (7 / 8) / (3 / 4).
const LITTLE: f64 = 1.15;
/// Dimensions of the Sobol sequence; further ones take another scrambling.
const DIMENSIONS: usize = 256;
/// The sequence has 24 bits.
const CELL: f64 = 1.0 / 16_777_216.0;
/// Scores beyond this hold no mass that double precision could tell from none.
const FAR: f64 = 37.0;

/// `n` points of a scrambled Sobol sequence in (0, 1)^m, [n, m]; digits beyond its 24 bits are filled in at random.
pub(in crate::sample) fn sobol(n: usize, m: usize, stream: Stream) -> Vec<f64> {
    let scrambles: Vec<u32> =
        (0..m.div_ceil(DIMENSIONS)).map(|i| stream.child("scramble").at(i as u64).state()[0] as u32).collect();
    let mut rng = stream.child("digits").rng();
    let mut out = Vec::with_capacity(n * m);
    for i in 0..n {
        for j in 0..m {
            let u = sobol_burley::sample(i as u32, (j % DIMENSIONS) as u32, scrambles[j / DIMENSIONS]);
            let filled: f64 = f64::from(u) + CELL * rng.random::<f64>();
            out.push(filled.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON));
        }
    }
    out
}

impl<'a> Proposal<'a> {
    /// The base itself.
    pub fn plain(base: &'a Base) -> Proposal<'a> {
        Proposal { base, scores: None, every: 1 }
    }
    /// The base with the Gaussian over its scores that fits weighted points: their mean and covariance, pulled towards the
    /// identity as far as `size`, their effective number, asks for.
    pub fn fitted(base: &'a Base, points: &Points, weights: &[f64], size: f64) -> Option<Proposal<'a>> {
        let m = base.dim();
        let mut mean = vec![0.0; m];
        for (y, w) in points.scores.chunks(m).zip(weights) {
            mean.iter_mut().zip(y).for_each(|(a, y)| *a += w * y);
        }
        let mut cov = vec![0.0; m * m];
        for (y, w) in points.scores.chunks(m).zip(weights).filter(|(_, w)| **w > 0.0) {
            for i in 0..m {
                for j in 0..=i {
                    cov[i * m + j] += w * (y[i] - mean[i]) * (y[j] - mean[j]);
                }
            }
        }
        let keep = size / (size + m as f64);
        for i in 0..m {
            for j in 0..=i {
                cov[i * m + j] *= if i == j { 1.0 } else { keep };
                cov[j * m + i] = cov[i * m + j];
            }
        }
        let factor = linalg::cholesky(&cov, m)?;
        Some(Proposal { base, scores: Some(Gaussian { mean, factor }), every: EVERY[0] })
    }
    /// With the greatest share of the base at which the weights vary little more than at the best: pilots do not meet the tails
    /// that only the base does. Over points of a pilot with weights p / r the mean of
    /// (p / r) (p / q) is that of the squared weights p / q under q; `pilots` are points and their log weights.
    pub fn shared<'p>(self, pilots: impl Iterator<Item = (&'p Points, &'p [f64])>) -> Proposal<'a> {
        let Some(gaussian) = &self.scores else {
            return self;
        };
        // The logarithms of (p / r) (p / base), and of Gaussian over base.
        let mut seen: Vec<(f64, f64)> = Vec::new();
        for (points, log_weights) in pilots {
            let base = log_weights.iter().zip(&points.log_q).zip(&points.log_base).map(|((w, q), b)| 2.0 * w + q - b);
            seen.extend(base.zip(points.scores.chunks(self.base.dim()).map(|y| gaussian.log_ratio(y))));
        }
        let square = |every: usize| {
            let share = 1.0 - 1.0 / every as f64;
            log_sum_exp(&seen.iter().map(|(w, ratio)| w - mixed(share, *ratio)).collect::<Vec<_>>())
        };
        let squares = EVERY.map(square);
        let most = squares.iter().copied().fold(f64::INFINITY, f64::min) + LITTLE.ln();
        let best = (0..EVERY.len()).rev().find(|i| squares[*i] <= most).unwrap_or(0);
        Proposal { every: EVERY[best], ..self }
    }
    /// The images of `u`, [n, m] in (0, 1), which are consecutive sequences of `each` points. Of a mixture the last points of
    /// each sequence follow the base.
    pub fn points(&self, u: &[f64], each: usize) -> Points {
        let m = self.base.dim();
        let fitted = each - each / self.every;
        let share = fitted as f64 / each as f64;
        let mut out = Points::default();
        let mut y = vec![0.0; m];
        for (i, u) in u.chunks(m).enumerate() {
            let (mut log_base, mut lift) = (0.0, 0.0);
            let mut tails: Vec<(f64, bool)> = u.iter().map(|u| if *u > 0.5 { (1.0 - u, true) } else { (*u, false) }).collect();
            for (y, (p, upper)) in y.iter_mut().zip(&tails) {
                *y = if *upper { -normal_quantile(*p) } else { normal_quantile(*p) };
            }
            if let Some(gaussian) = &self.scores {
                let ratio = if i % each < fitted { gaussian.place(&mut y) } else { gaussian.log_ratio(&y) };
                lift = mixed(share, ratio);
                tails = y.iter().map(|y| (0.5 * erfc(y.abs() * std::f64::consts::FRAC_1_SQRT_2), *y > 0.0)).collect();
            }
            for (line, (p, upper)) in self.base.lines.iter().zip(&tails) {
                let (t, q) = line.draw(*p, *upper);
                out.t.push(t);
                log_base += q;
            }
            out.scores.extend(&y);
            out.log_base.push(log_base);
            out.log_q.push(log_base + lift);
        }
        out
    }
}

/// log(share exp(ratio) + 1 - share).
fn mixed(share: f64, ratio: f64) -> f64 {
    let (a, b) = (share.ln() + ratio, (-share).ln_1p());
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

impl Gaussian {
    /// The log of the ratio of densities N(mean, C) over N(0, 1) at `y`.
    fn log_ratio(&self, y: &[f64]) -> f64 {
        let m = y.len();
        let (mut xi, mut log_det) = (Vec::with_capacity(m), 0.0);
        for i in 0..m {
            let row = &self.factor[i * m..i * m + i + 1];
            let known: f64 = row.iter().zip(&xi).map(|(l, x)| l * x).sum();
            xi.push((y[i] - self.mean[i] - known) / row[i]);
            log_det += row[i].ln();
        }
        let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        0.5 * squares(y) - 0.5 * squares(&xi) - log_det
    }
    /// Standard normal `xi` becomes mean + factor xi; returns the log of the ratio of densities N(mean, C) over N(0, 1).
    fn place(&self, xi: &mut [f64]) -> f64 {
        let m = xi.len();
        let before: f64 = xi.iter().map(|x| x * x).sum();
        let mut log_det = 0.0;
        for i in (0..m).rev() {
            let row = &self.factor[i * m..i * m + i + 1];
            xi[i] = self.mean[i] + row.iter().zip(xi.iter()).map(|(l, x)| l * x).sum::<f64>();
            log_det += row[i].ln();
        }
        xi.iter_mut().for_each(|x| *x = x.clamp(-FAR, FAR));
        0.5 * xi.iter().map(|x| x * x).sum::<f64>() - 0.5 * before - log_det
    }
}
