//! Von Mises-Fisher distribution on the sphere in d dimensions.

use super::draws::{normals, proportions};
use crate::domain::{Sphere, Support};
use crate::error::{Error, Result};
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::special::{bessel_ratio, bessel_ratio_derivative, lgamma, log_vmf_normalizer};
use crate::num::stream::Xoshiro;
use rand::Rng;
use std::f64::consts::{LN_2, PI};

/// T = x, d components, on the unit sphere; eta = kappa times the mean direction.
///
/// # Errors
/// For d < 2.
pub fn von_mises_fisher(d: usize) -> Result<Family> {
    if d < 2 {
        return Err(Error::domain(format!("von_mises_fisher({d}): a sphere needs at least two coordinates")));
    }
    let region = Region::new(vec![("x".into(), Block::interval(-2.0, 2.0, d)?)]);
    let support = Support::new(vec![d], Sphere::new(d)?)?;
    let family = Family::trace("von_mises_fisher", support, |x| Ok(vec![("x".into(), x.clone())]), None)?;
    Ok(family.with_region(region)?.with_closed_form(VonMisesFisher { d }))
}

pub(super) struct VonMisesFisher {
    pub(super) d: usize,
}

impl VonMisesFisher {
    fn nu(&self) -> f64 {
        0.5 * self.d as f64 - 1.0
    }
    /// kappa and the mean direction; for eta = 0 the first axis.
    fn polar(&self, eta: &[f64]) -> (f64, Vec<f64>) {
        let top = eta.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
        if top == 0.0 {
            return (0.0, (0..self.d).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect());
        }
        let norm = eta.iter().map(|e| (e / top).powi(2)).sum::<f64>().sqrt();
        (top * norm, eta.iter().map(|e| e / top / norm).collect())
    }
}

impl ClosedForm for VonMisesFisher {
    fn natural(&self, _eta: &[f64]) -> Result<()> {
        Ok(())
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let half = 0.5 * self.d as f64;
        LN_2 + half * PI.ln() - lgamma(half) + log_vmf_normalizer(self.nu(), self.polar(eta).0)
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (kappa, u) = self.polar(eta);
        let length = bessel_ratio(self.nu(), kappa);
        u.iter().map(|u| length * u).collect()
    }
    /// A'(kappa) along the mean direction, A(kappa) / kappa across.
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (kappa, u) = self.polar(eta);
        let d = self.d;
        let along = bessel_ratio_derivative(self.nu(), kappa);
        let across = if kappa < 1e-100 { 1.0 / d as f64 } else { bessel_ratio(self.nu(), kappa) / kappa };
        let rest = |i: usize| u.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| v * v).sum::<f64>();
        (0..d * d)
            .map(|i| {
                let (i, j) = (i / d, i % d);
                if i == j { along * u[i] * u[i] + across * rest(i) } else { (along - across) * u[i] * u[j] }
            })
            .collect()
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let (kappa, u) = self.polar(eta);
        let depth = depth(kappa, self.d, rng)?;
        // A uniform direction across u.
        let mut v = normals(self.d, rng);
        for _ in 0..2 {
            let along: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
            v.iter_mut().zip(&u).for_each(|(v, u)| *v -= along * u);
        }
        let scale = (depth * (2.0 - depth)).sqrt() / v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let x: Vec<f64> = u.iter().zip(&v).map(|(u, v)| (1.0 - depth) * u + scale * v).collect();
        let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        Some(x.iter().map(|x| x / norm).collect())
    }
}

/// The height 1 - cos(angle) of a von Mises-Fisher point in d dimensions below its pole.
///
/// # Source
/// Wood, "Simulation of the von Mises Fisher distribution", Communications in Statistics B 23 (1994), after Ulrich (1984);
/// in terms of 1 - w, so that nothing cancels for large kappa.
pub(super) fn depth(kappa: f64, d: usize, rng: &mut Xoshiro) -> Option<f64> {
    let m = d as f64 - 1.0;
    let b = m / (2.0 * kappa + (2.0 * kappa).hypot(m));
    let depth0 = 2.0 * b / (1.0 + b);
    let x0 = (1.0 - b) / (1.0 + b);
    loop {
        let z = proportions(&[0.5 * m, 0.5 * m], rng)?[0];
        let depth = 2.0 * b * z / (1.0 - (1.0 - b) * z);
        let log_ratio = kappa * (depth0 - depth) + m * ((1.0 - x0 + x0 * depth) / (depth0 * (1.0 + x0))).ln();
        if rng.random::<f64>().ln() <= log_ratio {
            return Some(depth.min(2.0));
        }
    }
}
