//! Exact samplers that several families share.

use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::{Gamma, StandardNormal};

/// The logarithm of a gamma variable of rate one: below shape 1 from shape + 1, so that it never underflows.
pub(super) fn log_gamma(shape: f64, rng: &mut Xoshiro) -> Option<f64> {
    let boost = if shape < 1.0 { (-rng.random::<f64>()).ln_1p() / shape } else { 0.0 };
    let raised = Gamma::new(if shape < 1.0 { shape + 1.0 } else { shape }, 1.0).ok()?;
    Some(rng.sample(raised).ln() + boost)
}

/// Proportions of gamma variables: a point inside the simplex.
pub(super) fn proportions(shapes: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
    let logs: Vec<f64> = shapes.iter().map(|a| log_gamma(*a, rng)).collect::<Option<_>>()?;
    let total = crate::num::special::log_sum_exp(&logs);
    Some(logs.iter().map(|l| inside((l - total).exp())).collect())
}

/// The double nearest to x in (0, 1).
fn inside(x: f64) -> f64 {
    x.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)
}

/// s on [0, length], which may be infinite, with density proportional to exp(-rate s); rate >= 0.
pub(super) fn truncated_exponential(rate: f64, length: f64, rng: &mut Xoshiro) -> f64 {
    let u: f64 = rng.random();
    if rate * length < 1e-300 { u * length } else { (-(u * (-rate * length).exp_m1()).ln_1p() / rate).min(length) }
}

/// A monotone piece of exp(b x + c x^2): from its peak p the log density falls by a s - c s^2 over the distance s.
struct Piece {
    peak: f64,
    way: f64,
    length: f64,
    a: f64,
    /// Rate of the exponential envelope, and the log of the largest ratio of the density to it.
    rate: f64,
    excess: f64,
    /// Mass under the envelope.
    mass: f64,
}

/// x on [lo, hi] with density proportional to exp(b x + c x^2); hi may be infinite where that has a finite integral.
///
/// Rejection from exponential envelopes, one on each side of the stationary point: along the chord where the log density is
/// convex, else with the rate of Robert. Two in five proposals or more are accepted, however far out the box lies.
///
/// # Source
/// Robert, "Simulation of truncated normal variables", Statistics and Computing 5 (1995).
pub(super) fn quadratic(b: f64, c: f64, lo: f64, hi: f64, rng: &mut Xoshiro) -> f64 {
    let rise = |p: f64, q: f64| (p - q) * c.mul_add(p + q, b);
    let ends = if c < 0.0 {
        let top = (-0.5 * b / c).clamp(lo, hi);
        [(top, 1.0, hi - top), (top, -1.0, top - lo)]
    } else {
        let bottom = if c > 0.0 { (-0.5 * b / c).clamp(lo, hi) } else { [lo, hi][usize::from(b <= 0.0)] };
        [(lo, 1.0, bottom - lo), (hi, -1.0, hi - bottom)]
    };
    let mut pieces: Vec<Piece> = ends
        .into_iter()
        .filter(|(_, _, length)| *length > 0.0)
        .map(|(peak, way, length)| {
            let a = (-way * (2.0 * c).mul_add(peak, b)).max(0.0);
            let (rate, excess) = if c < 0.0 {
                let rate = 0.5 * (a + (a * a - 8.0 * c).sqrt());
                let at = (-0.5 * (rate - a) / c).min(length);
                (rate, at * ((rate - a) + c * at))
            } else {
                (if c > 0.0 { a - c * length } else { a }, 0.0)
            };
            Piece { peak, way, length, a, rate, excess, mass: 0.0 }
        })
        .collect();
    let best = pieces.iter().skip(1).fold(pieces[0].peak, |q, p| if rise(p.peak, q) > 0.0 { p.peak } else { q });
    for p in &mut pieces {
        let width = if p.rate * p.length < 1e-300 { p.length } else { -(-p.rate * p.length).exp_m1() / p.rate };
        p.mass = (if p.peak == best { 0.0 } else { rise(p.peak, best) } + p.excess).exp() * width;
    }
    let total: f64 = pieces.iter().map(|p| p.mass).sum();
    loop {
        let mut u = rng.random::<f64>() * total;
        let chosen = pieces.iter().find(|p| {
            u -= p.mass;
            u < 0.0
        });
        let p = chosen.unwrap_or(&pieces[0]);
        let s = truncated_exponential(p.rate, p.length, rng);
        let log_ratio = s * ((p.rate - p.a) + c * s) - p.excess;
        if rng.random::<f64>().ln() <= log_ratio {
            return (p.peak + p.way * s).clamp(lo, hi);
        }
    }
}

/// n standard normal numbers.
pub(super) fn normals(n: usize, rng: &mut Xoshiro) -> Vec<f64> {
    (0..n).map(|_| rng.sample(StandardNormal)).collect()
}
