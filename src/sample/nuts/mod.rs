//! The no-U-turn sampler: trajectories as long as they do not turn back, a point of each drawn by its weight.
//!
//! Multinomial sampling along the trajectory, biased progressively towards its end; generalised U-turn criterion with the
//! checks across subtrees; diagonal metric and step size adapted over Stan's windows, pooled over the chains of a row.
//!
//! # Source
//! Hoffman and Gelman, "The No-U-Turn Sampler", JMLR 15 (2014); Betancourt, "A conceptual introduction to Hamiltonian
//! Monte Carlo", arXiv 1701.02434 (2017), appendix A; the checks across subtrees: Stan since release 2.21.

mod lanes;
mod tree;
mod warmup;

use super::chains::{Chains, Conduct};
use super::diagnose::{self, Summary};
use super::hmc::{check_continuous, check_moved, nowhere};
use super::poles;
use super::rare::{RARE, is_rare};
use super::stretch::{self, Sight, Space};
use crate::error::{Error, Result};
use crate::family::{Density, Family, Moments};
use crate::num::observe::Monitor;
use crate::num::short;
use crate::num::stream::Stream;
use lanes::Lanes;
use serde::{Deserialize, Serialize};

/// Most kept draws of a row.
const MOST_SAMPLES: usize = 1 << 24;
/// Acceptance that is aimed at in stretched coordinates, at least.
const CAREFUL: f64 = 0.95;
/// Most kept numbers of a row: 2 GB.
const MOST_NUMBERS: usize = 1 << 28;

/// Options of NUTS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NutsOptions {
    /// Kept draws of a row, over all its chains.
    pub samples: usize,
    /// Warm-up iterations of each chain, not kept; with 0 the step size stays and the metric is the unit one.
    pub warmup: usize,
    /// Chains of a row.
    pub chains: usize,
    /// Step size where adaptation starts.
    pub step_size: f64,
    /// Doublings of a trajectory at most: it has up to 2^max_depth - 1 leapfrogs.
    pub max_depth: usize,
    /// Mean acceptance that adaptation aims at.
    pub target_accept: f64,
    /// Seed of all streams.
    pub seed: u64,
}

impl Default for NutsOptions {
    fn default() -> Self {
        NutsOptions { samples: 2000, warmup: 200, chains: 16, step_size: 1.0, max_depth: 10, target_accept: 0.8, seed: 0 }
    }
}

impl NutsOptions {
    /// Check ranges.
    ///
    /// # Errors
    /// The first option out of range, with the range.
    ///
    /// # Example
    /// ```
    /// use nnef::sample::NutsOptions;
    /// assert!(NutsOptions::default().check().is_ok());
    /// assert!(NutsOptions { max_depth: 0, ..NutsOptions::default() }.check().is_err());
    /// ```
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, got: String, range: &str| Err(Error::domain(format!("{what} is {got}; {range}")));
        if self.chains == 0 || self.chains > 4096 {
            return wrong("chains", self.chains.to_string(), "between 1 and 4096 are possible");
        }
        if self.samples < 8 * self.chains {
            let range = format!("at least 8 for each of the {} chains are needed to judge convergence", self.chains);
            return wrong("samples", self.samples.to_string(), &range);
        }
        if self.samples > MOST_SAMPLES {
            return wrong("samples", self.samples.to_string(), &format!("at most {MOST_SAMPLES} are possible"));
        }
        if !(self.step_size > 0.0 && self.step_size.is_finite()) {
            return wrong("step_size", short(self.step_size), "a positive number is needed");
        }
        if !(1..=20).contains(&self.max_depth) {
            return wrong("max_depth", self.max_depth.to_string(), "between 1 and 20 doublings are possible");
        }
        if !(self.target_accept > 0.0 && self.target_accept < 1.0) {
            return wrong("target_accept", short(self.target_accept), "it lies between 0 and 1");
        }
        Ok(())
    }
    /// Kept draws of each chain: samples over chains, rounded up.
    pub fn draws_per_chain(&self) -> usize {
        self.samples.div_ceil(self.chains)
    }
}

/// The kept draws of a row and how its transitions went.
struct Run {
    /// Unconstrained positions, [chains, draws, m].
    z: Vec<f64>,
    acceptance: f64,
    mean_depth: f64,
    leapfrogs: usize,
    step: f64,
    /// Unconstrained positions before the leapfrogs that diverged, [divergences, m].
    divergences: Vec<f64>,
}

/// A run, the coordinates that its chains moved in, and what was seen of its tails.
struct Ended {
    run: Run,
    space: Space,
    sight: Sight,
}

impl Ended {
    fn new(family: &Family, run: Run, space: Space) -> Ended {
        let m = family.density().free();
        let along = |j: usize| run.z.iter().skip(j).step_by(m).copied().collect();
        Ended { sight: Sight::of(family.lines().into_iter().map(along)), run, space }
    }
    fn divergences(&self, density: &Density) -> usize {
        self.run.divergences.len() / density.free().max(1)
    }
}

/// Run the chains of the rows `eta`, [n, k], which have the numbers `first`, `first` + 1, ... in their dataset; those that may have
/// long tails once more, in stretched coordinates and with shorter steps.
fn ended(family: &Family, eta: &[f64], first: usize, options: &NutsOptions, monitor: &Monitor) -> Result<Vec<Ended>> {
    let k = family.dim();
    let stream = |row: usize| Stream::new(options.seed).child("nuts").at((first + row) as u64);
    let streams = (0..eta.len() / k).map(stream).collect();
    let runs = run(family, &Space::default(), eta, streams, first, options, monitor)?;
    let mut all: Vec<Ended> = runs.into_iter().map(|run| Ended::new(family, run, Space::default())).collect();
    let careful = NutsOptions { target_accept: options.target_accept.max(CAREFUL), ..options.clone() };
    for (row, ended) in all.iter_mut().enumerate().filter(|_| options.warmup > 0) {
        let Some(stretch) = ended.sight.stretch.take() else { continue };
        let space = Space::stretched(family, vec![stretch]);
        let (eta, streams) = (&eta[row * k..(row + 1) * k], vec![stream(row).child("stretched")]);
        if let Some(run) = run(family, &space, eta, streams, first + row, &careful, monitor)?.pop() {
            *ended = Ended::new(family, run, space);
        }
    }
    Ok(all)
}

/// Run the chains of the rows `eta`, [n, k], in `space`; the first has the number `first` in its dataset.
fn run(
    family: &Family,
    space: &Space,
    eta: &[f64],
    streams: Vec<Stream>,
    first: usize,
    options: &NutsOptions,
    monitor: &Monitor,
) -> Result<Vec<Run>> {
    options.check()?;
    check_continuous(family, "nuts")?;
    let (density, rows) = (space.density(family), streams.len());
    let (m, chains, draws) = (density.free(), options.chains, options.draws_per_chain());
    if draws.saturating_mul(chains).saturating_mul(m.max(density.distinct())) > MOST_NUMBERS {
        return Err(Error::name(format!(
            "{draws} draws of {chains} chains with {} statistics do not fit in memory: at most {MOST_NUMBERS} numbers are kept",
            density.distinct()
        ))
        .hint("fewer samples, or method: \"hmc\", which keeps no draws"));
    }
    let mut lanes = Lanes::new(family, space, eta, streams, options);
    if let Some(row) = (0..rows).find(|r| lanes.outside(*r)) {
        return Err(nowhere(first + row));
    }
    lanes.warm_up(monitor);
    let empty = |row: usize| Run {
        z: vec![0.0; chains * draws * m],
        acceptance: 0.0,
        mean_depth: 0.0,
        leapfrogs: 0,
        step: lanes.tunings[row].step,
        divergences: vec![],
    };
    let mut runs: Vec<Run> = (0..rows).map(empty).collect();
    let mut taken = vec![0; rows * chains];
    let mut diverged = vec![Vec::new(); rows * chains];
    lanes.run(&mut |c, chain, outcome| {
        let (run, i) = (&mut runs[c / chains], taken[c]);
        run.z[((c % chains) * draws + i) * m..][..m].copy_from_slice(&chain.state.z);
        run.acceptance += outcome.acceptance / (draws * chains) as f64;
        run.mean_depth += outcome.depth as f64 / (draws * chains) as f64;
        run.leapfrogs += outcome.leapfrogs;
        diverged[c].extend(outcome.divergence.into_iter().flatten());
        taken[c] += 1;
        taken[c] == draws || monitor.cancelled()
    });
    monitor.check()?;
    for (run, points) in runs.iter_mut().zip(diverged.chunks(chains)) {
        run.divergences = points.concat();
    }
    Ok(runs)
}

/// Draw from `family` at one `eta`, `[k]`: `options.samples` points over `options.chains` chains.
///
/// # Errors
/// When eta or an option is out of range, the chains cannot move, or the user interrupts.
///
/// # Example
/// ```
/// use nnef::{family::named, num::observe::Monitor, sample::{NutsOptions, sample_nuts}};
/// let chains = sample_nuts(&named::gaussian().unwrap(), &[1.0, -0.5], &NutsOptions::default(), &Monitor::silent()).unwrap();
/// assert!((chains.mean[0] - 1.0).abs() < 5.0 * chains.mcse[0]);
/// ```
pub fn sample_nuts(family: &Family, eta: &[f64], options: &NutsOptions, monitor: &Monitor) -> Result<Chains> {
    family.check_eta(eta)?;
    let length = options.draws_per_chain();
    let ended = ended(family, eta, 0, options, monitor)?.pop().ok_or_else(|| Error::shape("eta is empty"))?;
    let (run, density, parameters) = (&ended.run, ended.space.density(family), ended.space.parameters(0, eta));
    let series = series(density, &run.z, &parameters);
    let each: Vec<Judged> = series.iter().map(|s| Judged::of(s, length)).collect();
    check_moved(&each.iter().map(|j| j.summary).collect::<Vec<_>>(), run.acceptance, 0)?;
    let divergences = ended.divergences(density);
    let points = |z: &[f64]| density.program().evaluate(Density::POINT, z, &parameters);
    let conduct = Conduct {
        acceptance: run.acceptance,
        step_size: run.step,
        gradients: run.leapfrogs,
        tree_depth: run.mean_depth,
        divergences,
        divergent: points(&run.divergences),
        gate: poles::gate(gate(&series, &each, &ended, divergences, options.chains), family, eta),
    };
    Ok(Chains::new(family, "nuts", points(&run.z), (series, density.unique().to_vec()), options.chains, conduct))
}

/// Rows that are sampled side by side.
pub(super) fn rows_that_fit(density: &Density, chains: usize) -> usize {
    (density.program().lanes() / chains.max(1)).max(1)
}

/// Moments of the rows `eta`, [n, k], which have the numbers `first`, `first` + 1, ... in their dataset.
pub(in crate::sample) fn moments(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &NutsOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    let k = family.dim();
    let mut out = Moments { cov_tt: Some(Vec::new()), ..Moments::default() };
    for (row, ended) in ended(family, eta, first, options, monitor)?.iter().enumerate() {
        let density = ended.space.density(family);
        let series = series(density, &ended.run.z, &ended.space.parameters(0, &eta[row * k..(row + 1) * k]));
        let length = options.draws_per_chain();
        let each: Vec<Judged> = series.iter().map(|s| Judged::of(s, length)).collect();
        check_moved(&each.iter().map(|j| j.summary).collect::<Vec<_>>(), ended.run.acceptance, first + row)?;
        let divergences = ended.divergences(density);
        let gate = gate(&series, &each, ended, divergences, options.chains);
        append(&mut out, density.unique(), &each, &covariances(&series, &each), divergences, gate);
    }
    Ok(out)
}

/// The distinct statistics at positions `z`, [n, m], each a series `[n]`; `parameters` are those of the density.
fn series(density: &Density, z: &[f64], parameters: &[f64]) -> Vec<Vec<f64>> {
    let t = density.program().evaluate(Density::STATISTICS, z, parameters);
    (0..density.distinct()).map(|i| t.iter().skip(i).step_by(density.distinct()).copied().collect()).collect()
}

/// Summary of a statistic, and its rank-normalised R-hat.
struct Judged {
    summary: Summary,
    rhat: f64,
}

impl Judged {
    fn of(series: &[f64], length: usize) -> Judged {
        let chains: Vec<&[f64]> = series.chunks(length).collect();
        let summary = diagnose::summarize(&chains);
        // A statistic that is the same everywhere agrees with itself.
        let rhat = if summary.variance == 0.0 { 1.0 } else { diagnose::rhat_rank(&chains) };
        Judged { summary, rhat }
    }
}

/// The least effective sample size, and the largest R-hat.
fn worst(each: &[Judged]) -> (f64, f64) {
    let ess = each.iter().map(|j| j.summary.ess).fold(f64::INFINITY, f64::min);
    (ess, each.iter().map(|j| j.rhat).fold(1.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) }))
}

/// Covariances of the distinct statistics, [distinct, distinct].
fn covariances(series: &[Vec<f64>], each: &[Judged]) -> Vec<f64> {
    let n = series.len();
    let mut cov = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (a, b) = (each[i].summary.mean, each[j].summary.mean);
            let total: f64 = series[i].iter().zip(&series[j]).map(|(x, y)| (x - a) * (y - b)).sum();
            let value = total / (series[i].len() as f64 - 1.0);
            (cov[i * n + j], cov[j * n + i]) = (value, value);
        }
    }
    cov
}

fn append(out: &mut Moments, unique: &[usize], each: &[Judged], cov: &[f64], divergences: usize, gate: &'static str) {
    let (ess, rhat) = worst(each);
    out.mu_t.extend(unique.iter().map(|u| each[*u].summary.mean));
    out.mcse.extend(unique.iter().map(|u| each[*u].summary.mcse()));
    out.ess.push(ess);
    out.rhat.push(rhat);
    out.divergences.push(divergences);
    out.method.push("nuts");
    out.gate.push(gate);
    if let Some(all) = &mut out.cov_tt {
        unique.iter().for_each(|i| all.extend(unique.iter().map(|j| cov[i * each.len() + j])));
    }
}

/// Rank-normalised split R-hat above which a row has not converged, as for HMC. The 1.01 of Vehtari et al. (2021) is for four
/// long chains. Of half chains of n draws that have converged, R-hat^2 is 1 + (t - 1) / n with t draws for an effective one: of
/// the 62 draws of a half chain by default 1.01 refuses whatever has less than 900 effective draws of 2000, and 1.05 what has
/// less than 270.
const RHAT: f64 = 1.05;
/// Effective draws below which the estimate of the error is not to be trusted: for a row, and for each of its chains.
const ESS: f64 = 100.0;
const ESS_PER_CHAIN: f64 = 5.0;
/// Divergent transitions per draw above which a part of the support is likely to be missed. Light tails, as of exp(-x^4),
/// make one in fifty diverge at the usual acceptance, without harm.
const DIVERGENT: f64 = 0.05;

/// Whether a chain, the draws in `range`, stands still where others move.
fn stuck(series: &[Vec<f64>], range: std::ops::Range<usize>) -> bool {
    let still = |s: &[f64]| s.iter().all(|v| *v == s[0]);
    series.iter().all(|s| still(&s[range.clone()])) && series.iter().any(|s| !still(s))
}

/// The test that a row failed, of the distinct statistics, each [chains, draws].
fn gate(series: &[Vec<f64>], each: &[Judged], ended: &Ended, divergences: usize, chains: usize) -> &'static str {
    let ((ess, rhat), draws) = (worst(each), series.first().map_or(0, Vec::len));
    let diverged = divergences as f64 / draws as f64;
    let rare = || series.iter().zip(each).any(|(s, j)| is_rare(s.iter().map(|t| (t - j.summary.mean).powi(2))));
    let bias = if ended.space.is_stretched() { stretch::BIAS * diverged } else { 0.0 };
    match () {
        () if (0..chains).any(|c| stuck(series, c * (draws / chains)..(c + 1) * (draws / chains))) => "stuck",
        () if rare() => RARE,
        () if rhat.is_nan() || rhat > RHAT => "rhat",
        () if ess.is_nan() || ess < ESS.max(ESS_PER_CHAIN * chains as f64) => "ess",
        () if diverged > DIVERGENT || bias > ess.sqrt().recip() => "divergences",
        () if ended.sight.long => "tails",
        () => "",
    }
}
