//! Normal distribution on a box.

use super::draws::quadratic;
use super::matrix::require_symmetric;
use crate::domain::{Interval, Support};
use crate::error::{Error, Result};
use crate::family::{Block, ClosedForm, Family, Region};
use crate::num::short;
use crate::num::special::quadratic_box;
use crate::num::stream::Xoshiro;

/// T = (x, xxT) on the box with ends `lower` and `upper`. Every eta is natural, for the box is bounded, but eta_xxT
/// must be symmetric. Closed forms in one dimension; in more, where eta may couple the coordinates, there are none.
///
/// # Errors
/// When the ends have different lengths, or an interval is empty or not finite.
pub fn clipped_mvn(lower: &[f64], upper: &[f64]) -> Result<Family> {
    let d = lower.len();
    if d == 0 || d != upper.len() {
        return Err(Error::shape(format!(
            "clipped_mvn: lower has {d} ends and upper {}, equal numbers are needed",
            upper.len()
        ))
        .hint("clipped_mvn([-1, 0], [1, 2]) is a normal on [-1, 1] x [0, 2]"));
    }
    if let Some(i) = (0..d).find(|i| !(lower[*i].is_finite() && upper[*i].is_finite() && lower[*i] < upper[*i])) {
        return Err(Error::domain(format!("clipped_mvn: coordinate {i} runs from {} to {}", short(lower[i]), short(upper[i])))
            .hint("each lower end must be below its upper end, both finite"));
    }
    let one = |i: usize| Interval::new(lower[i], upper[i], 1).and_then(|b| Support::new(vec![1], b));
    let support = if (1..d).all(|i| lower[i] == lower[0] && upper[i] == upper[0]) {
        Support::new(vec![d], Interval::new(lower[0], upper[0], d)?)?
    } else {
        // Zeros before the number keep the parts in the order of the coordinates.
        let digits = d.to_string().len();
        Support::product((0..d).map(|i| Ok((format!("x{i:0digits$}"), one(i)?))).collect::<Result<_>>()?)?
    };
    // In more dimensions than one a box would hold matrices that are not symmetric.
    let xxt = if d == 1 { Block::interval(-1.0, 1.0, 1)? } else { Block::negative_definite(0.25, 2.0, d)? };
    let region = Region::new(vec![("x".into(), Block::interval(-2.0, 2.0, d)?), ("xxT".into(), xxt)]);
    let family =
        Family::trace("clipped_mvn", support, |x| Ok(vec![("x".into(), x.clone()), ("xxT".into(), x.outer(x)?)]), None)?
            .with_region(region)?;
    if d == 1 {
        return Ok(family.with_closed_form(Clipped { from: lower[0], to: upper[0] }));
    }
    Ok(family.with_suggested_region().with_condition(move |eta| require_symmetric("eta_xxT", &eta[d..], d)))
}

struct Clipped {
    from: f64,
    to: f64,
}

impl Clipped {
    fn moments(&self, eta: &[f64]) -> (f64, [f64; 2], [[f64; 2]; 2]) {
        quadratic_box(eta[0], eta[1], self.from, self.to)
    }
}

impl ClosedForm for Clipped {
    fn natural(&self, _eta: &[f64]) -> Result<()> {
        Ok(())
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.moments(eta).0
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        self.moments(eta).1.to_vec()
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.moments(eta).2.concat()
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        // The support is the open box.
        let x = quadratic(eta[0], eta[1], self.from, self.to, rng);
        Some(vec![x.clamp(self.from.next_up(), self.to.next_down())])
    }
}
