//! Nodes of the graph on one cone, as signomials of its coordinates.

use super::super::range::Range;
use super::ratios::{Ratio, Sum};
use super::signomial::{Signomial, UNIT};
use super::zeros::{Zeros, zeros};
use crate::domain::ORIGIN;
use crate::expr::{Graph, Node, NodeId, Op};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What the coordinates are on a cone.
pub(super) struct Chart {
    pub n: usize,
    /// For each coordinate its value; nothing for others and for those that are the logarithm of one u.
    pub x: Vec<Option<Signomial>>,
    /// For each coordinate the u that it is the logarithm of.
    pub logarithm: Vec<Option<usize>>,
}

/// A piece on a cone up to a bounded amount: signomial + quotients + sum of c log|P| + slope . log u + a quadratic form in
/// log u.
#[derive(Default)]
pub(super) struct Content {
    pub terms: Signomial,
    /// Signomials over others with positive coefficients.
    pub quotients: Vec<Ratio>,
    /// Products of sums of logarithms, with coefficients.
    pub sums: Vec<(Rc<Sum>, Rc<Sum>, f64)>,
    pub logs: Vec<Log>,
    pub slope: Vec<f64>,
    /// Coefficients of products of log u_i and log u_k, i <= k.
    pub products: BTreeMap<(usize, usize), f64>,
}

impl Content {
    /// c (a . log u + p) (b . log u + q).
    pub fn add_product(&mut self, (a, p): (&[f64], f64), (b, q): (&[f64], f64), c: f64) {
        for (i, a) in a.iter().enumerate().filter(|a| *a.1 != 0.0) {
            for (k, b) in b.iter().enumerate().filter(|b| *b.1 != 0.0) {
                *self.products.entry((i.min(k), i.max(k))).or_insert(0.0) += c * a * b;
            }
        }
        self.slope.iter_mut().zip(a.iter().zip(b)).for_each(|(s, (a, b))| *s += c * (a * q + b * p));
    }
}

/// c log P, or c log|P|.
pub(super) struct Log {
    pub c: f64,
    pub p: Signomial,
    pub absolute: bool,
    /// P is above some positive number, as far as intervals tell.
    pub floor: bool,
}

pub(super) struct Walker<'a> {
    pub g: &'a Graph,
    pub chart: &'a Chart,
    pub range: &'a [Range],
    pub regular: &'a [bool],
    known: HashMap<NodeId, Option<Rc<Signomial>>>,
    pub(super) ratios: HashMap<NodeId, Option<Rc<Ratio>>>,
    pub(super) sums: HashMap<NodeId, Option<Rc<Sum>>>,
    /// A linear form that has both signs on the cone, where its sign is needed.
    pub split: Option<Vec<f64>>,
    /// Whether to cut where squares are zero.
    squares: bool,
}

impl<'a> Walker<'a> {
    pub fn new(g: &'a Graph, chart: &'a Chart, range: &'a [Range], regular: &'a [bool], squares: bool) -> Self {
        Walker {
            g,
            chart,
            range,
            regular,
            known: HashMap::new(),
            ratios: HashMap::new(),
            sums: HashMap::new(),
            split: None,
            squares,
        }
    }

    /// The value of a node, where it is a signomial.
    pub fn value(&mut self, id: NodeId, depth: usize) -> Option<Rc<Signomial>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let found = if depth > 200 { None } else { self.make(id, depth + 1).map(Rc::new) };
        self.known.insert(id, found.clone());
        found
    }

    /// The sign on the cone; asks for a split where that helps.
    fn sign(&mut self, s: &Signomial) -> Option<f64> {
        s.sign().or_else(|| {
            self.ask(s);
            None
        })
    }

    pub(super) fn ask(&mut self, s: &Signomial) {
        let plain = |h: &Vec<f64>| h.iter().enumerate().all(|(k, v)| *v == 0.0 || !self.chart.logarithm.contains(&Some(k)));
        if self.split.is_none() && s.sign().is_none() {
            self.split = s.linear(self.chart.n).filter(plain);
        }
    }

    pub(super) fn difference(&mut self, a: NodeId, b: NodeId, depth: usize) -> Option<Signomial> {
        let mut d = (*self.value(a, depth)?).clone();
        d.add(self.value(b, depth)?.as_ref(), -1.0)?;
        Some(d)
    }

    fn make(&mut self, id: NodeId, depth: usize) -> Option<Signomial> {
        let n = self.chart.n;
        let node = self.g.node(id);
        match node {
            // What keeps the origin of a sphere off 0 is no number of the family.
            Node::Const(bits) => {
                let c = Some(f64::from_bits(bits)).filter(|c| c.is_finite())?;
                Some(Signomial::constant(n, if c == ORIGIN { 0.0 } else { c }))
            }
            Node::Var(j) => self.chart.x.get(j as usize).cloned().flatten(),
            Node::Param(_) => None,
            Node::Part(b, part) => {
                let block = self.g.block(b);
                let width = block.map.inputs();
                let mut out = Signomial::constant(n, block.map.bias()[part as usize]);
                let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                for (w, a) in row.iter().zip(block.args.iter()).filter(|(w, _)| **w != 0.0) {
                    out.add(self.value(*a, depth)?.as_ref(), *w)?;
                }
                Some(out)
            }
            Node::Apply(op, [a, b, c]) => match op {
                Op::Add | Op::Sub => {
                    let mut out = (*self.value(a, depth)?).clone();
                    out.add(self.value(b, depth)?.as_ref(), if op == Op::Add { 1.0 } else { -1.0 })?;
                    Some(out)
                }
                Op::Neg => self.value(a, depth)?.mul(&Signomial::constant(n, -1.0)),
                Op::Mul => {
                    let (left, right) = (self.value(a, depth)?, self.value(b, depth)?);
                    if a == b && self.squares {
                        self.ask(&(*left).clone().without_constant());
                    }
                    left.mul(&right)
                }
                Op::Div => {
                    let (a, b) = (self.value(a, depth)?, self.value(b, depth)?);
                    b.single()?;
                    a.mul(&b.pow(-1.0)?)
                }
                Op::Pow => {
                    let p = self.g.as_constant(b)?;
                    let base = self.value(a, depth)?;
                    if self.squares {
                        self.ask(&(*base).clone().without_constant());
                    }
                    base.pow(p)
                }
                Op::Sqrt => self.value(a, depth)?.pow(0.5),
                Op::Cbrt => {
                    let a = self.value(a, depth)?;
                    let s = a.sign()?;
                    a.mul(&Signomial::constant(n, s))?.pow(1.0 / 3.0)?.mul(&Signomial::constant(n, s))
                }
                Op::Abs => {
                    let a = self.value(a, depth)?;
                    let s = self.sign(&a)?;
                    a.mul(&Signomial::constant(n, s))
                }
                Op::Relu => {
                    let a = self.value(a, depth)?;
                    Some(if self.sign(&a)? > 0.0 { (*a).clone() } else { Signomial::default() })
                }
                Op::Max | Op::Min => {
                    let d = self.difference(a, b, depth)?;
                    let first = (self.sign(&d)? > 0.0) == (op == Op::Max);
                    Some((*self.value(if first { a } else { b }, depth)?).clone())
                }
                Op::Exp => self.exponential(a),
                Op::Select => {
                    let chosen = if self.holds(a, depth)? { b } else { c };
                    Some((*self.value(chosen, depth)?).clone())
                }
                _ => None,
            },
        }
    }

    /// exp of a sum of logarithms of u.
    fn exponential(&mut self, id: NodeId) -> Option<Signomial> {
        let mut power = vec![0.0; self.chart.n];
        let (mut stack, mut constant, mut steps) = (vec![(id, 1.0)], 0.0, 0);
        while let Some((id, c)) = stack.pop() {
            steps += 1;
            match self.g.node(id) {
                _ if steps > 1000 => return None,
                Node::Const(bits) => constant += c * f64::from_bits(bits),
                Node::Var(j) => power[(*self.chart.logarithm.get(j as usize)?)?] += c,
                Node::Apply(Op::Add, [a, b, _]) => stack.extend([(a, c), (b, c)]),
                Node::Apply(Op::Sub, [a, b, _]) => stack.extend([(a, c), (b, -c)]),
                Node::Apply(Op::Neg, [a, ..]) => stack.push((a, -c)),
                Node::Apply(Op::Mul, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                    (Some(v), _) => stack.push((b, c * v)),
                    (_, Some(v)) => stack.push((a, c * v)),
                    _ => return None,
                },
                _ => return None,
            }
        }
        let factor = Some(constant.exp()).filter(|f| f.is_finite() && *f > 0.0)?;
        power.iter().enumerate().filter(|(_, p)| **p != 0.0).try_fold(Signomial::constant(self.chart.n, factor), |s, (k, p)| {
            s.mul(&Signomial::coordinate(self.chart.n, k).pow(*p)?)
        })
    }

    /// Whether a condition holds on the whole cone, up to its faces.
    pub fn holds(&mut self, id: NodeId, depth: usize) -> Option<bool> {
        let Node::Apply(op, [a, b, _]) = self.g.node(id) else {
            return self.g.as_constant(id).map(|v| v != 0.0);
        };
        match op {
            Op::And | Op::Or => {
                let (a, b) = (self.holds(a, depth + 1), self.holds(b, depth + 1));
                let decisive = op == Op::Or;
                if a == Some(decisive) || b == Some(decisive) { Some(decisive) } else { a.and(b) }
            }
            Op::Not => self.holds(a, depth + 1).map(|v| !v),
            Op::Less | Op::LessEqual => {
                let d = self.difference(a, b, depth)?;
                let s = self.sign(&d)?;
                Some(s < 0.0 || s == 0.0 && op == Op::LessEqual)
            }
            _ => None,
        }
    }

    /// Add `c` times a node, up to a bounded amount.
    pub fn content(&mut self, id: NodeId, c: f64, out: &mut Content, depth: usize) -> Option<()> {
        if !self.g.varies(id) {
            return Some(());
        }
        if self.bounded(id).is_some() {
            return Some(());
        }
        if depth > 200 {
            return None;
        }
        match self.g.node(id) {
            Node::Var(j) if self.chart.logarithm.get(j as usize).copied().flatten().is_some() => {
                let k = self.chart.logarithm[j as usize]?;
                out.slope[k] += c;
                return Some(());
            }
            Node::Apply(Op::Log, [a, ..]) => return self.log(a, c, false, out, depth + 1),
            Node::Apply(Op::Log1p, [a, ..]) => {
                let a = self.ratio(a, depth)?;
                let mut p = a.0.clone();
                p.add(&a.1, 1.0)?;
                return self.note_ratio((&p, &a.1), c, false, out);
            }
            _ => {}
        }
        if let Some(value) = self.value(id, depth) {
            return out.terms.add(&value, c);
        }
        if self.product_of_logs(id, c, out, depth).is_some() || self.quotient(id, c, out, depth).is_some() {
            return Some(());
        }
        match self.g.node(id) {
            Node::Apply(Op::Abs | Op::Relu | Op::Softplus, [a, ..]) if self.value(a, depth).is_none() => {
                self.logarithmic(id, c, out, depth + 1)
            }
            Node::Apply(Op::Max | Op::Min, [a, b, _]) if self.value(a, depth).is_none() || self.value(b, depth).is_none() => {
                self.logarithmic(id, c, out, depth + 1)
            }
            Node::Apply(op @ (Op::Add | Op::Sub), [a, b, _]) => {
                self.content(a, c, out, depth + 1)?;
                self.content(b, if op == Op::Add { c } else { -c }, out, depth + 1)
            }
            Node::Apply(Op::Neg, [a, ..]) => self.content(a, -c, out, depth + 1),
            Node::Apply(Op::Mul, [a, b, _]) => match (self.g.as_constant(a), self.g.as_constant(b)) {
                (Some(v), _) => self.content(b, c * v, out, depth + 1),
                (_, Some(v)) => self.content(a, c * v, out, depth + 1),
                _ => None,
            },
            // Constants move a kink by a bounded amount.
            Node::Apply(op @ (Op::Abs | Op::Relu | Op::Softplus), [a, ..]) => {
                let a = (*self.value(a, depth)?).clone().without_constant();
                let s = self.sign(&a)?;
                if s > 0.0 || op == Op::Abs { out.terms.add(&a, c * s) } else { Some(()) }
            }
            Node::Apply(op @ (Op::Max | Op::Min), [a, b, _]) => {
                let d = self.difference(a, b, depth)?.without_constant();
                let first = (self.sign(&d)? > 0.0) == (op == Op::Max);
                out.terms.add(self.value(if first { a } else { b }, depth)?.as_ref(), c)
            }
            _ => None,
        }
    }

    fn bounded(&self, id: NodeId) -> Option<()> {
        let i = id.index();
        (self.regular.get(i) == Some(&true) && self.range.get(i).is_some_and(Range::is_finite)).then_some(())
    }

    /// c log of a node, or of its absolute value.
    fn log(&mut self, id: NodeId, c: f64, absolute: bool, out: &mut Content, depth: usize) -> Option<()> {
        if depth > 200 {
            return None;
        }
        match self.g.node(id) {
            Node::Apply(Op::Abs, [a, ..]) => return self.log(a, c, true, out, depth + 1),
            Node::Apply(Op::Mul, [a, b, _]) if a == b => return self.log(a, 2.0 * c, true, out, depth + 1),
            Node::Apply(Op::Mul, [a, b, _]) if absolute => {
                self.log(a, c, true, out, depth + 1)?;
                return self.log(b, c, true, out, depth + 1);
            }
            Node::Apply(Op::Div, [a, b, _]) if absolute => {
                self.log(a, c, true, out, depth + 1)?;
                return self.log(b, -c, true, out, depth + 1);
            }
            Node::Apply(Op::Neg, [a, ..]) if absolute => return self.log(a, c, true, out, depth + 1),
            // Roots of negative numbers are none, whatever their absolute value would be.
            Node::Apply(Op::Sqrt, [a, ..]) => return self.log(a, 0.5 * c, false, out, depth + 1),
            Node::Apply(Op::Pow, [a, b, _]) => {
                let p = self.g.as_constant(b)?;
                let whole = p.fract() == 0.0;
                return self.log(a, p * c, whole && (absolute || p % 2.0 == 0.0), out, depth + 1);
            }
            _ => {}
        }
        if let Some(p) = self.value(id, depth) {
            self.note_log((*p).clone(), c, absolute, out)?;
            let floor = self.regular.get(id.index()) == Some(&true) && self.range.get(id.index()).is_some_and(|r| r.low > 0.0);
            out.logs.iter_mut().filter(|l| floor && l.p == *p).for_each(|l| l.floor = true);
            return Some(());
        }
        let ratio = self.ratio(id, depth)?;
        self.note_ratio((&ratio.0, &ratio.1), c, absolute, out)
    }

    /// c log of a quotient, whose denominator has to be positive.
    fn note_ratio(&mut self, (up, down): (&Signomial, &Signomial), c: f64, absolute: bool, out: &mut Content) -> Option<()> {
        if zeros(down) != Zeros::Never(1.0) {
            return None;
        }
        self.note_log(up.clone(), c, absolute, out)?;
        self.note_log(down.clone(), -c, absolute, out)
    }

    pub(super) fn note_log(&mut self, p: Signomial, c: f64, absolute: bool, out: &mut Content) -> Option<()> {
        if absolute {
            self.ask(&p);
        }
        if let Some((power, v)) = p.single() {
            power.iter().zip(&mut out.slope).for_each(|(a, s)| *s += c * *a as f64 / UNIT);
            return (absolute || v > 0.0).then_some(());
        }
        if p.0.is_empty() {
            return None;
        }
        match out.logs.iter_mut().find(|l| l.p == p && l.absolute == absolute) {
            Some(log) => log.c += c,
            None => out.logs.push(Log { c, p, absolute, floor: false }),
        }
        Some(())
    }
}
