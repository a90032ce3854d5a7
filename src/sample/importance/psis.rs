//! Pareto smoothed importance sampling: the shape k-hat of the tail of the weights, and smoothed weights.
//!
//! # Source
//! Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto Smoothed Importance Sampling", JMLR 25 (2024), algorithm 1; Zhang and
//! Stephens, "A New and Efficient Estimation Method for the Generalized Pareto Distribution", Technometrics 51 (2009).

/// Fewest weights of a tail that a generalised Pareto distribution is fitted to.
const FEWEST: usize = 5;

/// Shape and smoothed log weights.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Smoothed {
    /// The shape k-hat; infinite where the tail has too few different weights.
    pub khat: f64,
    /// Log weights whose largest are replaced by expected order statistics of the fitted tail, none above the largest raw one.
    pub log_weights: Vec<f64>,
}

/// Members of the tail of `n` weights.
pub(super) fn tail(n: usize) -> usize {
    (0.2 * n as f64).min(3.0 * (n as f64).sqrt()).ceil() as usize
}

/// Fit the tail of `log_weights`, in any scale.
pub(in crate::sample) fn smooth(log_weights: &[f64]) -> Smoothed {
    let n = log_weights.len();
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| log_weights[*a].total_cmp(&log_weights[*b]).then(a.cmp(b)));
    let tail = tail(n);
    let same = Smoothed { khat: f64::INFINITY, log_weights: log_weights.to_vec() };
    if tail < FEWEST || n <= tail || !top.is_finite() {
        return same;
    }
    // Weights relative to the largest one; the cutoff is the largest outside the tail.
    let relative = |i: usize| log_weights[order[i]] - top;
    let cutoff = relative(n - tail - 1).max(f64::MIN_POSITIVE.ln());
    let members: Vec<usize> = (n - tail..n).filter(|i| relative(*i) > cutoff).collect();
    if members.len() < FEWEST {
        return same;
    }
    let threshold = cutoff.exp();
    let excess: Vec<f64> = members.iter().map(|i| relative(*i).exp() - threshold).collect();
    let (khat, sigma) = fit(&excess);
    let mut smoothed = log_weights.to_vec();
    if khat.is_finite() {
        for (rank, i) in members.iter().enumerate() {
            let p = (rank as f64 + 0.5) / members.len() as f64;
            let quantile = threshold + sigma * excess_quantile(p, khat);
            smoothed[order[*i]] = top + quantile.ln().min(0.0);
        }
    }
    Smoothed { khat, log_weights: smoothed }
}

/// Quantile of the generalised Pareto distribution with shape k and scale 1.
fn excess_quantile(p: f64, k: f64) -> f64 {
    let log_tail = (-p).ln_1p();
    if k.abs() < 1e-12 { -log_tail } else { (-k * log_tail).exp_m1() / k }
}

/// Shape and scale of a generalised Pareto distribution from ascending positive excesses: the weighted mean of the profile
/// likelihood over a grid, with the weak prior on the shape (ten observations at 1/2) of Vehtari et al., appendix C.
fn fit(ascending: &[f64]) -> (f64, f64) {
    const PRIOR: f64 = 3.0;
    const WEIGHT: f64 = 10.0;
    let n = ascending.len();
    let count = n as f64;
    let grid = 30 + count.sqrt() as usize;
    let largest = ascending[n - 1];
    let quartile = ascending[((count / 4.0 + 0.5) as usize).max(1) - 1];
    let shape = |b: f64| ascending.iter().map(|x| (-b * x).ln_1p()).sum::<f64>() / count;
    let b: Vec<f64> =
        (0..grid).map(|i| 1.0 / largest + (1.0 - (grid as f64 / (i as f64 + 0.5)).sqrt()) / (PRIOR * quartile)).collect();
    let profile: Vec<f64> = b
        .iter()
        .map(|b| {
            let k = shape(*b);
            count * ((-b / k).ln() - k - 1.0)
        })
        .collect();
    let weights: Vec<f64> = profile.iter().map(|l| 1.0 / profile.iter().map(|o| (o - l).exp()).sum::<f64>()).collect();
    // Points of the grid with a negligible share are left out, as in the authors' programs.
    let kept = |w: &&(f64, f64)| w.0 >= 10.0 * f64::EPSILON;
    let pairs: Vec<(f64, f64)> = weights.into_iter().zip(b).collect();
    let total: f64 = pairs.iter().filter(kept).map(|(w, _)| w).sum();
    let b = pairs.iter().filter(kept).map(|(w, b)| w * b).sum::<f64>() / total;
    let k = shape(b);
    let sigma = -k / b;
    ((count * k + WEIGHT * 0.5) / (count + WEIGHT), sigma)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::Value;

    #[test]
    fn shape_and_weights_agree_with_an_independent_program() {
        let golden: Value = serde_json::from_str(include_str!("../../../tests/suite/golden/importance.json")).unwrap();
        let numbers = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>();
        for case in golden["psis"].as_array().unwrap() {
            let found = smooth(&numbers(&case["log_weights"]));
            let khat = case["khat"].as_f64().unwrap();
            assert!((found.khat - khat).abs() < 1e-8, "{} for {khat}", found.khat);
            for (a, b) in found.log_weights.iter().zip(numbers(&case["smoothed"])) {
                assert!((a - b).abs() < 1e-8, "{a} for {b}");
            }
        }
    }

    #[test]
    fn equal_weights_have_no_tail() {
        assert_eq!(smooth(&[0.5; 100]).khat, f64::INFINITY);
        assert_eq!(smooth(&[0.5; 100]).log_weights, [0.5; 100]);
    }
}
