//! Exponential distribution.

use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::Exp1;

/// T = x on the half line; eta = -rate.
///
/// # Errors
/// None in practice.
pub fn exponential() -> Result<Family> {
    let region = Region::new(vec![("x".into(), Block::interval(-4.0, -0.25, 1)?)]);
    let family =
        Family::trace("exponential", Support::new(vec![1], Positive::new(1)?)?, |x| Ok(vec![("x".into(), x.index(0)?)]), None)?;
    Ok(family.with_region(region)?.with_closed_form(Exponential))
}

struct Exponential;

impl ClosedForm for Exponential {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[0] < 0.0, "eta_x < 0", eta[0])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        -(-eta[0]).ln()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        vec![-1.0 / eta[0]]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        vec![1.0 / (eta[0] * eta[0])]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        Some(vec![(rng.sample::<f64, _>(Exp1) / -eta[0]).max(f64::MIN_POSITIVE)])
    }
}
