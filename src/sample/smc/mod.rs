//! Tempered sequential Monte Carlo from the separable base.
//!
//! Particles start as draws of the base and are moved by Hamiltonian Monte Carlo through own terms + beta (the rest), beta
//! from 0 to 1. Each next temperature leaves a given conditional effective share of the particles; systematic resampling at
//! each. Independent populations give the standard errors; the mean incremental weights multiply to exp A(eta).
//!
//! # Source
//! Del Moral, Doucet and Jasra, "Sequential Monte Carlo samplers", JRSS B 68 (2006); conditional effective size: Zhou,
//! Johansen and Aston, "Toward automatic model comparison", JCGS 25 (2016).

mod particles;

use super::base::{Base, Detail};
use super::importance::estimate::LogNormalizer;
use super::importance::proposal::{Proposal, sobol};
use super::importance::row::{Drawn, Unique, statistics};
use crate::error::{Error, Result};
use crate::family::{Family, Moments, Tempered};
use crate::num::observe::Monitor;
use crate::num::special::log_sum_exp;
use crate::num::stream::Stream;
use particles::Particles;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Options of tempered sequential Monte Carlo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmcOptions {
    /// Particles of a row, over all populations.
    pub particles: usize,
    /// Independent populations, from which the standard errors come.
    pub populations: usize,
    /// Whether first-order Stein control variates are used.
    pub control_variates: bool,
    /// Seed of all streams.
    pub seed: u64,
}

impl Default for SmcOptions {
    fn default() -> Self {
        SmcOptions { particles: 1024, populations: 16, control_variates: true, seed: 0 }
    }
}

/// Fewest particles of a population.
const FEWEST: usize = 16;
/// Most particles of a row.
const MOST: usize = 1 << 20;
/// Conditional effective share of the particles that a change of temperature leaves.
const SHARE: f64 = 0.7;
/// Transitions of each particle at each temperature.
const MOVES: usize = 2;
/// Transitions of each particle at the last temperature, whose ends are all kept.
const DRAWS: usize = 4;
/// Most temperatures.
const TEMPERATURES: usize = 200;
/// Ratio of the spread of all particles to that within populations beyond which a row fails its gate.
const RHAT: f64 = 1.1;

/// Effective share of the populations, by what each says of the normaliser, below which a row fails its gate: small populations
/// that disagree have missed something.
const AGREEING: f64 = 0.6;
/// Mean acceptance at the last temperature below which a row fails its gate.
const ACCEPTANCE: f64 = 0.1;

impl SmcOptions {
    /// Check ranges.
    ///
    /// # Errors
    /// The first option out of range, with the range.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, got: String, range: String| Err(Error::domain(format!("{what} is {got}; {range}")));
        if !(4..=1024).contains(&self.populations) {
            return wrong("populations", self.populations.to_string(), "between 4 and 1024 are possible".into());
        }
        let least = FEWEST * self.populations;
        if !(least..=MOST).contains(&self.particles) {
            let range = format!("between {least} and {MOST} are possible with {} populations", self.populations);
            return wrong("particles", self.particles.to_string(), range);
        }
        Ok(())
    }
    fn each(&self) -> usize {
        self.particles.div_ceil(self.populations)
    }
}

/// Moments of the rows `eta`, [n, k], which have the numbers `first`, `first` + 1, ... in their dataset.
pub(in crate::sample) fn moments(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &SmcOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    options.check()?;
    let tempered = family.tempered().ok_or_else(|| {
        Error::name(format!("{} has coordinates that are whole numbers, which smc does not move", family.support()))
            .hint("method: \"quadrature\" sums over them, method: \"importance\" draws them")
    })?;
    let unique = Unique::new(family);
    let mut out = Moments::with_log_normalizers();
    for (i, eta) in eta.chunks(family.dim()).enumerate() {
        let stream = Stream::new(options.seed).child("smc").at((first + i) as u64);
        let run = Run { family, tempered, eta, options, stream, monitor };
        run.row(&unique, &mut out).map_err(|e| e.in_row(first + i))?;
    }
    Ok(out)
}

struct Run<'a> {
    family: &'a Family,
    tempered: &'a Tempered,
    eta: &'a [f64],
    options: &'a SmcOptions,
    stream: Stream,
    monitor: &'a Monitor,
}

impl Run<'_> {
    fn row(&self, unique: &Unique, out: &mut Moments) -> Result<()> {
        let (each, populations) = (self.options.each(), self.options.populations);
        let (z, start) = self.start()?;
        let mut particles = Particles::new(self.tempered, self.eta, z, each);
        let mut log_z = vec![0.0; populations];
        self.reweigh(&mut particles, &start, &mut log_z, 0)?;
        let mut beta = 0.0;
        for step in 1.. {
            self.monitor.check()?;
            particles.heat(beta);
            for i in 0..MOVES {
                particles.advance(self.stream.child("move").at(step).at(i as u64));
            }
            if beta == 1.0 {
                break;
            }
            if step as usize > TEMPERATURES {
                return Err(Error::numeric(format!(
                    "'{}' is not reached from its separable base in {TEMPERATURES} temperatures at eta = {:?}",
                    self.family.name(),
                    self.eta
                ))
                .hint("method: \"hmc\" samples it"));
            }
            let couplings = particles.couplings();
            let change = next(&couplings, SHARE, 1.0 - beta);
            let log_weights: Vec<f64> = couplings.iter().map(|u| change * u).collect();
            beta = if change >= 1.0 - beta { 1.0 } else { beta + change };
            self.reweigh(&mut particles, &log_weights, &mut log_z, step)?;
        }
        let (z, acceptance) = self.draw(&mut particles);
        let count = populations as f64;
        let top = log_sum_exp(&log_z);
        // Each population counts as much as it says that there is.
        let share: Vec<f64> = log_z.iter().map(|l| (l - top).exp() / (each * DRAWS) as f64).collect();
        let weights: Vec<f64> = share.iter().flat_map(|s| std::iter::repeat_n(*s, each * DRAWS)).collect();
        let whole = self.family.over_terms().ok_or_else(|| Error::numeric("a continuous support without coordinates"))?;
        let (t, _) = statistics(self.family, whole, &z, self.eta)?;
        let drawn = Drawn {
            family: self.family,
            eta: self.eta,
            points: &z,
            t: &t,
            weights: &weights,
            replicates: populations,
            control_variates: self.options.control_variates,
        };
        let (estimate, failed) = drawn.estimate(unique)?;
        let squares: f64 = log_z.iter().map(|l| (2.0 * (l - top)).exp()).sum();
        let gate = match () {
            () if !(estimate.rhat < RHAT && acceptance > ACCEPTANCE) => "rhat",
            () if 1.0 / squares < AGREEING * count => "populations",
            () => failed,
        };
        estimate.append(out, unique, LogNormalizer::mean_of(&log_z), "smc", gate);
        Ok(())
    }
    /// Draws of the base and the log of base over draw density: 0 but for what its tables miss.
    fn start(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let none = || {
            Error::numeric(format!(
                "'{}' has no separable base at eta = {:?}: a coordinate has no density of its own",
                self.family.name(),
                self.eta
            ))
            .hint("method: \"hmc\" samples it")
        };
        let terms = self.family.terms().ok_or_else(none)?;
        let base = Base::new(terms, self.eta, Detail::Fine).filter(|b| b.foreign.is_empty() && b.own).ok_or_else(none)?;
        let (each, m) = (self.options.each(), base.dim());
        let u: Vec<f64> =
            (0..self.options.populations).flat_map(|p| sobol(each, m, self.stream.child("start").at(p as u64))).collect();
        let points = Proposal::plain(&base).points(&u, each);
        let mut log_weights: Vec<f64> = points.log_q.iter().map(|q| -q).collect();
        for j in 0..m {
            let column: Vec<f64> = points.t.iter().skip(j).step_by(m).copied().collect();
            let own = terms.program().evaluate(j, &column, self.eta);
            log_weights.iter_mut().zip(own.chunks(1 + terms.functions(j))).for_each(|(w, o)| *w += o[0]);
        }
        let mut at = Particles::new(self.tempered, self.eta, points.t.clone(), each);
        at.heat(0.0);
        // Where a condition fails that ties coordinates together, there is nothing from the start.
        log_weights.iter_mut().zip(at.couplings()).filter(|(_, u)| *u == f64::NEG_INFINITY).for_each(|(w, u)| *w = u);
        Ok((points.t, log_weights))
    }
    /// Add the log mean weight of each population to `log_z`, and resample.
    fn reweigh(&self, particles: &mut Particles, log_weights: &[f64], log_z: &mut [f64], step: u64) -> Result<()> {
        let (each, m) = (self.options.each(), self.tempered.free());
        let mut z = Vec::with_capacity(particles.z.len());
        for (p, weights) in log_weights.chunks(each).enumerate() {
            let total = log_sum_exp(weights);
            if !total.is_finite() {
                return Err(Error::numeric(format!(
                    "no particle of '{}' has positive density at eta = {:?}",
                    self.family.name(),
                    self.eta
                ))
                .hint("the condition where: holds on too small a part of the support; method: \"hmc\" looks for it"));
            }
            log_z[p] += total - (each as f64).ln();
            let offset: f64 = self.stream.child("resample").at(step).at(p as u64).rng().random();
            for i in systematic(weights, total, offset) {
                let at = (p * each + i) * m;
                z.extend_from_slice(&particles.z[at..at + m]);
            }
        }
        particles.z = z;
        Ok(())
    }
    /// The ends of the last transitions, population by population, and the mean acceptance.
    fn draw(&self, particles: &mut Particles) -> (Vec<f64>, f64) {
        let (each, m, draws) = (self.options.each(), self.tempered.free(), DRAWS);
        let (mut sweeps, mut acceptance) = (Vec::new(), 0.0);
        for i in 0..draws {
            acceptance += particles.advance(self.stream.child("draw").at(i as u64)) / draws as f64;
            sweeps.push(particles.z.clone());
        }
        let population = |p: usize| sweeps.iter().flat_map(move |s| s[p * each * m..(p + 1) * each * m].iter().copied());
        ((0..self.options.populations).flat_map(population).collect(), acceptance)
    }
}

/// The largest change of beta, at most `rest`, that leaves the conditional effective share.
fn next(couplings: &[f64], share: f64, rest: f64) -> f64 {
    let n = couplings.len() as f64;
    let leaves = |change: f64| {
        let scaled: Vec<f64> = couplings.iter().map(|u| change * u).collect();
        let twice: Vec<f64> = scaled.iter().map(|u| 2.0 * u).collect();
        (2.0 * log_sum_exp(&scaled) - log_sum_exp(&twice)).exp() / n
    };
    if leaves(rest) >= share {
        return rest;
    }
    let (mut low, mut high) = (0.0, rest);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if leaves(middle) >= share { low = middle } else { high = middle }
    }
    low.max(1e-9 * rest)
}

/// Systematic resampling: the particles that `n` even steps from `offset`, in [0, 1), meet.
fn systematic(log_weights: &[f64], total: f64, offset: f64) -> Vec<usize> {
    let n = log_weights.len();
    let (mut chosen, mut sum) = (Vec::with_capacity(n), 0.0);
    for (i, w) in log_weights.iter().enumerate() {
        sum += (w - total).exp() * n as f64;
        while chosen.len() < n && offset + (chosen.len() as f64) < sum {
            chosen.push(i);
        }
    }
    let last = log_weights.iter().rposition(|w| *w > f64::NEG_INFINITY).unwrap_or(0);
    chosen.resize(n, last);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resampling_keeps_expected_numbers() {
        let weights = [0.1_f64, 0.0, 0.55, 0.35];
        let logs: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
        let mut counts = [0.0; 4];
        for i in 0..1000 {
            systematic(&logs, 0.0, (i as f64 + 0.5) / 1000.0).into_iter().for_each(|c| counts[c] += 1e-3);
        }
        for (count, w) in counts.iter().zip(weights) {
            assert!((count - 4.0 * w).abs() < 2e-3, "{counts:?}");
        }
    }

    #[test]
    fn temperatures_leave_the_share_asked_for() {
        let couplings: Vec<f64> = (0..200).map(|i| 3.0 * (i as f64).sin()).collect();
        let change = next(&couplings, 0.8, 1.0);
        let w: Vec<f64> = couplings.iter().map(|u| (change * u).exp()).collect();
        let left = w.iter().sum::<f64>().powi(2) / w.iter().map(|w| w * w).sum::<f64>() / 200.0;
        assert!((left - 0.8).abs() < 1e-6 && change < 1.0);
        assert_eq!(next(&[0.1; 50], 0.8, 0.3), 0.3);
    }
}
