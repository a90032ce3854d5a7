//! Normal distribution on the line.

use crate::domain::Support;
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// T = (x, x2) on the line; eta = (m / v, -1 / (2 v)) for mean m and variance v.
///
/// # Errors
/// None in practice.
pub fn gaussian() -> Result<Family> {
    let region =
        Region::new(vec![("x".into(), Block::interval(-2.0, 2.0, 1)?), ("x2".into(), Block::interval(-2.0, -0.25, 1)?)]);
    let family = Family::trace(
        "gaussian",
        Support::real(1)?,
        |x| {
            let x = x.index(0)?;
            Ok(vec![("x2".into(), x.binary(Op::Mul, &x)?), ("x".into(), x)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(Gaussian))
}

struct Gaussian;

impl ClosedForm for Gaussian {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[1] < 0.0, "eta_x2 < 0", eta[1])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let v = -0.5 / eta[1];
        0.5 * (2.0 * PI * v).ln() + 0.5 * eta[0] * eta[0] * v
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let v = -0.5 / eta[1];
        let m = eta[0] * v;
        vec![m, m * m + v]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let v = -0.5 / eta[1];
        let m = eta[0] * v;
        let c = 2.0 * m * v;
        vec![v, c, c, 2.0 * v * v + 4.0 * m * m * v]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let v = -0.5 / eta[1];
        Some(vec![eta[0] * v + v.sqrt() * rng.sample::<f64, _>(StandardNormal)])
    }
}
