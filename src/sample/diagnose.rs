//! Convergence diagnostics: split R-hat and effective sample size.
//!
//! # Source
//! Vehtari, Gelman, Simpson, Carpenter and Buerkner, "Rank-normalization, folding, and localization: an improved R-hat",
//! Bayesian Analysis 16 (2021); Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7 (1992). The ESS of a
//! mean is the one of ArviZ (`ess(method="mean")`): split chains, initial monotone sequence, antithetic cap.

use crate::num::linalg::dot;

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
/// Fewer than four draws a chain give an ESS and R-hat of NaN; constant draws give ESS n and R-hat NaN (1 when all are equal).
pub fn summarize(chains: &[&[f64]]) -> Summary {
    let n: usize = chains.iter().map(|c| c.len()).sum();
    let mean = chains.iter().flat_map(|c| c.iter()).sum::<f64>() / n as f64;
    let variance = chains.iter().flat_map(|c| c.iter()).map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
    let halves = split(chains);
    Summary { mean, variance, ess: ess(&halves), rhat: rhat(&halves) }
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

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// R-hat of chains that are already split.
pub fn rhat(chains: &[&[f64]]) -> f64 {
    let Some(n) = chains.first().map(|c| c.len() as f64).filter(|n| *n >= 2.0) else { return f64::NAN };
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let within = chains.iter().map(|c| variance(c)).sum::<f64>() / chains.len() as f64;
    let between = n * variance(&means);
    if within == 0.0 && between == 0.0 {
        return 1.0;
    }
    ((between / within + n - 1.0) / n).sqrt()
}

/// Effective sample size of the mean, of chains that are already split.
pub fn ess(chains: &[&[f64]]) -> f64 {
    let (m, n) = (chains.len(), chains.first().map_or(0, |c| c.len()));
    if n < 4 || m == 0 {
        return f64::NAN;
    }
    let total = (m * n) as f64;
    let centered: Vec<Vec<f64>> = chains
        .iter()
        .map(|c| {
            let center = mean(c);
            c.iter().map(|x| x - center).collect()
        })
        .collect();
    // Mean over chains of the autocovariance at a lag, divided by n.
    let covariance = |lag: usize| {
        let sum: f64 = centered.iter().map(|c| dot(&c[..n - lag], &c[lag..])).sum();
        sum / total
    };
    let within = covariance(0) * n as f64 / (n as f64 - 1.0);
    let mut pooled = within * (n as f64 - 1.0) / n as f64;
    if m > 1 {
        let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
        pooled += variance(&means);
    }
    if pooled.is_nan() {
        return f64::NAN;
    }
    if pooled < f64::MIN_POSITIVE {
        return total;
    }
    let correlation = |lag: usize| 1.0 - (within - covariance(lag)) / pooled;
    let mut rho = vec![0.0; n];
    let (mut even, mut odd) = (1.0, correlation(1));
    (rho[0], rho[1]) = (even, odd);
    let mut t = 1;
    while t + 3 < n && even + odd > 0.0 {
        (even, odd) = (correlation(t + 1), correlation(t + 2));
        if even + odd >= 0.0 {
            (rho[t + 1], rho[t + 2]) = (even, odd);
        }
        t += 2;
    }
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
    total / tau.max(1.0 / total.log10())
}
