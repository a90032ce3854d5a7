//! Intervals (a, b)^n, finite or open to infinity on one side.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};
use crate::num::short;

/// (from, to)^n; x = from + (to - from) sigmoid(z), or from + exp(z) where `to` is infinite, or to - exp(z) where `from` is.
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
    /// When the interval is empty, both its ends are infinite, or n = 0.
    pub fn new(from: f64, to: f64, n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::domain("interval(a, b, 0): a point needs at least one coordinate"));
        }
        if from.is_nan() || to.is_nan() || from >= to {
            return Err(
                Error::domain(format!("interval({}, {}) is empty", short(from), short(to))).hint("the lower end comes first")
            );
        }
        if from == f64::NEG_INFINITY && to == f64::INFINITY {
            return Err(Error::domain("interval(-infinity, infinity) is the whole line").hint(format!("use real({n})")));
        }
        if from.is_finite() && to.is_finite() && (to - from).is_infinite() {
            return Err(Error::domain(format!(
                "interval({}, {}) is too wide for its length to be a number",
                short(from),
                short(to)
            ))
            .hint(format!("use real({n})")));
        }
        Ok(Interval { from, to, n })
    }
    /// The finite end and the direction of an interval that is open to infinity.
    fn open(&self) -> Option<(f64, f64)> {
        match (self.from.is_finite(), self.to.is_finite()) {
            (true, true) => None,
            (true, false) => Some((self.from, 1.0)),
            _ => Some((self.to, -1.0)),
        }
    }
}

/// x = end + direction t.
fn ray(g: &mut Graph, (end, direction): (f64, f64), t: &[NodeId]) -> Vec<NodeId> {
    let end = g.constant(end);
    t.iter().map(|t| if direction > 0.0 { g.add(end, *t) } else { g.sub(end, *t) }).collect()
}

/// An end as a script writes it.
fn written(end: f64) -> String {
    match end {
        f64::INFINITY => "1.0/0.0".into(),
        f64::NEG_INFINITY => "-1.0/0.0".into(),
        end => short(end),
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
        if let Some(open) = self.open() {
            let distances: Vec<NodeId> = z.iter().map(|z| g.unary(Op::Exp, *z)).collect();
            return (ray(g, open, &distances), g.sum(z));
        }
        let from = g.constant(self.from);
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
            return Err(outside(self, x));
        }
        let coordinate = |v: &f64| match self.open() {
            Some((end, _)) => (v - end).abs().ln(),
            None => ((v - self.from) / (self.to - v)).ln(),
        };
        Ok(x.iter().map(coordinate).collect())
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| *v > self.from && *v < self.to && v.is_finite())
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        let axis = match self.open() {
            // The distance to the end, which keeps its digits where x does not.
            Some(_) => Axis::HalfLine { from: 0.0 },
            None => Axis::Segment { from: self.from, to: self.to },
        };
        Some(vec![axis; self.n])
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let x = self.open().map_or_else(|| t.to_vec(), |open| ray(g, open, t));
        (x, g.constant(0.0))
    }
    fn describe(&self) -> String {
        format!("interval({}, {}, {})", written(self.from), written(self.to), self.n)
    }
}
