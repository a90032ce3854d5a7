//! The bilinear model: messages, evidence lower bound, contraction.

use super::factor::{Factor, Point, largest};
use crate::error::{Error, Result};
use crate::num::linalg::{matmul, spectral_radius, symmetric_eigenvalues, transpose};

/// log p(x, y) = T(x)' A S(y) + prior_x . T(x) + prior_y . S(y) + base measures.
#[derive(Clone)]
pub(super) struct Problem {
    pub x: Factor,
    pub y: Factor,
    /// A, [kx, ky].
    coupling: Vec<f64>,
    /// A', [ky, kx].
    transposed: Vec<f64>,
}

/// Size of the step off a saddle, in standard deviations.
const KICK: f64 = 0.05;

impl Problem {
    /// Check all shapes and numbers.
    pub fn new(x: Factor, y: Factor, coupling: &[f64]) -> Result<Self> {
        x.check("x")?;
        y.check("y")?;
        let (kx, ky) = (x.dim(), y.dim());
        if coupling.len() != kx * ky {
            let message = format!(
                "the coupling has {} numbers, expected {kx} x {ky} = {} (statistics of x by those of y)",
                coupling.len(),
                kx * ky
            );
            return Err(Error::shape(message));
        }
        if let Some(at) = coupling.iter().position(|a| !a.is_finite()) {
            return Err(Error::domain(format!("coupling[{}][{}] is {}: it must be finite", at / ky, at % ky, coupling[at])));
        }
        Ok(Problem { x, y, coupling: coupling.to_vec(), transposed: transpose(coupling, kx, ky) })
    }
    /// eta_x = prior_x + A <S>.
    pub fn message_x(&self, mu_y: &[f64]) -> Vec<f64> {
        add(&self.x.prior, &self.to_x(mu_y))
    }
    /// eta_y = prior_y + A' <T>.
    pub fn message_y(&self, mu_x: &[f64]) -> Vec<f64> {
        add(&self.y.prior, &matmul(&self.transposed, mu_x, self.y.dim(), self.x.dim(), 1))
    }
    /// A v.
    pub fn to_x(&self, v: &[f64]) -> Vec<f64> {
        matmul(&self.coupling, v, self.x.dim(), self.y.dim(), 1)
    }
    /// <T>' A <S> + prior_x . <T> + prior_y . <S> + H(q_x) + H(q_y), entropies relative to the base measures; `None`
    /// where a log-normaliser is not known.
    pub fn elbo(&self, x: &Point, y: &Point) -> Option<f64> {
        let entropy = |p: &Point| p.log_normalizer.map(|a| a - dot(&p.eta, &p.mu));
        let energy = dot(&x.mu, &self.message_x(&y.mu)) + dot(&self.y.prior, &y.mu);
        Some(energy + entropy(x)? + entropy(y)?)
    }
    /// What a sweep would change, x being up to date with y: the step of eta_y, and the largest change of mu in either
    /// factor, in standard deviations to first order.
    pub fn change(&self, x: &Point, y: &Point) -> (Vec<f64>, f64) {
        let step: Vec<f64> = self.message_y(&x.mu).iter().zip(&y.eta).map(|(g, e)| g - e).collect();
        let on_x = y.moved(&step).map_or(0.0, |moved| x.shift(&self.to_x(&moved)));
        let change = largest([y.shift(&step), on_x]);
        (step, change)
    }
    /// A' Cov_x A Cov_y, [ky, ky]: the derivative of a sweep with respect to eta_y.
    fn derivative(&self, x: &Point, y: &Point) -> Option<Vec<f64>> {
        let (kx, ky) = (self.x.dim(), self.y.dim());
        let (cov_x, cov_y) = (x.cov.as_ref()?, y.cov.as_ref()?);
        let right = matmul(&self.coupling, cov_y, kx, ky, ky);
        Some(matmul(&self.transposed, &matmul(cov_x, &right, kx, kx, ky), ky, kx, ky))
    }
    /// The spectral radius rho of A Cov_y A' Cov_x: a sweep shrinks errors by it.
    pub fn condition(&self, x: &Point, y: &Point) -> Option<f64> {
        self.derivative(x, y).map(|d| spectral_radius(&d, self.y.dim()))
    }
    /// A step of eta_y off a saddle: along the direction that a sweep stretches most.
    pub fn kick(&self, x: &Point, y: &Point) -> Option<Vec<f64>> {
        let (derivative, ky) = (self.derivative(x, y)?, self.y.dim());
        let mut v: Vec<f64> = (0..ky).map(|i| 1.0 + 0.01 * i as f64).collect();
        for _ in 0..200 {
            v = matmul(&derivative, &v, ky, ky, 1);
            let size = dot(&v, &v).sqrt();
            v.iter_mut().for_each(|v| *v /= size);
        }
        let size = y.shift(&v);
        (size.is_finite() && size > 0.0).then(|| v.iter().map(|v| v * KICK / size).collect())
    }
}

/// The smallest eigenvalue of the correlation matrix of T at `point`: at least 0 for a covariance.
pub(super) fn least_correlation(point: &Point) -> Option<f64> {
    let (cov, sd, k) = (point.cov.as_ref()?, point.sd()?, point.eta.len());
    if sd.iter().any(|s| *s <= 0.0) {
        return Some((0..k).map(|i| cov[i * k + i]).fold(0.0, f64::min));
    }
    let scaled: Vec<f64> = (0..k * k).map(|at| cov[at] / (sd[at / k] * sd[at % k])).collect();
    symmetric_eigenvalues(&scaled, k).first().copied()
}

pub(super) fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
