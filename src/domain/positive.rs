//! The positive orthant (0, infinity)^n.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};

/// (0, infinity)^n; x = exp(z), log-Jacobian sum(z).
#[derive(Debug, Clone)]
pub struct Positive {
    n: usize,
}

impl Positive {
    /// (0, infinity)^n.
    ///
    /// # Errors
    /// For n = 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 { Err(Error::domain("positive(0): a point needs at least one coordinate")) } else { Ok(Positive { n }) }
    }
}

impl Bijector for Positive {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let x = z.iter().map(|z| g.unary(Op::Exp, *z)).collect();
        (x, g.sum(z))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if self.contains(x) { Ok(x.iter().map(|v| v.ln()).collect()) } else { Err(outside(self, x)) }
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| *v > 0.0 && v.is_finite())
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::HalfLine { from: 0.0 }; self.n])
    }
    fn describe(&self) -> String {
        format!("positive({})", self.n)
    }
}
