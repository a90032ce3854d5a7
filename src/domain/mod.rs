//! Supports and the bijectors that make them unconstrained.
//!
//! A [`Bijector`] writes x = phi(z) and log |dx/dz| as expressions, so that densities, gradients, lanes and tests all
//! come from one definition. Nothing is ever clipped: a density on a support is sampled in z with its log-Jacobian.
//! One file a choice.

mod circle;
mod integers;
mod interval;
mod ordered;
mod positive;
mod product;
mod real;
mod simplex;
mod spd;
mod sphere;

pub use circle::Circle;
pub use integers::Integers;
pub use interval::Interval;
pub use ordered::Ordered;
pub use positive::Positive;
pub use product::Product;
pub use real::Real;
pub use simplex::Simplex;
pub use spd::Spd;
pub(crate) use sphere::ORIGIN;
pub use sphere::Sphere;

use crate::error::{Error, Result};
use crate::expr::{Expr, Graph, NodeId, Trace};
use std::fmt;
use std::sync::Arc;

/// One axis of a product support, as quadrature sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axis {
    /// (-infinity, infinity).
    Line,
    /// (from, infinity).
    HalfLine {
        /// The finite end.
        from: f64,
    },
    /// (from, to).
    Segment {
        /// Lower end.
        from: f64,
        /// Upper end.
        to: f64,
    },
    /// Angles (-pi, pi], both ends the same point.
    Circle,
    /// Whole numbers from `from` to `to`, which may be infinite.
    Integers {
        /// First number.
        from: f64,
        /// Last number.
        to: f64,
    },
}

impl Axis {
    /// The ends of a bounded axis.
    pub fn ends(&self) -> Option<(f64, f64)> {
        match *self {
            Axis::Segment { from, to } => Some((from, to)),
            Axis::Circle => Some((-std::f64::consts::PI, std::f64::consts::PI)),
            Axis::Integers { from, to } if to.is_finite() => Some((from, to)),
            _ => None,
        }
    }
}

fn outside(b: &dyn Bijector, x: &[f64]) -> Error {
    Error::domain(format!("{x:?} is not a point of {}", b.describe()))
}

/// A smooth map from unconstrained z in R^m onto a support in R^d.
pub trait Bijector: Send + Sync + fmt::Debug {
    /// Number of coordinates d of a point.
    fn dim(&self) -> usize;
    /// Number of unconstrained coordinates m.
    fn free(&self) -> usize;
    /// The point, `[d]`, and log |dx/dz| as nodes, from the nodes of z, `[m]`.
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId);
    /// z of a point x, `[d]`.
    ///
    /// # Errors
    /// When x is not inside the support.
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>>;
    /// The coordinates of x in which the base measure is Lebesgue, m of them; none where it is another. By default all,
    /// where there are as many as unconstrained ones.
    fn measured(&self) -> Vec<usize> {
        if self.dim() == self.free() { (0..self.dim()).collect() } else { vec![] }
    }
    /// Whether x, `[d]`, lies inside.
    fn contains(&self, x: &[f64]) -> bool;
    /// Whether some coordinate takes whole numbers only, so that no sampler in z reaches every point.
    fn discrete(&self) -> bool {
        false
    }
    /// The first coordinate that equals coordinate `j` at every point: `j` itself, but for a symmetric matrix.
    fn coordinate(&self, j: usize) -> usize {
        j
    }
    /// The axes of the coordinates t in which quadrature integrates, where there are such: see [`Bijector::on_axes`].
    fn axes(&self) -> Option<Vec<Axis>>;
    /// The point, `[d]`, and the log measure log |dx/dt| as nodes, from the nodes of t, one an axis. A product of intervals
    /// is its own: t = x.
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        (t.to_vec(), g.constant(0.0))
    }
    /// The axes of coordinates of which x, or cosines and sines of it, are quotients of polynomials; those of
    /// [`Bijector::axes`] by default.
    fn rational_axes(&self) -> Option<Vec<Axis>> {
        self.axes()
    }
    /// As [`Bijector::on_axes`], in the coordinates of [`Bijector::rational_axes`].
    fn on_rational(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        self.on_axes(g, t)
    }
    /// The script that makes it, such as `interval(0, 1, 3)`.
    fn describe(&self) -> String;
}

/// A bijector and the shape in which the closure T(x) sees a point. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Support {
    shape: Vec<usize>,
    parts: Vec<Part>,
    bijector: Arc<dyn Bijector>,
}

/// A named part of a product support.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name.
    pub name: String,
    /// Shape in which the closure sees it.
    pub shape: Vec<usize>,
}

impl Support {
    /// Points of `shape` on the image of `bijector`, whose dimension must be the product of the shape.
    ///
    /// # Errors
    /// When it is not.
    pub fn new(shape: Vec<usize>, bijector: impl Bijector + 'static) -> Result<Self> {
        let size: usize = shape.iter().product();
        if size != bijector.dim() || size == 0 {
            return Err(Error::shape(format!(
                "shape {shape:?} does not hold the {} coordinates of {}",
                bijector.dim(),
                bijector.describe()
            )));
        }
        Ok(Support { shape, parts: vec![], bijector: Arc::new(bijector) })
    }
    /// R^n as a vector of n.
    ///
    /// # Errors
    /// For n = 0.
    pub fn real(n: usize) -> Result<Self> {
        Self::new(vec![n], Real::new(n)?)
    }
    /// The product of named parts, in byte order of their names.
    ///
    /// # Errors
    /// When there is no part, a name is empty or there twice, or a part is a product.
    pub fn product(parts: Vec<(String, Support)>) -> Result<Self> {
        let product = Product::new(parts)?;
        let part = |(name, s): &(String, Support)| Part { name: name.clone(), shape: s.shape.clone() };
        let parts = product.parts().iter().map(part).collect();
        Ok(Support { parts, ..Self::new(vec![product.dim()], product)? })
    }
    /// The traced point: the array of all coordinates, and one array for each named part. Coordinates that are always
    /// equal are one node.
    pub fn trace(&self, trace: &Trace) -> (Expr, Vec<Expr>) {
        let nodes: Vec<NodeId> = trace.with(|g| (0..self.dim()).map(|j| g.var(self.bijector.coordinate(j))).collect());
        let mut rest = nodes.as_slice();
        let parts = self.parts.iter().map(|p| {
            let (share, after) = rest.split_at(p.shape.iter().product());
            rest = after;
            trace.wrap(p.shape.clone(), share.to_vec())
        });
        let parts = parts.collect();
        (trace.wrap(self.shape.clone(), nodes), parts)
    }
    /// Shape of a point as the closure sees it.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// The named parts of a product, in the order of their coordinates; none otherwise.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
    /// Coordinate `j` of a point as a closure writes it: `x[0]`, `x[0][1]` of a matrix, `x.u[0]` of a part.
    pub fn name_of(&self, j: usize) -> String {
        let mut first = 0;
        for part in &self.parts {
            let size: usize = part.shape.iter().product();
            if j < first + size {
                return format!("x.{}{}", part.name, subscripts(&part.shape, j - first));
            }
            first += size;
        }
        format!("x{}", subscripts(&self.shape, j))
    }
    /// Number of coordinates of a point.
    pub fn dim(&self) -> usize {
        self.bijector.dim()
    }
    /// The map from unconstrained coordinates.
    pub fn bijector(&self) -> &dyn Bijector {
        self.bijector.as_ref()
    }
}

/// Entry `i` of an array in row-major order, as `[0][1]`.
fn subscripts(shape: &[usize], i: usize) -> String {
    (0..shape.len()).map(|a| format!("[{}]", i / shape[a + 1..].iter().product::<usize>() % shape[a])).collect()
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bijector.describe();
        match text.strip_suffix(&format!("({})", self.dim())) {
            Some(name @ ("real" | "positive")) if self.shape.len() > 1 => write!(f, "{name}({:?})", self.shape),
            _ => f.write_str(&text),
        }
    }
}
