//! Rank-normalised diagnostics: R-hat and the effective sample size of the bulk.

use super::{chunks, defined, ess, rhat, split};
use crate::num::special::normal_quantile;

/// Effective sample size of the bulk: that of the mean of the rank-normalised draws.
///
/// # Source
/// Vehtari et al. (2021), section 4.3.
pub fn ess_bulk(chains: &[&[f64]]) -> f64 {
    if !defined(chains) {
        return f64::NAN;
    }
    let halves = split(chains);
    ess(&chunks(&normal_scores(&halves.concat()), halves[0].len()))
}

/// Split R-hat, rank-normalised: the larger of that of the draws (locations) and that of the draws folded about their
/// median (scales). NaN where all draws are equal.
///
/// # Source
/// Vehtari et al. (2021), sections 4.1 and 4.2. One chain is compared with itself, half against half, as in R's posterior;
/// ArviZ gives NaN there.
pub fn rhat_rank(chains: &[&[f64]]) -> f64 {
    if !defined(chains) {
        return f64::NAN;
    }
    let halves = split(chains);
    let (all, length) = (halves.concat(), halves[0].len());
    let center = super::quantile(&all, 0.5);
    let folded: Vec<f64> = all.iter().map(|x| (x - center).abs()).collect();
    let of = |values: &[f64]| match values.iter().all(|v| *v == values[0]) {
        true => f64::NAN,
        false => rhat(&chunks(&normal_scores(values), length)),
    };
    // Of two numbers f64::max takes the one that is not NaN: draws on two values have no scale to compare.
    of(&all).max(of(&folded))
}

/// Normal scores of the ranks (Blom 1958), ties at their mean rank.
fn normal_scores(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut scores = vec![0.0; n];
    let mut before = 0.0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before + (tied.len() as f64 + 1.0) / 2.0;
        let score = normal_quantile((rank - 0.375) / (n as f64 + 0.25));
        tied.iter().for_each(|i| scores[*i] = score);
        before += tied.len() as f64;
    }
    scores
}
