//! Whole numbers.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId};
use crate::num::short;

/// The whole numbers from `from` to `to`, which may be infinite, with the counting measure. There is nothing to sample:
/// expectations are sums over the numbers, which quadrature sees as an axis.
#[derive(Debug, Clone)]
pub struct Integers {
    from: f64,
    to: f64,
}

/// Most numbers of a finite range.
const MOST: f64 = 1e7;
/// Largest magnitude at which neighbouring whole numbers are both numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Integers {
    /// The whole numbers from `from` to `to`, both included.
    ///
    /// # Errors
    /// When an end is no whole number (`to` may be infinite), the range is empty, or a finite one has more than 1e7 numbers.
    pub fn new(from: f64, to: f64) -> Result<Self> {
        let name = format!("integers({}, {})", short(from), short(to));
        let whole = |v: f64| v.fract() == 0.0 && v.abs() <= EXACT;
        if !whole(from) || !(whole(to) || to == f64::INFINITY) {
            return Err(Error::domain(format!("{name}: the ends must be whole numbers between -2^53 and 2^53"))
                .hint("integers(0, 20); beyond, neighbouring whole numbers are one number"));
        }
        if from > to {
            return Err(Error::domain(format!("{name} is empty")).hint("the lower end comes first"));
        }
        if to.is_finite() && to - from >= MOST {
            return Err(Error::domain(format!("{name} has {} numbers, more than {MOST:e}", short(to - from + 1.0)))
                .hint("every number is a term of each sum; a shorter range may hold all the mass"));
        }
        Ok(Integers { from, to })
    }
}

impl Bijector for Integers {
    fn dim(&self) -> usize {
        1
    }
    fn free(&self) -> usize {
        0
    }
    fn discrete(&self) -> bool {
        true
    }
    fn forward(&self, g: &mut Graph, _: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        (vec![g.constant(self.from)], g.constant(0.0))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if self.contains(x) { Ok(vec![]) } else { Err(outside(self, x)) }
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == 1 && x[0].fract() == 0.0 && x[0] >= self.from && x[0] <= self.to
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Integers { from: self.from, to: self.to }])
    }
    fn describe(&self) -> String {
        format!("integers({}, {})", short(self.from), short(self.to))
    }
}
