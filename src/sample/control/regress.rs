//! Regression on draws that are at hand.

use super::{DRAWS_PER_CONTROL, solve};

/// Means of targets with the controls regressed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// Adjusted means, `[k]`.
    pub mean: Vec<f64>,
    /// Standard error of each from its residuals, `[k]`: right for independent draws, and an upper bound for scrambled
    /// Sobol points in general.
    pub error: Vec<f64>,
    /// Coefficients of the controls, [p, k].
    pub beta: Vec<f64>,
}

/// Means of `k` targets `t`, [n, k], over draws with the controls `c`, [n, p], and the weights of importance sampling, `[n]`,
/// where there are any (of any scale, none negative). The regression minimises the variance of the weighted mean, which
/// weighs squares by w^2. At most one control for five effective draws takes part, the first ones first; without
/// controls (p = 0) the mean is the plain one.
///
/// # Example
/// ```
/// use nnef::sample::regress;
/// // t = 2 + 3 c, and c has mean 0: the mean of t is exactly 2.
/// let c: Vec<f64> = (0..20).map(|i| (i as f64).sin()).collect();
/// let t: Vec<f64> = c.iter().map(|c| 2.0 + 3.0 * c).collect();
/// let found = regress(&t, 1, &c, 1, None);
/// assert!((found.mean[0] - 2.0).abs() < 1e-12 && found.error[0] < 1e-9);
/// ```
pub fn regress(t: &[f64], k: usize, c: &[f64], p: usize, weights: Option<&[f64]>) -> Regression {
    let n = t.len() / k.max(1);
    let w = |i: usize| weights.map_or(1.0, |w| w[i]);
    let (total, square) = (0..n).fold((0.0, 0.0), |(a, b), i| (a + w(i), b + w(i) * w(i)));
    let effective = total * total / square;
    let mean_by = |x: &[f64], width: usize, weigh: &dyn Fn(usize) -> f64| {
        let mut mean = vec![0.0; width];
        let sum: f64 = (0..n).map(weigh).sum();
        (0..n).for_each(|i| mean.iter_mut().zip(&x[i * width..]).for_each(|(m, v)| *m += weigh(i) / sum * v));
        mean
    };
    let squared = |i: usize| w(i) * w(i);
    let (t_center, c_center) = (mean_by(t, k, &squared), mean_by(c, p, &squared));
    let (mut cc, mut ct) = (vec![0.0; p * p], vec![0.0; p * k]);
    for i in 0..n {
        let centered: Vec<f64> = (0..p).map(|a| c[i * p + a] - c_center[a]).collect();
        for (a, x) in centered.iter().enumerate() {
            let x = squared(i) * x;
            (0..=a).for_each(|b| cc[a * p + b] += x * centered[b]);
            (0..k).for_each(|b| ct[a * k + b] += x * (t[i * k + b] - t_center[b]));
        }
    }
    (0..p).for_each(|a| (0..a).for_each(|b| cc[b * p + a] = cc[a * p + b]));
    let beta = solve(&cc, &ct, p, k, (effective / DRAWS_PER_CONTROL) as usize);
    let used = (0..p).filter(|a| beta[a * k..(a + 1) * k].iter().any(|b| *b != 0.0)).count();
    let adjusted = |i: usize, b: usize| t[i * k + b] - (0..p).map(|a| beta[a * k + b] * c[i * p + a]).sum::<f64>();
    let mut found = Regression { mean: vec![0.0; k], error: vec![0.0; k], beta: vec![] };
    for b in 0..k {
        let values: Vec<f64> = (0..n).map(|i| adjusted(i, b)).collect();
        found.mean[b] = values.iter().enumerate().map(|(i, v)| w(i) * v).sum::<f64>() / total;
        let residual: f64 = values.iter().enumerate().map(|(i, v)| (w(i) * (v - found.mean[b])).powi(2)).sum();
        let freedom = (effective / (effective - used as f64 - 1.0)).max(1.0);
        found.error[b] = (residual * freedom).sqrt() / total;
    }
    found.beta = beta;
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::family::named;
    use crate::num::stream::Stream;
    use crate::sample::Controls;
    use rand::Rng;
    use rand_distr::StandardNormal;

    /// Weighted draws from a wider Gaussian: the moments of a Gaussian come out exactly; with the sign of one control turned
    /// they would not.
    #[test]
    fn weighted_gaussian_moments_are_exact() {
        let (family, eta) = (named::gaussian().unwrap(), [0.6, -0.5]);
        let mut rng = Stream::new(3).rng();
        let z: Vec<f64> = (0..200).map(|_| 2.0 * rng.sample::<f64, _>(StandardNormal)).collect();
        let weights: Vec<f64> = z.iter().map(|z| (0.6 * z - 0.5 * z * z + z * z / 8.0).exp()).collect();
        let controls = Controls::of(&family).unwrap();
        let c = controls.evaluate(&z, &eta).unwrap();
        let t: Vec<f64> = z.iter().flat_map(|z| [*z, z * z]).collect();
        let found = regress(&t, 2, &c, controls.count(), Some(&weights));
        for (got, truth) in found.mean.iter().zip([0.6, 1.36]) {
            assert!((got - truth).abs() < 1e-9, "{found:?}");
        }
        let plain = regress(&t, 2, &[], 0, Some(&weights));
        assert!((plain.mean[1] - 1.36).abs() > 1e-3 && plain.error[1] > 1e-2);
    }
}
