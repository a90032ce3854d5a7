//! Products of named supports.

use super::{Axis, Bijector, Support, outside};
use crate::error::{Error, Result};
use crate::expr::{Graph, NodeId};

/// Independent parts, one after the other in byte order of their names; each part keeps its own map.
#[derive(Debug, Clone)]
pub struct Product {
    parts: Vec<(String, Support)>,
}

impl Product {
    /// The product of `parts`.
    ///
    /// # Errors
    /// When there is no part, a name is empty or there twice, or a part is a product.
    pub fn new(mut parts: Vec<(String, Support)>) -> Result<Self> {
        const HINT: &str = "product(#{ u: real(1), s: positive(1) })";
        parts.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        if parts.is_empty() {
            return Err(Error::domain("a product needs at least one part").hint(HINT));
        }
        if parts[0].0.is_empty() {
            return Err(Error::name("a part of a product has no name").hint(HINT));
        }
        if let Some(twice) = parts.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(Error::name(format!("the product has two parts called '{}'", twice[0].0)));
        }
        if let Some((name, _)) = parts.iter().find(|p| !p.1.parts().is_empty()) {
            return Err(Error::domain(format!("part '{name}' of the product is a product")).hint("name all parts in one map"));
        }
        Ok(Product { parts })
    }
    /// The parts, in the order of their coordinates.
    pub fn parts(&self) -> &[(String, Support)] {
        &self.parts
    }
    fn maps(&self) -> impl Iterator<Item = &dyn Bijector> {
        self.parts.iter().map(|p| p.1.bijector())
    }
    /// The map of each part with its share of `values`.
    fn shares<'a, T>(
        &'a self,
        values: &'a [T],
        size: impl Fn(&dyn Bijector) -> usize + 'a,
    ) -> impl Iterator<Item = (&'a dyn Bijector, &'a [T])> {
        let mut rest = values;
        self.maps().map(move |b| {
            let (share, after) = rest.split_at(size(b));
            rest = after;
            (b, share)
        })
    }
}

fn join(g: &mut Graph, images: Vec<(Vec<NodeId>, NodeId)>) -> (Vec<NodeId>, NodeId) {
    let (x, measures): (Vec<Vec<NodeId>>, Vec<NodeId>) = images.into_iter().unzip();
    (x.concat(), g.sum(&measures))
}

impl Bijector for Product {
    fn dim(&self) -> usize {
        self.maps().map(Bijector::dim).sum()
    }
    fn free(&self) -> usize {
        self.maps().map(Bijector::free).sum()
    }
    fn discrete(&self) -> bool {
        self.maps().any(Bijector::discrete)
    }
    fn coordinate(&self, j: usize) -> usize {
        let mut first = 0;
        for b in self.maps() {
            if j < first + b.dim() {
                return first + b.coordinate(j - first);
            }
            first += b.dim();
        }
        j
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let images = self.shares(z, |b| b.free()).map(|(b, z)| b.forward(g, z)).collect();
        join(g, images)
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        if x.len() != self.dim() {
            return Err(outside(self, x));
        }
        let z: Result<Vec<Vec<f64>>> = self.shares(x, |b| b.dim()).map(|(b, x)| b.inverse(x)).collect();
        Ok(z?.concat())
    }
    fn measured(&self) -> Vec<usize> {
        let mut first = 0;
        let mut all = vec![];
        for b in self.maps() {
            all.extend(b.measured().into_iter().map(|i| first + i));
            first += b.dim();
        }
        all
    }
    fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.dim() && self.shares(x, |b| b.dim()).all(|(b, x)| b.contains(x))
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        let axes: Option<Vec<Vec<Axis>>> = self.maps().map(Bijector::axes).collect();
        Some(axes?.concat())
    }
    fn on_axes(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let images = self.shares(t, |b| b.axes().map_or(0, |a| a.len())).map(|(b, t)| b.on_axes(g, t)).collect();
        join(g, images)
    }
    fn rational_axes(&self) -> Option<Vec<Axis>> {
        let axes: Option<Vec<Vec<Axis>>> = self.maps().map(Bijector::rational_axes).collect();
        Some(axes?.concat())
    }
    fn on_rational(&self, g: &mut Graph, t: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        let images = self.shares(t, |b| b.rational_axes().map_or(0, |a| a.len())).map(|(b, t)| b.on_rational(g, t)).collect();
        join(g, images)
    }
    fn describe(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|(name, s)| format!("{name}: {s}")).collect();
        format!("product(#{{{}}})", parts.join(", "))
    }
}
