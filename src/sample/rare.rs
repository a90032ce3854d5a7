//! Statistics of which draws do not tell: what varies on a few of them only, or on none, may do anything on the rest of the support.

/// The gate of rows with such a statistic.
pub(super) const RARE: &str = "rare";
/// Effective number of draws from which a variance comes, below which it is not known.
const FEW: f64 = 5.0;

/// Whether a variance comes from few draws: `parts` are what each adds to it.
pub(super) fn is_rare(parts: impl Iterator<Item = f64> + Clone) -> bool {
    let all: f64 = parts.clone().sum();
    let squares: f64 = parts.map(|part| (part / all).powi(2)).sum();
    // Not a number where nothing varies.
    !squares.is_finite() || squares * FEW >= 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_of_few_draws_are_rare() {
        let hits = |n: usize| (0..1000).map(move |i| if i < n { 1e-200 } else { 0.0 });
        assert!(is_rare(hits(0)) && is_rare(hits(1)) && is_rare(hits(5)));
        assert!(!is_rare(hits(6)) && !is_rare((0..1000).map(|i| (f64::from(i) - 499.5).powi(2))));
    }
}
