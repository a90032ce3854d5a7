//! Poles inside the support that samples do not see.
//!
//! Near a zero of p a density may be |p|^c, c < 0. The share of it within a small distance shrinks slowly there: weights of
//! draws from a smooth density have no variance where the square of |p|^c is not integrable, and chains have to find a spike of
//! vanishing width. Their errors are estimated from what they have seen, and tell nothing of it.

use super::form::Kind;
use super::{Existence, Tails};
use crate::expr::{Node, Op};
use crate::family::Family;

/// The power of what is infinite at poles that has to be integrable: weights with a Pareto tail of shape 1/2.5.
const POWER: f64 = 2.5;

impl Family {
    /// Whether the density at `eta` has poles inside the support that are too sharp for sampling.
    pub(crate) fn has_sharp_poles(&self, eta: &[f64]) -> bool {
        self.tails.get_or_init(|| Tails::of(self)).has_sharp_poles(eta)
    }
}

impl Tails {
    fn has_sharp_poles(&self, eta: &[f64]) -> bool {
        let form = &self.form;
        let logarithm =
            |i: usize| matches!(form.pieces[i].kind, Kind::Node(id) if matches!(form.graph.node(id), Node::Apply(Op::Log, _)));
        let plain = form.coefficients(eta);
        let mut raised = plain.clone();
        for (i, c) in raised.iter_mut().enumerate() {
            if c.0 < 0.0 && !form.pieces[i].regular && logarithm(i) {
                *c = (POWER * c.0, POWER * c.1);
            }
        }
        if form.too_large || raised == plain {
            return false;
        }
        match self.without_substitutions(&raised) {
            Existence::Proper => false,
            Existence::Improper { .. } => true,
            Existence::Unproven { .. } => self.without_substitutions(&plain) == Existence::Proper,
        }
    }
}
