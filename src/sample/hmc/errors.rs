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

/// The error of a mean from its effective sample size, `within`, and from the spread of `chains` chains.
pub(super) fn combine(within: f64, across: f64, chains: usize) -> f64 {
    if chains < ENOUGH_CHAINS || across.is_nan() {
        return within;
    }
    match std::env::var("NNEF_EXP").as_deref() {
        Ok("ess") => within,
        Ok("across") => across,
        Ok("pool") => ((within * within + across * across) / 2.0).sqrt(),
        _ => within.max(across),
    }
}
