//! The chains of a few rows side by side: each lane of the density's program serves one chain, which takes its steps at
//! its own pace. A chain draws from its own streams, so its draws do not depend on its neighbours.

use super::NutsOptions;
use super::tree::{Chain, Outcome, Tuning};
use super::warmup::{Spread, Windows};
use crate::expr::lanes::Pool;
use crate::family::{Density, Family};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::hmc::adapt::DualAveraging;
use crate::sample::inside::seek;
use crate::sample::stretch::Space;
use rand::Rng;
use rand_distr::StandardNormal;

/// Starts that a chain tries before it stays where the density is zero.
const STARTS: u64 = 200;
/// Doublings or halvings of the step size at most.
const TRIALS: usize = 100;
/// Sum of acceptance probabilities over a window below which a chain counts as stuck.
const STUCK: f64 = 1.0;

/// Takes the number of a chain, the chain, what its row shares, and value and gradient where it asked for them.
type Tell<'f> = &'f mut dyn FnMut(usize, &mut Chain, &Tuning, f64, &[f64]);

/// A few rows of eta with all their chains.
pub(super) struct Lanes<'a> {
    density: &'a Density,
    pools: Vec<Pool>,
    pub chains: Vec<Chain>,
    per_row: usize,
    pub tunings: Vec<Tuning>,
    streams: Vec<Stream>,
    options: &'a NutsOptions,
}

impl<'a> Lanes<'a> {
    /// Place the chains of the rows `eta`, [rows, k], in `space`; `streams[r]` is the stream of row r.
    pub(super) fn new(
        family: &'a Family,
        space: &Space,
        eta: &[f64],
        streams: Vec<Stream>,
        options: &'a NutsOptions,
    ) -> Lanes<'a> {
        let density = space.density(family);
        let (rows, per_row, w, m) = (streams.len(), options.chains, density.program().lanes(), density.free());
        let k = eta.len() / rows.max(1);
        let mut pools: Vec<Pool> = (0..(rows * per_row).div_ceil(w)).map(|_| density.program().pool()).collect();
        for row in 0..rows {
            let hoisted = density.program().hoist(&space.parameters(row, &eta[row * k..(row + 1) * k]));
            (row * per_row..(row + 1) * per_row)
                .for_each(|c| density.program().set_hoisted(&mut pools[c / w], c % w, &hoisted));
        }
        let place = |c: usize| {
            let stream = streams[c / per_row];
            let mut rng = stream.child("start").at((c % per_row) as u64).rng();
            let z = (0..m).map(|_| rng.sample(StandardNormal)).collect();
            Chain::new(z, stream.child("warm-up").at((c % per_row) as u64).rng())
        };
        let tuning = Tuning { step: options.step_size, inverse_mass: vec![1.0; m], max_depth: options.max_depth };
        let chains = (0..rows * per_row).map(place).collect();
        let mut lanes = Lanes { density, pools, chains, per_row, tunings: vec![tuning; rows], streams, options };
        lanes.start_inside(family, space, eta);
        lanes
    }
    /// Value and gradient where `ask` wants them, of the chains for which `active` holds; `tell` takes them.
    fn evaluate(&mut self, active: &[bool], ask: impl Fn(&mut Chain, &Tuning, &mut dyn FnMut(usize, f64)), tell: Tell) {
        let (program, w, m) = (self.density.program(), self.density.program().lanes(), self.density.free());
        let mut gradient = vec![0.0; m];
        for (b, pool) in self.pools.iter_mut().enumerate() {
            let members = b * w..((b + 1) * w).min(self.chains.len());
            if !members.clone().any(|c| active[c]) {
                continue;
            }
            for c in members.clone().filter(|c| active[*c]) {
                ask(&mut self.chains[c], &self.tunings[c / self.per_row], &mut |j, z| {
                    program.coordinate(pool, j)[c % w] = z;
                });
            }
            program.run(pool, Density::VALUE_AND_GRADIENT);
            for c in members.filter(|c| active[*c]) {
                let output = |i| program.output(pool, Density::VALUE_AND_GRADIENT, i)[c % w];
                gradient.iter_mut().enumerate().for_each(|(j, g)| *g = output(j + 1));
                tell(c, &mut self.chains[c], &self.tunings[c / self.per_row], output(0), &gradient);
            }
        }
    }
    /// Value and gradient at the states of the chains for which `active` holds.
    fn look(&mut self, active: &[bool]) {
        let ask = |chain: &mut Chain, _: &Tuning, put: &mut dyn FnMut(usize, f64)| {
            chain.state.z.iter().enumerate().for_each(|(j, z)| put(j, *z));
        };
        self.evaluate(active, ask, &mut |_, chain, _, value, gradient| {
            (chain.state.value, chain.state.gradient) = (value, gradient.to_vec());
        });
    }
    fn leapfrog(&mut self, active: &[bool], tell: Tell) {
        let ask = |chain: &mut Chain, tuning: &Tuning, put: &mut dyn FnMut(usize, f64)| {
            chain.advance(tuning).iter().enumerate().for_each(|(j, z)| put(j, *z));
        };
        self.evaluate(active, ask, tell);
    }
    /// Draw again, some times, where the density is zero or has no gradient at the start of a chain; then seek a place.
    fn start_inside(&mut self, family: &Family, space: &Space, eta: &[f64]) {
        let mut outside = vec![true; self.chains.len()];
        for attempt in 0..STARTS {
            self.look(&outside);
            for (c, out) in outside.iter_mut().enumerate() {
                let state = &mut self.chains[c].state;
                *out = !(state.value.is_finite() && state.gradient.iter().all(|g| g.is_finite()));
                if *out && attempt + 1 < STARTS {
                    let stream = self.streams[c / self.per_row].child("start").at((c % self.per_row) as u64);
                    let mut rng = stream.child("again").at(attempt + 1).rng();
                    state.z.iter_mut().for_each(|z| *z = rng.sample(StandardNormal));
                }
            }
            if !outside.contains(&true) {
                return;
            }
        }
        let k = eta.len() / self.tunings.len();
        for c in (0..self.chains.len()).filter(|c| outside[*c]) {
            let row = c / self.per_row;
            let mut rng = self.streams[row].child("start").at((c % self.per_row) as u64).child("sought").rng();
            let state = &mut self.chains[c].state;
            if state.value == f64::NEG_INFINITY {
                let from: Vec<f64> = state.z.iter().map(|_| rng.sample(StandardNormal)).collect();
                if let Some(z) = seek(family, &eta[row * k..(row + 1) * k], &from, &mut rng) {
                    state.z = space.of(row, z);
                }
            }
        }
        self.look(&outside);
    }
    /// Whether some chain of a row stands where the density is zero or unknown.
    pub(super) fn outside(&self, row: usize) -> bool {
        self.chains[row * self.per_row..(row + 1) * self.per_row].iter().any(|c| !c.state.value.is_finite())
    }
    /// Transitions of every chain until `enough` says of each, given its outcome, that it may rest.
    pub(super) fn run(&mut self, enough: &mut dyn FnMut(usize, &Chain, Outcome) -> bool) {
        let mut active = vec![true; self.chains.len()];
        for c in 0..self.chains.len() {
            self.chains[c].start(&self.tunings[c / self.per_row]);
        }
        while active.contains(&true) {
            let before = active.clone();
            self.leapfrog(&before, &mut |c, chain, tuning, value, gradient| {
                if let Some(outcome) = chain.take(value, gradient, tuning) {
                    active[c] = !enough(c, chain, outcome);
                    if active[c] {
                        chain.start(tuning);
                    }
                }
            });
        }
    }
    /// Double or halve the step size of each row until the acceptance of one leapfrog, over its chains, crosses 0.8.
    ///
    /// # Source
    /// Hoffman and Gelman (2014), algorithm 4, with the constant of Stan.
    fn first_step(&mut self) {
        let rows = self.tunings.len();
        let mut grows = vec![None; rows];
        let mut open = vec![true; rows];
        for _ in 0..TRIALS {
            let active: Vec<bool> = (0..self.chains.len()).map(|c| open[c / self.per_row]).collect();
            for c in (0..self.chains.len()).filter(|c| active[*c]) {
                self.chains[c].start(&self.tunings[c / self.per_row]);
            }
            let (mut mean, n) = (vec![0.0; rows], self.per_row as f64);
            let per_row = self.per_row;
            self.leapfrog(&active, &mut |c, chain, tuning, value, gradient| {
                mean[c / per_row] += chain.probe(value, gradient, tuning) / n;
            });
            for row in (0..rows).filter(|r| open[*r]).collect::<Vec<_>>() {
                let good = mean[row] > 0.8;
                let growing = *grows[row].get_or_insert(good);
                if good != growing {
                    open[row] = false;
                } else {
                    let step = self.tunings[row].step * if growing { 2.0 } else { 0.5 };
                    self.tunings[row].step = step.clamp(1e-12, 1e12);
                }
            }
            if !open.contains(&true) {
                return;
            }
        }
    }
    /// Warm-up: step size and metric, pooled over the chains of a row; then the streams of the sampling.
    /// Ends early when the user interrupts.
    pub(super) fn warm_up(&mut self, monitor: &Monitor) {
        let (rows, m, per_row) = (self.tunings.len(), self.density.free(), self.per_row);
        let windows = Windows::new(self.options.warmup);
        let tuner = |tuning: &Tuning| DualAveraging::new(tuning.step, self.options.target_accept);
        if self.options.warmup > 0 {
            self.first_step();
        }
        let mut tuners: Vec<DualAveraging> = self.tunings.iter().map(tuner).collect();
        let mut spreads = vec![Spread::new(m); rows];
        let mut accepted = vec![0.0; self.chains.len()];
        for i in (0..self.options.warmup).take_while(|_| !monitor.cancelled()) {
            let mut mean = vec![0.0; rows];
            self.run(&mut |c, chain, outcome| {
                mean[c / per_row] += outcome.acceptance / per_row as f64;
                accepted[c] += outcome.acceptance;
                if windows.holds(i) {
                    spreads[c / per_row].add(&chain.state.z);
                }
                true
            });
            for (row, tuner) in tuners.iter_mut().enumerate() {
                tuner.update(mean[row]);
                self.tunings[row].step = tuner.step();
                if windows.ends(i) {
                    self.tunings[row].inverse_mass = std::mem::replace(&mut spreads[row], Spread::new(m)).inverse_mass();
                }
            }
            if windows.ends(i) {
                self.free_stuck(&accepted, i as u64);
                accepted.fill(0.0);
                self.first_step();
                tuners = self.tunings.iter().map(tuner).collect();
            }
        }
        for (tuning, tuner) in self.tunings.iter_mut().zip(&tuners).filter(|_| self.options.warmup > 0) {
            tuning.step = tuner.settled();
        }
        for (c, chain) in self.chains.iter_mut().enumerate() {
            chain.rng = self.streams[c / per_row].child("sample").at((c % per_row) as u64).rng();
        }
    }
    /// Chains that did not move in the last window, because the step that suits the others is too long where they are, go
    /// where another chain of their row is. Only in warm-up, whose draws are not kept.
    fn free_stuck(&mut self, accepted: &[f64], when: u64) {
        for row in 0..self.tunings.len() {
            let members = row * self.per_row..(row + 1) * self.per_row;
            let (moving, stuck): (Vec<usize>, Vec<usize>) = members.partition(|c| accepted[*c] > STUCK);
            for c in stuck.into_iter().filter(|_| !moving.is_empty()) {
                let mut rng = self.streams[row].child("rescue").at(when).at((c % self.per_row) as u64).rng();
                self.chains[c].state = self.chains[moving[rng.random_range(0..moving.len())]].state.clone();
            }
        }
    }
}
