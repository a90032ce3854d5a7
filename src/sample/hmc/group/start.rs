//! Where chains start that random draws leave where the density is zero.

use super::Group;
use crate::family::Family;
use crate::num::stream::Stream;
use crate::sample::inside::seek;
use rand::Rng;
use rand_distr::StandardNormal;

/// Starts that a chain tries before one is sought.
const STARTS: u64 = 200;

impl Group<'_> {
    /// Draw again, some times, where the density is zero at the start of a chain, and then seek a place where it is not.
    /// Whether one was sought for some chain of each row.
    pub(super) fn start_inside(&mut self, family: &Family, eta: &[f64], streams: &[Stream]) -> Vec<bool> {
        let (m, chains) = (self.density.free(), self.plan.chains);
        let mut sought = vec![false; self.rows];
        for attempt in 1..STARTS {
            let outside = self.lanes_outside();
            if outside.is_empty() {
                return sought;
            }
            for (global, chain) in outside {
                let stream = streams[chain / chains].child("start").at((chain % chains) as u64);
                let mut rng = stream.child("again").at(attempt).rng();
                // Where the base meets nothing, what is near the origin may.
                let base = if attempt % 2 == 1 { self.jumps.start(chain / chains, &mut rng) } else { None };
                let start = base.unwrap_or_else(|| (0..m).map(|_| rng.sample(StandardNormal)).collect());
                self.place(global, chain / chains, start);
            }
            self.evaluate();
        }
        let k = eta.len() / self.rows;
        for (global, chain) in self.lanes_outside() {
            let row = chain / chains;
            let mut rng = streams[row].child("start").at((chain % chains) as u64).child("sought").rng();
            let from: Vec<f64> = (0..m).map(|_| rng.sample(StandardNormal)).collect();
            if let Some(start) = seek(family, &eta[row * k..(row + 1) * k], &from, &mut rng) {
                self.place(global, row, start);
                sought[row] = true;
            }
        }
        self.evaluate();
        sought
    }
    /// Lanes where the density is zero, each with the number of its chain among all.
    fn lanes_outside(&self) -> Vec<(usize, usize)> {
        let (w, last) = (self.width(), self.rows * self.plan.chains - 1);
        let lanes = 0..self.blocks.len() * w;
        lanes.filter(|g| self.blocks[g / w].value[g % w] == f64::NEG_INFINITY).map(|g| (g, g.min(last))).collect()
    }
    /// Put a lane of a row where its unconstrained coordinates are `z`.
    fn place(&mut self, global: usize, row: usize, z: Vec<f64>) {
        let w = self.width();
        for (j, u) in self.space.of(row, z).into_iter().enumerate() {
            self.density.program().coordinate(&mut self.blocks[global / w].pool, j)[global % w] = u;
        }
    }
}
