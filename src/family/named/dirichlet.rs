//! Dirichlet distribution.

use super::draws::proportions;
use crate::domain::{Simplex, Support};
use crate::error::{Error, Result};
use crate::expr::Op;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::special::{digamma_delta, log_beta, trigamma, trigamma_delta};
use crate::num::stream::Xoshiro;

/// T = log_x, k components, on the simplex; eta = alpha - 1.
///
/// # Errors
/// For k < 2.
pub fn dirichlet(k: usize) -> Result<Family> {
    if k < 2 {
        return Err(Error::domain(format!("dirichlet({k}): a simplex needs at least two components")));
    }
    let region = Region::new(vec![("log_x".into(), Block::interval(-0.5, 5.0, k)?)]);
    let support = Support::new(vec![k], Simplex::new(k)?)?;
    let family = Family::trace("dirichlet", support, |x| Ok(vec![("log_x".into(), x.unary(Op::Log)?)]), None)?;
    Ok(family.with_region(region)?.with_closed_form(Dirichlet))
}

struct Dirichlet;

/// Each alpha, with the sum of the others.
fn parts(eta: &[f64]) -> Vec<(f64, f64)> {
    let alpha: Vec<f64> = eta.iter().map(|e| e + 1.0).collect();
    let others = |i: usize| alpha.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, a)| a).sum();
    (0..alpha.len()).map(|i| (alpha[i], others(i))).collect()
}

impl ClosedForm for Dirichlet {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        eta.iter().enumerate().try_for_each(|(i, e)| require(*e > -1.0, &format!("eta_log_x[{i}] > -1"), *e))
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        let mut sum = eta[0] + 1.0;
        let mut value = 0.0;
        for e in &eta[1..] {
            value += log_beta(sum, e + 1.0);
            sum += e + 1.0;
        }
        value
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        parts(eta).iter().map(|(a, rest)| -digamma_delta(*a, *rest)).collect()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (k, parts) = (eta.len(), parts(eta));
        let shared = -trigamma(parts[0].0 + parts[0].1);
        (0..k * k).map(|i| if i % (k + 1) == 0 { trigamma_delta(parts[i / k].0, parts[i / k].1) } else { shared }).collect()
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let alpha: Vec<f64> = eta.iter().map(|e| e + 1.0).collect();
        proportions(&alpha, rng)
    }
}
