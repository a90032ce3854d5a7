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

/// Distance between the 0.5 % quantiles at both ends, in distances between the quartiles: 3.8 of a normal, 4.8 of an exponential and
/// 6.6 of a Laplace law, whose tails are the longest that trajectories master; 8.9 of Student's t with 2.6 degrees of freedom, 12
/// with 2, 64 of Cauchy's law.
const LONG: f64 = 8.0;
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
    let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    let last = (values.len() - 1) as f64;
    let mut at = |p: f64| *values.select_nth_unstable_by((p * last).round() as usize, f64::total_cmp).1;
    let bulk = at(0.75) - at(0.25);
    // What lies no further apart at all needs no quantiles of its tails.
    most - least > LONG * bulk && at(1.0 - FAR) - at(FAR) > LONG * bulk
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
