//! Bernoulli distribution.

use crate::domain::{Integers, Support};
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::special::{sigmoid, softplus};
use crate::num::stream::Xoshiro;
use rand::Rng;

/// T = x on {0, 1}; eta is the log odds.
///
/// # Errors
/// None in practice.
pub fn bernoulli() -> Result<Family> {
    let region = Region::new(vec![("x".into(), Block::interval(-4.0, 4.0, 1)?)]);
    let support = Support::new(vec![1], Integers::new(0.0, 1.0)?)?;
    let family = Family::trace("bernoulli", support, |x| Ok(vec![("x".into(), x.index(0)?)]), None)?;
    Ok(family.with_region(region)?.with_closed_form(Bernoulli))
}

struct Bernoulli;

impl ClosedForm for Bernoulli {
    fn natural(&self, _eta: &[f64]) -> Result<()> {
        Ok(())
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        softplus(eta[0])
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        vec![sigmoid(eta[0])]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        vec![sigmoid(eta[0]) * sigmoid(-eta[0])]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        Some(vec![f64::from(u8::from(rng.random::<f64>() < sigmoid(eta[0])))])
    }
}
