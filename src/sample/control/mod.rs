//! Control variates: functions of known mean zero that take the noise out of sampled means.
//!
//! [`crate::family::Stein`] makes the functions; here they are evaluated on draws and regressed out. [`solve`] is the
//! regression on sums of products, for samplers that keep no draws; [`regress`] takes draws, with weights if there are any.
//!
//! # Source
//! Assaraf and Caffarel (1999); Mira, Solgi and Imparato (2013); Glynn and Szechtman, "Some new perspectives on the method
//! of control variates" (2002), for the regression.

mod regress;
mod solve;

pub use regress::{Regression, regress};
pub(super) use solve::solve;

use crate::error::{Error, Result};
use crate::family::{Family, Stein};

/// A regression takes at most one control for so many effective draws.
pub(super) const DRAWS_PER_CONTROL: f64 = 5.0;

/// The controls of a family, ready to be evaluated.
///
/// # Example
/// ```
/// use nnef::family::named;
/// use nnef::sample::Controls;
/// let gaussian = named::gaussian().unwrap();
/// let controls = Controls::of(&gaussian).unwrap();
/// // The first one is the slope of log p: 2 eta_x2 x + eta_x.
/// let c = controls.evaluate(&[0.5, 2.0], &[1.0, -0.5]).unwrap();
/// assert_eq!(c[0], 0.5);
/// assert_eq!(c[controls.count()], -1.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Controls<'a> {
    stein: &'a Stein,
    free: usize,
    parameters: usize,
}

impl<'a> Controls<'a> {
    /// Those of a family; none where its density jumps, its coordinates are whole numbers, or a condition `where:` is not
    /// made of comparisons joined by `and`.
    pub fn of(family: &'a Family) -> Option<Controls<'a>> {
        let free = family.support().bijector().free();
        family.stein().map(|stein| Controls { stein, free, parameters: family.dim() })
    }
    /// Number of controls p.
    pub fn count(&self) -> usize {
        self.stein.count()
    }
    /// Values at the points `z`, [n, m] in unconstrained coordinates, for one `eta`, `[k]`; [n, p]. Over draws from p each
    /// column has mean zero.
    ///
    /// # Errors
    /// When a length does not fit.
    pub fn evaluate(&self, z: &[f64], eta: &[f64]) -> Result<Vec<f64>> {
        if eta.len() != self.parameters || !z.len().is_multiple_of(self.free) {
            return Err(Error::shape(format!(
                "z has {} numbers and eta {}; expected points of {} unconstrained coordinates and {} parameters",
                z.len(),
                eta.len(),
                self.free,
                self.parameters
            )));
        }
        Ok(self.stein.program().evaluate(Stein::CONTROLS, z, eta))
    }
}
