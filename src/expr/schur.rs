//! Schur complements of products L L' without cancellation.
//!
//! The pivots of X = L L' are squares of the diagonal of L, but x_ij - (x_ip / x_pp) x_jp takes them from numbers that may
//! agree in all their digits. Where the divisor is an exponential, as on the diagonal of L in unconstrained coordinates,
//! both sides are sums of products of nodes and exponentials, in which equal terms of opposite sign leave.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;

/// scale * product of the factors * exp(sum of c y over the pairs (y, c)); both lists sorted.
#[derive(Clone)]
struct Term {
    scale: f64,
    factors: Vec<NodeId>,
    exponent: Vec<(NodeId, f64)>,
}

/// Most terms of a sum.
const MOST: usize = 256;
/// Most nodes of an expression that are looked at.
const STEPS: usize = 4096;

impl Term {
    fn number(scale: f64) -> Term {
        Term { scale, factors: vec![], exponent: vec![] }
    }
    fn times(&self, other: &Term, sign: f64) -> Term {
        let mut out = self.clone();
        out.scale *= if sign > 0.0 { other.scale } else { other.scale.recip() };
        out.factors.extend(&other.factors);
        out.factors.sort_unstable();
        for (y, c) in &other.exponent {
            match out.exponent.iter_mut().find(|e| e.0 == *y) {
                Some(e) => e.1 += sign * c,
                None => out.exponent.push((*y, sign * c)),
            }
        }
        out.exponent.retain(|e| e.1 != 0.0);
        out.exponent.sort_unstable_by_key(|e| e.0);
        out
    }
}

impl Graph {
    /// a - b, where b is a product with a quotient by an exponential and terms of both cancel.
    pub(super) fn schur(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        let Node::Apply(Op::Mul, [p, q, _]) = self.node(b) else { return None };
        let by_exponential = |id: NodeId| match self.node(id) {
            Node::Apply(Op::Div, [_, d, _]) => self.operation(d, Op::Exp).is_some(),
            _ => false,
        };
        if !by_exponential(p) && !by_exponential(q) {
            return None;
        }
        let mut steps = STEPS;
        let mut left = self.terms(a, &mut steps)?;
        let right = self.terms(b, &mut steps)?;
        let before = left.len() + right.len();
        for term in right {
            match left.iter_mut().find(|t| t.factors == term.factors && t.exponent == term.exponent) {
                Some(same) => same.scale -= term.scale,
                None => left.push(Term { scale: -term.scale, ..term }),
            }
        }
        left.retain(|t| t.scale != 0.0);
        if left.len() + 2 > before {
            return None;
        }
        let terms: Vec<NodeId> = left.iter().map(|t| self.term(t)).collect();
        Some(self.sum(&terms))
    }
    fn term(&mut self, term: &Term) -> NodeId {
        let mut out = self.constant(term.scale);
        for factor in &term.factors {
            out = self.mul(out, *factor);
        }
        if term.exponent.is_empty() {
            return out;
        }
        let mut exponent = self.constant(0.0);
        for (y, c) in &term.exponent {
            let c = self.constant(*c);
            let part = self.mul(c, *y);
            exponent = self.add(exponent, part);
        }
        let exponential = self.unary(Op::Exp, exponent);
        self.mul(out, exponential)
    }
    /// A node as a sum of terms; `None` where it is a long one, or divides by more than one exponential.
    fn terms(&self, id: NodeId, steps: &mut usize) -> Option<Vec<Term>> {
        *steps = steps.checked_sub(1)?;
        let atom = || vec![Term { factors: vec![id], ..Term::number(1.0) }];
        let found = match self.node(id) {
            Node::Const(bits) => vec![Term::number(f64::from_bits(bits))],
            Node::Apply(op @ (Op::Add | Op::Sub), [p, q, _]) => {
                let sign = if op == Op::Add { 1.0 } else { -1.0 };
                let mut all = self.terms(p, steps)?;
                all.extend(self.terms(q, steps)?.into_iter().map(|t| Term { scale: sign * t.scale, ..t }));
                all
            }
            Node::Apply(Op::Neg, [p, ..]) => self.terms(p, steps)?.into_iter().map(|t| Term { scale: -t.scale, ..t }).collect(),
            Node::Apply(Op::Mul, [p, q, _]) => {
                let (left, right) = (self.terms(p, steps)?, self.terms(q, steps)?);
                if left.len() * right.len() > MOST {
                    return None;
                }
                left.iter().flat_map(|l| right.iter().map(|r| l.times(r, 1.0))).collect()
            }
            Node::Apply(Op::Div, [p, q, _]) if self.operation(q, Op::Exp).is_some() => {
                let (above, below) = (self.terms(p, steps)?, self.terms(q, steps)?);
                let [divisor] = &below[..] else { return None };
                if !divisor.factors.is_empty() {
                    return None;
                }
                above.iter().map(|t| t.times(divisor, -1.0)).collect()
            }
            Node::Apply(Op::Exp, [x, ..]) => match self.linear(x).filter(|l| l.number == 0.0) {
                Some(linear) => {
                    let mut exponent = linear.multiples;
                    exponent.sort_unstable_by_key(|e| e.0);
                    vec![Term { exponent, ..Term::number(1.0) }]
                }
                None => atom(),
            },
            _ => atom(),
        };
        (found.len() <= MOST).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pivots of a product of triangular factors are the squares of their diagonals, by whatever is left of an elimination.
    #[test]
    fn pivots_of_a_product_are_exponentials() {
        let mut g = Graph::new();
        let z: Vec<NodeId> = (0..3).map(|j| g.var(j)).collect();
        let (first, last) = (g.unary(Op::Exp, z[0]), g.unary(Op::Exp, z[2]));
        let (x00, x10) = (g.mul(first, first), g.mul(first, z[1]));
        let (square, rest) = (g.mul(z[1], z[1]), g.mul(last, last));
        let x11 = g.add(square, rest);
        let factor = g.div(x10, x00);
        let product = g.mul(factor, x10);
        assert!(g.sub(x11, product) == rest);
        // Nothing cancels here.
        assert!(matches!(
            {
                let s = g.sub(z[2], product);
                g.node(s)
            },
            Node::Apply(Op::Sub, _)
        ));
    }
}
