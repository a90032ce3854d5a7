//! Intervals of values of each node over the support, and where a node has no pole inside it.

use crate::domain::Axis;
use crate::expr::{Graph, Node, Op};
use std::f64::consts::{FRAC_PI_2, PI};

/// An interval; an open end is not taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
    pub open: [bool; 2],
}

const ALL: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY, open: [true; 2] };

impl Range {
    fn closed(low: f64, high: f64) -> Range {
        Range { low, high, open: [false; 2] }
    }
    fn open(low: f64, high: f64) -> Range {
        Range { low, high, open: [true; 2] }
    }
    pub fn above(&self, v: f64) -> bool {
        self.low > v || self.low == v && self.open[0]
    }
    pub fn below(&self, v: f64) -> bool {
        self.high < v || self.high == v && self.open[1]
    }
    pub fn is_finite(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
    fn negated(self) -> Range {
        Range { low: -self.high, high: -self.low, open: [self.open[1], self.open[0]] }
    }
    fn sum(self, o: Range) -> Range {
        Range { low: self.low + o.low, high: self.high + o.high, open: [0, 1].map(|i| self.open[i] || o.open[i]) }
    }
    fn product(self, o: Range) -> Range {
        let ends = |r: Range| [(r.low, r.open[0]), (r.high, r.open[1])];
        let (mut low, mut high) = ((f64::INFINITY, true), (f64::NEG_INFINITY, true));
        for (a, oa) in ends(self) {
            for (b, ob) in ends(o) {
                let (v, open) = match (a == 0.0, b == 0.0) {
                    (true, true) => (0.0, oa && ob),
                    (true, _) => (0.0, oa),
                    (_, true) => (0.0, ob),
                    _ => (a * b, oa || ob),
                };
                if v < low.0 || v == low.0 && !open {
                    low = (v, open);
                }
                if v > high.0 || v == high.0 && !open {
                    high = (v, open);
                }
            }
        }
        Range { low: low.0, high: high.0, open: [low.1, high.1] }
    }
    /// Of an increasing function.
    fn rising(self, f: impl Fn(f64) -> f64) -> Range {
        let (low, high) = (f(self.low), f(self.high));
        if low.is_nan() || high.is_nan() { ALL } else { Range { low, high, open: self.open } }
    }
    fn absolute(self) -> Range {
        if self.low >= 0.0 {
            return self;
        }
        if self.high <= 0.0 {
            return self.negated();
        }
        let n = self.negated();
        let (high, open) = if self.high > n.high { (self.high, self.open[1]) } else { (n.high, n.open[1]) };
        Range { low: 0.0, high, open: [false, open] }
    }
    fn hull(self, o: Range) -> Range {
        let low =
            if self.low < o.low || self.low == o.low && !self.open[0] { (self.low, self.open[0]) } else { (o.low, o.open[0]) };
        let high = if self.high > o.high || self.high == o.high && !self.open[1] {
            (self.high, self.open[1])
        } else {
            (o.high, o.open[1])
        };
        Range { low: low.0, high: high.0, open: [low.1, high.1] }
    }
    /// Every value of `self` capped below by those of `o`.
    fn max(self, o: Range) -> Range {
        let low =
            if self.low > o.low { (self.low, self.open[0]) } else { (o.low, o.open[0] && (self.low < o.low || self.open[0])) };
        let high = if self.high > o.high { (self.high, self.open[1]) } else { (o.high, o.open[1]) };
        Range { low: low.0, high: high.0, open: [low.1, high.1] }
    }
    fn inverse(self) -> Range {
        if self.above(0.0) || self.below(0.0) {
            let at = |v: f64, from_above: bool| match v {
                0.0 if from_above => f64::INFINITY,
                0.0 => f64::NEG_INFINITY,
                v => 1.0 / v,
            };
            let up = self.above(0.0);
            Range { low: at(self.high, up), high: at(self.low, up), open: [self.open[1], self.open[0]] }
        } else {
            ALL
        }
    }
}

/// For each node the interval of its values, and whether it and its arguments have no pole inside the support.
pub(super) fn ranges(g: &Graph, axes: &[Axis]) -> (Vec<Range>, Vec<bool>) {
    let mut range: Vec<Range> = Vec::with_capacity(g.len());
    let mut regular: Vec<bool> = Vec::with_capacity(g.len());
    for i in 0..g.len() {
        let (found, fine) = match g.node(g.id(i)) {
            Node::Const(bits) => {
                let c = f64::from_bits(bits);
                (if c.is_nan() { ALL } else { Range::closed(c, c) }, c.is_finite())
            }
            Node::Param(_) => (ALL, true),
            Node::Var(j) => (
                match axes[j as usize] {
                    Axis::Line => ALL,
                    Axis::HalfLine { from } => Range::open(from, f64::INFINITY),
                    Axis::Segment { from, to } => Range::open(from, to),
                    Axis::Circle => Range::closed(-PI, PI),
                    Axis::Integers { from, to } => {
                        Range { low: from, high: to, open: [from == f64::NEG_INFINITY, to == f64::INFINITY] }
                    }
                },
                true,
            ),
            Node::Apply(op, args) => {
                let r = args.map(|a| range[a.index()]);
                let fine = args[..op.info().arity].iter().all(|a| regular[a.index()]);
                let own = without_pole(op, r, g.as_constant(args[1]));
                (apply(op, r, args[0] == args[1], g.as_constant(args[1])), fine && own)
            }
            Node::Part(b, part) => {
                let block = g.block(b);
                let width = block.map.inputs();
                let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                let bias = block.map.bias()[part as usize];
                let sum = row
                    .iter()
                    .zip(block.args.iter())
                    .filter(|(w, _)| **w != 0.0)
                    .fold(Range::closed(bias, bias), |s, (w, a)| s.sum(range[a.index()].product(Range::closed(*w, *w))));
                (sum, block.args.iter().all(|a| regular[a.index()]))
            }
        };
        range.push(if found.low.is_nan() || found.high.is_nan() { ALL } else { found });
        regular.push(fine);
    }
    (range, regular)
}

fn without_pole(op: Op, [a, b, _]: [Range; 3], exponent: Option<f64>) -> bool {
    match op {
        Op::Div => b.above(0.0) || b.below(0.0),
        Op::Log | Op::Lgamma | Op::Digamma | Op::Trigamma => a.above(0.0),
        Op::Polygamma => b.above(0.0),
        Op::Log1p => a.above(-1.0),
        Op::Sqrt => a.low >= 0.0,
        Op::Pow => a.above(0.0) || exponent.is_some_and(|p| p >= 0.0 && (a.low >= 0.0 || p.fract() == 0.0)),
        Op::Tan => a.above(-FRAC_PI_2) && a.below(FRAC_PI_2),
        Op::Asin | Op::Acos => a.low >= -1.0 && a.high <= 1.0,
        _ => true,
    }
}

pub(super) fn apply(op: Op, [a, b, c]: [Range; 3], same: bool, exponent: Option<f64>) -> Range {
    let unit = Range::closed(-1.0, 1.0);
    match op {
        Op::Add => a.sum(b),
        Op::Sub => a.sum(b.negated()),
        Op::Mul if same => {
            let m = a.absolute();
            m.product(m)
        }
        Op::Mul => a.product(b),
        Op::Div => a.product(b.inverse()),
        Op::Pow => match exponent {
            Some(p) if p > 0.0 && a.low >= 0.0 => a.rising(|v| v.powf(p)),
            Some(p) if p < 0.0 && a.above(0.0) => a.rising(|v| v.powf(-p)).inverse(),
            _ if a.above(0.0) => Range::open(0.0, f64::INFINITY),
            _ => ALL,
        },
        Op::Neg => a.negated(),
        Op::Abs => a.absolute(),
        Op::Max => a.max(b),
        Op::Min => a.negated().max(b.negated()).negated(),
        Op::Relu => a.max(Range::closed(0.0, 0.0)),
        Op::Sqrt => Range { low: a.low.max(0.0), open: [a.open[0] && a.low >= 0.0, a.open[1]], ..a }.rising(f64::sqrt),
        Op::Cbrt => a.rising(f64::cbrt),
        Op::Exp => {
            // Values far out are above 0 although they underflow.
            let r = a.rising(f64::exp);
            if r.low == 0.0 { Range { open: [true, r.open[1]], ..r } } else { r }
        }
        Op::Expm1 => {
            let r = a.rising(f64::exp_m1);
            if r.low == -1.0 { Range { open: [true, r.open[1]], ..r } } else { r }
        }
        Op::Log => {
            if a.low >= 0.0 {
                a.rising(f64::ln)
            } else {
                ALL
            }
        }
        Op::Log1p => {
            if a.low >= -1.0 {
                a.rising(f64::ln_1p)
            } else {
                ALL
            }
        }
        Op::Softplus => {
            let r = a.rising(op_value(op));
            if r.low == 0.0 { Range { open: [true, r.open[1]], ..r } } else { r }
        }
        Op::Sinh => a.rising(f64::sinh),
        Op::Atan => a.rising(f64::atan),
        Op::Tanh => Range::open(-1.0, 1.0).clip(a.rising(f64::tanh)),
        Op::Erf => Range::open(-1.0, 1.0).clip(a.rising(op_value(op))),
        Op::Sigmoid => Range::open(0.0, 1.0).clip(a.rising(op_value(op))),
        Op::Erfc => Range::open(0.0, 2.0).clip(a.negated().rising(|v| op_value(Op::Erfc)(-v))),
        Op::Cosh => a.absolute().rising(f64::cosh),
        Op::Sin if a.low >= 0.0 && a.high <= PI => Range { low: 0.0, high: 1.0, open: [a.open[0] && a.open[1], false] },
        Op::Sin | Op::Cos => unit,
        Op::Sign => unit,
        Op::Asin => Range::closed(-FRAC_PI_2, FRAC_PI_2),
        Op::Acos => Range::closed(0.0, PI),
        Op::Atan2 => Range::closed(-PI, PI),
        Op::Tan if a.above(-FRAC_PI_2) && a.below(FRAC_PI_2) => {
            a.rising(|v| if v.abs() >= FRAC_PI_2 { v.signum() * f64::INFINITY } else { v.tan() })
        }
        Op::ExpQuotient | Op::Trigamma => Range::open(0.0, f64::INFINITY),
        Op::Less | Op::LessEqual | Op::Equal | Op::And | Op::Or | Op::Not => Range::closed(0.0, 1.0),
        Op::Select => b.hull(c),
        Op::Floor => Range { low: a.low - 1.0, high: a.high, open: a.open },
        Op::Tan | Op::Lgamma | Op::Digamma | Op::Polygamma => ALL,
    }
}

fn op_value(op: Op) -> impl Fn(f64) -> f64 {
    move |v| (op.info().value)([v; 3])
}

impl Range {
    /// The part of `o` inside this open interval, whose ends are never taken.
    fn clip(self, o: Range) -> Range {
        let low = if o.low <= self.low { (self.low, true) } else { (o.low, o.open[0]) };
        let high = if o.high >= self.high { (self.high, true) } else { (o.high, o.open[1]) };
        Range { low: low.0, high: high.0, open: [low.1, high.1] }
    }
}
