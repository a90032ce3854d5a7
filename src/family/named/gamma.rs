//! Gamma distribution.

use super::draws::log_gamma;
use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::double::Number;
use crate::num::special::{digamma_minus_log, lgamma, trigamma};
use crate::num::stream::Xoshiro;

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

/// The mean of log x, psi(a) - log(rate), without the cancellation of the two for large a.
pub(super) fn mean_log<T: Number>(a: T, rate: T) -> f64 {
    let excess: f64 = ((a - rate) / rate).into();
    digamma_minus_log(a.into()) + if excess.abs() < 0.5 { excess.ln_1p() } else { a.ln() - rate.ln() }
}

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
        vec![mean_log(a, rate), a / rate]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (a, rate) = (eta[0] + 1.0, -eta[1]);
        vec![trigamma(a), 1.0 / rate, 1.0 / rate, a / rate / rate]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        Some(vec![(log_gamma(eta[0] + 1.0, rng)?.exp() / -eta[1]).max(f64::MIN_POSITIVE)])
    }
}
