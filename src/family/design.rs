//! How eta are spread over a region.

use crate::error::{Error, Result};
use crate::num::stream::{Stream, Xoshiro};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A design: where the draws of [`super::Region::draw`] lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Independent: log-uniform in magnitude where a range has one sign, else uniform; matrices with log-uniform eigenvalues
    /// in a uniformly rotated frame. The reference system's design for ranges.
    #[default]
    Reference,
    /// Independent and uniform: in every range, and in the eigenvalues of matrices.
    Uniform,
    /// The marginals of `reference` from a scrambled Sobol sequence: more even, up to 256 components.
    Sobol,
    /// As `reference`, with the eigenvalues of matrices from a scrambled Sobol sequence.
    Eigen,
}

/// Dimensions that the Sobol sequence has, and rows before it is scrambled anew.
const DIMENSIONS: usize = 256;
const PERIOD: usize = 1 << 16;

/// The uniform variates of one row of a design.
pub(super) struct Variates {
    design: Design,
    row: usize,
    scramble: u32,
    dimension: u32,
    /// Generator of everything that is drawn independently.
    pub rng: Xoshiro,
}

impl Design {
    /// Check that the design can be had for a region of `k` components, with matrices or without.
    pub(super) fn check(self, k: usize, matrices: bool) -> Result<()> {
        match self {
            Design::Sobol if k > DIMENSIONS => {
                Err(Error::domain(format!("a Sobol design has at most {DIMENSIONS} components, the region has {k}"))
                    .hint("design: \"reference\" or \"uniform\""))
            }
            Design::Eigen if !matrices => Err(Error::domain("the design 'eigen' is for regions with a matrix")
                .hint("eta: #{ xxT: negative_definite(low, high) }, or design: \"sobol\"")),
            _ => Ok(()),
        }
    }
    pub(super) fn row(self, stream: Stream, row: usize) -> Variates {
        let scramble = stream.child("scramble").at((row / PERIOD) as u64).state()[0] as u32;
        Variates { design: self, row: row % PERIOD, scramble, dimension: 0, rng: stream.at(row as u64).rng() }
    }
}

impl Variates {
    fn sobol(&mut self) -> f64 {
        let u = sobol_burley::sample(self.row as u32, self.dimension % DIMENSIONS as u32, self.scramble);
        self.dimension += 1;
        // The sequence has 24 bits; the rest is filled in at random, so that no two rows meet.
        let cell = 1.0 / f64::from(1u32 << 24);
        (f64::from(u) + cell * self.rng.random::<f64>()).min(1.0 - 0.5 * f64::EPSILON)
    }
    /// A number between `low` and `high`, for a component of a box.
    pub(super) fn range(&mut self, low: f64, high: f64) -> f64 {
        let u = if self.design == Design::Sobol { self.sobol() } else { self.rng.random() };
        spread(u, low, high, self.design != Design::Uniform)
    }
    /// An eigenvalue between `low` and `high`.
    pub(super) fn eigenvalue(&mut self, low: f64, high: f64) -> f64 {
        let even = matches!(self.design, Design::Sobol | Design::Eigen);
        let u = if even { self.sobol() } else { self.rng.random() };
        spread(u, low, high, self.design != Design::Uniform)
    }
}

/// The quantile u: log-uniform in magnitude where asked for and the range has one sign, else uniform.
fn spread(u: f64, low: f64, high: f64, logarithmic: bool) -> f64 {
    if logarithmic && low * high > 0.0 {
        let within = low.signum() * (low.abs().ln() + u * (high.abs() / low.abs()).ln()).exp();
        return within.max(low).min(high); // but for rounding
    }
    (low + u * (high - low)).max(low).min(high)
}
