//! What families with matrices share: symmetry, definiteness, triangular solves.

use crate::error::{Error, Result};
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
pub(super) fn require_negative_definite(what: &str, e: &[f64], d: usize) -> Result<()> {
    let negative: Vec<f64> = e.iter().map(|v| -v).collect();
    if linalg::cholesky(&negative, d).is_some() {
        return Ok(());
    }
    let most = linalg::symmetric_eigenvalues(e, d)[d - 1];
    Err(Error::domain(format!(
        "eta outside the natural parameter space: {what} must be negative definite (largest eigenvalue < 0), its largest \
         eigenvalue is {}",
        short(most)
    ))
    .hint("outside this space the density has no finite integral"))
}

/// (e + e') / 2.
pub(super) fn symmetric_part(e: &[f64], d: usize) -> Vec<f64> {
    (0..d * d).map(|i| 0.5 * (e[i] + e[(i % d) * d + i / d])).collect()
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
