//! Rewriting to forms that neither overflow nor cancel, in value and derivative.
//!
//! log(exp a + exp b + ...), log(1 + exp x), log(cosh x), log(sinh x), log(expm1 x), log(sigmoid x), products and
//! quotients of exponentials, 1 / (1 + exp x), exp x / (1 + exp x), x / expm1 x.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use std::f64::consts::LN_2;

impl Graph {
    fn operation(&self, id: NodeId, op: Op) -> Option<NodeId> {
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
                let x = self.operation(a, Op::Exp)?;
                Some(self.unary(Op::Softplus, x))
            }
            Op::Mul => {
                let (x, y) = (self.operation(a, Op::Exp)?, self.operation(b, Op::Exp)?);
                let sum = self.add(x, y);
                Some(self.unary(Op::Exp, sum))
            }
            Op::Div => self.stable_quotient(a, b),
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
            Node::Apply(Op::Add, _) => self.log_of_sum(a),
            _ => None,
        }
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
