//! Normal-gamma distribution: the conjugate prior of a normal's mean and precision, in one dimension.

use super::draws::log_gamma;
use super::gamma::mean_log;
use super::matrix::minus_ratio;
use crate::domain::{Positive, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::special::{lgamma, trigamma};
use crate::num::stream::Xoshiro;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// T = (log_tau, tau, tau_m, tau_m2) for x = (m, tau), tau > 0: tau is gamma and, given tau, m is normal with precision
/// -2 eta_tau_m2 tau.
///
/// # Errors
/// None in practice.
pub fn normal_gamma() -> Result<Family> {
    let region = Region::new(vec![
        ("log_tau".into(), Block::interval(-0.25, 4.0, 1)?),
        ("tau".into(), Block::interval(-3.0, -1.0, 1)?),
        ("tau_m".into(), Block::interval(-1.0, 1.0, 1)?),
        ("tau_m2".into(), Block::interval(-2.0, -0.5, 1)?),
    ]);
    let positive = Support::new(vec![1], Positive::new(1)?)?;
    let support = Support::product(vec![("m".into(), Support::real(1)?), ("tau".into(), positive)])?;
    let family = Family::trace(
        "normal_gamma",
        support,
        |x| {
            let (m, tau) = (x.index(0)?, x.index(1)?);
            let first = tau.binary(Op::Mul, &m)?;
            let second = first.binary(Op::Mul, &m)?;
            let log = tau.unary(Op::Log)?;
            Ok(vec![("log_tau".into(), log), ("tau".into(), tau), ("tau_m".into(), first), ("tau_m2".into(), second)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(NormalGamma))
}

struct NormalGamma;

/// Shape and rate of tau, the mean of m, and 1 / (2 c) = tau Var(m | tau).
fn parts(eta: &[f64]) -> (f64, f64, f64, f64) {
    let s = -0.5 / eta[3];
    (eta[0] + 0.5, -minus_ratio(eta[1], eta[2], eta[2], 4.0 * eta[3]), eta[2] * s, s)
}

impl ClosedForm for NormalGamma {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require(eta[3] < 0.0, "eta_tau_m2 < 0", eta[3])?;
        require(eta[0] > -0.5, "eta_log_tau > -1/2", eta[0])?;
        let rate = parts(eta).1;
        require(rate > 0.0, "eta_tau - eta_tau_m^2 / (4 eta_tau_m2) < 0", -rate)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let (a, rate, _, s) = parts(eta);
        0.5 * (2.0 * PI * s).ln() + lgamma(a) - a * rate.ln()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (a, rate, m, s) = parts(eta);
        let tau = a / rate;
        vec![mean_log(a, rate), tau, m * tau, m * m * tau + s]
    }
    /// The covariance given tau, whose terms have the factor s, plus that of the means given tau.
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (a, rate, m, s) = parts(eta);
        let (tau, u) = (a / rate, 1.0 / rate);
        let v = tau * u;
        let across = [m * u, m * m * u, m * v, m * m * v];
        let (c22, c23) = (s * tau + m * m * v, m * (2.0 * s * tau + m * m * v));
        let c33 = 2.0 * s * s + m * m * (4.0 * s * tau + m * m * v);
        let [c02, c03, c12, c13] = across;
        vec![trigamma(a), u, c02, c03, u, v, c12, c13, c02, c12, c22, c23, c03, c13, c23, c33]
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let (a, rate, m, s) = parts(eta);
        let tau = (log_gamma(a, rng)?.exp() / rate).max(f64::MIN_POSITIVE);
        Some(vec![m + (s / tau).sqrt() * rng.sample::<f64, _>(StandardNormal), tau])
    }
}
