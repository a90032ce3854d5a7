//! A family's density in unconstrained coordinates, compiled for samplers.

use super::{Family, Unconstrained};
use crate::expr::{NodeId, Program, factor, gradient};

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
        let Unconstrained { graph: mut g, z, x, t: image, value, inside } = family.unconstrained();
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
