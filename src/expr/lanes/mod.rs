//! The lane evaluator: one program, W points at a time, each with its own parameters.
//!
//! Structure of arrays: slot s of a [`Pool`] holds W doubles. The instruction set is chosen at run time.

mod aligned;
#[macro_use]
mod dispatch;
pub(crate) mod math;
pub(crate) mod run;
pub(crate) mod simd;

use super::tape::{Entry, Program};
pub(crate) use aligned::Aligned;
pub use simd::Isa;

/// Working memory of a [`Program`]: coordinates, hoisted parameters, constants and temporaries, W doubles a slot.
#[derive(Debug, Clone)]
pub struct Pool {
    data: Aligned,
}

impl Program {
    /// Memory for running this program, with constants filled in and everything else zero.
    pub fn pool(&self) -> Pool {
        let mut pool = Pool { data: Aligned::filled(self.slots * self.lanes, 0.0) };
        let first = self.coordinates + self.hoisted();
        for (i, c) in self.constants.iter().enumerate() {
            let at = (first + i) * self.lanes;
            pool.numbers_mut()[at..at + self.lanes].fill(*c);
        }
        pool
    }
    /// Coordinate `j` of all lanes, `[W]`.
    pub fn coordinate<'a>(&self, pool: &'a mut Pool, j: usize) -> &'a mut [f64] {
        &mut pool.numbers_mut()[j * self.lanes..(j + 1) * self.lanes]
    }
    /// All coordinates, [d, W].
    pub fn point<'a>(&self, pool: &'a mut Pool) -> &'a mut [f64] {
        &mut pool.numbers_mut()[..self.coordinates * self.lanes]
    }
    /// Set the hoisted parameters of one lane, from [`Program::hoist`].
    pub fn set_hoisted(&self, pool: &mut Pool, lane: usize, hoisted: &[f64]) {
        for (i, value) in hoisted.iter().enumerate() {
            pool.numbers_mut()[(self.coordinates + i) * self.lanes + lane] = *value;
        }
    }
    /// Run an entry on all lanes.
    pub fn run(&self, pool: &mut Pool, entry: usize) {
        debug_assert!(pool.data.len() == self.slots * self.lanes);
        // Offsets of a program are below slots * lanes by construction, and the pool is that long.
        if pool.data.len() == self.slots * self.lanes {
            unsafe { run::run(&self.entries[entry], pool.data.as_mut_ptr(), self.lanes) }
        }
    }
    /// Output `i` of an entry, `[W]`.
    pub fn output<'a>(&self, pool: &'a Pool, entry: usize, i: usize) -> &'a [f64] {
        let at = self.entries[entry].outputs[i] as usize;
        &pool.numbers()[at..at + self.lanes]
    }
    /// An entry, for kernels that run it themselves.
    pub(crate) fn entry(&self, entry: usize) -> &Entry {
        &self.entries[entry]
    }
    /// Values of an entry at many points: `points` [n, d] row-major with one natural parameter `eta`; [n, outputs].
    pub fn evaluate(&self, entry: usize, points: &[f64], eta: &[f64]) -> Vec<f64> {
        let (d, w, m) = (self.coordinates, self.lanes, self.entries[entry].outputs.len());
        let n = points.len().checked_div(d).unwrap_or(0);
        let mut pool = self.pool();
        let hoisted = self.hoist(eta);
        (0..w).for_each(|lane| self.set_hoisted(&mut pool, lane, &hoisted));
        let mut out = vec![0.0; n * m];
        for start in (0..n).step_by(w) {
            for j in 0..d {
                let coordinate = self.coordinate(&mut pool, j);
                for (lane, slot) in coordinate.iter_mut().enumerate() {
                    *slot = points[(start + lane).min(n - 1) * d + j];
                }
            }
            self.run(&mut pool, entry);
            for i in 0..m {
                let values = self.output(&pool, entry, i);
                for lane in 0..w.min(n - start) {
                    out[(start + lane) * m + i] = values[lane];
                }
            }
        }
        out
    }
}

impl Pool {
    /// The doubles of the pool.
    pub(crate) fn numbers(&self) -> &[f64] {
        &self.data
    }
    /// The doubles of the pool.
    pub(crate) fn numbers_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }
}
