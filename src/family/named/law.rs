//! Laws whose parameters are matrices: computed in doubles, or in double-doubles where doubles would lose digits.

use crate::num::double::Number;
use crate::num::linalg;
use crate::num::stream::Xoshiro;

/// Factor by which roundings may grow in doubles.
pub(super) const GROWTH: f64 = 50.0;

/// What the closed form of a family asks of the law at one eta.
pub(super) trait Law {
    /// Whether roundings grew by more than [`GROWTH`].
    fn coarse(&self) -> bool;
    /// A(eta).
    fn log_normalizer(&self) -> f64;
    /// `E[T]`.
    fn mean(&self) -> Vec<f64>;
    /// Cov(T, T).
    fn covariance(&self) -> Vec<f64>;
    /// One exact draw.
    fn draw(&self, rng: &mut Xoshiro) -> Option<Vec<f64>>;
}

/// `plain`, in doubles, unless there is none or it is coarse: then `fine`, in double-doubles.
pub(super) fn finest<A, B>(plain: Option<A>, fine: impl FnOnce() -> Option<B>) -> Option<Box<dyn Law>>
where
    A: Law + 'static,
    B: Law + 'static,
{
    match plain {
        Some(law) if !law.coarse() => Some(Box::new(law)),
        _ => fine().map(|law| Box::new(law) as Box<dyn Law>),
    }
}

/// A positive definite matrix, decomposed.
pub(super) struct Inverted<T> {
    /// Its lower Cholesky factor.
    pub(super) l: Vec<T>,
    /// Its inverse.
    pub(super) s: Vec<T>,
    /// Largest product of mirrored diagonal entries of the two, 1 / (1 - R^2) for the multiple correlation R of one
    /// coordinate with the others: roundings grow by about that, however the coordinates are scaled.
    pub(super) growth: f64,
}

impl<T: Number> Inverted<T> {
    /// From the symmetric matrix `a`; none unless it is positive definite.
    pub(super) fn new(a: &[T], d: usize) -> Option<Self> {
        let l = linalg::cholesky(a, d)?;
        let s = linalg::cholesky_inverse(&l, d);
        let growth = (0..d).map(|i| (a[i * d + i] * s[i * d + i]).into()).fold(1.0, f64::max);
        Some(Inverted { l, s, growth })
    }
    /// Whether roundings grew by more than [`GROWTH`], unless numbers have left the range of doubles.
    pub(super) fn coarse(&self) -> bool {
        self.growth > GROWTH && self.growth.is_finite()
    }
}

/// Each number rounded to a double.
pub(super) fn rounded<T: Number>(values: &[T]) -> Vec<f64> {
    values.iter().map(|v| (*v).into()).collect()
}
