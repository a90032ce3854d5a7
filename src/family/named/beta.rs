//! Beta distribution.

use super::draws::proportions;
use crate::domain::{Interval, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::special::{digamma_delta, log_beta, trigamma, trigamma_delta};
use crate::num::stream::Xoshiro;

/// T = (log_1mx, log_x) on (0, 1); eta = (b - 1, a - 1).
///
/// # Errors
/// None in practice.
pub fn beta() -> Result<Family> {
    let region =
        Region::new(vec![("log_1mx".into(), Block::interval(-0.5, 5.0, 1)?), ("log_x".into(), Block::interval(-0.5, 5.0, 1)?)]);
    let family = Family::trace(
        "beta",
        Support::new(vec![1], Interval::new(0.0, 1.0, 1)?)?,
        |x| {
            let x = x.index(0)?;
            let rest = x.number(1.0).binary(Op::Sub, &x)?;
            Ok(vec![("log_1mx".into(), rest.unary(Op::Log)?), ("log_x".into(), x.unary(Op::Log)?)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(Beta))
}

struct Beta;

impl ClosedForm for Beta {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[0] > -1.0, "eta_log_1mx > -1", eta[0])?;
        require(eta[1] > -1.0, "eta_log_x > -1", eta[1])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        log_beta(eta[1] + 1.0, eta[0] + 1.0)
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (b, a) = (eta[0] + 1.0, eta[1] + 1.0);
        vec![-digamma_delta(b, a), -digamma_delta(a, b)]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (b, a) = (eta[0] + 1.0, eta[1] + 1.0);
        let both = -trigamma(a + b);
        vec![trigamma_delta(b, a), both, both, trigamma_delta(a, b)]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        proportions(&[eta[1] + 1.0, eta[0] + 1.0], rng).map(|x| vec![x[0]])
    }
}
