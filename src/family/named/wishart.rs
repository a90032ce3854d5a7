//! Wishart distribution.

use super::law::{Law, finest};
use super::matrix::{require_negative_definite, require_symmetric, symmetric_part};
use super::wishart_law::WishartLaw;
use crate::domain::{Spd, Support};
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::double::{Double, Number};
use crate::num::stream::Xoshiro;

/// T = (W, log_det_W) on the positive definite d x d matrices; eta = (-V^-1 / 2, (n - d - 1) / 2) for scale V and n degrees
/// of freedom. eta_W enters symmetrised.
///
/// # Errors
/// For d = 0.
pub fn wishart(d: usize) -> Result<Family> {
    let region = Region::new(vec![
        ("W".into(), Block::negative_definite(0.25, 2.0, d)?),
        ("log_det_W".into(), Block::interval(-0.5, 4.0, 1)?),
    ]);
    let support = Support::new(vec![d, d], Spd::new(d)?)?;
    let stats = |x: &crate::expr::Expr| Ok(vec![("W".into(), x.clone()), ("log_det_W".into(), x.log_det()?)]);
    Ok(Family::trace("wishart", support, stats, None)?.with_region(region)?.with_closed_form(Wishart { d }))
}

struct Wishart {
    d: usize,
}

impl Wishart {
    fn law(&self, eta: &[f64]) -> Option<Box<dyn Law>> {
        let (d, n) = (self.d, self.d * self.d);
        let b: Vec<Double> = symmetric_part(&eta[..n], d).iter().map(|e| -*e).collect();
        let low = Double::from(eta[n]) + Double::from(1.0);
        finest(WishartLaw::<f64>::new(low, &b, d), || WishartLaw::<Double>::new(low, &b, d))
    }
}

impl ClosedForm for Wishart {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        let n = self.d * self.d;
        require(eta[n] > -1.0, "eta_log_det_W > -1", eta[n])?;
        require_symmetric("eta_W", &eta[..n], self.d)?;
        require_negative_definite("eta_W", &symmetric_part(&eta[..n], self.d), self.d)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.law(eta).map_or(f64::NAN, |l| l.log_normalizer())
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len()], |l| l.mean())
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len() * eta.len()], |l| l.covariance())
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        self.law(eta)?.draw(rng)
    }
}

impl<T: Number> Law for WishartLaw<T> {
    fn coarse(&self) -> bool {
        self.b.coarse()
    }
    fn log_normalizer(&self) -> f64 {
        self.log_integral()
    }
    fn mean(&self) -> Vec<f64> {
        self.b.s.iter().map(|s| (self.a * *s).into()).chain([self.mean_log_det()]).collect()
    }
    fn covariance(&self) -> Vec<f64> {
        let d = self.d;
        let k = d * d + 1;
        (0..k * k)
            .map(|e| match (e / k, e % k) {
                (i, j) if i < k - 1 && j < k - 1 => self.covary((i / d, i % d), (j / d, j % d)).into(),
                (i, j) if i != j => self.b.s[i.min(j)].into(),
                _ => self.variance_log_det(),
            })
            .collect()
    }
    fn draw(&self, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        self.root(rng).map(|m| self.square(&m))
    }
}
