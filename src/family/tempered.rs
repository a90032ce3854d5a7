//! A bridge from the separable base to the density: the own terms of each coordinate, and beta times everything else.

use super::Family;
use super::terms::{Split, exponent, terms};
use crate::expr::{NodeId, Program, gradient};

/// log p_beta(z) = own terms + beta (whole exponent - own terms) over unconstrained coordinates, compiled; its parameter
/// is eta, `[k]`, followed by beta.
#[derive(Debug, Clone)]
pub struct Tempered {
    program: Program,
    free: usize,
}

impl Tempered {
    /// Entry with the gradient with respect to z, m outputs.
    pub const GRADIENT: usize = 0;
    /// Entry with the log density, then its gradient.
    pub const VALUE_AND_GRADIENT: usize = 1;
    /// Entry with the derivative of the log density with respect to beta; minus infinity where a condition `where:` fails.
    pub const COUPLING: usize = 2;

    pub(super) fn new(family: &Family) -> Option<Tempered> {
        if family.support.bijector().discrete() {
            return None;
        }
        let (axes, mut g, value, _) = exponent(family)?;
        let inside = family.unconstrained().inside;
        let m = axes.len();
        let mut split = Split::new(m);
        for (coefficient, factors) in terms(&mut g, value) {
            split.place(&mut g, coefficient, &factors);
        }
        let own: Vec<NodeId> = split.own.concat();
        let own = g.sum(&own);
        let coupling = g.sub(value, own);
        let beta = g.param(family.dim());
        let part = g.mul(beta, coupling);
        let whole = g.add(own, part);
        let slope = gradient(&mut g, whole, m);
        let whole = Family::restrict(&mut g, inside, whole);
        let coupling = Family::restrict(&mut g, inside, coupling);
        let both: Vec<NodeId> = std::iter::once(whole).chain(slope.iter().copied()).collect();
        let program = Program::compile(&g, m, &[&slope, &both, &[coupling]]);
        Some(Tempered { program, free: m })
    }
    /// The compiled program.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// Number of unconstrained coordinates m.
    pub fn free(&self) -> usize {
        self.free
    }
}

impl Family {
    /// The bridge from the separable base, where coordinates are continuous.
    pub fn tempered(&self) -> Option<&Tempered> {
        self.tempered.get_or_init(|| Tempered::new(self)).as_ref()
    }
}
