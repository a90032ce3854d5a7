//! Standard errors of means over chains.

/// From this many chains on their spread is an error of its own.
pub(super) const ENOUGH_CHAINS: usize = 16;

/// Standard error of the mean of independent chain means: their standard deviation over sqrt(n), widened by
/// sqrt((n - 1) / (n - 3)), the standard deviation of Student's t with n - 1 degrees of freedom, because the spread is itself
/// uncertain. NaN for fewer than four chains.
pub(super) fn across(means: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = means.clone().count() as f64;
    if n < 4.0 {
        return f64::NAN;
    }
    let mean = means.clone().sum::<f64>() / n;
    let square = means.map(|m| (m - mean).powi(2)).sum::<f64>();
    (square / n / (n - 3.0)).sqrt()
}

/// The error of a mean from its effective sample size, `within`, and from the spread of `chains` chains, `across`, whose
/// widening it does not need: the larger one. Each is too small where the chains have not seen a tail as often as it
/// deserves, seldom both at once.
pub(super) fn combine(within: f64, across: f64, chains: usize) -> f64 {
    if chains < ENOUGH_CHAINS || across.is_nan() {
        return within;
    }
    let n = chains as f64;
    within.max(across * ((n - 3.0) / (n - 1.0)).sqrt())
}

/// Standard errors at which two means of the same draws disagree by more than chance.
const DISAGREE: f64 = 4.0;

/// The error `error` of an adjusted mean, and where the moved draws disagree with it by `apart`, that too: they have met
/// what the chains have not. They weigh about half, so that the whole distance is twice as long.
pub(super) fn with_unseen(error: f64, apart: f64) -> f64 {
    if 2.0 * apart.abs() > DISAGREE * error { error.hypot(2.0 * apart) } else { error }
}
