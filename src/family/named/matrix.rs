//! What families with matrices share: symmetry, definiteness, triangular solves.

use crate::error::{Error, Result};
use crate::num::double::Double;
use crate::num::{linalg, short};

/// Relative difference of mirrored entries that counts as rounding.
const ROUNDING: f64 = 1e-8;

/// Refuse `e`, the d x d block of eta called `name`, where it is not symmetric but for rounding.
pub(super) fn require_symmetric(name: &str, e: &[f64], d: usize) -> Result<()> {
    for i in 0..d {
        for j in 0..i {
            let (a, b) = (e[i * d + j], e[j * d + i]);
            let size = a.abs().max(b.abs()).max(e[i * d + i].abs().sqrt() * e[j * d + j].abs().sqrt());
            if (a - b).abs() > ROUNDING * size {
                return Err(Error::domain(format!(
                    "eta outside the natural parameter space: {name} must be symmetric, but {name}[{i},{j}] = {} and \
                     {name}[{j},{i}] = {} differ by {:e}, at most {:e} is taken as rounding",
                    short(a),
                    short(b),
                    (a - b).abs(),
                    ROUNDING * size
                ))
                .hint("only the symmetric part (eta + eta') / 2 enters the density: pass that"));
            }
        }
    }
    Ok(())
}

/// Refuse the symmetric d x d matrix `e`, called `what`, where it is not negative definite.
pub(super) fn require_negative_definite(what: &str, e: &[Double], d: usize) -> Result<()> {
    if positive_definite(&e.iter().map(|v| -*v).collect::<Vec<_>>(), d) {
        return Ok(());
    }
    let rounded: Vec<f64> = e.iter().map(|v| f64::from(*v)).collect();
    let most = linalg::symmetric_eigenvalues(&rounded, d)[d - 1];
    Err(Error::domain(format!(
        "eta outside the natural parameter space: {what} must be negative definite (largest eigenvalue < 0), its largest \
         eigenvalue is {}",
        short(most)
    ))
    .hint("outside this space the density has no finite integral"))
}

/// Least determinant of a matrix scaled to a unit diagonal that proves it definite in doubles: its least eigenvalue is at
/// least a third of that, which no rounding reaches.
const DEFINITE: f64 = 1e-9;

/// Whether the symmetric matrix `a` is positive definite: in doubles where that proves it.
fn positive_definite(a: &[Double], d: usize) -> bool {
    let rounded: Vec<f64> = a.iter().map(|v| f64::from(*v)).collect();
    let proven = linalg::cholesky(&rounded, d)
        .is_some_and(|l| (0..d).map(|i| l[i * d + i] / rounded[i * d + i] * l[i * d + i]).product::<f64>() > DEFINITE);
    proven || linalg::cholesky(a, d).is_some()
}

/// (e + e') / 2.
pub(super) fn symmetric_part(e: &[f64], d: usize) -> Vec<Double> {
    let half = |i: usize| Double::from(0.5 * e[i]);
    (0..d * d).map(|i| half(i) + half((i % d) * d + i / d)).collect()
}

/// x - a b / q with one rounding of the product and the quotient put back: exact to a rounding where it cancels.
pub(super) fn minus_ratio(x: f64, a: f64, b: f64, q: f64) -> f64 {
    let product = a * b;
    let ratio = product / q;
    let rest = ((-ratio).mul_add(q, product) + a.mul_add(b, -product)) / q;
    (x - ratio) - rest
}

/// Solve L' x = b with a lower triangular L.
pub(super) fn solve_transposed(l: &[f64], d: usize, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in (0..d).rev() {
        let dot: f64 = (i + 1..d).map(|k| l[k * d + i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * d + i];
    }
    x
}
