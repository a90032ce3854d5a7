//! Gamma distribution.

use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::special::{digamma, lgamma, trigamma};

/// T = (log_x, x) on the half line; eta = (a - 1, -rate) for shape a.
///
/// # Errors
/// None in practice.
pub fn gamma() -> Result<Family> {
    let region =
        Region::new(vec![("log_x".into(), Block::interval(-0.5, 5.0, 1)?), ("x".into(), Block::interval(-4.0, -0.5, 1)?)]);
    let family = Family::trace(
        "gamma",
        Support::new(vec![1], Positive::new(1)?)?,
        |x| {
            let x = x.index(0)?;
            Ok(vec![("log_x".into(), x.unary(Op::Log)?), ("x".into(), x)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(Gamma))
}

struct Gamma;

impl ClosedForm for Gamma {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[0] > -1.0, "eta_log_x > -1", eta[0])?;
        require(eta[1] < 0.0, "eta_x < 0", eta[1])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let a = eta[0] + 1.0;
        lgamma(a) - a * (-eta[1]).ln()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (a, rate) = (eta[0] + 1.0, -eta[1]);
        vec![digamma(a) - rate.ln(), a / rate]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (a, rate) = (eta[0] + 1.0, -eta[1]);
        vec![trigamma(a), 1.0 / rate, 1.0 / rate, a / (rate * rate)]
    }
}
