//! Places inside a condition `where:` from which chains can start, where random draws meet none.
//!
//! A search goes down the violation of the condition by steps that would end it were it linear, longer by a random part so that
//! they end inside; they converge from any distance where the region is convex, and new starts from farther and farther away
//! make up for it where it is not. The way in then gives a ray, and a chain starts on it as the density tells: its tables are as
//! fine near the boundary as a double can tell.
//!
//! # Source
//! Polyak, "Minimization of unsmooth functionals", USSR Computational Mathematics and Mathematical Physics 9 (1969);
//! over-relaxed projections on violated conditions: Agmon, "The relaxation method for linear inequalities", Canadian Journal of
//! Mathematics 6 (1954).

use crate::family::{Density, Family, Violation};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;

/// Starts of the search, each so many times as far from the origin as the one before.
const STARTS: usize = 16;
const FARTHER: f64 = 3.0;
/// Steps from each.
const STEPS: usize = 100;
/// A step is at most so long, and as long again as its place is far from the origin.
const LONGEST: f64 = 2.0;
/// Halvings of the way in towards the boundary, and doublings beyond its end.
const HALVINGS: i32 = 52;
const DOUBLINGS: i32 = 6;

/// A place inside near `from`, `[m]`, and on the way there by the density at `eta`.
pub(super) fn seek(family: &Family, eta: &[f64], from: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
    let violation = family.violation()?;
    let mut z = from.to_vec();
    for start in 0..STARTS {
        if let Some((outside, inside)) = descend(violation, z, rng) {
            return Some(along(family, eta, &outside, &inside, rng));
        }
        let far = FARTHER.powi(start as i32);
        z = from.iter().map(|_| far * rng.sample::<f64, _>(StandardNormal)).collect();
    }
    None
}

/// From `z` down the violation: the last place outside and the first one inside.
fn descend(violation: &Violation, mut z: Vec<f64>, rng: &mut Xoshiro) -> Option<(Vec<f64>, Vec<f64>)> {
    let mut before = z.clone();
    for _ in 0..STEPS {
        let (missing, slope) = violation.at(&z);
        if missing == 0.0 {
            return Some((before, z));
        }
        let square: f64 = slope.iter().map(|s| s * s).sum();
        let reach = LONGEST + z.iter().map(|v| v * v).sum::<f64>().sqrt();
        let share = (missing / square * (1.0 + rng.random::<f64>())).min(reach / square.sqrt());
        if !(share > 0.0 && share.is_finite()) {
            return None;
        }
        before.clone_from(&z);
        z.iter_mut().zip(&slope).for_each(|(z, s)| *z -= share * s);
    }
    None
}

/// A place on the ray from the boundary through `inside`, drawn by the density over lengths of halves and doubles.
fn along(family: &Family, eta: &[f64], outside: &[f64], inside: &[f64], rng: &mut Xoshiro) -> Vec<f64> {
    let between = |t: f64| -> Vec<f64> { outside.iter().zip(inside).map(|(a, b)| a + t * (b - a)).collect() };
    let holds = |t: f64| family.violation().is_some_and(|v| v.at(&between(t)).0 == 0.0);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) { high = middle } else { low = middle }
    }
    // From the boundary outwards the parts double in length.
    let parts: Vec<f64> = (-HALVINGS..=DOUBLINGS).map(|i| (1.0 - low) * f64::from(i).exp2()).collect();
    let points: Vec<f64> = parts.iter().flat_map(|p| between(high + p * rng.random::<f64>())).collect();
    let (m, density) = (inside.len(), family.density());
    let values = density.program().evaluate(Density::VALUE_AND_GRADIENT, &points, eta);
    let logs: Vec<f64> = values.chunks(1 + m).zip(&parts).map(|(v, p)| v[0] + p.ln()).collect();
    let top = logs.iter().copied().filter(|l| l.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let weight = |l: &f64| if l.is_finite() { (l - top).exp() } else { 0.0 };
    let mut rest = rng.random::<f64>() * logs.iter().map(weight).sum::<f64>();
    for (log, point) in logs.iter().zip(points.chunks(m)) {
        rest -= weight(log);
        if rest < 0.0 {
            return point.to_vec();
        }
    }
    inside.to_vec()
}
