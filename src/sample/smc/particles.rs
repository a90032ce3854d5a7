//! Particles side by side in lanes, moved by Hamiltonian Monte Carlo at one temperature.

use crate::expr::lanes::Pool;
use crate::family::Tempered;
use crate::num::stream::{Stream, Xoshiro};
use rand::Rng;
use rand_distr::StandardNormal;

/// All particles of a row: populations one after the other.
pub(super) struct Particles<'a> {
    tempered: &'a Tempered,
    eta: &'a [f64],
    /// Positions, [n, m].
    pub z: Vec<f64>,
    /// Particles of a population.
    each: usize,
    pool: Pool,
    hoisted: Vec<f64>,
    /// Step in units of `scale`, and how often it was changed.
    step: f64,
    scale: Vec<f64>,
}

/// Leapfrogs of a trajectory: its length is about a quarter period of a standardised Gaussian.
const LENGTH: f64 = 1.5;
/// Most leapfrogs.
const MOST: usize = 32;
/// Acceptance that the step is changed towards.
const TARGET: f64 = 0.8;
/// First step, in standard deviations.
const STEP: f64 = 0.5;

impl<'a> Particles<'a> {
    pub fn new(tempered: &'a Tempered, eta: &'a [f64], z: Vec<f64>, each: usize) -> Particles<'a> {
        let m = tempered.free();
        Particles { tempered, eta, z, each, pool: tempered.program().pool(), hoisted: vec![], step: STEP, scale: vec![1.0; m] }
    }
    fn count(&self) -> usize {
        self.z.len() / self.tempered.free()
    }
    /// Set the temperature, and the units of each coordinate to the spread of the particles.
    pub fn heat(&mut self, beta: f64) {
        let parameter: Vec<f64> = self.eta.iter().copied().chain([beta]).collect();
        self.hoisted = self.tempered.program().hoist(&parameter);
        let (m, n) = (self.tempered.free(), self.count() as f64);
        for j in 0..m {
            let column = || self.z.iter().skip(j).step_by(m);
            let mean = column().sum::<f64>() / n;
            let variance = column().map(|z| (z - mean).powi(2)).sum::<f64>() / n;
            self.scale[j] = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        }
        for lane in 0..self.tempered.program().lanes() {
            self.tempered.program().set_hoisted(&mut self.pool, lane, &self.hoisted);
        }
    }
    /// The derivative of the log density with respect to beta, `[n]`.
    pub fn couplings(&mut self) -> Vec<f64> {
        let (program, n) = (self.tempered.program(), self.count());
        let w = program.lanes();
        let mut out = Vec::with_capacity(n);
        for first in (0..n).step_by(w) {
            self.load(first);
            program.run(&mut self.pool, Tempered::COUPLING);
            out.extend_from_slice(&program.output(&self.pool, Tempered::COUPLING, 0)[..w.min(n - first)]);
        }
        out
    }
    /// Put the particles from `first` on into the lanes; lanes beyond the last particle repeat it.
    fn load(&mut self, first: usize) {
        let (program, m, n) = (self.tempered.program(), self.tempered.free(), self.count());
        for j in 0..m {
            for (lane, slot) in program.coordinate(&mut self.pool, j).iter_mut().enumerate() {
                *slot = self.z[(first + lane).min(n - 1) * m + j];
            }
        }
    }
    /// One transition of every particle; `stream` has a child for each population. Returns the mean acceptance.
    pub fn advance(&mut self, stream: Stream) -> f64 {
        let (n, m, w) = (self.count(), self.tempered.free(), self.tempered.program().lanes());
        let mut rngs: Vec<Xoshiro> = (0..n / self.each).map(|p| stream.at(p as u64).rng()).collect();
        // Jitter against resonance (Neal 2011, section 5.4.2), the same for all.
        let step = self.step * (0.6 + 0.6 * stream.child("jitter").rng().random::<f64>());
        let leapfrogs = ((LENGTH / step).round() as usize).clamp(1, MOST);
        let mut accepted = 0.0;
        for first in (0..n).step_by(w) {
            self.load(first);
            let live = w.min(n - first);
            let mut momentum = vec![0.0; m * w];
            let mut uniform = vec![1.0; live];
            for lane in 0..live {
                let rng = &mut rngs[(first + lane) / self.each];
                (0..m).for_each(|j| momentum[j * w + lane] = rng.sample(StandardNormal));
                uniform[lane] = rng.random();
            }
            let energy = self.trajectory(&mut momentum, step, leapfrogs);
            for lane in 0..live {
                let chance = if energy[lane].is_nan() { 0.0 } else { energy[lane].min(0.0).exp() };
                accepted += chance;
                if uniform[lane] < chance {
                    let z = self.tempered.program().point(&mut self.pool);
                    let at = first + lane;
                    (0..m).for_each(|j| self.z[at * m + j] = z[j * w + lane]);
                }
            }
        }
        let rate = accepted / n as f64;
        self.step = (self.step * (rate - TARGET).exp()).clamp(1e-3, 2.0);
        rate
    }
    /// Leapfrogs of all lanes from where they are; the change of log density less kinetic energy of each.
    fn trajectory(&mut self, momentum: &mut [f64], step: f64, leapfrogs: usize) -> Vec<f64> {
        let program = self.tempered.program();
        let (m, w) = (self.tempered.free(), program.lanes());
        let both = Tempered::VALUE_AND_GRADIENT;
        let kinetic = |p: &[f64], lane: usize| (0..m).map(|j| 0.5 * p[j * w + lane].powi(2)).sum::<f64>();
        program.run(&mut self.pool, both);
        let before = program.output(&self.pool, both, 0);
        let mut energy: Vec<f64> = (0..w).map(|lane| kinetic(momentum, lane) - before[lane]).collect();
        self.kick(momentum, both, 1, 0.5 * step);
        for done in 1..=leapfrogs {
            for j in 0..m {
                let drift = step * self.scale[j];
                let p = &momentum[j * w..(j + 1) * w];
                program.coordinate(&mut self.pool, j).iter_mut().zip(p).for_each(|(z, p)| *z += drift * p);
            }
            let last = done == leapfrogs;
            let (entry, skip) = if last { (both, 1) } else { (Tempered::GRADIENT, 0) };
            program.run(&mut self.pool, entry);
            self.kick(momentum, entry, skip, if last { 0.5 * step } else { step });
        }
        let after = program.output(&self.pool, both, 0);
        (0..w).for_each(|lane| energy[lane] += after[lane] - kinetic(momentum, lane));
        energy
    }
    /// Momentum, in units of the inverse scale, along the gradient in outputs `skip`, ... of an entry.
    fn kick(&self, momentum: &mut [f64], entry: usize, skip: usize, step: f64) {
        let (program, w) = (self.tempered.program(), self.tempered.program().lanes());
        for j in 0..self.tempered.free() {
            let (kick, slope) = (step * self.scale[j], program.output(&self.pool, entry, skip + j));
            momentum[j * w..(j + 1) * w].iter_mut().zip(slope).for_each(|(p, g)| *p += kick * g);
        }
    }
}
