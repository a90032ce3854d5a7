//! Warm-up of a group: mass, step size and trajectory length of each row, pooled over its chains.

use super::super::adapt::{Chees, DualAveraging, Ride};
use super::{Block, Group};
use crate::num::observe::Monitor;
use crate::sample::diagnose;
use rand::Rng;

/// Sum of acceptance probabilities over a window below which a chain counts as stuck.
const STUCK: f64 = 1.0;
/// Chains below which their spread is no guide to scales.
const FEWEST: usize = 4;

impl Group<'_> {
    /// `iterations` of warm-up: step size first, then two windows for the mass, then the step size again.
    /// Ends early when the user interrupts.
    pub fn warm_up(&mut self, iterations: usize, monitor: &Monitor) {
        let windows = [0.15, 0.4, 0.85].map(|f: f64| (f * iterations as f64).round() as usize);
        let mut accepted = vec![0.0; self.rows * self.plan.chains];
        self.blocks.iter_mut().for_each(|b| b.watched = self.plan.adapt);
        for i in (0..iterations).take_while(|_| !monitor.cancelled()) {
            if !self.plan.adapt {
                self.step();
                continue;
            }
            if windows.contains(&i) {
                self.free_stuck(&accepted, i as u64);
                accepted.fill(0.0);
                if i > windows[0] {
                    self.update_mass();
                }
                self.jumps.count_anew();
                self.open_window();
            }
            self.step();
            self.watch();
            for row in 0..self.rows {
                let now = self.of_row(row, |b| &b.acceptance);
                self.tuners[row].update(now.iter().sum::<f64>() / now.len() as f64);
                let first = row * self.plan.chains;
                accepted[first..].iter_mut().zip(&now).for_each(|(a, n)| *a += n);
            }
            // On a line the mass alone sets the scale: there is nothing to find.
            if self.density.free() > 1 {
                self.update_lengths();
            }
            self.apply_tuners(|t, l| (t.step(), l.length()));
        }
        if self.plan.adapt && iterations > 0 {
            self.apply_tuners(|t, l| (t.settled(), l.settled()));
            self.jumps.keep_worthwhile();
        }
        self.blocks.iter_mut().for_each(|b| b.watched = false);
    }
    /// Tell each row's length how its trajectories went, in units of the present mass.
    fn update_lengths(&mut self) {
        let (w, m, chains) = (self.width(), self.density.free(), self.plan.chains);
        for row in 0..self.rows {
            let members = || (row * chains..(row + 1) * chains).map(|g| (&self.blocks[g / w], g % w));
            let weight: f64 = members().map(|(b, l)| b.acceptance[l]).sum();
            let mut rides: Vec<Ride> = members()
                .map(|(b, l)| Ride { acceptance: b.acceptance[l], time: b.step[l] * b.steps[l], gain: 0.0, pull: 0.0 })
                .collect();
            for j in 0..m {
                let before = members().map(|(b, l)| b.start[j * w + l]).sum::<f64>() / chains as f64;
                // What is not accepted may lie anywhere.
                let alive = members().filter(|(b, l)| b.acceptance[*l] > 0.0);
                let after = alive.map(|(b, l)| b.acceptance[l] * b.end[j * w + l]).sum::<f64>() / weight;
                for ((b, l), ride) in members().zip(&mut rides).filter(|(_, r)| r.acceptance > 0.0) {
                    let at = j * w + l;
                    let (from, to) = (b.start[at] - before, b.end[at] - after);
                    ride.gain += (to * to - from * from) / b.inverse_mass[at];
                    ride.pull += to * b.velocity[at] / b.inverse_mass[at];
                }
            }
            self.lengths[row].update(&rides);
        }
    }
    /// A first inverse mass from the spread of the positions and of the gradients: exact for a Gaussian without correlations,
    /// whatever its scales, before a single step. In rows where starts were `sought` the positions alone tell.
    ///
    /// # Source
    /// The diagonal that minimises the Fisher divergence: Seyboldt, Carlson and Carpenter, "Preconditioning Hamiltonian
    /// Monte Carlo by minimizing Fisher divergence", arXiv 2603.18845 (2026).
    pub(super) fn guess_mass(&mut self, sought: &[bool]) {
        let (w, m, chains) = (self.width(), self.density.free(), self.plan.chains);
        for (row, sought) in sought.iter().enumerate() {
            for j in 0..m {
                let spread = |pick: &dyn Fn(&Block) -> &[f64]| {
                    let values: Vec<f64> = (row * chains..(row + 1) * chains)
                        .map(|g| pick(&self.blocks[g / w])[j * w + g % w])
                        .filter(|v| v.is_finite())
                        .collect();
                    if values.len() < FEWEST { f64::NAN } else { diagnose::variance(&values) }
                };
                let positions = spread(&|b| b.pool.numbers());
                let ratio = positions / spread(&|b| &b.gradient);
                self.set_mass(row, j, if *sought { positions } else { ratio.sqrt() });
            }
        }
        self.pad_mass();
    }
    /// Set the inverse mass of a coordinate of a row, where `variance` is one.
    fn set_mass(&mut self, row: usize, j: usize, variance: f64) {
        let (w, chains) = (self.width(), self.plan.chains);
        if variance.is_finite() && variance > 1e-200 {
            for g in row * chains..(row + 1) * chains {
                let (b, i) = (g / w, j * w + g % w);
                self.blocks[b].inverse_mass[i] = variance;
                self.blocks[b].root_mass[i] = variance.sqrt().recip();
            }
        }
    }
    /// Padding lanes follow the last chain.
    fn pad_mass(&mut self) {
        let (w, last) = (self.width(), self.rows * self.plan.chains - 1);
        for g in last + 1..self.blocks.len() * w {
            for j in 0..self.density.free() {
                let value = self.blocks[last / w].inverse_mass[j * w + last % w];
                self.blocks[g / w].inverse_mass[j * w + g % w] = value;
                self.blocks[g / w].root_mass[j * w + g % w] = value.sqrt().recip();
            }
        }
    }
    /// Chains that did not move since the last window, because the step that suits the others is too long where they are, go
    /// where another chain of their row is. Only in warm-up, whose draws are not kept.
    fn free_stuck(&mut self, accepted: &[f64], when: u64) {
        let (w, m, chains) = (self.width(), self.density.free(), self.plan.chains);
        let mut freed = false;
        for row in 0..self.rows {
            let members = row * chains..(row + 1) * chains;
            let moving: Vec<usize> = members.clone().filter(|g| accepted[*g] > STUCK).collect();
            // A statistic that is not a number where a chain is has to be seen, not passed by.
            let stuck = |g: &usize| accepted[*g] <= STUCK && self.blocks[*g / w].value[*g % w].is_finite();
            let all: Vec<usize> = members.filter(|g| stuck(g) && !moving.is_empty()).collect();
            for stuck in all {
                let mut rng = self.rescue[row].at(when).at((stuck % chains) as u64).rng();
                let donor = moving[rng.random_range(0..moving.len())];
                for j in 0..m {
                    let z = self.blocks[donor / w].pool.numbers()[j * w + donor % w];
                    self.blocks[stuck / w].pool.numbers_mut()[j * w + stuck % w] = z;
                }
                freed = true;
            }
        }
        if freed {
            self.evaluate();
        }
    }
    /// Set steps and leapfrogs by the step size and trajectory length that `of` takes from a row's tuners.
    fn apply_tuners(&mut self, of: impl Fn(&DualAveraging, &Chees) -> (f64, f64)) {
        let most = self.plan.integration_steps;
        let settings: Vec<(f64, usize)> = self
            .tuners
            .iter()
            .zip(&self.lengths)
            .map(|(tuner, length)| {
                let (step, length) = of(tuner, length);
                (step, ((length / step).round() as usize).clamp(1, most))
            })
            .collect();
        self.set_steps(|row| settings[row]);
    }
    /// Set the inverse mass to the variance of the window, pooled over the chains of each row.
    fn update_mass(&mut self) {
        let (w, m, chains, n) = (self.width(), self.density.free(), self.plan.chains, self.window as f64);
        for row in 0..self.rows {
            for j in 0..m {
                let lane = |g: usize| (g / w, j * w + g % w);
                let members = row * chains..(row + 1) * chains;
                let means: Vec<f64> =
                    members.clone().map(lane).map(|(b, i)| self.blocks[b].shift[i] + self.blocks[b].sum[i] / n).collect();
                let center = means.iter().sum::<f64>() / chains as f64;
                let within: f64 =
                    members.map(lane).map(|(b, i)| self.blocks[b].square[i] - self.blocks[b].sum[i].powi(2) / n).sum();
                let between: f64 = means.iter().map(|m| (m - center).powi(2)).sum();
                let variance = (within + n * between) / (n * chains as f64);
                self.set_mass(row, j, variance);
            }
            // In the new units the widest stable step is of order one.
            self.tuners[row] = DualAveraging::new(0.5, self.plan.target_accept);
        }
        self.pad_mass();
        self.apply_tuners(|t, l| (t.step(), l.length()));
    }
}
