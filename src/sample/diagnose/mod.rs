//! Diagnostics of convergence and precision: R-hat, effective sample sizes, Monte Carlo standard errors.
//!
//! Every function takes `chains`, equally many draws of one quantity each. A NaN among the draws, or fewer than four
//! draws a chain, gives NaN. The numbers are those of ArviZ and of R's posterior, to the last digits.
//!
//! # Source
//! Vehtari, Gelman, Simpson, Carpenter and Buerkner, "Rank-normalization, folding, and localization: an improved R-hat",
//! Bayesian Analysis 16 (2021); Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7 (1992): split chains,
//! initial monotone sequence, antithetic cap.

mod autocovariance;
mod error;
mod quantile;
mod rank;

pub use error::{mcse_mean, mcse_quantile, mcse_sd};
pub use quantile::{ess_quantile, ess_tail, quantile};
pub use rank::{ess_bulk, rhat_rank};

use autocovariance::Autocovariance;

/// Mean, variance, ESS and R-hat of one quantity over several chains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean over all draws.
    pub mean: f64,
    /// Variance over all draws (divided by n - 1).
    pub variance: f64,
    /// Effective sample size of the mean.
    pub ess: f64,
    /// Split R-hat (not rank-normalised).
    pub rhat: f64,
}

impl Summary {
    /// Standard error of the mean: sd / sqrt(ess).
    pub fn mcse(&self) -> f64 {
        (self.variance / self.ess).sqrt()
    }
}

/// Summarise `chains`, each a slice of equally many draws.
///
/// Fewer than four draws a chain give an ESS and R-hat of NaN; draws that are all equal give ESS n and R-hat 1.
pub fn summarize(chains: &[&[f64]]) -> Summary {
    let n: usize = chains.iter().map(|c| c.len()).sum();
    let mean = chains.iter().flat_map(|c| c.iter()).sum::<f64>() / n as f64;
    let variance = chains.iter().flat_map(|c| c.iter()).map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
    if !defined(chains) {
        return Summary { mean, variance, ess: f64::NAN, rhat: f64::NAN };
    }
    let halves = split(chains);
    Summary { mean, variance, ess: ess(&halves), rhat: rhat(&halves) }
}

/// Effective sample size of the mean. Draws that are all equal count in full.
///
/// # Example
/// ```
/// let chain: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100)).collect();
/// let (left, right) = chain.split_at(50);
/// assert!(nnef::sample::diagnose::ess_mean(&[left, right]) > 50.0);
/// ```
pub fn ess_mean(chains: &[&[f64]]) -> f64 {
    if defined(chains) { ess(&split(chains)) } else { f64::NAN }
}

/// Whether a diagnostic has a value: four draws in each of equally long chains, none of them NaN.
fn defined(chains: &[&[f64]]) -> bool {
    let length = chains.first().map_or(0, |c| c.len());
    length >= 4 && chains.iter().all(|c| c.len() == length && !c.iter().any(|x| x.is_nan()))
}

/// `values` cut in chains of `length` draws.
fn chunks(values: &[f64], length: usize) -> Vec<&[f64]> {
    values.chunks(length.max(1)).collect()
}

/// Each chain cut in two halves; the middle draw of an odd chain is left out.
pub fn split<'a>(chains: &[&'a [f64]]) -> Vec<&'a [f64]> {
    chains
        .iter()
        .flat_map(|c| {
            let half = c.len() / 2;
            [&c[..half], &c[c.len() - half..]]
        })
        .collect()
}

pub(super) fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

pub(super) fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// R-hat of chains that are already split.
pub fn rhat(chains: &[&[f64]]) -> f64 {
    let Some(n) = chains.first().map(|c| c.len() as f64).filter(|n| *n >= 2.0) else { return f64::NAN };
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    rhat_of(chains.iter().map(|c| variance(c)).sum::<f64>() / chains.len() as f64, &means, n)
}

/// R-hat from the mean of the variances within the split chains, their means, and their length.
pub(super) fn rhat_of(within: f64, means: &[f64], n: f64) -> f64 {
    if n < 2.0 {
        return f64::NAN;
    }
    let between = n * variance(means);
    if within == 0.0 && between == 0.0 {
        return 1.0;
    }
    ((between / within + n - 1.0) / n).sqrt()
}

/// Effective sample size of the mean, of chains that are already split.
pub fn ess(chains: &[&[f64]]) -> f64 {
    let n = chains.first().map_or(0, |c| c.len());
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let covariance = Autocovariance::new(chains, &means);
    ess_of(&means, n, n, |lag| covariance.at(lag)).0
}

/// Effective sample size of the mean, from the means of the split chains, their length `n`, and the mean over the chains of
/// the autocovariance (divided by n) at lags below `lags`; and whether the initial sequence ended before that.
pub(super) fn ess_of(means: &[f64], n: usize, lags: usize, covariance: impl Fn(usize) -> f64) -> (f64, bool) {
    let m = means.len();
    if n < 2 || m == 0 {
        return (f64::NAN, true);
    }
    let total = (m * n) as f64;
    let within = covariance(0) * n as f64 / (n as f64 - 1.0);
    let mut pooled = within * (n as f64 - 1.0) / n as f64;
    if m > 1 {
        pooled += variance(means);
    }
    if pooled.is_nan() {
        return (f64::NAN, true);
    }
    if pooled < f64::MIN_POSITIVE {
        return (total, true);
    }
    let correlation = |lag: usize| 1.0 - (within - covariance(lag)) / pooled;
    let mut rho = vec![0.0; n.min(lags + 2)];
    let (mut even, mut odd) = (1.0, correlation(1));
    (rho[0], rho[1]) = (even, odd);
    let mut t = 1;
    while t + 3 < n && t + 2 < lags && even + odd > 0.0 {
        (even, odd) = (correlation(t + 1), correlation(t + 2));
        if even + odd >= 0.0 {
            (rho[t + 1], rho[t + 2]) = (even, odd);
        }
        t += 2;
    }
    let ended = t + 3 >= n || even + odd <= 0.0;
    let last = t as isize - 2; // -1 where the loop did not run
    let tail = (last + 1) as usize;
    // Keeps the estimate of antithetic chains from falling too low.
    if even > 0.0 {
        rho[tail] = even;
    }
    let mut t = 1;
    while t as isize <= last - 2 {
        if rho[t + 1] + rho[t + 2] > rho[t - 1] + rho[t] {
            rho[t + 1] = (rho[t - 1] + rho[t]) / 2.0;
            rho[t + 2] = rho[t + 1];
        }
        t += 2;
    }
    let tau = -1.0 + 2.0 * rho[..tail].iter().sum::<f64>() + rho[tail];
    (total / tau.max(1.0 / total.log10()), ended)
}
