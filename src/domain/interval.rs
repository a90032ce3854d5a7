//! Intervals (a, b)^n, finite or open to infinity on the right.

use super::{Axis, Bijector};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};

/// (from, to)^n; x = from + (to - from) sigmoid(z), or from + exp(z) where `to` is infinite.
#[derive(Debug, Clone)]
pub struct Interval {
    from: f64,
    to: f64,
    n: usize,
}

impl Interval {
    /// (from, to)^n.
    ///
    /// # Errors
    /// When the interval is empty, its lower end is not finite, or n = 0.
    pub fn new(from: f64, to: f64, n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::domain("interval(a, b, 0): a point needs at least one coordinate"));
        }
        if from.is_nan() || to.is_nan() || from >= to {
            return Err(Error::domain(format!("interval({from}, {to}) is empty")).hint("the lower end comes first"));
        }
        if !from.is_finite() {
            return Err(Error::domain(format!("interval({from}, {to}): the lower end must be finite"))
                .hint("use real(n), or mirror the coordinate"));
        }
        Ok(Interval { from, to, n })
    }
}

impl Bijector for Interval {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let from = g.constant(self.from);
        if self.to == f64::INFINITY {
            let x = z.iter().map(|z| g.unary(Op::Exp, *z)).collect::<Vec<_>>().into_iter().map(|e| g.add(from, e)).collect();
            return (x, g.sum(z));
        }
        let (width, log_width) = (g.constant(self.to - self.from), g.constant((self.to - self.from).ln()));
        let (mut x, mut terms) = (Vec::new(), Vec::new());
        for z in z {
            let s = g.unary(Op::Sigmoid, *z);
            let scaled = g.mul(width, s);
            x.push(g.add(from, scaled));
            // log sigmoid'(z) = -softplus(z) - softplus(-z)
            let minus = g.neg(*z);
            let (up, down) = (g.unary(Op::Softplus, *z), g.unary(Op::Softplus, minus));
            let both = g.add(up, down);
            terms.push(g.sub(log_width, both));
        }
        (x, g.sum(&terms))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if !self.contains(x) {
            return Err(Error::domain(format!("{x:?} is not a point of {}", self.describe())));
        }
        Ok(x.iter()
            .map(|v| if self.to == f64::INFINITY { (v - self.from).ln() } else { ((v - self.from) / (self.to - v)).ln() })
            .collect())
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| *v > self.from && *v < self.to && v.is_finite())
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        let axis = if self.to == f64::INFINITY {
            Axis::HalfLine { from: self.from }
        } else {
            Axis::Segment { from: self.from, to: self.to }
        };
        Some(vec![axis; self.n])
    }
    fn describe(&self) -> String {
        format!("interval({}, {}, {})", self.from, self.to, self.n)
    }
}
