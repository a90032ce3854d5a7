//! Normal distribution cut off below 0.

use super::draws::quadratic;
use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::special::{TruncatedTail, mills, truncated_tail};
use crate::num::stream::Xoshiro;
use std::f64::consts::PI;

/// T = (x, x2) on the half line; eta = (m / v, -1 / (2 v)) for the normal with mean m and variance v before the cut. With
/// eta_x < 0, eta_x2 may be 0: the exponential distribution.
///
/// # Errors
/// None in practice.
pub fn rectified_gaussian() -> Result<Family> {
    let region =
        Region::new(vec![("x".into(), Block::interval(-2.0, 2.0, 1)?), ("x2".into(), Block::interval(-2.0, -0.25, 1)?)]);
    let family = Family::trace(
        "rectified_gaussian",
        Support::new(vec![1], Positive::new(1)?)?,
        |x| {
            let x = x.index(0)?;
            Ok(vec![("x2".into(), x.binary(Op::Mul, &x)?), ("x".into(), x)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(RectifiedGaussian))
}

struct RectifiedGaussian;

/// Beyond this many standard deviations the cut tail is exponential to a rounding.
const FAR: f64 = 1e9;

/// x = scale u, with the moments of u; the tail in terms of z > cut, where u = z - cut.
fn scaled(eta: &[f64]) -> (f64, f64, TruncatedTail) {
    let sigma = (0.5 / eta[1].abs()).sqrt();
    let cut = -eta[0] * sigma;
    if cut > FAR {
        // Exponential of rate one: E u^n = n!.
        let mean = 1.0;
        let tail = TruncatedTail { log_mass: 0.0, mean, second: 2.0, variance: 1.0, covariance: 4.0, variance_of_square: 20.0 };
        return (-1.0 / eta[0], cut, tail);
    }
    (sigma, cut, truncated_tail(cut))
}

impl ClosedForm for RectifiedGaussian {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        let exponential = eta[1] == 0.0 && eta[0] < 0.0;
        require(eta[1] < 0.0 || exponential, "eta_x2 < 0 (or eta_x2 = 0 with eta_x < 0)", eta[1])
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let (scale, cut, tail) = scaled(eta);
        if cut > FAR {
            scale.ln()
        } else if cut > 0.0 {
            // The integral is sigma (1 - Phi(cut)) / phi(cut).
            (scale / mills(cut)).ln()
        } else {
            0.5 * (2.0 * PI).ln() + scale.ln() + 0.5 * cut * cut + tail.log_mass
        }
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (s, _, tail) = scaled(eta);
        vec![s * tail.mean, s * s * tail.second]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (s, _, tail) = scaled(eta);
        let c = s * s * (s * tail.covariance);
        vec![s * s * tail.variance, c, c, s * s * (s * s * tail.variance_of_square)]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        Some(vec![quadratic(eta[0], eta[1], 0.0, f64::INFINITY, rng).max(f64::MIN_POSITIVE)])
    }
}
