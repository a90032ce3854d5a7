//! Inverse Gaussian (Wald) distribution.

use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// T = (inv_x, x) on the half line, log base measure -1.5 log x; eta = (-l / 2, -l / (2 m^2)) for mean m and shape l.
///
/// # Errors
/// None in practice.
pub fn inverse_gaussian() -> Result<Family> {
    let region =
        Region::new(vec![("inv_x".into(), Block::interval(-3.0, -0.3, 1)?), ("x".into(), Block::interval(-3.0, -0.3, 1)?)]);
    let family = Family::trace(
        "inverse_gaussian",
        Support::new(vec![1], Positive::new(1)?)?,
        |x| {
            let x = x.index(0)?;
            Ok(vec![("inv_x".into(), x.number(1.0).binary(Op::Div, &x)?), ("x".into(), x)])
        },
        Some(&|x| x.index(0)?.unary(Op::Log)?.binary(Op::Mul, &x.number(-1.5))),
    )?;
    Ok(family.with_region(region)?.with_closed_form(InverseGaussian))
}

struct InverseGaussian;

impl ClosedForm for InverseGaussian {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[0] < 0.0, "eta_inv_x < 0", eta[0])?;
        require(eta[1] < 0.0, "eta_x < 0", eta[1])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        0.5 * (PI.ln() - (-eta[0]).ln()) - 2.0 * (-eta[0]).sqrt() * (-eta[1]).sqrt()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (a, b) = (-eta[0], -eta[1]);
        vec![(b / a).sqrt() + 0.5 / a, (a / b).sqrt()]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (a, b) = (-eta[0], -eta[1]);
        let across = -0.5 / (a.sqrt() * b.sqrt());
        vec![0.5 / a * ((b / a).sqrt() + 1.0 / a), across, across, 0.5 / b * (a / b).sqrt()]
    }
    /// Michael, Schucany and Haas (1976), the smaller root in a form that does not cancel.
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let (m, shape) = ((eta[0] / eta[1]).sqrt(), -2.0 * eta[0]);
        let normal: f64 = rng.sample(StandardNormal);
        let w = 0.5 * m * normal * normal / shape;
        let ratio = 1.0 / (1.0 + w + (w * (2.0 + w)).sqrt());
        let x = if rng.random::<f64>() * (1.0 + ratio) <= 1.0 { m * ratio } else { m / ratio };
        Some(vec![x])
    }
}
