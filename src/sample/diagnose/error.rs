//! Monte Carlo standard errors of mean, standard deviation and quantiles.

use super::quantile::ess_quantile;
use super::{chunks, defined, ess_mean, summarize};
use crate::num::special::log_beta;

/// Standard error of the mean: sd / sqrt(ess).
pub fn mcse_mean(chains: &[&[f64]]) -> f64 {
    if defined(chains) { summarize(chains).mcse() } else { f64::NAN }
}

/// Standard error of the standard deviation, by the delta method from that of the mean square.
///
/// # Source
/// Vehtari et al. (2021), section 4.4, as in R's posterior: no normal distribution is assumed.
pub fn mcse_sd(chains: &[&[f64]]) -> f64 {
    if !defined(chains) {
        return f64::NAN;
    }
    let all = chains.concat();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let squares: Vec<f64> = all.iter().map(|x| (x - mean).powi(2)).collect();
    let variance = squares.iter().sum::<f64>() / n;
    let fourth = squares.iter().map(|s| s * s).sum::<f64>() / n;
    let error = (fourth - variance * variance) / ess_mean(&chunks(&squares, chains[0].len()));
    (error / variance / 4.0).sqrt()
}

/// The probabilities of minus and plus one standard deviation of a normal, in the digits of the reference programs.
const ONE_SIGMA: [f64; 2] = [0.158_655_3, 0.841_344_7];

/// Standard error of the quantile at `p`: half the width of the order statistics that bound it with 68 % probability.
///
/// # Source
/// Vehtari et al. (2021), section 4.4.
pub fn mcse_quantile(chains: &[&[f64]], p: f64) -> f64 {
    let ess = ess_quantile(chains, p);
    if ess.is_nan() {
        return f64::NAN;
    }
    let mut sorted = chains.concat();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let [low, high] = ONE_SIGMA.map(|q| beta_quantile(q, ess * p + 1.0, ess * (1.0 - p) + 1.0) * n - 1.0);
    let at = |i: f64| sorted[(i.max(0.0) as usize).min(sorted.len() - 1)];
    (at(high.min(n - 1.0).ceil()) - at(low.max(0.0).floor())) / 2.0
}

/// Quantile of the beta distribution with parameters a, b > 1, by bisection.
fn beta_quantile(q: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while high - low > 1e-15 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_cdf(middle, a, b) < q { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Distribution function of the beta distribution, by the continued fraction on the side where it converges fast.
///
/// # Source
/// Abramowitz and Stegun (1964), 26.5.8, evaluated by the modified method of Lentz (1976).
fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_cdf(1.0 - x, b, a);
    }
    let tiny = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for i in 1..10_000 {
        let m = f64::from(i);
        let mut factor = 1.0;
        for step in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / tiny(1.0 + step * d);
            c = tiny(1.0 + step / c);
            factor = c * d;
            value *= factor;
        }
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value * (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp() / a
}
