//! Where a node of one coordinate can have poles inside an axis.

use super::form::Expander;
use super::range::{Range, ranges};
use super::roots::{roots, shifted};
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// What is known of a node at a root: its value, and all Taylor coefficients of a polynomial. A root in double precision is
/// an approximation, at which the node itself is not quite its value.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub node: NodeId,
    pub value: f64,
    pub taylor: Option<Vec<f64>>,
}

/// A candidate for a pole, with the nodes that have a known value there.
#[derive(Debug, Clone)]
pub(super) struct Pole {
    pub at: f64,
    /// How far off `at` may be, beyond its own rounding.
    pub error: f64,
    pub pins: Vec<Pin>,
}

/// Candidates, inside the axis or at its ends; `None` where they cannot be located.
pub(super) fn poles(g: &Graph, axes: &[Axis], root: NodeId) -> Option<Vec<Pole>> {
    let j = *g.coordinates(root).first()?;
    let (range, _) = ranges(g, axes);
    let needed = g.reachable(&[root]);
    let mut finder = Finder { g, range: &range, expander: Expander::new(g) };
    let mut found = Vec::new();
    for i in (0..g.len()).filter(|i| needed[*i]) {
        let Node::Apply(op, [a, b, _]) = g.node(g.id(i)) else { continue };
        let r = |id: NodeId| range[id.index()];
        match op {
            Op::Div => found.extend(finder.zeros(b, 0.0, 0.0)?),
            Op::Log | Op::Lgamma | Op::Digamma | Op::Trigamma => found.extend(finder.zeros(a, 0.0, 0.0)?),
            Op::Polygamma => found.extend(finder.zeros(b, 0.0, 0.0)?),
            Op::Log1p => found.extend(finder.zeros(a, -1.0, 0.0)?),
            Op::Sqrt if r(a).low < 0.0 => found.extend(finder.zeros(a, 0.0, 0.0)?),
            Op::Pow => match g.as_constant(b) {
                Some(p) if p >= 0.0 && (r(a).low >= 0.0 || p.fract() == 0.0) => {}
                _ => found.extend(finder.zeros(a, 0.0, 0.0)?),
            },
            Op::Tan if !(r(a).above(-FRAC_PI_2) && r(a).below(FRAC_PI_2)) => return None,
            Op::Asin | Op::Acos if r(a).low < -1.0 || r(a).high > 1.0 => return None,
            _ => {}
        }
    }
    let (low, high) = match axes[j] {
        Axis::Line => (f64::NEG_INFINITY, f64::INFINITY),
        Axis::HalfLine { from } => (from, f64::INFINITY),
        Axis::Segment { from, to } => (from, to),
        // Both ends are one point, and have a pole on one side each.
        Axis::Circle => (-PI, PI),
        // On whole numbers a pole is not a matter of an integral from one side.
        Axis::Integers { .. } => return if found.is_empty() { Some(found) } else { None },
    };
    for pole in &mut found {
        for end in [low, high].into_iter().filter(|e| e.is_finite()) {
            if same(pole, (end, 0.0))? {
                pole.at = end;
            }
        }
    }
    found.retain(|pole| pole.at >= low && pole.at <= high);
    Some(found)
}

/// Places within this part of each other are one, and beyond the second they are two.
const ONE: f64 = 4.0 * f64::EPSILON;
const TWO: f64 = 32.0 * f64::EPSILON;

/// Whether a pole is at a place that has the error given; `None` where that is not known.
pub(super) fn same(pole: &Pole, (at, error): (f64, f64)) -> Option<bool> {
    let (gap, size) = ((pole.at - at).abs(), pole.at.abs().max(at.abs()));
    if gap <= ONE * size {
        return Some(true);
    }
    (gap > TWO * size && gap > 2.0 * (pole.error + error)).then_some(false)
}

struct Finder<'a> {
    g: &'a Graph,
    range: &'a [Range],
    expander: Expander<'a>,
}

impl Finder<'_> {
    /// Where a node has a value, which is known up to `slack`.
    fn zeros(&mut self, id: NodeId, value: f64, slack: f64) -> Option<Vec<Pole>> {
        let r = self.range[id.index()];
        if r.above(value) || r.below(value) {
            return Some(vec![]);
        }
        let mut found = self.inner(id, value, slack)?;
        for pole in &mut found {
            if pole.pins.iter().all(|p| p.node != id) {
                pole.pins.push(Pin { node: id, value, taylor: None });
            }
        }
        Some(found)
    }
    fn inner(&mut self, id: NodeId, value: f64, slack: f64) -> Option<Vec<Pole>> {
        // Factors first: a product written out has roots of even order, which rounding moves or removes.
        if let Node::Apply(Op::Mul, [a, b, _]) = self.g.node(id)
            && value == 0.0
            && slack == 0.0
        {
            let mut found = self.zeros(a, 0.0, 0.0)?;
            if a != b {
                found.extend(self.zeros(b, 0.0, 0.0)?);
            }
            return Some(found);
        }
        if let Some(found) = self.square(id, value, slack) {
            return found;
        }
        if let Some(poly) = self.expander.poly(id, 0) {
            let mut c = vec![0.0; 1];
            for (p, v) in poly.iter() {
                let power = p.first().map_or(0, |p| p.1 as usize);
                if p.len() > 1 {
                    return None;
                }
                if c.len() <= power {
                    c.resize(power + 1, 0.0);
                }
                c[power] += v;
            }
            c[0] -= value;
            let pole = |at: f64, error: f64| {
                let mut taylor = shifted(&c, at);
                taylor[0] = value;
                Pole { at, error, pins: vec![Pin { node: id, value, taylor: Some(taylor) }] }
            };
            let found = roots(&c, slack)?;
            return found.into_iter().map(|r| r.sure.then(|| pole(r.at, r.error))).collect();
        }
        // The difference of two numbers of one size is known up to their rounding; where it is 0, it was written so.
        let less = |c: f64| match value - c {
            left if left == 0.0 || value == 0.0 || c == 0.0 => (left, slack),
            left => (left, slack + f64::EPSILON * c.abs().max(value.abs())),
        };
        match self.g.node(id) {
            Node::Apply(Op::Neg, [a, ..]) => self.zeros(a, -value, slack),
            Node::Apply(Op::Abs, [a, ..]) if value >= 0.0 => self.both(a, value, slack),
            Node::Apply(Op::Div, [a, ..]) if value == 0.0 => self.zeros(a, 0.0, 0.0),
            Node::Apply(Op::Sqrt, [a, ..]) => self.rough(a, value * value, 2.0 * value.abs() * slack),
            Node::Apply(Op::Cbrt, [a, ..]) => self.rough(a, value * value * value, 3.0 * value * value * slack),
            Node::Apply(Op::Log, [a, ..]) => self.rough(a, value.exp(), value.exp() * slack),
            Node::Apply(Op::Exp, [a, ..]) if value > 0.0 => self.rough(a, value.ln(), slack / value),
            Node::Apply(op @ (Op::Sin | Op::Cos), [a, ..]) if value.abs() <= 1.0 => {
                // All angles in the range of the argument.
                let r = self.range[a.index()];
                let first = if op == Op::Cos { value.acos() } else { value.asin() };
                let second = if op == Op::Cos { -first } else { PI - first };
                if !r.is_finite() || r.high - r.low > 100.0 {
                    return None;
                }
                // Near a turning point an angle is as uncertain as a square root.
                let lean = (1.0 - value * value).sqrt();
                let known = slack == 0.0 && (value == 0.0 || lean == 0.0);
                let slack = if known { 0.0 } else { (slack + f64::EPSILON) / lean.max(1e-8) };
                let mut found = Vec::new();
                let last = ((r.low.abs().max(r.high.abs()) + TAU) / TAU).ceil() as i32;
                for angle in (-last..=last).flat_map(|k| [first, second].map(|a| a + TAU * f64::from(k))) {
                    if angle >= r.low - 1e-12 && angle <= r.high + 1e-12 {
                        found.extend(self.rough(a, angle.clamp(r.low, r.high), slack)?);
                    }
                }
                Some(found)
            }
            Node::Apply(Op::Add, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                (Some(c), _) => self.zeros(b, less(c).0, less(c).1),
                (_, Some(c)) => self.zeros(a, less(c).0, less(c).1),
                _ => None,
            },
            Node::Apply(Op::Sub, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                (Some(c), _) => self.zeros(b, -less(c).0, less(c).1),
                (_, Some(c)) => self.zeros(a, less(-c).0, less(-c).1),
                _ => None,
            },
            Node::Apply(Op::Pow, [a, p, _]) => match self.g.as_constant(p) {
                Some(p) if p > 0.0 && value == 0.0 && slack == 0.0 => self.zeros(a, 0.0, 0.0),
                Some(p) if p > 0.0 && value > 1e3 * slack => {
                    let root = value.powf(1.0 / p);
                    self.both(a, root, root * (slack / value + f64::EPSILON))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Where a node has a value or its negative.
    fn both(&mut self, a: NodeId, value: f64, slack: f64) -> Option<Vec<Pole>> {
        let mut found = self.zeros(a, value, slack)?;
        if value != 0.0 {
            found.extend(self.zeros(a, -value, slack)?);
        }
        Some(found)
    }

    /// As [`Finder::zeros`], for a value that was computed.
    fn rough(&mut self, a: NodeId, value: f64, slack: f64) -> Option<Vec<Pole>> {
        self.zeros(a, value, slack + 4.0 * f64::EPSILON * value.abs())
    }

    /// Where a square, with a constant beside it or not, has a value: written out, its zeros near each other would blur.
    fn square(&mut self, id: NodeId, value: f64, slack: f64) -> Option<Option<Vec<Pole>>> {
        let constant = |id: NodeId| self.g.as_constant(id);
        let (a, value, size) = match self.g.node(id) {
            Node::Apply(Op::Mul, _) => (id, value, 0.0),
            Node::Apply(Op::Add, [a, b, _]) => match (constant(a), constant(b)) {
                (Some(c), _) => (b, value - c, c.abs()),
                (_, Some(c)) => (a, value - c, c.abs()),
                _ => return None,
            },
            Node::Apply(Op::Sub, [a, b, _]) => (a, value + constant(b)?, constant(b)?.abs()),
            _ => return None,
        };
        let Node::Apply(Op::Mul, [p, q, _]) = self.g.node(a) else { return None };
        let slack = slack + if value.abs() < size { f64::EPSILON * size } else { 0.0 };
        if p != q || value <= 1e3 * slack {
            return None;
        }
        let root = value.sqrt();
        Some(self.both(p, root, slack / root + f64::EPSILON * root))
    }
}
