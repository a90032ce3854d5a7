//! What quadrature integrates: T, b and the measure over the coordinates t of the support's axes.

use super::Family;
use crate::domain::Axis;
use crate::expr::kinks::{self, Surface};
use crate::expr::{Graph, NodeId, Program};

/// A family over the coordinates t of [`crate::domain::Bijector::on_axes`], compiled.
pub struct Integrand {
    axes: Vec<Axis>,
    program: Program,
    graph: Graph,
    surfaces: Vec<Surface>,
    plain: bool,
}

impl Integrand {
    /// Entry with eta . T + b + log |dx/dt|, one output; minus infinity outside the support.
    pub const LOG_DENSITY: usize = 0;
    /// Entry with T, k outputs, then b + log |dx/dt|.
    pub const STATISTICS: usize = 1;

    pub(super) fn new(family: &Family) -> Option<Integrand> {
        let bijector = family.support.bijector();
        Some(Self::over(family, bijector.axes()?, |g, t| bijector.on_axes(g, t)))
    }
    /// Over the unconstrained coordinates z, each a line: where a density is singular at an end of its support.
    pub(super) fn unconstrained(family: &Family) -> Option<Integrand> {
        let bijector = family.support.bijector();
        let axes = vec![Axis::Line; bijector.free()];
        (!bijector.discrete()).then(|| Self::over(family, axes, |g, z| bijector.forward(g, z)))
    }
    fn over(family: &Family, axes: Vec<Axis>, point: impl FnOnce(&mut Graph, &[NodeId]) -> (Vec<NodeId>, NodeId)) -> Integrand {
        let mut g = Graph::new();
        let t: Vec<NodeId> = (0..axes.len()).map(|j| g.var(j)).collect();
        let (x, measure) = point(&mut g, &t);
        let plain = x == t;
        let image = family.image(&mut g, &x);
        let inside = image.inside;
        let offset = g.add(image.base, measure);
        let offset = Family::restrict(&mut g, inside, offset);
        let value = family.log_density_node(&mut g, &image.t, offset);
        let statistics: Vec<NodeId> = image.t.iter().copied().chain([offset]).collect();
        let program = Program::compile(&g, axes.len(), &[&[value], &statistics]);
        let surfaces = kinks::surfaces(&mut g, &statistics);
        Integrand { axes, program, graph: g, surfaces, plain }
    }
    /// The axes of t.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }
    /// Whether t is x itself.
    pub fn is_plain(&self) -> bool {
        self.plain
    }
    /// The compiled program over t.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// The surfaces on which T, b or the boundary of the support has a kink or a jump, over t.
    pub fn surfaces(&self) -> (&Graph, &[Surface]) {
        (&self.graph, &self.surfaces)
    }
}
