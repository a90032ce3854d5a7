//! Wishart distribution.

use super::matrix::{require_negative_definite, require_symmetric, symmetric_part};
use super::wishart_law::Law;
use crate::domain::{Spd, Support};
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region, require};
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
    fn law(&self, eta: &[f64]) -> Option<Law> {
        let n = self.d * self.d;
        let b: Vec<f64> = symmetric_part(&eta[..n], self.d).iter().map(|e| -e).collect();
        Law::new(eta[n] + 1.0, &b, self.d)
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
        let Some(l) = self.law(eta) else { return vec![f64::NAN; eta.len()] };
        l.s.iter().map(|s| l.a * s).chain([l.mean_log_det()]).collect()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (d, k) = (self.d, eta.len());
        let Some(l) = self.law(eta) else { return vec![f64::NAN; k * k] };
        (0..k * k)
            .map(|e| match (e / k, e % k) {
                (i, j) if i < k - 1 && j < k - 1 => l.covariance((i / d, i % d), (j / d, j % d)),
                (i, j) if i != j => l.s[i.min(j)],
                _ => l.variance_log_det(),
            })
            .collect()
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let law = self.law(eta)?;
        law.draw(rng).map(|m| law.square(&m))
    }
}
