//! Normal distribution in d dimensions, with the full outer product as statistic.

use crate::domain::Support;
use crate::error::{Error, Result};
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::linalg;
use std::f64::consts::PI;

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
    /// Mean, covariance of x, and log det of the covariance.
    fn moments(&self, eta: &[f64]) -> Option<(Vec<f64>, Vec<f64>, f64)> {
        let d = self.d;
        let precision: Vec<f64> = (0..d * d).map(|i| -(eta[d + i] + eta[d + (i % d) * d + i / d])).collect();
        let (sigma, log_det) = linalg::spd_inverse(&precision, d)?;
        Some((linalg::matmul(&sigma, &eta[..d], d, d, 1), sigma, -log_det))
    }
}

impl ClosedForm for Mvn {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        if self.moments(eta).is_some() {
            return Ok(());
        }
        let d = self.d;
        let symmetric: Vec<f64> = (0..d * d).map(|i| 0.5 * (eta[d + i] + eta[d + (i % d) * d + i / d])).collect();
        let most = linalg::symmetric_eigenvalues(&symmetric, d)[d - 1];
        Err(Error::domain(format!(
            "eta outside the natural parameter space: eta_xxT must be negative definite, its largest eigenvalue is {most}"
        )))
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let Some((m, _, log_det)) = self.moments(eta) else { return f64::NAN };
        let energy: f64 = m.iter().zip(eta).map(|(m, e)| m * e).sum();
        0.5 * (self.d as f64 * (2.0 * PI).ln() + log_det + energy)
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let d = self.d;
        let Some((m, s, _)) = self.moments(eta) else { return vec![f64::NAN; d + d * d] };
        let second = (0..d * d).map(|i| s[i] + m[i / d] * m[i % d]);
        m.iter().copied().chain(second).collect()
    }
    /// By Isserlis' theorem.
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let d = self.d;
        let k = d + d * d;
        let Some((m, s, _)) = self.moments(eta) else { return vec![f64::NAN; k * k] };
        let s = |i: usize, j: usize| s[i * d + j];
        let mut cov = vec![0.0; k * k];
        for i in 0..d {
            for j in 0..d {
                cov[i * k + j] = s(i, j);
                for l in 0..d {
                    let c = m[j] * s(i, l) + m[l] * s(i, j);
                    cov[i * k + d + j * d + l] = c;
                    cov[(d + j * d + l) * k + i] = c;
                    for n in 0..d {
                        cov[(d + i * d + j) * k + d + l * d + n] = s(i, l) * s(j, n)
                            + s(i, n) * s(j, l)
                            + m[i] * m[l] * s(j, n)
                            + m[i] * m[n] * s(j, l)
                            + m[j] * m[l] * s(i, n)
                            + m[j] * m[n] * s(i, l);
                    }
                }
            }
        }
        cov
    }
}
