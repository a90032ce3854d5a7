//! Importance sampling from the separable base.
//!
//! Terms of the exponent that stand in one coordinate form one density each. Where couplings matter, a Gaussian over the
//! normal scores of these densities is fitted to pilot points, and mixed with the base. Scrambled Sobol points go through the quantile functions
//! and are weighed by the whole density. Independent scramblings give the standard errors; A(eta) is
//! the logarithm of the mean weight, with an error from the same scramblings. The gate is the shape k-hat of the weights' tail and their effective number.
//!
//! # Source
//! L'Ecuyer, "Randomized quasi-Monte Carlo: an introduction for practitioners" (2018); adaptation to weighted points:
//! Cappe, Guillin, Marin and Robert, "Population Monte Carlo", JCGS 13 (2004); k-hat: Vehtari et al. (2024), see [`psis`].

pub(in crate::sample) mod estimate;
pub(in crate::sample) mod proposal;
mod psis;
pub(in crate::sample) mod row;
mod sums;

use super::base::{Base, Detail};
use crate::error::{Error, Result};
use crate::family::{Family, Integrand, Moments, Terms};
use crate::num::observe::Monitor;
use crate::num::special::log_sum_exp;
use crate::num::stream::Stream;
use estimate::{Estimate, LogNormalizer, effective};
use proposal::{Points, Proposal, sobol};
use row::{Drawn, Unique, statistics};
use serde::{Deserialize, Serialize};

/// Options of importance sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportanceOptions {
    /// Points of a row, over all replicates, after a pilot of half as many; rounded up to a power of two for each replicate, where they are most even.
    pub samples: usize,
    /// Independent scramblings, from which the standard errors come.
    pub replicates: usize,
    /// Seed of all streams.
    pub seed: u64,
    /// Whether first-order Stein control variates are used.
    pub control_variates: bool,
}

impl Default for ImportanceOptions {
    fn default() -> Self {
        ImportanceOptions { samples: 2048, replicates: 16, seed: 0, control_variates: true }
    }
}

/// Fewest points of a replicate.
const FEWEST: usize = 8;
/// Most points of a replicate: the length of the sequence.
const MOST: usize = 1 << 16;
/// k-hat beyond which a row fails its gate.
const KHAT: f64 = 0.7;
/// k-hat beyond which the largest weights are smoothed. Below it their variance is finite, and smoothing would only undo the
/// even spread of the points.
const SMOOTH: f64 = 0.5;
/// Share of the points that must be effective.
const EFFECTIVE: f64 = 0.05;
/// Rounds in which the proposal is fitted.
const ROUNDS: usize = 2;
/// Share of effective points beyond which a proposal is not fitted any more.
const ENOUGH: f64 = 0.95;
/// Share of the points beyond which weights are equal but for rounding, and have no tail to speak of.
const EQUAL: f64 = 0.99;

impl ImportanceOptions {
    /// Check ranges.
    ///
    /// # Errors
    /// The first option out of range, with the range.
    pub fn check(&self) -> Result<()> {
        if !(4..=1024).contains(&self.replicates) {
            return Err(Error::domain(format!("replicates is {}; between 4 and 1024 are possible", self.replicates))
                .hint("standard errors come from the spread over replicates; 16 is the default"));
        }
        let (least, most) = (FEWEST * self.replicates, MOST * self.replicates);
        if !(least..=most).contains(&self.samples) {
            return Err(Error::domain(format!(
                "samples is {}; between {least} and {most} are possible with {} replicates",
                self.samples, self.replicates
            ))
            .hint("importance sampling weighs this many points for each eta; 2048 is the default"));
        }
        Ok(())
    }
    fn each(&self) -> usize {
        self.samples.div_ceil(self.replicates).next_power_of_two()
    }
}

/// Weighed points of one row.
struct Draws {
    points: Points,
    /// T, [n, k].
    t: Vec<f64>,
    log_weights: Vec<f64>,
}

/// What a row's weights say.
struct Judgement {
    /// Weights that sum to 1.
    weights: Vec<f64>,
    gate: &'static str,
}

/// Whether a family has terms to make a separable base of.
pub(in crate::sample) fn applies(family: &Family) -> bool {
    family.terms().is_some() && family.over_terms().is_some()
}

/// Moments of the rows `eta`, [n, k], which have the numbers `first`, `first` + 1, ... in their dataset.
pub(in crate::sample) fn moments(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &ImportanceOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    options.check()?;
    let (terms, whole) = family.terms().zip(family.over_terms()).ok_or_else(|| no_base(family))?;
    let k = family.dim();
    let unique = Unique::new(family);
    let mut out = Moments::with_log_normalizers();
    for (i, eta) in eta.chunks(k).enumerate() {
        monitor.check()?;
        let stream = Stream::new(options.seed).child("importance").at((first + i) as u64);
        let row = Row { family, terms, whole, eta, options, stream };
        let (estimate, log_normalizer, gate) = row.run(&unique).map_err(|e| e.in_row(first + i))?;
        estimate.append(&mut out, &unique, log_normalizer, "importance", gate);
    }
    Ok(out)
}

fn no_base(family: &Family) -> Error {
    Error::name(format!("{} mixes whole numbers with coordinates that have no axes", family.support()))
        .hint("importance sampling needs either; choose another support")
}

struct Row<'a> {
    family: &'a Family,
    terms: &'a Terms,
    whole: &'a Integrand,
    eta: &'a [f64],
    options: &'a ImportanceOptions,
    stream: Stream,
}

impl Row<'_> {
    fn run(&self, unique: &Unique) -> Result<(Estimate, LogNormalizer, &'static str)> {
        let base =
            Base::new(self.terms, self.eta, Detail::Fine).filter(|b| b.foreign.is_empty()).ok_or_else(|| self.baseless())?;
        let plain = Proposal::plain(&base);
        let proposal = self.adapt(&base)?.unwrap_or(plain);
        let draws = self.draw(&proposal)?;
        let judgement = judge(&draws.log_weights);
        let each = self.options.each();
        let logs: Vec<f64> = draws.log_weights.chunks(each).map(|w| log_sum_exp(w) - (each as f64).ln()).collect();
        let log_normalizer = LogNormalizer::mean_of(&logs);
        let drawn = Drawn {
            family: self.family,
            eta: self.eta,
            points: &draws.points.t,
            t: &draws.t,
            weights: &judgement.weights,
            replicates: self.options.replicates,
            control_variates: self.options.control_variates,
        };
        let (estimate, failed) = drawn.estimate(unique)?;
        let gate = if judgement.gate.is_empty() { failed } else { judgement.gate };
        Ok((estimate, log_normalizer, gate))
    }
    /// A Gaussian over the normal scores of the base, fitted to weighted points in a few rounds, with the share of the base that
    /// suits these points; none where the base itself is as good.
    fn adapt<'a>(&self, base: &'a Base) -> Result<Option<Proposal<'a>>> {
        let n = self.options.samples.div_ceil(2 * ROUNDS).next_power_of_two().min(MOST);
        let (mut proposal, mut pilots) = (None, Vec::new());
        for round in 0..ROUNDS {
            let u = sobol(n, base.dim(), self.stream.child("pilot").at(round as u64));
            let pilot = self.weigh(proposal.as_ref().unwrap_or(&Proposal::plain(base)).points(&u, n))?;
            let weights = normalized(&psis::smooth(&pilot.log_weights).log_weights);
            let size = effective(&weights);
            if size > ENOUGH * n as f64 {
                break;
            }
            proposal = Proposal::fitted(base, &pilot.points, &weights, size).or(proposal);
            pilots.push(pilot);
        }
        Ok(proposal.map(|p: Proposal| p.shared(pilots.iter().map(|pilot| (&pilot.points, pilot.log_weights.as_slice())))))
    }
    fn baseless(&self) -> Error {
        Error::numeric(format!(
            "'{}' has no separable base at eta = {:?}: a coordinate has no density of its own",
            self.family.name(),
            self.eta
        ))
        .hint("method: \"hmc\" samples it")
    }
    /// All replicates of points under `proposal`, weighed.
    fn draw(&self, proposal: &Proposal) -> Result<Draws> {
        let (each, m) = (self.options.each(), self.terms.axes().len());
        let u: Vec<f64> =
            (0..self.options.replicates).flat_map(|r| sobol(each, m, self.stream.child("points").at(r as u64))).collect();
        self.weigh(proposal.points(&u, each))
    }
    fn weigh(&self, points: Points) -> Result<Draws> {
        let (t, measure) = statistics(self.family, self.whole, &points.t, self.eta)?;
        let log_p = |(t, b): (&[f64], &f64)| {
            if *b == f64::NEG_INFINITY { *b } else { b + t.iter().zip(self.eta).map(|(t, e)| t * e).sum::<f64>() }
        };
        let log_weights: Vec<f64> =
            t.chunks(self.eta.len()).zip(&measure).map(log_p).zip(&points.log_q).map(|(p, q)| p - q).collect();
        if log_weights.iter().all(|w| *w == f64::NEG_INFINITY) {
            return Err(Error::numeric(format!(
                "no point of '{}' has positive density at eta = {:?}",
                self.family.name(),
                self.eta
            ))
            .hint(
                "the condition where: holds nowhere near, or on too small a part of the support; method: \"hmc\" looks for it",
            ));
        }
        Ok(Draws { points, t, log_weights })
    }
}

fn normalized(log_weights: &[f64]) -> Vec<f64> {
    let total = log_sum_exp(log_weights);
    log_weights.iter().map(|w| (w - total).exp()).collect()
}

fn judge(log_weights: &[f64]) -> Judgement {
    let (raw, n) = (normalized(log_weights), log_weights.len() as f64);
    let (size, smoothed) = (effective(&raw), psis::smooth(log_weights));
    let heavy = smoothed.khat > KHAT && size < EQUAL * n;
    let gate = if heavy || size < EFFECTIVE * n { "khat" } else { "" };
    let smooth = smoothed.khat > SMOOTH && smoothed.khat.is_finite() && size < EQUAL * n;
    Judgement { weights: if smooth { normalized(&smoothed.log_weights) } else { raw }, gate }
}
