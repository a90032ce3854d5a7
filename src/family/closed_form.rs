//! What a family with closed forms offers.

use crate::error::{Error, Result};
use crate::num::short;
use crate::num::stream::Xoshiro;

/// Closed forms of an exponential family: natural space, log-normaliser, mean, covariance.
pub trait ClosedForm: Send + Sync {
    /// Check that `eta`, `[k]`, lies in the natural parameter space.
    ///
    /// # Errors
    /// A domain error with the violated condition, the value and the bound.
    fn natural(&self, eta: &[f64]) -> Result<()>;
    /// A(eta).
    fn log_normalizer(&self, eta: &[f64]) -> f64;
    /// `E[T]`, `[k]`.
    fn mean(&self, eta: &[f64]) -> Vec<f64>;
    /// Cov(T, T), [k, k]: the Fisher information of eta.
    fn covariance(&self, eta: &[f64]) -> Vec<f64>;
    /// Whether the statistics are linearly dependent on purpose, as in a categorical family with all its indicators.
    fn overcomplete(&self) -> bool {
        false
    }
    /// One exact draw x, `[d]`, where the family has an exact sampler.
    fn draw(&self, _eta: &[f64], _rng: &mut Xoshiro) -> Option<Vec<f64>> {
        None
    }
}

/// A named condition on eta, or the error that it is violated.
///
/// # Errors
/// When `holds` is false.
pub fn require(holds: bool, condition: &str, value: f64) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::domain(format!("eta outside the natural parameter space: {condition} is required, got {}", short(value)))
        .hint("outside this space the density has no finite integral"))
}
