//! Von Mises distribution on the circle.

use super::von_mises_fisher::{VonMisesFisher, depth};
use crate::domain::{Circle, Support};
use crate::error::Result;
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::stream::Xoshiro;
use rand::Rng;
use std::f64::consts::PI;

/// T = (cos_x, sin_x) for an angle x in (-pi, pi]; eta = kappa (cos m, sin m).
///
/// # Errors
/// None in practice.
pub fn von_mises() -> Result<Family> {
    let region =
        Region::new(vec![("cos_x".into(), Block::interval(-3.0, 3.0, 1)?), ("sin_x".into(), Block::interval(-3.0, 3.0, 1)?)]);
    let family = Family::trace(
        "von_mises",
        Support::new(vec![1], Circle::new(1)?)?,
        |x| {
            let x = x.index(0)?;
            Ok(vec![("cos_x".into(), x.unary(Op::Cos)?), ("sin_x".into(), x.unary(Op::Sin)?)])
        },
        None,
    )?;
    Ok(family.with_region(region)?.with_closed_form(VonMises(VonMisesFisher { d: 2 })))
}

/// The point (cos x, sin x) is von Mises-Fisher in two dimensions.
struct VonMises(VonMisesFisher);

impl ClosedForm for VonMises {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        self.0.natural(eta)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.0.log_normalizer(eta)
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        self.0.mean(eta)
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.0.covariance(eta)
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let offset = 2.0 * (0.5 * depth(eta[0].hypot(eta[1]), 2, rng)?).sqrt().asin();
        let x = eta[1].atan2(eta[0]) + if rng.random() { offset } else { -offset };
        Some(vec![if x > PI {
            x - 2.0 * PI
        } else if x <= -PI {
            x + 2.0 * PI
        } else {
            x
        }])
    }
}
