//! Normal distribution in d dimensions, with the full outer product as statistic.

use super::matrix::{require_negative_definite, require_symmetric, symmetric_part};
use super::normal::Normal;
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
    fn normal(&self, eta: &[f64]) -> Option<Normal> {
        Normal::new(&eta[..self.d], &symmetric_part(&eta[self.d..], self.d))
    }
    fn pairs(&self) -> Vec<(usize, usize)> {
        (0..self.d * self.d).map(|i| (i / self.d, i % self.d)).collect()
    }
}

impl ClosedForm for Mvn {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require_symmetric("eta_xxT", &eta[self.d..], self.d)?;
        require_negative_definite("eta_xxT", &symmetric_part(&eta[self.d..], self.d), self.d)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.normal(eta).map_or(f64::NAN, |n| n.log_normalizer())
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let Some(n) = self.normal(eta) else { return vec![f64::NAN; eta.len()] };
        n.mean().iter().copied().chain(self.pairs().iter().map(|&(i, j)| n.second(i, j))).collect()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.normal(eta).map_or_else(|| vec![f64::NAN; eta.len() * eta.len()], |n| n.covariance(&self.pairs()))
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        self.normal(eta).map(|n| n.draw(rng))
    }
}
