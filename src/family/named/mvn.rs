//! Normal distribution in d dimensions, with the full outer product as statistic.

use super::law::Law;
use super::matrix::{require_negative_definite, require_symmetric, symmetric_part};
use super::normal::normal;
use crate::domain::Support;
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::stream::Xoshiro;

/// T = (x, xxT) on R^d; eta_xxT enters symmetrised, so cov_TT has rank d + d(d+1)/2.
///
/// # Errors
/// For d = 0.
pub fn mvn(d: usize) -> Result<Family> {
    let region = Region::new(vec![
        ("x".into(), Block::interval(-1.0, 1.0, d)?),
        ("xxT".into(), Block::negative_definite(0.25, 2.0, d)?),
    ]);
    let family =
        Family::trace("mvn", Support::real(d)?, |x| Ok(vec![("x".into(), x.clone()), ("xxT".into(), x.outer(x)?)]), None)?;
    Ok(family.with_region(region)?.with_closed_form(Mvn { d }))
}

struct Mvn {
    d: usize,
}

impl Mvn {
    fn law(&self, eta: &[f64]) -> Option<Box<dyn Law>> {
        let pairs = (0..self.d * self.d).map(|i| (i / self.d, i % self.d)).collect();
        normal(&eta[..self.d], &symmetric_part(&eta[self.d..], self.d), pairs)
    }
}

impl ClosedForm for Mvn {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require_symmetric("eta_xxT", &eta[self.d..], self.d)?;
        require_negative_definite("eta_xxT", &symmetric_part(&eta[self.d..], self.d), self.d)
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
