//! Normal distribution in d dimensions, with the lower triangle of the outer product as statistic.

use super::law::Law;
use super::matrix::require_negative_definite;
use super::normal::normal;
use crate::domain::Support;
use crate::error::Result;
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::double::Double;
use crate::num::stream::Xoshiro;

/// T = (x, xxT_tril) on R^d, the triangle row by row; an off-diagonal eta is twice the entry of the symmetric matrix.
///
/// # Errors
/// For d = 0.
pub fn mvn_tril(d: usize) -> Result<Family> {
    let form = MvnTril { d };
    // Diagonally dominant: row sums of the off-diagonal entries are at most half of the smallest diagonal one.
    let most = 0.5 / (d.max(2) - 1) as f64;
    let ends = |diagonal: f64, off: f64| form.pairs().iter().map(|&(i, j)| if i == j { diagonal } else { off }).collect();
    let region = Region::new(vec![
        ("x".into(), Block::interval(-1.0, 1.0, d)?),
        ("xxT_tril".into(), Block::Box { low: ends(-2.0, -most), high: ends(-0.5, most) }),
    ]);
    let stats = |x: &crate::expr::Expr| Ok(vec![("x".into(), x.clone()), ("xxT_tril".into(), x.outer(x)?.tril()?)]);
    Ok(Family::trace("mvn_tril", Support::real(d)?, stats, None)?.with_region(region)?.with_closed_form(form))
}

struct MvnTril {
    d: usize,
}

impl MvnTril {
    fn pairs(&self) -> Vec<(usize, usize)> {
        (0..self.d).flat_map(|i| (0..=i).map(move |j| (i, j))).collect()
    }
    fn matrix(&self, eta: &[f64]) -> Vec<Double> {
        let mut full = vec![Double::from(0.0); self.d * self.d];
        for ((i, j), e) in self.pairs().into_iter().zip(&eta[self.d..]) {
            let entry = Double::from(if i == j { *e } else { 0.5 * e });
            (full[i * self.d + j], full[j * self.d + i]) = (entry, entry);
        }
        full
    }
    fn law(&self, eta: &[f64]) -> Option<Box<dyn Law>> {
        normal(&eta[..self.d], &self.matrix(eta), self.pairs())
    }
}

impl ClosedForm for MvnTril {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        require_negative_definite("the symmetric matrix of eta_xxT_tril", &self.matrix(eta), self.d)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.law(eta).map_or(f64::NAN, |l| l.log_normalizer())
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len()], |l| l.mean())
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len() * eta.len()], |l| l.covariance())
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        self.law(eta)?.draw(rng)
    }
}
