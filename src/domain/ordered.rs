//! Ascending numbers.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};

/// x_1 < x_2 < ... < x_n; x_1 = z_1 and x_i = x_{i-1} + exp(z_i), log-Jacobian z_2 + ... + z_n.
#[derive(Debug, Clone)]
pub struct Ordered {
    n: usize,
}

impl Ordered {
    /// n ascending numbers.
    ///
    /// # Errors
    /// For n = 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::domain("ordered(0): a point needs at least one coordinate")
                .hint("ordered(2) has the points [x0, x1] with x0 < x1"));
        }
        Ok(Ordered { n })
    }
}

/// The running sums.
fn cumulate(g: &mut Graph, first: NodeId, gaps: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let mut x = vec![first];
    let mut last = first;
    for gap in gaps {
        last = g.add(last, gap);
        x.push(last);
    }
    x
}

impl Bijector for Ordered {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let gaps: Vec<NodeId> = z[1..].iter().map(|z| g.unary(Op::Exp, *z)).collect();
        (cumulate(g, z[0], gaps), g.sum(&z[1..]))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if !self.contains(x) {
            return Err(outside(self, x));
        }
        Ok(std::iter::once(x[0]).chain(x.windows(2).map(|w| (w[1] - w[0]).ln())).collect())
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| v.is_finite()) && x.windows(2).all(|w| w[0] < w[1])
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        let gaps = std::iter::repeat_n(Axis::HalfLine { from: 0.0 }, self.n - 1);
        (self.n <= 3).then(|| std::iter::once(Axis::Line).chain(gaps).collect())
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        (cumulate(g, t[0], t[1..].iter().copied()), g.constant(0.0))
    }
    fn describe(&self) -> String {
        format!("ordered({})", self.n)
    }
}
