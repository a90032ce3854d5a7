//! Rewriting to forms that neither overflow nor cancel, in value and derivative.
//!
//! log(exp a + exp b + ...), log(1 + exp x), log(cosh x), log(sinh x), log(expm1 x), log(sigmoid x), products and
//! quotients of exponentials, 1 / (1 + exp x), exp x / (1 + exp x), x / expm1 x; log(a + b sigmoid x) and
//! log(a - a exp x), also where a term is added in one place and subtracted in another; Schur complements (see
//! `schur`).

use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use std::f64::consts::LN_2;

/// number + sum of c y over the pairs (y, c).
pub(super) struct Linear {
    pub(super) number: f64,
    pub(super) multiples: Vec<(NodeId, f64)>,
    /// Whether terms cancelled, so that the written sum loses digits which this one keeps.
    cancelled: bool,
}

impl Graph {
    pub(super) fn operation(&self, id: NodeId, op: Op) -> Option<NodeId> {
        match self.node(id) {
            Node::Apply(found, [a, ..]) if found == op => Some(a),
            _ => None,
        }
    }
    fn is_number(&self, id: NodeId, value: f64) -> bool {
        self.as_constant(id) == Some(value)
    }

    /// The stable form of an application, where there is one.
    pub(super) fn stable(&mut self, op: Op, a: NodeId, b: NodeId) -> Option<NodeId> {
        match op {
            Op::Log => self.stable_log(a),
            Op::Log1p => {
                if let Some(x) = self.operation(a, Op::Exp) {
                    return Some(self.unary(Op::Softplus, x));
                }
                let mut terms = self.linear(a)?;
                terms.number += 1.0;
                terms.cancelled = terms.number == 0.0;
                self.log_of_linear(terms)
            }
            Op::Mul => {
                let (x, y) = (self.operation(a, Op::Exp)?, self.operation(b, Op::Exp)?);
                let sum = self.add(x, y);
                Some(self.unary(Op::Exp, sum))
            }
            Op::Div => self.stable_quotient(a, b),
            Op::Sub => self.schur(a, b),
            _ => None,
        }
    }

    fn stable_log(&mut self, a: NodeId) -> Option<NodeId> {
        match self.node(a) {
            Node::Apply(Op::Exp, [x, ..]) => Some(x),
            // x + softplus(-2 x) - log 2: smooth, where a form with |x| has a kink in its derivatives.
            Node::Apply(Op::Cosh, [x, ..]) => {
                let minus_two = self.constant(-2.0);
                let turned = self.mul(minus_two, x);
                let tail = self.unary(Op::Softplus, turned);
                let (sum, ln2) = (self.add(x, tail), self.constant(LN_2));
                Some(self.sub(sum, ln2))
            }
            Node::Apply(Op::Sinh, [x, ..]) => {
                let two = self.constant(2.0);
                let double = self.mul(two, x);
                let tail = self.log_one_minus_exp(double);
                let (sum, ln2) = (self.add(x, tail), self.constant(LN_2));
                Some(self.sub(sum, ln2))
            }
            Node::Apply(Op::Expm1, [x, ..]) => {
                let tail = self.log_one_minus_exp(x);
                Some(self.add(x, tail))
            }
            Node::Apply(Op::Sigmoid, [x, ..]) => {
                let minus = self.neg(x);
                let s = self.unary(Op::Softplus, minus);
                Some(self.neg(s))
            }
            Node::Apply(Op::Add | Op::Sub | Op::Neg | Op::Mul, _) => {
                let terms = self.linear(a);
                terms.and_then(|t| self.log_of_linear(t)).or_else(|| self.log_of_sum(a))
            }
            _ => None,
        }
    }

    /// A sum as a number and multiples of other nodes, `None` for a long one.
    pub(super) fn linear(&self, root: NodeId) -> Option<Linear> {
        const LONGEST: usize = 32;
        let mut found = Linear { number: 0.0, multiples: Vec::new(), cancelled: false };
        let (mut stack, mut steps, mut shifted) = (vec![(root, 1.0)], 0, false);
        while let Some((id, c)) = stack.pop() {
            steps += 1;
            if steps > LONGEST {
                return None;
            }
            match self.node(id) {
                Node::Const(bits) => {
                    found.number += c * f64::from_bits(bits);
                    shifted = true;
                }
                Node::Apply(Op::Add, [p, q, _]) => stack.extend([(q, c), (p, c)]),
                Node::Apply(Op::Sub, [p, q, _]) => stack.extend([(q, -c), (p, c)]),
                Node::Apply(Op::Neg, [p, ..]) => stack.push((p, -c)),
                Node::Apply(Op::Mul, [p, q, _]) if self.as_constant(p).is_some() => {
                    stack.push((q, c * self.as_constant(p).unwrap_or(1.0)));
                }
                Node::Apply(Op::Mul, [p, q, _]) if self.as_constant(q).is_some() => {
                    stack.push((p, c * self.as_constant(q).unwrap_or(1.0)));
                }
                _ => match found.multiples.iter_mut().find(|m| m.0 == id) {
                    Some(multiple) => multiple.1 += c,
                    None => found.multiples.push((id, c)),
                },
            }
        }
        let before = found.multiples.len();
        found.multiples.retain(|m| m.1 != 0.0);
        found.cancelled = found.multiples.len() < before || (shifted && found.number == 0.0);
        Some(found)
    }

    fn log_of_linear(&mut self, terms: Linear) -> Option<NodeId> {
        let a = terms.number;
        if let [(y, c)] = terms.multiples[..]
            && c.is_finite()
        {
            // c sigmoid(x), and a - a sigmoid(x) = a sigmoid(-x).
            if let Some(x) = self.operation(y, Op::Sigmoid) {
                let (scale, minus) = match (a == 0.0, a == -c) {
                    (true, _) => (c, self.neg(x)),
                    (_, true) => (a, x),
                    _ => return None,
                };
                let (shift, s) = (self.constant(scale.ln()), self.unary(Op::Softplus, minus));
                return (scale > 0.0).then(|| self.sub(shift, s));
            }
            if let Some(x) = self.operation(y, Op::Exp)
                && a == -c
                && a > 0.0
            {
                let minus = self.neg(x);
                let (shift, log) = (self.constant(a.ln()), self.log_one_minus_exp(minus));
                return Some(self.add(shift, log));
            }
            if a == 0.0 && c > 0.0 && (terms.cancelled || self.operation(y, Op::Exp).is_some()) {
                let (shift, log) = (self.constant(c.ln()), self.unary(Op::Log, y));
                return Some(self.add(shift, log));
            }
        }
        if !terms.cancelled {
            return None;
        }
        let mut sum = self.constant(a);
        for (y, c) in terms.multiples {
            let c = self.constant(c);
            let term = self.mul(c, y);
            sum = self.add(sum, term);
        }
        Some(self.unary(Op::Log, sum))
    }

    /// log(1 - exp(-x)) for x > 0.
    fn log_one_minus_exp(&mut self, x: NodeId) -> NodeId {
        let minus = self.neg(x);
        let e = self.unary(Op::Expm1, minus);
        let positive = self.neg(e);
        self.unary(Op::Log, positive)
    }

    /// log of a sum of exponentials and positive numbers, pair by pair: log(e^a + e^b) = a + softplus(b - a).
    fn log_of_sum(&mut self, a: NodeId) -> Option<NodeId> {
        let (mut terms, mut exponentials, mut stack) = (Vec::new(), 0, vec![a]);
        while let Some(id) = stack.pop() {
            match self.node(id) {
                Node::Apply(Op::Add, [p, q, _]) => stack.extend([q, p]),
                Node::Apply(Op::Exp, [x, ..]) => {
                    exponentials += 1;
                    terms.push(x);
                }
                Node::Apply(Op::Mul, [p, q, _]) => {
                    let scale = self.as_constant(p).filter(|c| *c > 0.0 && c.is_finite())?;
                    let x = self.operation(q, Op::Exp)?;
                    exponentials += 1;
                    let shift = self.constant(scale.ln());
                    terms.push(self.add(shift, x));
                }
                _ => {
                    let number = self.as_constant(id).filter(|c| *c > 0.0 && c.is_finite())?;
                    terms.push(self.constant(number.ln()));
                }
            }
        }
        if exponentials == 0 {
            return None;
        }
        let first = *terms.first()?;
        Some(terms[1..].iter().fold(first, |sum, t| {
            let difference = self.sub(*t, sum);
            let rest = self.unary(Op::Softplus, difference);
            self.add(sum, rest)
        }))
    }

    fn stable_quotient(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        if self.operation(b, Op::Expm1) == Some(a) && self.as_constant(a).is_none() {
            return Some(self.unary(Op::ExpQuotient, a));
        }
        if let (Some(x), Some(y)) = (self.operation(a, Op::Exp), self.operation(b, Op::Exp)) {
            let difference = self.sub(x, y);
            return Some(self.unary(Op::Exp, difference));
        }
        // 1 / (1 + e^x) and e^x / (1 + e^x).
        let Node::Apply(Op::Add, [p, q, _]) = self.node(b) else { return None };
        let e = if self.is_number(p, 1.0) {
            q
        } else if self.is_number(q, 1.0) {
            p
        } else {
            return None;
        };
        let x = self.operation(e, Op::Exp)?;
        if a == e {
            return Some(self.unary(Op::Sigmoid, x));
        }
        if self.is_number(a, 1.0) {
            let minus = self.neg(x);
            return Some(self.unary(Op::Sigmoid, minus));
        }
        None
    }
}
