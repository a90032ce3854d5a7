//! The whole space R^n.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId};

/// R^n; the identity.
#[derive(Debug, Clone)]
pub struct Real {
    n: usize,
}

impl Real {
    /// R^n.
    ///
    /// # Errors
    /// For n = 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 { Err(Error::domain("real(0): a point needs at least one coordinate")) } else { Ok(Real { n }) }
    }
}

impl Bijector for Real {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        (z.to_vec(), g.constant(0.0))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if self.contains(x) { Ok(x.to_vec()) } else { Err(outside(self, x)) }
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| v.is_finite())
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Line; self.n])
    }
    fn describe(&self) -> String {
        format!("real({})", self.n)
    }
}
