//! Hamiltonian Monte Carlo: options, moments of rows of eta, and draws of single chains.
//!
//! Position z in unconstrained coordinates, leapfrog with a diagonal mass, Metropolis accept; many short chains side by
//! side (see [`Group`]). With `adapt: false` this is the plain sampler of the textbooks: fixed step and
//! trajectory, unit mass, no jitter.
//!
//! # Source
//! Neal, "MCMC using Hamiltonian dynamics" (2011); jitter of the step against resonance: section 5.4.2.

pub(super) mod adapt;
mod controlled;
mod errors;
mod gate;
mod group;
mod kernels;
mod lags;
mod moments;
mod products;
mod record;
mod watch;

pub use group::{Group, Plan};
pub(super) use moments::moments;

use super::chains::{Chains, Conduct};
use super::diagnose::{self, Summary};
use super::poles;
use super::stretch::Stretch;
use crate::error::{Error, Result};
use crate::family::{Density, Family};
use crate::num::observe::Monitor;
use crate::num::short;
use crate::num::stream::Stream;
use record::RowSummary;
use serde::{Deserialize, Serialize};
use watch::Watch;

/// Most kept draws of a row.
const MOST_SAMPLES: usize = 1 << 24;
/// Most warm-up iterations, and most leapfrogs of a trajectory.
const MOST_STEPS: usize = 1 << 20;

/// Acceptance that is aimed at, and how many times the leapfrogs, when a row is sampled again because its trajectories diverge.
const CAREFUL: [(f64, usize); 2] = [(0.95, 2), (0.99, 4)];

/// Options of HMC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HmcOptions {
    /// Kept draws of a row, over all its chains.
    pub samples: usize,
    /// Warm-up iterations of each chain, not kept.
    pub warmup: usize,
    /// Chains of a row.
    pub chains: usize,
    /// Step size: the fixed one, or where adaptation starts.
    pub step_size: f64,
    /// Leapfrogs of a trajectory: the fixed number, or the most that adaptation takes.
    pub integration_steps: usize,
    /// Adapt step size, mass and trajectory length during warm-up, jitter the step, start from the separable base, and let
    /// one coordinate of a chain jump after each trajectory.
    pub adapt: bool,
    /// Mean acceptance that adaptation aims at (Stan's default).
    pub target_accept: f64,
    /// Regress functions of known mean zero out of the means, where the density has such and there are at least 8 chains.
    pub control_variates: bool,
    /// Standard error in standard deviations at which sampling stops, for every statistic: `samples` are drawn first, then as
    /// many again and again, up to 64 times as many.
    pub target_mcse: Option<f64>,
    /// Seed of all streams.
    pub seed: u64,
}

impl Default for HmcOptions {
    fn default() -> Self {
        HmcOptions {
            samples: 2000,
            warmup: 100,
            chains: 16,
            step_size: 0.1,
            integration_steps: 10,
            adapt: true,
            target_accept: 0.8,
            control_variates: true,
            target_mcse: None,
            seed: 0,
        }
    }
}

impl HmcOptions {
    /// Check ranges.
    ///
    /// # Errors
    /// The first option out of range, with the range.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, got: String, range: &str| Err(Error::domain(format!("{what} is {got}; {range}")));
        if self.chains == 0 || self.chains > 4096 {
            return wrong("chains", self.chains.to_string(), "between 1 and 4096 are possible");
        }
        if self.samples < 8 * self.chains {
            return wrong(
                "samples",
                self.samples.to_string(),
                &format!("at least 8 for each of the {} chains are needed to judge convergence", self.chains),
            );
        }
        if self.samples > MOST_SAMPLES {
            return wrong("samples", self.samples.to_string(), &format!("at most {MOST_SAMPLES} are possible"));
        }
        if !(self.step_size > 0.0 && self.step_size.is_finite()) {
            return wrong("step_size", short(self.step_size), "a positive number is needed");
        }
        if self.integration_steps == 0 {
            return wrong("integration_steps", "0".into(), "at least one leapfrog is needed");
        }
        if !(self.target_accept > 0.0 && self.target_accept < 1.0) {
            return wrong("target_accept", short(self.target_accept), "it lies between 0 and 1");
        }
        if let Some(target) = self.target_mcse.filter(|t| !(*t > 0.0 && *t < 1.0)) {
            return wrong("target_mcse", short(target), "it is in standard deviations and lies between 0 and 1");
        }
        if self.adapt && self.warmup < 20 {
            return wrong("warmup", self.warmup.to_string(), "adaptation needs at least 20 iterations (or adapt: false)");
        }
        if let Some((what, n)) =
            [("warmup", self.warmup), ("integration_steps", self.integration_steps)].iter().find(|(_, n)| *n > MOST_STEPS)
        {
            return wrong(what, n.to_string(), &format!("at most {MOST_STEPS} are possible"));
        }
        Ok(())
    }
    /// For rows whose trajectories diverge, or whose tails are long, the `attempt`-th time: shorter steps, and more of them.
    fn careful(&self, attempt: usize) -> HmcOptions {
        let (target, more) = CAREFUL[attempt.clamp(1, CAREFUL.len()) - 1];
        let integration_steps = self.integration_steps.saturating_mul(more).min(MOST_STEPS);
        HmcOptions { target_accept: self.target_accept.max(target), integration_steps, ..self.clone() }
    }
    fn plan(&self) -> Plan {
        Plan {
            chains: self.chains,
            step_size: self.step_size,
            integration_steps: self.integration_steps,
            adapt: self.adapt,
            target_accept: self.target_accept,
        }
    }
    /// Kept draws of each chain: samples over chains, rounded up.
    pub fn draws_per_chain(&self) -> usize {
        self.samples.div_ceil(self.chains)
    }
    fn stream(&self, row: usize) -> Stream {
        Stream::new(self.seed).child("hmc").at(row as u64)
    }
}

/// Whether HMC can sample a family: no coordinate takes whole numbers only.
pub(super) fn applies(family: &Family) -> bool {
    !family.support().bijector().discrete()
}

/// Refuse supports that `method` cannot sample.
pub(super) fn check_continuous(family: &Family, method: &str) -> Result<()> {
    if family.support().bijector().discrete() {
        Err(Error::name(format!("{} has coordinates that are whole numbers, which {method} does not move", family.support()))
            .hint("method: \"quadrature\" sums over them"))
    } else {
        Ok(())
    }
}

/// Refuse a row with a chain that stands where the density is zero.
fn check_inside(group: &Group, number: impl Fn(usize) -> usize) -> Result<()> {
    match (0..group.rows()).find(|row| group.outside(*row)).map(number) {
        None => Ok(()),
        Some(row) => Err(nowhere(row)),
    }
}

/// The error of the row `row` for which no start was found.
pub(super) fn nowhere(row: usize) -> Error {
    Error::numeric(format!("row {row}: a chain found no point where the density is positive")).hint(
        "a start is sought by how far the two sides of a comparison in where: are from agreeing: write it by smooth comparisons, \
         joined by and(a, b), and coordinates shifted and scaled so that it holds somewhere near the origin; or it holds nowhere",
    )
}

/// Refuse the row `row` when its chains never moved, or a statistic is not finite on the draws.
pub(super) fn check_moved(each: &[Summary], acceptance: f64, row: usize) -> Result<()> {
    if acceptance == 0.0 || each.iter().all(|s| s.variance == 0.0 || s.variance.is_nan()) {
        return Err(Error::numeric(format!("row {row}: the chains never moved (acceptance {acceptance:.3})"))
            .hint("use adapt: true, or a smaller step_size; or eta lies where the density has no finite integral"));
    }
    if let Some(bad) = each.iter().position(|s| !s.mean.is_finite() || !s.variance.is_finite()) {
        return Err(Error::numeric(format!("row {row}: statistic number {bad} is not finite on the draws")).hint(
            "it is NaN or infinite somewhere on the support, or the density has no finite integral; choose another support",
        ));
    }
    Ok(())
}

/// Draw from `family` at one `eta`, `[k]`: `options.samples` points over `options.chains` chains. Where tails may be long the
/// draws are those of a second run in stretched coordinates (not with `adapt: false`).
///
/// # Errors
/// When eta or an option is out of range, the chains cannot move, or the user interrupts.
pub fn sample_hmc(family: &Family, eta: &[f64], options: &HmcOptions, monitor: &Monitor) -> Result<Chains> {
    options.check()?;
    family.check_eta(eta)?;
    check_continuous(family, "hmc")?;
    let stream = options.stream(0);
    let (chains, stretch) = draws(Group::new(family, options.plan(), eta, &[stream]), family, stream, options, monitor)?;
    let mut chains = match stretch.filter(|_| options.adapt) {
        None => chains,
        Some(stretch) => {
            let stream = stream.child("stretched");
            let options = options.careful(1);
            let group = Group::stretched(family, vec![stretch], options.plan(), eta, &[stream]);
            draws(group, family, stream, &options, monitor)?.0
        }
    };
    chains.conduct.gate = poles::gate(chains.conduct.gate, family, eta);
    Ok(chains)
}

/// The draws of a group of one row, and how to stretch its coordinates, where its tails may be long.
fn draws(
    mut group: Group,
    family: &Family,
    stream: Stream,
    options: &HmcOptions,
    monitor: &Monitor,
) -> Result<(Chains, Option<Stretch>)> {
    let (density, d, streams) = (group.density(), family.support().dim(), [stream]);
    group.warm_up(options.warmup, monitor);
    monitor.check()?;
    check_inside(&group, |row| row)?;
    group.seed(&streams, "sample");
    let (chains, length, distinct) = (options.chains, options.draws_per_chain(), density.distinct());
    let mut draws = vec![0.0; chains * length * d];
    let mut series = vec![vec![0.0; chains * length]; distinct];
    let mut divergent = Vec::new();
    let mut watch = Watch::new(family, &group, length);
    for i in 0..length {
        monitor.check()?;
        group.draw();
        watch.look(i, &group);
        let lost = group.diverged(0);
        group.read(Density::POINT, d, &mut |_, chain, x| {
            draws[(chain * length + i) * d..][..d].copy_from_slice(x);
            // The chain stands where its trajectory started.
            if lost[chain] {
                divergent.extend_from_slice(x);
            }
        });
        group.read(Density::STATISTICS, distinct, &mut |_, chain, t| {
            t.iter().zip(&mut series).for_each(|(v, s)| s[chain * length + i] = *v)
        });
    }
    let each: Vec<Summary> = series.iter().map(|s| diagnose::summarize(&s.chunks(length).collect::<Vec<_>>())).collect();
    check_moved(&each, group.acceptance(0), 0)?;
    let (step_size, _) = group.settings(0);
    let sight = watch.sights().swap_remove(0);
    let still = |chain: &[f64]| chain.chunks(d).all(|x| x == &chain[..d]);
    let judged = RowSummary {
        effective: each.iter().map(|s| s.ess).fold(f64::INFINITY, |a, b| if b.is_nan() { b } else { a.min(b) }),
        each,
        cov: vec![],
        acceptance: group.acceptance(0),
        divergences: group.divergences(0),
        lasting: group.lasting(0),
        stuck: draws.chunks(length * d).filter(|chain| still(chain)).count(),
        stretched: group.is_stretched(),
        long_tails: sight.long,
    };
    let conduct = Conduct {
        acceptance: group.acceptance(0),
        step_size,
        gradients: group.gradients(0),
        tree_depth: f64::NAN,
        divergences: group.divergences(0),
        divergent,
        gate: gate::failed(&judged, length * chains, chains, None),
    };
    let chains = Chains::new(family, "hmc", draws, (series, density.unique().to_vec()), chains, conduct);
    Ok((chains, sight.stretch))
}
