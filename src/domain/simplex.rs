//! The simplex: n positive components that sum to 1.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};

/// Components x_1 .. x_n > 0 with sum 1, in additive log-ratio coordinates: x_i = exp(z_i - L), z_n = 0,
/// L = log(sum exp z). The measure is Lebesgue in the first n - 1 components: log-Jacobian sum_i log x_i.
#[derive(Debug, Clone)]
pub struct Simplex {
    n: usize,
}

/// How far the sum of a point's components may be from 1.
const SUM: f64 = 1e-9;

impl Simplex {
    /// The simplex with n components.
    ///
    /// # Errors
    /// For n < 2.
    pub fn new(n: usize) -> Result<Self> {
        if n < 2 {
            return Err(Error::domain(format!("simplex({n}): components that sum to 1 are at least two"))
                .hint("simplex(3) has the points [x0, x1, x2] with x0 + x1 + x2 = 1"));
        }
        Ok(Simplex { n })
    }
}

impl Bijector for Simplex {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n - 1
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        // log(1 + exp z_1 + exp z_2 + ...), term by term.
        let mut total = g.constant(0.0);
        for z in z {
            let above = g.sub(*z, total);
            let more = g.unary(Op::Softplus, above);
            total = g.add(total, more);
        }
        let mut logs: Vec<NodeId> = z.iter().map(|z| g.sub(*z, total)).collect();
        logs.push(g.neg(total));
        let x = logs.iter().map(|l| g.unary(Op::Exp, *l)).collect();
        (x, g.sum(&logs))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if !self.contains(x) {
            return Err(outside(self, x));
        }
        let last = x[self.n - 1].ln();
        Ok(x[..self.n - 1].iter().map(|v| v.ln() - last).collect())
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| *v > 0.0) && (x.iter().sum::<f64>() - 1.0).abs() <= SUM
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        (self.n <= 4).then(|| vec![Axis::Line; self.n - 1])
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        self.forward(g, t)
    }
    fn describe(&self) -> String {
        format!("simplex({})", self.n)
    }
}
