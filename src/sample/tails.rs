//! Tails that trajectories do not come to the end of.
//!
//! Where the tails of an unconstrained coordinate are those of a power, the gradient there vanishes and trajectories cross them
//! as a random walk: chains that started in the bulk have not been there, agree with each other, and say nothing of it. What
//! they have seen of the tail is long enough to know it by.
//!
//! # Source
//! Livingstone, Betancourt, Byrne and Girolami, "On the geometric ergodicity of Hamiltonian Monte Carlo", Bernoulli 25 (2019):
//! tails heavier than exponential have no geometric convergence.

/// Distance between the 0.5 % quantiles at both ends, in distances between the quartiles: 3.8 of a normal, 4.8 of an exponential and
/// 6.6 of a Laplace law, whose tails are the longest that trajectories master; 8.9 of Student's t with 2.6 degrees of freedom, 12
/// with 2, 64 of Cauchy's law.
const LONG: f64 = 8.0;
/// The same beyond which it is worth the while to look again: 6.6 of Student's t with 3.6 degrees of freedom, 6.2 with 4.
const DOUBTFUL: f64 = 6.0;
const FAR: f64 = 0.005;
/// Fewer values have no such quantile.
const FEWEST: usize = 400;

/// What the values of a coordinate say of its tails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tails {
    /// The median.
    pub center: f64,
    /// Distance between the quartiles.
    pub bulk: f64,
    /// Distance between the far quantiles over `bulk`, or, where it is not doubtful, what it is at most.
    reach: f64,
}

impl Tails {
    /// Of `values` of one coordinate, where they are many enough and not all the same.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Tails> {
        if values.len() < FEWEST || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let last = (values.len() - 1) as f64;
        let mut at = |p: f64| *values.select_nth_unstable_by((p * last).round() as usize, f64::total_cmp).1;
        let bulk = at(0.75) - at(0.25);
        let range = (most - least) / bulk;
        let reach = if range > DOUBTFUL { (at(1.0 - FAR) - at(FAR)) / bulk } else { range };
        (bulk > 0.0).then(|| Tails { center: at(0.5), bulk, reach })
    }
    /// Whether they are too long for trajectories.
    pub(super) fn are_long(&self) -> bool {
        self.reach > LONG
    }
    /// Whether they may be.
    pub(super) fn are_doubtful(&self) -> bool {
        self.reach > DOUBTFUL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_powers_are_long_and_exponential_ones_are_not() {
        let by =
            |quantile: &dyn Fn(f64) -> f64| Tails::of((0..2000).map(|i| quantile((f64::from(i) + 0.5) / 2000.0)).collect());
        let long = |tails: Option<Tails>| tails.map(|t| (t.are_long(), t.are_doubtful()));
        for light in [by(&|p| -p.ln()), by(&|p| p.ln()), by(&|p| p)] {
            assert_eq!(long(light), Some((false, false)));
        }
        // Student's t with 1 and 2 degrees of freedom.
        assert_eq!(long(by(&|p| (std::f64::consts::PI * (p - 0.5)).tan())), Some((true, true)));
        assert_eq!(long(by(&|p| (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt())), Some((true, true)));
        // Laplace's law.
        assert_eq!(long(by(&|p| if p < 0.5 { (2.0 * p).ln() } else { -(2.0 - 2.0 * p).ln() })), Some((false, true)));
        // All the same, or too few.
        assert!(by(&|_| 1.0).is_none() && Tails::of(vec![1.0, 2.0]).is_none());
    }
}
