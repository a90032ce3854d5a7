//! [`CaviOptions`]: one struct for scripts, YAML and Rust.

use crate::error::{Error, Result};
use crate::num::short;
use serde::{Deserialize, Serialize};

/// Options of [`super::cavi`].
///
/// # Example
/// ```
/// let options: nnef::infer::CaviOptions = serde_yaml::from_str("{tol: 1.0e-8, accelerate: false}").unwrap();
/// assert_eq!((options.max_iter, options.accelerate), (100, false));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaviOptions {
    /// Most sweeps over both factors, those of `polish` not counted; default 100.
    pub max_iter: usize,
    /// The change that one more sweep would make, at which the ascent stops: in standard deviations of each statistic, or
    /// relative to eta where a map gives no covariance. Default 1e-6.
    pub tol: f64,
    /// Guarded Anderson acceleration; default true.
    pub accelerate: bool,
    /// Most sweeps with exact moments after the ascent; default 0.
    pub polish: usize,
}

impl Default for CaviOptions {
    fn default() -> Self {
        CaviOptions { max_iter: 100, tol: 1e-6, accelerate: true, polish: 0 }
    }
}

impl CaviOptions {
    /// These options, when every one is in its range.
    ///
    /// # Errors
    /// A domain error that names the option.
    pub fn valid(self) -> Result<Self> {
        if self.max_iter == 0 {
            return Err(Error::domain("option 'max_iter' of cavi is 0: it must be at least 1"));
        }
        if !(self.tol.is_finite() && self.tol > 0.0) {
            return Err(Error::domain(format!("option 'tol' of cavi is {}: it must be positive", short(self.tol))).hint("1e-6"));
        }
        Ok(self)
    }
}
