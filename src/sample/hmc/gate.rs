//! Whether a row may be trusted.

use super::record::RowSummary;
use crate::sample::rare::RARE;
use crate::sample::stretch;

/// Split R-hat above which a row has not converged: of the largest of k statistics over 32 and more short half chains.
/// Around it lie well-mixed rows with an ESS of 300; the rank-normalised 1.01 is for four long chains.
const RHAT: f64 = 1.05;
/// Least effective draws, before control variates, for each chain.
const ESS_PER_CHAIN: f64 = 5.0;
/// Largest part of the draws that may diverge. Light tails, as of exp(-x^4), make one in fifty diverge at the usual
/// acceptance, without harm: a step a little shorter would have done.
const DIVERGENT: f64 = 0.05;
/// Standard deviations by which a mean is off at most for each part of the draws that diverges whatever the step: as much of the
/// density is out of reach, and lies so far out. Normal-Wishart laws were off by 0.4 to 3 for each part that diverged at all, of
/// which their long tails have a share.
const BIAS: f64 = 3.0;

/// The gate that a row of `draws` draws by `chains` chains fails, "" where none; `target` is the standard error asked for, in
/// standard deviations.
pub(super) fn failed(row: &RowSummary, draws: usize, chains: usize, target: Option<f64>) -> &'static str {
    let plain = row.effective;
    let bias = if row.stretched { stretch::BIAS } else { BIAS };
    if row.stuck > 0 {
        "stuck"
    } else if row.each.iter().any(|s| s.variance == 0.0) {
        RARE
    } else if row.each.iter().any(|s| s.rhat.is_nan() || s.rhat > RHAT) {
        "rhat"
    } else if plain.is_nan() || plain < ESS_PER_CHAIN * chains as f64 {
        "ess"
    } else if row.divergences as f64 > DIVERGENT * draws as f64 || bias * row.lasting > draws as f64 / plain.sqrt() {
        "divergences"
    } else if row.long_tails {
        "tails"
    } else if target.is_some_and(|t| !reached(row, t)) {
        "mcse"
    } else {
        ""
    }
}

/// Whether every standard error is at most `target` standard deviations.
pub(super) fn reached(row: &RowSummary, target: f64) -> bool {
    row.each.iter().all(|s| s.variance == 0.0 || s.mcse() <= target * s.variance.sqrt())
}
