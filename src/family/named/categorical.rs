//! Categorical distribution.

use crate::domain::{Integers, Support};
use crate::error::{Error, Result};
use crate::expr::{Expr, Op};
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::special::log_sum_exp;
use crate::num::stream::Xoshiro;
use rand::Rng;

/// T = one_hot, k components, on {0, ..., k - 1}; eta the log weights, which a common shift does not change.
///
/// # Errors
/// For k < 2.
pub fn categorical(k: usize) -> Result<Family> {
    if k < 2 {
        return Err(Error::domain(format!("categorical({k}): at least two categories are needed")));
    }
    let region = Region::new(vec![("one_hot".into(), Block::interval(-3.0, 3.0, k)?)]);
    let support = Support::new(vec![1], Integers::new(0.0, (k - 1) as f64)?)?;
    let stats = |x: &Expr| {
        let x = x.index(0)?;
        let is = |j: usize| x.binary(Op::Equal, &x.number(j as f64))?.select(&x.number(1.0), &x.number(0.0));
        Ok(vec![("one_hot".into(), Expr::stack(&(0..k).map(is).collect::<Result<Vec<_>>>()?)?)])
    };
    let family = Family::trace("categorical", support, stats, None)?;
    Ok(family.with_region(region)?.with_closed_form(Categorical))
}

struct Categorical;

impl ClosedForm for Categorical {
    fn natural(&self, _eta: &[f64]) -> Result<()> {
        Ok(())
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        log_sum_exp(eta)
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let top = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = eta.iter().map(|e| (e - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|w| w / total).collect()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (k, p) = (eta.len(), self.mean(eta));
        // 1 - p_i as the sum of the others.
        let rest = |i: usize| p.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, q)| q).sum::<f64>();
        (0..k * k).map(|i| p[i / k] * if i % (k + 1) == 0 { rest(i / k) } else { -p[i % k] }).collect()
    }
    fn overcomplete(&self) -> bool {
        true
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let mut u: f64 = rng.random();
        let p = self.mean(eta);
        let found = p.iter().position(|p| {
            u -= p;
            u < 0.0
        });
        // Where rounding leaves a rest: the last category that has mass.
        found.or_else(|| p.iter().rposition(|p| *p > 0.0)).map(|j| vec![j as f64])
    }
}
