//! Poisson distribution.

use crate::domain::{Integers, Support};
use crate::error::{Error, Result};
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::short;
use crate::num::stream::Xoshiro;
use rand::Rng;

/// T = x on {0, 1, ...}, log base measure -log x!; eta is the log rate.
///
/// # Errors
/// None in practice.
pub fn poisson() -> Result<Family> {
    let region = Region::new(vec![("x".into(), Block::interval(-1.0, 3.0, 1)?)]);
    let support = Support::new(vec![1], Integers::new(0.0, f64::INFINITY)?)?;
    let family = Family::trace(
        "poisson",
        support,
        |x| Ok(vec![("x".into(), x.index(0)?)]),
        Some(&|x| x.index(0)?.binary(Op::Add, &x.number(1.0))?.unary(Op::Lgamma)?.unary(Op::Neg)),
    )?;
    Ok(family.with_region(region)?.with_closed_form(Poisson))
}

struct Poisson;

impl ClosedForm for Poisson {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        if eta[0] < 709.0 {
            return Ok(());
        }
        let text = format!("eta_x is {}: the rate exp(eta_x) is beyond the range of numbers", short(eta[0]));
        Err(Error::domain(text).hint("every eta is natural, but moments are numbers for eta_x < 709 only"))
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        eta[0].exp()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        vec![eta[0].exp()]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        vec![eta[0].exp()]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        rand_distr::Poisson::new(eta[0].exp()).ok().map(|p| vec![rng.sample(p)])
    }
}
