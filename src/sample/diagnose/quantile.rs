//! Quantiles, and how well they are known.

use super::{chunks, defined, ess, split};

/// Quantile of `values` at `p` in [0, 1], linear between order statistics; NaN where there is no value.
///
/// # Source
/// Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), definition 7.
///
/// # Example
/// ```
/// assert_eq!(nnef::sample::diagnose::quantile(&[3.0, 1.0, 2.0, 4.0], 0.5), 2.5);
/// ```
pub fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    of_sorted(&sorted, p)
}

/// The same of values in order.
fn of_sorted(sorted: &[f64], p: f64) -> f64 {
    let n = sorted.len();
    if n < 2 || p.is_nan() {
        return sorted.first().map_or(f64::NAN, |x| if p.is_nan() { p } else { *x });
    }
    let place = n as f64 * p + (1.0 - p);
    let below = place.clamp(1.0, n as f64 - 1.0).floor();
    let part = (place - below).clamp(0.0, 1.0);
    let (low, high) = (sorted[below as usize - 1], sorted[below as usize]);
    // An infinite neighbour without weight must not spoil the value.
    match part {
        0.0 => low,
        1.0 => high,
        _ => (1.0 - part) * low + part * high,
    }
}

/// Effective sample size of the quantile at `p`: that of the mean of the indicator of being below it.
pub fn ess_quantile(chains: &[&[f64]], p: f64) -> f64 {
    if !defined(chains) {
        return f64::NAN;
    }
    let all = chains.concat();
    let bound = quantile(&all, p);
    let below: Vec<f64> = all.iter().map(|x| f64::from(u8::from(*x <= bound))).collect();
    ess(&split(&chunks(&below, chains[0].len())))
}

/// Effective sample size of the tails: the smaller of those of the quantiles at 5 % and 95 %.
///
/// # Source
/// Vehtari et al. (2021), section 4.3.
pub fn ess_tail(chains: &[&[f64]]) -> f64 {
    ess_quantile(chains, 0.05).min(ess_quantile(chains, 0.95))
}
