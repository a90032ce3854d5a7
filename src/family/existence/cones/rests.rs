//! Products of sums of logarithms that are not linear in log u, on a sector.
//!
//! Where u^b is the largest monomial of P, log P = b . y + log c_b + r with 0 <= r <= log(sum of c / c_b), and r falls to 0
//! inside the sector. With A = a + (sum of f r), a linear in y, and B likewise, A B is a b, a quadratic form, plus sums of
//! f r b and f r a, the rests, up to a bounded amount. Where the form a rest is multiplied with has one sign on the sector, the rest
//! is between 0 and a multiple of that form: the larger density proves that the integral exists. The smaller one, without the rests,
//! refutes it where rests only raise the density, or along directions next to which others lie well inside the sector:
//! there the rests fall to 0 faster than any form grows.

use super::cone::{Cone, INSIDE, Within, ZERO, dot, doubtful};

/// coefficient r (along . y) in a piece, r between 0 and `most`.
#[derive(Clone)]
pub(super) struct Rest {
    pub piece: usize,
    pub coefficient: f64,
    pub along: Vec<f64>,
    pub most: f64,
}

/// The rests for one eta on one part.
#[derive(Default)]
pub(super) struct Rests<'a> {
    /// Those that raise the density: their forms, at most by so much.
    raise: Vec<(&'a [f64], f64)>,
    /// The forms of those that lower it.
    lower: Vec<&'a [f64]>,
}

impl Rests<'_> {
    /// What they add to the sum of powers along v at most.
    pub fn most(&self, v: &[f64]) -> f64 {
        self.raise.iter().map(|(form, most)| most * dot(form, v).abs()).sum()
    }
    /// Whether none lowers the density along v.
    pub fn harmless(&self, v: &[f64]) -> bool {
        self.lower.iter().all(|form| dot(form, v).abs() <= ZERO)
    }
}

impl Cone {
    /// The rests where `bounds` are bounded; nothing where one is of no sign.
    pub(super) fn rests<'a>(
        &'a self,
        rays: &[Vec<f64>],
        bounds: &[Vec<f64>],
        coefficients: &[(f64, f64)],
    ) -> Option<Rests<'a>> {
        let mut out = Rests::default();
        for rest in self.rests.iter().filter(|r| coefficients[r.piece].0 != 0.0) {
            if doubtful(coefficients[rest.piece]) {
                return None;
            }
            let rates = rays.iter().filter(|v| self.quiet((&[], bounds), v)).map(|v| dot(&rest.along, v));
            let (low, high) = rates.fold((0.0_f64, 0.0_f64), |(l, h), r| (l.min(r), h.max(r)));
            if low < -ZERO && high > ZERO {
                return None;
            }
            let side = if low < -ZERO { -1.0 } else { 1.0 };
            let c = coefficients[rest.piece].0 * rest.coefficient * side;
            if c > 0.0 {
                out.raise.push((&rest.along, c * rest.most));
            } else {
                out.lower.push(&rest.along);
            }
        }
        Some(out)
    }

    /// Whether directions next to v lie well inside the sector and no term grows along them, where the quadratic `form` is zero.
    pub(super) fn leads_inside(&self, v: &[f64], rays: &[Vec<f64>], what: Within, form: &[Vec<f64>]) -> bool {
        let n = v.len();
        let product = |a: &[f64], b: &[f64]| (0..n).map(|i| a[i] * dot(&form[i], b)).sum::<f64>();
        let flat = |w: &&Vec<f64>| product(w, w) == 0.0 && product(v, w) == 0.0;
        let mut within = vec![0.0; n];
        for ray in rays.iter().filter(|w| self.quiet(what, w)).filter(flat) {
            within.iter_mut().zip(ray).for_each(|(s, r)| *s += r);
        }
        let zero = product(v, v) == 0.0 && flat(&&within);
        zero && self.sector.iter().all(|b| dot(b, v) < -INSIDE || dot(b, &within) < -INSIDE)
    }
}
