//! Exact, independent draws: by the sampler of a named family, or by inverting the distribution function of a whole number.

use super::chains::{Chains, Conduct};
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::family::{Family, Pointwise};
use crate::num::observe::Monitor;
use crate::num::stream::{Stream, Xoshiro};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Most kept numbers: 2 GB.
const MOST_NUMBERS: usize = 1 << 28;
/// Numbers looked at in one go, and the most of them altogether.
const STRETCH: usize = 1024;
const MOST_TERMS: usize = 1 << 24;
/// Terms this far below the largest one end an infinite sum (2^-60).
const NEGLIGIBLE: f64 = 41.6;

/// Options of exact draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExactOptions {
    /// Draws, over all chains.
    pub samples: usize,
    /// Independent chains.
    pub chains: usize,
    /// Seed of all streams.
    pub seed: u64,
}

impl Default for ExactOptions {
    fn default() -> Self {
        ExactOptions { samples: 2000, chains: 16, seed: 0 }
    }
}

/// Exact draws of `family` at one `eta`, `[k]`: `options.samples` points over `options.chains` independent chains.
///
/// # Errors
/// When eta or an option is out of range, the family has neither an exact sampler nor a single whole number as support, or the
/// user interrupts.
///
/// # Example
/// ```
/// use nnef::{family::named, num::observe::Monitor, sample::{ExactOptions, sample_exact}};
/// let chains = sample_exact(&named::poisson().unwrap(), &[1.0], &ExactOptions::default(), &Monitor::silent()).unwrap();
/// assert!((chains.mean[0] - 1.0_f64.exp()).abs() < 5.0 * chains.mcse[0]);
/// ```
pub fn sample_exact(family: &Family, eta: &[f64], options: &ExactOptions, monitor: &Monitor) -> Result<Chains> {
    family.check_eta(eta)?;
    let (chains, d, k) = (options.chains, family.support().dim(), family.dim());
    if !(1..=4096).contains(&chains) || options.samples < chains {
        let (c, n) = (chains, options.samples);
        return Err(Error::domain(format!("samples is {n} over {c} chains; 1 to 4096 chains with a draw each are possible")));
    }
    let draws = options.samples.div_ceil(chains);
    if draws.saturating_mul(chains).saturating_mul(d.max(k)) > MOST_NUMBERS {
        return Err(Error::domain(format!("{draws} draws of {chains} chains: at most {MOST_NUMBERS} numbers are kept")));
    }
    let draw = drawer(family, eta)?;
    let stream = Stream::new(options.seed).child("exact");
    let mut x = Vec::with_capacity(chains * draws * d);
    for chain in 0..chains {
        let mut rng = stream.at(chain as u64).rng();
        for _ in 0..draws {
            monitor.check()?;
            x.extend(draw(&mut rng)?);
        }
    }
    let t = family.statistics_at(&x, chains * draws)?;
    check_ends(family, eta, &x, &t)?;
    let series = (0..k).map(|i| t.iter().skip(i).step_by(k).copied().collect()).collect();
    let conduct = Conduct { acceptance: f64::NAN, step_size: f64::NAN, tree_depth: f64::NAN, ..Conduct::default() };
    Ok(Chains::new(family, "exact", x, (series, (0..k).collect()), chains, conduct))
}

/// Refuse draws that stand at an end of the support, as near to it as doubles go: they stand for all that lie nearer. Chance
/// puts a draw there once in 1e15.
fn check_ends(family: &Family, eta: &[f64], x: &[f64], t: &[f64]) -> Result<()> {
    let refused = |what: String| {
        Err(Error::numeric(format!("draws of '{}' at eta = {eta:?} {what}", family.name()))
            .hint("method: \"hmc\" samples unconstrained coordinates, which have room there; an eta with less mass at the end"))
    };
    if let Some(i) = t.iter().position(|t| !t.is_finite()) {
        return refused(format!("have the value {} for {}", t[i], family.stat_names()[i % eta.len()]));
    }
    let axes = match family.support().bijector().axes() {
        Some(axes) if axes.len() == family.support().dim() => axes,
        // The simplex and its kin have no axes of their own; their coordinates end at 0.
        _ => {
            return if x.contains(&f64::MIN_POSITIVE) {
                refused("are nearer to 0 than doubles can tell".into())
            } else {
                Ok(())
            };
        }
    };
    let at_end = |(i, x): (usize, &f64)| match axes[i % axes.len()] {
        Axis::HalfLine { from } => *x == from.next_up() || (from == 0.0 && *x <= f64::MIN_POSITIVE),
        Axis::Segment { from, to } => *x == from.next_up() || *x == to.next_down() || (from == 0.0 && *x <= f64::MIN_POSITIVE),
        Axis::Line | Axis::Circle | Axis::Integers { .. } => false,
    };
    match x.iter().enumerate().find(|found| at_end(*found)) {
        Some((_, x)) => refused(format!("are nearer to an end of the support than doubles can tell (one is {x:e})")),
        None => Ok(()),
    }
}

type Draw<'a> = Box<dyn Fn(&mut Xoshiro) -> Result<Vec<f64>> + 'a>;

fn drawer<'a>(family: &'a Family, eta: &'a [f64]) -> Result<Draw<'a>> {
    let none = || {
        Error::name(format!("the family '{}' has no exact sampler", family.name()))
            .hint("named families and single whole numbers have one; method: \"hmc\" or \"nuts\" samples continuous supports")
    };
    if let Some(form) = family.closed_form().filter(|f| f.draw(eta, &mut Stream::new(0).rng()).is_some()) {
        return Ok(Box::new(move |rng| form.draw(eta, rng).ok_or_else(none)));
    }
    let axes = family.support().bijector().axes().unwrap_or_default();
    let [Axis::Integers { from, to }] = axes[..] else { return Err(none()) };
    let (first, cumulative) = distribution(family, eta, from, to)?;
    let total = cumulative.last().copied().unwrap_or(0.0);
    Ok(Box::new(move |rng| {
        let u = rng.random::<f64>() * total;
        let i = cumulative.partition_point(|c| *c <= u).min(cumulative.len() - 1);
        Ok(vec![first + i as f64])
    }))
}

/// Sums of the weights of whole numbers from `from` on, relative to the largest weight: as far as `to`, or until the terms
/// fall below the last digit.
fn distribution(family: &Family, eta: &[f64], from: f64, to: f64) -> Result<(f64, Vec<f64>)> {
    let mut terms: Vec<f64> = Vec::new();
    let mut largest = f64::NEG_INFINITY;
    loop {
        let start = from + terms.len() as f64;
        let left = (to - start + 1.0).min(STRETCH as f64) as usize;
        if left == 0 {
            break;
        }
        let points: Vec<f64> = (0..left).map(|i| start + i as f64).collect();
        let values = family.pointwise().evaluate(Pointwise::LogDensity as usize, &points, eta);
        largest = values.iter().copied().fold(largest, f64::max);
        let last = values.last().copied().unwrap_or(f64::NEG_INFINITY);
        let falling = values.len() < 2 || values[values.len() - 2] >= last;
        terms.extend(values);
        // Room for the rest of a geometric series: as much again as the number of terms.
        if to.is_infinite() && falling && largest - last > NEGLIGIBLE + (terms.len() as f64).ln() {
            break;
        }
        if terms.len() > MOST_TERMS {
            return Err(Error::numeric(format!("the weights of {MOST_TERMS} whole numbers do not fall off"))
                .hint("the sum may be infinite, or the mass lies further out: shift the support"));
        }
    }
    if !largest.is_finite() {
        return Err(Error::numeric("the density is zero, infinite or unknown on every whole number of the support"));
    }
    let mut sum = 0.0;
    let weights = terms.iter().map(|t| {
        let weight = (t - largest).exp();
        sum += if weight.is_nan() { 0.0 } else { weight };
        sum
    });
    Ok((from, weights.collect()))
}
