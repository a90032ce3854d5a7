//! A family's density in unconstrained coordinates, compiled for samplers.

use super::{Family, Unconstrained};
use crate::domain::Axis;
use crate::expr::{Graph, NodeId, Op, Program, factor, gradient};

/// log p(x(z)) + log |dx/dz| up to A(eta), with its gradient and T(x(z)), as one lane program.
#[derive(Debug, Clone)]
pub struct Density {
    program: Program,
    free: usize,
    unique: Vec<usize>,
    distinct: usize,
}

impl Density {
    /// Entry with the gradient with respect to z, m outputs.
    pub const GRADIENT: usize = 0;
    /// Entry with the log density, then its gradient.
    pub const VALUE_AND_GRADIENT: usize = 1;
    /// Entry with the distinct statistics.
    pub const STATISTICS: usize = 2;
    /// Entry with the point x, d outputs.
    pub const POINT: usize = 3;
    /// Entry with the unconstrained coordinates z, m outputs.
    pub const POSITION: usize = 4;

    pub(super) fn new(family: &Family) -> Density {
        Density::of(family.unconstrained())
    }
    /// Over coordinates u that are stretched where they have tails, z_j = c_j + s_j sinh(u_j) for j in [`Family::lines`]; c_j
    /// and s_j of one after the other follow eta in its parameters.
    pub(super) fn stretched(family: &Family) -> Density {
        let mut g = Graph::new();
        let mut z: Vec<NodeId> = (0..family.density().free()).map(|j| g.var(j)).collect();
        let mut log_jacobian = g.constant(0.0);
        for (i, j) in family.lines().into_iter().enumerate() {
            let [center, scale] = [0, 1].map(|n| g.param(family.dim() + 2 * i + n));
            let (sinh, cosh) = (g.unary(Op::Sinh, z[j]), g.unary(Op::Cosh, z[j]));
            let (away, slope) = (g.mul(scale, sinh), g.mul(scale, cosh));
            z[j] = g.add(center, away);
            let log_slope = g.unary(Op::Log, slope);
            log_jacobian = g.add(log_jacobian, log_slope);
        }
        Density::of(family.unconstrained_at(g, z, log_jacobian))
    }
    fn of(family: Unconstrained) -> Density {
        let Unconstrained { graph: mut g, z, x, t: image, value, inside } = family;
        let free = z.len();
        let slope = gradient(&mut g, value, free);
        let whole = factor(&mut g, value);
        let whole = Family::restrict(&mut g, inside, whole);
        let both: Vec<NodeId> = std::iter::once(whole).chain(slope.iter().copied()).collect();
        let mut distinct: Vec<NodeId> = Vec::new();
        let unique = image
            .iter()
            .map(|t| {
                distinct.iter().position(|d| d == t).unwrap_or_else(|| {
                    distinct.push(*t);
                    distinct.len() - 1
                })
            })
            .collect();
        let program = Program::compile(&g, free, &[&slope, &both, &distinct, &x, &z]);
        Density { program, free, unique, distinct: distinct.len() }
    }
    /// The compiled program.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// Number of unconstrained coordinates m.
    pub fn free(&self) -> usize {
        self.free
    }
    /// Number of distinct statistics.
    pub fn distinct(&self) -> usize {
        self.distinct
    }
    /// For each flattened statistic, `[k]`, the distinct one that it equals.
    pub fn unique(&self) -> &[usize] {
        &self.unique
    }
}

impl Family {
    /// The density over coordinates that are stretched where they have tails; see [`Density`].
    pub(crate) fn stretched(&self) -> &Density {
        self.stretched.get_or_init(|| Density::stretched(self))
    }
    /// Unconstrained coordinates that have tails: all but angles.
    pub(crate) fn lines(&self) -> Vec<usize> {
        let axes = self.terms().map(|t| t.axes()).unwrap_or_default();
        (0..axes.len()).filter(|j| axes[*j] == Axis::Line).collect()
    }
}
