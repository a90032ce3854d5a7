//! Where a node of one coordinate can have poles inside an axis.

use super::form::Expander;
use super::range::{Range, ranges};
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
            Op::Div => found.extend(finder.zeros(b, 0.0)?),
            Op::Log | Op::Lgamma | Op::Digamma | Op::Trigamma => found.extend(finder.zeros(a, 0.0)?),
            Op::Polygamma => found.extend(finder.zeros(b, 0.0)?),
            Op::Log1p => found.extend(finder.zeros(a, -1.0)?),
            Op::Sqrt if r(a).low < 0.0 => found.extend(finder.zeros(a, 0.0)?),
            Op::Pow => match g.as_constant(b) {
                Some(p) if p >= 0.0 && (r(a).low >= 0.0 || p.fract() == 0.0) => {}
                _ => found.extend(finder.zeros(a, 0.0)?),
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
        for end in [low, high] {
            if end.is_finite() && (pole.at - end).abs() <= 1e-14 * (1.0 + end.abs()) {
                pole.at = end;
            }
        }
    }
    found.retain(|pole| pole.at >= low && pole.at <= high);
    Some(found)
}

struct Finder<'a> {
    g: &'a Graph,
    range: &'a [Range],
    expander: Expander<'a>,
}

impl Finder<'_> {
    /// Where a node has a value.
    fn zeros(&mut self, id: NodeId, value: f64) -> Option<Vec<Pole>> {
        let r = self.range[id.index()];
        if r.above(value) || r.below(value) {
            return Some(vec![]);
        }
        let mut found = self.inner(id, value)?;
        for pole in &mut found {
            if pole.pins.iter().all(|p| p.node != id) {
                pole.pins.push(Pin { node: id, value, taylor: None });
            }
        }
        Some(found)
    }
    fn inner(&mut self, id: NodeId, value: f64) -> Option<Vec<Pole>> {
        // Factors first: a product written out has roots of even order, which rounding moves or removes.
        if let Node::Apply(Op::Mul, [a, b, _]) = self.g.node(id)
            && value == 0.0
        {
            let mut found = self.zeros(a, 0.0)?;
            if a != b {
                found.extend(self.zeros(b, 0.0)?);
            }
            return Some(found);
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
            let at = |at: f64| {
                let mut taylor = shifted(&c, at);
                taylor[0] = value;
                Pole { at, pins: vec![Pin { node: id, value, taylor: Some(taylor) }] }
            };
            return Some(roots(&c)?.into_iter().map(at).collect());
        }
        match self.g.node(id) {
            Node::Apply(Op::Neg, [a, ..]) => self.zeros(a, -value),
            Node::Apply(Op::Abs, [a, ..]) if value >= 0.0 => Some([self.zeros(a, value)?, self.zeros(a, -value)?].concat()),
            Node::Apply(Op::Div, [a, ..]) if value == 0.0 => self.zeros(a, 0.0),
            Node::Apply(Op::Sqrt, [a, ..]) => self.zeros(a, value * value),
            Node::Apply(Op::Cbrt, [a, ..]) => self.zeros(a, value * value * value),
            Node::Apply(Op::Log, [a, ..]) => self.zeros(a, value.exp()),
            Node::Apply(Op::Exp, [a, ..]) if value > 0.0 => self.zeros(a, value.ln()),
            Node::Apply(op @ (Op::Sin | Op::Cos), [a, ..]) if value.abs() <= 1.0 => {
                // All angles in the range of the argument.
                let r = self.range[a.index()];
                let first = if op == Op::Cos { value.acos() } else { value.asin() };
                let second = if op == Op::Cos { -first } else { PI - first };
                if !r.is_finite() || r.high - r.low > 100.0 {
                    return None;
                }
                let mut found = Vec::new();
                let last = ((r.low.abs().max(r.high.abs()) + TAU) / TAU).ceil() as i32;
                for angle in (-last..=last).flat_map(|k| [first, second].map(|a| a + TAU * f64::from(k))) {
                    if angle >= r.low - 1e-12 && angle <= r.high + 1e-12 {
                        found.extend(self.zeros(a, angle.clamp(r.low, r.high))?);
                    }
                }
                Some(found)
            }
            Node::Apply(Op::Add, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                (Some(c), _) => self.zeros(b, value - c),
                (_, Some(c)) => self.zeros(a, value - c),
                _ => None,
            },
            Node::Apply(Op::Sub, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                (Some(c), _) => self.zeros(b, c - value),
                (_, Some(c)) => self.zeros(a, value + c),
                _ => None,
            },
            Node::Apply(Op::Pow, [a, p, _]) => match self.g.as_constant(p) {
                Some(p) if p > 0.0 && value >= 0.0 => {
                    Some([self.zeros(a, value.powf(1.0 / p))?, self.zeros(a, -value.powf(1.0 / p))?].concat())
                }
                _ => None,
            },
            _ => None,
        }
    }
}

fn horner(c: &[f64], x: f64) -> (f64, f64) {
    c.iter().rev().fold((0.0, 0.0), |(v, size): (f64, f64), c| (v * x + c, size * x.abs() + c.abs()))
}

/// Coefficients of sum c_k x^k in powers of x - at; those within rounding of 0 are 0.
fn shifted(c: &[f64], at: f64) -> Vec<f64> {
    let mut taylor = Vec::with_capacity(c.len());
    let mut slope = c.to_vec();
    let mut factorial = 1.0;
    for k in 0..c.len() {
        let (v, size) = horner(&slope, at);
        taylor.push(if v.abs() <= 64.0 * f64::EPSILON * size { 0.0 } else { v / factorial });
        slope = slope.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
        factorial *= k as f64 + 1.0;
    }
    taylor
}

/// Real roots of sum c_k x^k, those of even order within rounding; `None` for the polynomial 0.
pub(super) fn roots(c: &[f64]) -> Option<Vec<f64>> {
    let n = c.iter().rposition(|c| *c != 0.0)?;
    let c = &c[..=n];
    if n == 0 {
        return Some(vec![]);
    }
    if n == 1 {
        return Some(vec![-c[0] / c[1]]);
    }
    let slope: Vec<f64> = c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
    let bound = 1.0 + c[..n].iter().map(|v| (v / c[n]).abs()).fold(0.0, f64::max);
    let mut knots = vec![-bound];
    let mut inner = roots(&slope)?;
    inner.sort_by(f64::total_cmp);
    knots.extend(inner.iter().copied().filter(|x| x.abs() < bound));
    knots.push(bound);
    let flat = |x: f64| {
        let (v, size) = horner(c, x);
        v.abs() <= 64.0 * f64::EPSILON * size
    };
    let mut found: Vec<f64> = inner.into_iter().filter(|x| flat(*x)).collect();
    for pair in knots.windows(2) {
        let (mut a, mut b) = (pair[0], pair[1]);
        let (fa, fb) = (horner(c, a).0, horner(c, b).0);
        if flat(a) || flat(b) || (fa > 0.0) == (fb > 0.0) {
            continue;
        }
        for _ in 0..200 {
            let m = 0.5 * (a + b);
            if (horner(c, m).0 > 0.0) == (fa > 0.0) { a = m } else { b = m }
        }
        found.push(0.5 * (a + b));
    }
    Some(found)
}
