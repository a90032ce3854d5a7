//! The unit sphere.

use super::{Axis, Bijector, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId, Op};
use crate::num::special::lgamma;
use std::f64::consts::LN_2;

/// Unit vectors in R^n with the surface measure. x = z / |z| for z in R^n is a submersion, not a bijection: the length of
/// z is a coordinate that x does not see, and gets a density of its own. The "log-Jacobian"
/// -|z|^2 / 2 - log(2^(n/2 - 1) gamma(n/2)) makes the integral over z of f(x(z)) exp(log-Jacobian) the surface integral of f
/// exactly, because that of r^(n-1) exp(-r^2 / 2) over r > 0 is 2^(n/2 - 1) gamma(n/2).
#[derive(Debug, Clone)]
pub struct Sphere {
    n: usize,
}

/// How far the squared length of a point may be from 1.
const LENGTH: f64 = 1e-9;
/// The origin, which has no direction, lies here: too little to move any other number.
pub(crate) const ORIGIN: f64 = 1e-150;

impl Sphere {
    /// The unit sphere in R^n.
    ///
    /// # Errors
    /// For n < 2.
    pub fn new(n: usize) -> Result<Self> {
        if n < 2 {
            return Err(Error::domain(format!("sphere({n}): unit vectors have at least two components"))
                .hint("sphere(2) is the unit circle, sphere(3) the surface of a ball"));
        }
        Ok(Sphere { n })
    }
}

impl Bijector for Sphere {
    fn dim(&self) -> usize {
        self.n
    }
    fn free(&self) -> usize {
        self.n
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let mut z = z.to_vec();
        let origin = g.constant(ORIGIN);
        z[0] = g.add(origin, z[0]);
        let squares: Vec<NodeId> = z.iter().map(|z| g.mul(*z, *z)).collect();
        let square = g.sum(&squares);
        let length = g.unary(Op::Sqrt, square);
        let x = z.iter().map(|z| g.div(*z, length)).collect();
        let half_n = 0.5 * self.n as f64;
        let (minus_half, constant) = (g.constant(-0.5), g.constant((half_n - 1.0) * LN_2 + lgamma(half_n)));
        let energy = g.mul(minus_half, square);
        (x, g.sub(energy, constant))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        // The typical length of z.
        let length = (self.n as f64).sqrt();
        if self.contains(x) { Ok(x.iter().map(|v| length * v).collect()) } else { Err(outside(self, x)) }
    }
    fn measured(&self) -> Vec<usize> {
        vec![] // the surface measure
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.n && (x.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() <= LENGTH
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        match self.n {
            2 => Some(vec![Axis::Circle]),
            3 => Some(vec![Axis::Circle, Axis::Segment { from: -1.0, to: 1.0 }]),
            _ => None,
        }
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let mut x = vec![g.unary(Op::Cos, t[0]), g.unary(Op::Sin, t[0])];
        if let Some(height) = t.get(1).copied() {
            let one = g.constant(1.0);
            let (below, above) = (g.sub(one, height), g.add(one, height));
            let square = g.mul(below, above);
            let radius = g.unary(Op::Sqrt, square);
            x = x.into_iter().map(|x| g.mul(radius, x)).chain([height]).collect();
        }
        (x, g.constant(0.0))
    }
    fn rational_axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Line; self.n - 1])
    }
    /// The projection from the pole (0, ..., 0, 1): x = (2 t, |t|^2 - 1) / (1 + |t|^2), with the measure
    /// (2 / (1 + |t|^2))^(n - 1).
    fn on_rational(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let squares: Vec<NodeId> = t.iter().map(|t| g.mul(*t, *t)).collect();
        let square = g.sum(&squares);
        let (one, two) = (g.constant(1.0), g.constant(2.0));
        let (below, norm) = (g.sub(square, one), g.add(square, one));
        let doubled: Vec<NodeId> = t.iter().map(|t| g.mul(two, *t)).collect();
        let x = doubled.into_iter().chain([below]).map(|x| g.div(x, norm)).collect();
        let (log, power) = (g.unary(Op::Log, norm), g.constant(1.0 - self.n as f64));
        let (shrunk, scale) = (g.mul(power, log), g.constant((self.n as f64 - 1.0) * LN_2));
        (x, g.add(shrunk, scale))
    }
    fn describe(&self) -> String {
        format!("sphere({})", self.n)
    }
}
