//! Jumps: after a trajectory one coordinate of a chain is drawn anew from the separable base, and accepted or not.
//!
//! Trajectories see the density around them. Modes that a barrier parts, and tails that are far but not empty, are reached
//! by jumps, in the proportions that they have. The base proposes without regard to where a chain is: an independence
//! sampler on one coordinate, with the Metropolis-Hastings ratio p(z') q(z_j) / (p(z) q(z'_j)).
//!
//! # Source
//! Tierney, "Markov chains for exploring posterior distributions", Annals of Statistics 22 (1994), section 2.3.3; cycles of
//! kernels: section 2.4.

use super::Group;
use crate::family::{Density, Family};
use crate::num::stream::{Stream, Xoshiro};
use crate::sample::base::{Base, Detail};
use rand::Rng;

/// Part of the jumps that must be accepted in the last part of warm-up for a row to go on with them.
const WORTHWHILE: f64 = 0.05;
/// Transitions to a jump where several coordinates share them; on a line every transition is followed by one. Measured: more
/// jumps cost more gradients an effective sample than they save where modes are not apart.
const SELDOM: usize = 4;
/// Draws to a probe.
const PROBED: usize = 2;
/// Chains start between these quantiles of the base: the rest is left to the jumps.
const STARTS: (f64, f64) = (0.025, 0.975);

/// What jumps need, row by row and lane by lane.
pub(super) struct Jumps {
    bases: Vec<Option<Base>>,
    /// Whether a row has one: asked at every transition.
    any: bool,
    /// Whether each row had one at the start, in which every coordinate follows its own terms.
    had: Vec<bool>,
    rngs: Vec<Xoshiro>,
    /// Transitions since the chains were last seeded.
    turn: usize,
    /// Jumps and accepted ones of each row since they were last counted from zero.
    tried: Vec<usize>,
    accepted: Vec<usize>,
}

impl Jumps {
    /// The bases of the rows of `eta`, [rows, k], where `wanted`; rows whose base lacks a coordinate have no jumps.
    pub(super) fn new(family: &Family, eta: &[f64], rows: usize, wanted: bool) -> Jumps {
        let base = |eta: &[f64]| {
            let terms = family.terms().filter(|_| wanted && !family.support().bijector().discrete())?;
            Base::new(terms, eta, Detail::Coarse).filter(|b| b.foreign.is_empty())
        };
        let bases: Vec<Option<Base>> = eta.chunks(eta.len() / rows.max(1)).map(base).collect();
        let any = bases.iter().any(Option::is_some);
        let had = bases.iter().map(|b| b.as_ref().is_some_and(|b| b.own)).collect();
        Jumps { bases, any, had, rngs: vec![], turn: 0, tried: vec![0; rows], accepted: vec![0; rows] }
    }
    /// Where a chain of a row starts; none where the row has no base.
    pub(super) fn start(&self, row: usize, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let base = self.bases[row].as_ref()?;
        let mut quantile = || STARTS.0 + (STARTS.1 - STARTS.0) * rng.random::<f64>();
        Some(base.lines.iter().map(|line| line.draw(quantile(), false).0).collect())
    }
    /// Whether the chains of a row started by a base in which every coordinate follows its own terms, tails and all.
    pub(super) fn had_base(&self, row: usize) -> bool {
        self.had[row]
    }
    /// Jumps of a row since they were last counted from zero.
    pub(super) fn tried(&self, row: usize) -> usize {
        self.tried[row]
    }
    /// The generators of the lanes, below the streams of their chains.
    pub(super) fn seed(&mut self, of_lanes: impl Iterator<Item = Stream>) {
        self.rngs = of_lanes.map(|s| s.child("jump").rng()).collect();
        self.turn = 0;
        self.count_anew();
    }
    /// Count from zero.
    pub(super) fn count_anew(&mut self) {
        self.tried.fill(0);
        self.accepted.fill(0);
    }
    /// Give up all jumps: chains have nothing but trajectories.
    pub(super) fn give_up(&mut self) {
        self.bases.fill_with(|| None);
        self.had.fill(false);
        self.any = false;
    }
    /// Give up jumps in rows that seldom accept one.
    pub(super) fn keep_worthwhile(&mut self) {
        for row in 0..self.bases.len() {
            if (self.accepted[row] as f64) < WORTHWHILE * self.tried[row] as f64 {
                self.bases[row] = None;
            }
        }
        self.any = self.bases.iter().any(Option::is_some);
    }
}

/// A place where a chain might be, one coordinate away from where it is: somewhere in the table of the base, bulk and tails
/// alike, so that a mode of little mass is seen though no chain went there.
pub(in crate::sample::hmc) struct Probe {
    /// Lane.
    pub lane: usize,
    /// The coordinate that is another.
    pub coordinate: usize,
    /// Its value.
    pub to: f64,
    /// The log of what times p(z') / p(z) is its weight, of mean one: q(z_j) over the density of `to`.
    pub log_weight: f64,
}

/// A jump of one lane.
struct Jump {
    lane: usize,
    row: usize,
    coordinate: usize,
    from: f64,
    /// log q(z_j) - log q(z'_j) - log of a uniform variate.
    threshold: f64,
}

impl Group<'_> {
    /// Probes around the chains of block `b`, every so many draws, for rows that jump.
    pub(super) fn probes(&mut self, b: usize) -> Vec<Probe> {
        let (program, w, m, lanes) = (self.density.program(), self.width(), self.density.free(), self.rows * self.plan.chains);
        if !self.jumps.turn.is_multiple_of(PROBED) {
            return vec![];
        }
        let mut probes = Vec::new();
        for lane in 0..w {
            let row = (b * w + lane).min(lanes - 1) / self.plan.chains;
            let Some(base) = &self.jumps.bases[row] else { continue };
            let rng = &mut self.jumps.rngs[b * w + lane];
            let coordinate = if m == 1 { 0 } else { rng.random_range(0..m) };
            let line = &base.lines[coordinate];
            let (to, log_there) = line.spread(rng.random());
            let here = program.coordinate(&mut self.blocks[b].pool, coordinate)[lane];
            probes.push(Probe { lane, coordinate, to, log_weight: line.log_density(here) - log_there });
        }
        probes
    }
    /// One jump of every chain whose row has a base.
    pub(super) fn jump(&mut self) {
        let (program, w, m) = (self.density.program(), self.width(), self.density.free());
        let lanes = self.rows * self.plan.chains;
        if !self.jumps.any {
            return;
        }
        self.jumps.turn += 1;
        if m > 1 && !self.jumps.turn.is_multiple_of(SELDOM) {
            return;
        }
        for (b, block) in self.blocks.iter_mut().enumerate() {
            let mut jumps = Vec::with_capacity(w);
            for lane in 0..w {
                let row = (b * w + lane).min(lanes - 1) / self.plan.chains;
                let Some(base) = &self.jumps.bases[row] else { continue };
                let rng = &mut self.jumps.rngs[b * w + lane];
                let coordinate = if m == 1 { 0 } else { rng.random_range(0..m) };
                let (place, luck): (f64, f64) = (rng.random(), rng.random());
                let line = &base.lines[coordinate];
                let (to, log_to) = if place > 0.5 { line.draw(1.0 - place, true) } else { line.draw(place, false) };
                let from = std::mem::replace(&mut program.coordinate(&mut block.pool, coordinate)[lane], to);
                jumps.push(Jump { lane, row, coordinate, from, threshold: line.log_density(from) - log_to - luck.ln() });
            }
            program.run(&mut block.pool, Density::VALUE_AND_GRADIENT);
            for jump in jumps {
                let lane = jump.lane;
                let output = |i: usize| program.output(&block.pool, Density::VALUE_AND_GRADIENT, i)[lane];
                let value = output(0);
                // NaN compares false: it is not accepted.
                let accepted = value - block.value[lane] + jump.threshold > 0.0;
                if accepted {
                    (0..m).for_each(|j| block.gradient[j * w + lane] = output(j + 1));
                    block.value[lane] = value;
                } else {
                    program.coordinate(&mut block.pool, jump.coordinate)[lane] = jump.from;
                }
                if b * w + lane < lanes {
                    self.jumps.tried[jump.row] += 1;
                    self.jumps.accepted[jump.row] += usize::from(accepted);
                }
            }
        }
    }
}
