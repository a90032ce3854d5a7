//! Tails that trajectories do not come to the end of.
//!
//! Where the tails of an unconstrained coordinate are those of a power, the gradient there vanishes and trajectories cross them
//! as a random walk: chains that started in the bulk have not been there, agree with each other, and say nothing of it. What
//! they have seen of the tail is long enough to know it by.
//!
//! # Source
//! Livingstone, Betancourt, Byrne and Girolami, "On the geometric ergodicity of Hamiltonian Monte Carlo", Bernoulli 25 (2019):
//! tails heavier than exponential have no geometric convergence.

use crate::domain::Axis;
use crate::family::Family;

/// Distance of the 0.5 % quantile, on either side, from the median, in distances between the quartiles: 1.9 of a normal, 4.2 of an
/// exponential, whose tails are the longest that trajectories master; 6.1 of Student's t with 2 degrees of freedom, 23 of Cauchy.
const LONG: f64 = 4.5;
const FAR: f64 = 0.005;
/// Fewer values have no such quantile.
const FEWEST: usize = 400;

/// Unconstrained coordinates that have tails: all but angles.
pub(super) fn lines(family: &Family) -> Vec<usize> {
    let axes = family.terms().map(|t| t.axes()).unwrap_or_default();
    (0..axes.len()).filter(|j| axes[*j] == Axis::Line).collect()
}

/// Whether the tails of `values` are long.
pub(super) fn are_long(mut values: Vec<f64>) -> bool {
    if values.len() < FEWEST || values.iter().any(|v| !v.is_finite()) {
        return false;
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |p: f64| values[(p * (values.len() - 1) as f64).round() as usize];
    let (middle, width) = (at(0.5), at(0.75) - at(0.25));
    (at(1.0 - FAR) - middle).max(middle - at(FAR)) > LONG * width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_powers_are_long_and_exponential_ones_are_not() {
        let by = |quantile: &dyn Fn(f64) -> f64| are_long((0..2000).map(|i| quantile((f64::from(i) + 0.5) / 2000.0)).collect());
        assert!(!by(&|p| -p.ln()) && !by(&|p| p.ln()) && !by(&|p| p));
        // Student's t with 1 and 2 degrees of freedom.
        assert!(by(&|p| (std::f64::consts::PI * (p - 0.5)).tan()));
        assert!(by(&|p| (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt()));
    }
}
