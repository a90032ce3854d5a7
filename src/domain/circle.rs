//! Angles.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};
use std::f64::consts::PI;

/// n angles in [-pi, pi]. z runs along the line and x = z - 2 pi floor((z + pi) / (2 pi)): the density of z is periodic,
/// and a sampler walks round the circle. The measure is Lebesgue, the log-Jacobian 0.
#[derive(Debug, Clone)]
pub struct Circle {
    n: usize,
}

/// What rounding may leave beyond pi when a distant z is wound up.
const WINDING: f64 = 1e-12;

impl Circle {
    /// n angles.
    ///
    /// # Errors
    /// For n = 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::domain("circle(0): a point needs at least one angle").hint("circle() is one angle"));
        }
        Ok(Circle { n })
    }
}

impl Bijector for Circle {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let (turn, per_turn, half) = (g.constant(2.0 * PI), g.constant(0.5 / PI), g.constant(0.5));
        let x = z
            .iter()
            .map(|z| {
                let turns = g.mul(per_turn, *z);
                let turns = g.add(turns, half);
                let turns = g.unary(Op::Floor, turns);
                let wound = g.mul(turn, turns);
                g.sub(*z, wound)
            })
            .collect();
        (x, g.constant(0.0))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if self.contains(x) { Ok(x.to_vec()) } else { Err(outside(self, x)) }
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && x.iter().all(|v| v.abs() <= PI + WINDING)
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Circle; self.n])
    }
    fn describe(&self) -> String {
        format!("circle({})", self.n)
    }
}
