//! Whether the moments of T exist.
//!
//! Inside the natural parameter space all moments of T are finite. On its boundary a density may be proper and E[T] infinite
//! or undefined, as that of x under 1 / (1 + x^2): the integral of |T_s|^n p exists exactly where that of
//! exp(eta . T + b + n/2 log(1 + T_s^2)) does.
//!
//! # Source
//! Brown, "Fundamentals of Statistical Exponential Families", IMS Lecture Notes 9 (1986), theorem 2.2.

use super::fuel::Fuel;
use super::{Existence, Tails};
use crate::expr::Op;
use crate::family::Family;

/// How far from eta along one axis it is looked at whether eta lies inside the natural space, beside its own size.
const NEAR: f64 = 1e-6;

impl Family {
    /// Whether the integral of |T_s|^`power` exists at an `eta`, `[k]`, whose density is proper. Closed forms are not asked, nor is
    /// it where the density itself is not proven to be proper.
    ///
    /// # Example
    /// ```
    /// use nnef::{domain::Support, expr::Op, family::{Existence, Family}};
    /// let cauchy = Family::trace("cauchy", Support::real(1).unwrap(), |x| {
    ///     let x = x.index(0)?;
    ///     Ok(vec![("l".into(), x.binary(Op::Mul, &x)?.unary(Op::Log1p)?), ("x".into(), x)])
    /// }, None).unwrap();
    /// assert!(matches!(cauchy.moment(&[-1.0, 0.0], 1, 1), Existence::Improper { .. }));
    /// assert_eq!(cauchy.moment(&[-1.1, 0.0], 1, 1), Existence::Proper);
    /// ```
    pub fn moment(&self, eta: &[f64], s: usize, power: u32) -> Existence {
        if self.is_inside_along(eta, s) {
            return Existence::Proper;
        }
        if !matches!(self.existence(eta), Existence::Proper) {
            return Existence::unproven("it is not proven that the density has a finite integral");
        }
        let grown = &self.grown.get_or_init(|| (0..self.dim()).map(|_| Default::default()).collect())[s];
        let all: Vec<f64> = eta.iter().copied().chain([f64::from(power)]).collect();
        grown.get_or_init(|| Tails::grown(self, s)).existence(&all, &Fuel::new())
    }
    /// Whether the densities on either side of eta along axis `s` are proper.
    fn is_inside_along(&self, eta: &[f64], s: usize) -> bool {
        let mut moved = eta.to_vec();
        [-NEAR, NEAR].into_iter().all(|by| {
            moved[s] = eta[s] + by * (1.0 + eta[s].abs());
            matches!(self.existence(&moved), Existence::Proper)
        })
    }
}

impl Tails {
    /// Of the family with 1/2 log(1 + T_s^2) as a further statistic.
    fn grown(family: &Family, s: usize) -> Tails {
        Tails::with(family, |g, t| {
            let (square, half) = (g.mul(t[s], t[s]), g.constant(0.5));
            let log = g.unary(Op::Log1p, square);
            vec![g.mul(half, log)]
        })
    }
}
