//! Nodes that are quotients of signomials, and those that are sums of logarithms of such, exactly.
//!
//! On a simplex each coordinate is one: exp(z_k) / (1 + exp z_1 + exp z_2 + ...), with u = exp z.

use super::signomial::{Power, Signomial, UNIT, numbers};
use super::walk::{Content, Walker};
use crate::expr::{Node, NodeId, Op};
use std::rc::Rc;

/// Largest power of a quotient.
const POWER: f64 = 8.0;

/// Numerator and denominator.
pub(super) type Ratio = (Signomial, Signomial);

/// constant + slope . log u + sum of c log P, all coefficients of each P positive.
#[derive(Clone)]
pub(super) struct Sum {
    pub constant: f64,
    pub slope: Vec<f64>,
    pub logs: Vec<(Signomial, f64)>,
}

impl Sum {
    fn of(constant: f64, n: usize) -> Sum {
        Sum { constant, slope: vec![0.0; n], logs: vec![] }
    }
    fn scaled(mut self, c: f64) -> Sum {
        self.constant *= c;
        self.slope.iter_mut().for_each(|s| *s *= c);
        self.logs.iter_mut().for_each(|l| l.1 *= c);
        self
    }
    fn plus(mut self, other: &Sum) -> Sum {
        self.constant += other.constant;
        self.slope.iter_mut().zip(&other.slope).for_each(|(s, o)| *s += o);
        for (p, c) in &other.logs {
            match self.logs.iter_mut().find(|l| l.0 == *p) {
                Some(log) => log.1 += c,
                None => self.logs.push((p.clone(), *c)),
            }
        }
        self.logs.retain(|l| l.1 != 0.0);
        self
    }
    fn plus_log(self, p: &Signomial, c: f64) -> Option<Sum> {
        if p.sign() != Some(1.0) {
            return None;
        }
        let mut log = Sum::of(0.0, self.slope.len());
        match p.single() {
            Some((power, v)) => {
                log.constant = v.ln();
                log.slope.iter_mut().zip(power).for_each(|(s, a)| *s = *a as f64 / UNIT);
            }
            None => log.logs.push((p.clone(), 1.0)),
        }
        Some(self.plus(&log.scaled(c)))
    }
    /// Without what is bounded, where `largest` are the largest monomials of `all`: linear in log u, and a number.
    pub fn leading(&self, all: &[&Signomial], largest: &[&Power]) -> Option<(Vec<f64>, f64)> {
        let (mut slope, mut constant) = (self.slope.clone(), self.constant);
        for (p, f) in &self.logs {
            let power = largest[all.iter().position(|q| *q == p)?];
            slope.iter_mut().zip(numbers(power)).for_each(|(s, a)| *s += f * a);
            constant += f * p.0.get(power)?.ln();
        }
        Some((slope, constant))
    }
    /// Linear in log u.
    pub fn plain(&self) -> bool {
        self.logs.is_empty()
    }
    /// exp of it.
    fn exp(&self) -> Option<Ratio> {
        let n = self.slope.len();
        let factor = Some(self.constant.exp()).filter(|f| f.is_finite() && *f > 0.0)?;
        let (mut up, mut down) = (Signomial::constant(n, factor), Signomial::constant(n, 1.0));
        for (k, s) in self.slope.iter().enumerate().filter(|s| *s.1 != 0.0) {
            up = up.mul(&Signomial::coordinate(n, k).pow(*s)?)?;
        }
        for (p, c) in &self.logs {
            let power = p.pow(c.abs())?;
            if *c > 0.0 { up = up.mul(&power)? } else { down = down.mul(&power)? }
        }
        Some((up, down))
    }
}

impl Walker<'_> {
    /// The node as a quotient.
    pub(super) fn ratio(&mut self, id: NodeId, depth: usize) -> Option<Rc<Ratio>> {
        if let Some(known) = self.ratios.get(&id) {
            return known.clone();
        }
        let found = if depth > 200 { None } else { self.make_ratio(id, depth + 1).map(Rc::new) };
        self.ratios.insert(id, found.clone());
        found
    }

    fn make_ratio(&mut self, id: NodeId, depth: usize) -> Option<Ratio> {
        let n = self.chart.n;
        if let Some(value) = self.value(id, depth) {
            return Some(((*value).clone(), Signomial::constant(n, 1.0)));
        }
        let Node::Apply(op, [a, b, _]) = self.g.node(id) else { return None };
        match op {
            Op::Exp => self.sum_of_logs(a, depth)?.exp(),
            Op::Expm1 => {
                let (mut up, down) = self.sum_of_logs(a, depth)?.exp()?;
                up.add(&down, -1.0)?;
                Some((up, down))
            }
            Op::Neg => {
                let a = self.ratio(a, depth)?;
                Some((a.0.mul(&Signomial::constant(n, -1.0))?, a.1.clone()))
            }
            Op::Add | Op::Sub => {
                let (a, b) = (self.ratio(a, depth)?, self.ratio(b, depth)?);
                let c = if op == Op::Add { 1.0 } else { -1.0 };
                if a.1 == b.1 {
                    let mut up = a.0.clone();
                    up.add(&b.0, c)?;
                    return Some((up, a.1.clone()));
                }
                let mut up = a.0.mul(&b.1)?;
                up.add(&b.0.mul(&a.1)?, c)?;
                Some((up, a.1.mul(&b.1)?))
            }
            Op::Mul => {
                let (a, b) = (self.ratio(a, depth)?, self.ratio(b, depth)?);
                Some((a.0.mul(&b.0)?, a.1.mul(&b.1)?))
            }
            Op::Div => {
                let (a, b) = (self.ratio(a, depth)?, self.ratio(b, depth)?);
                Some(if a.1 == b.1 { (a.0.clone(), b.0.clone()) } else { (a.0.mul(&b.1)?, a.1.mul(&b.0)?) })
            }
            Op::Pow => {
                let p = self.g.as_constant(b).filter(|p| p.fract() == 0.0 && (1.0..=POWER).contains(&p.abs()))?;
                let a = self.ratio(a, depth)?;
                let (up, down) = if p > 0.0 { (&a.0, &a.1) } else { (&a.1, &a.0) };
                Some((up.pow(p.abs())?, down.pow(p.abs())?))
            }
            _ => None,
        }
    }

    /// The node as a sum of logarithms of what is positive.
    pub(super) fn sum_of_logs(&mut self, id: NodeId, depth: usize) -> Option<Rc<Sum>> {
        if let Some(known) = self.sums.get(&id) {
            return known.clone();
        }
        let found = if depth > 200 { None } else { self.make_sum(id, depth + 1).map(Rc::new) };
        self.sums.insert(id, found.clone());
        found
    }

    fn make_sum(&mut self, id: NodeId, depth: usize) -> Option<Sum> {
        let n = self.chart.n;
        let none = Sum::of(0.0, n);
        if let Some(c) = self.g.as_constant(id) {
            return c.is_finite().then(|| Sum::of(c, n));
        }
        match self.g.node(id) {
            Node::Var(j) => {
                let mut sum = none;
                sum.slope[(*self.chart.logarithm.get(j as usize)?)?] = 1.0;
                Some(sum)
            }
            Node::Apply(op, [a, b, _]) => match op {
                Op::Add | Op::Sub => {
                    let b = (*self.sum_of_logs(b, depth)?).clone().scaled(if op == Op::Add { 1.0 } else { -1.0 });
                    Some((*self.sum_of_logs(a, depth)?).clone().plus(&b))
                }
                Op::Neg => Some((*self.sum_of_logs(a, depth)?).clone().scaled(-1.0)),
                Op::Mul => match (self.g.as_constant(a), self.g.as_constant(b)) {
                    (Some(c), _) => Some((*self.sum_of_logs(b, depth)?).clone().scaled(c)),
                    (_, Some(c)) => Some((*self.sum_of_logs(a, depth)?).clone().scaled(c)),
                    _ => None,
                },
                Op::Div => {
                    let c = self.g.as_constant(b).filter(|c| *c != 0.0)?;
                    Some((*self.sum_of_logs(a, depth)?).clone().scaled(1.0 / c))
                }
                Op::Log => {
                    let a = self.ratio(a, depth)?;
                    none.plus_log(&a.0, 1.0)?.plus_log(&a.1, -1.0)
                }
                Op::Log1p => {
                    let a = self.ratio(a, depth)?;
                    let mut up = a.0.clone();
                    up.add(&a.1, 1.0)?;
                    none.plus_log(&up, 1.0)?.plus_log(&a.1, -1.0)
                }
                Op::Softplus => {
                    let (mut up, down) = self.sum_of_logs(a, depth)?.exp()?;
                    up.add(&down, 1.0)?;
                    none.plus_log(&up, 1.0)?.plus_log(&down, -1.0)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// c times a sum of logarithms, or a kink of one, up to a bounded amount.
    pub(super) fn logarithmic(&mut self, id: NodeId, c: f64, out: &mut Content, depth: usize) -> Option<()> {
        if let Some(sum) = self.sum_of_logs(id, depth) {
            out.slope.iter_mut().zip(&sum.slope).for_each(|(s, a)| *s += c * a);
            return sum.logs.iter().try_for_each(|(p, f)| self.note_log(p.clone(), c * f, false, out));
        }
        let Node::Apply(op, [a, b, _]) = self.g.node(id) else { return None };
        match op {
            // |log(p / q)| is log(p^2 + q^2) - log p - log q.
            Op::Abs => {
                let (up, down) = self.sum_of_logs(a, depth)?.exp()?;
                let mut both = up.mul(&up)?;
                both.add(&down.mul(&down)?, 1.0)?;
                self.note_log(both, c, false, out)?;
                self.note_log(up, -c, false, out)?;
                self.note_log(down, -c, false, out)
            }
            Op::Relu => {
                let (mut up, down) = self.sum_of_logs(a, depth)?.exp()?;
                up.add(&down, 1.0)?;
                self.note_log(up, c, false, out)?;
                self.note_log(down, -c, false, out)
            }
            Op::Max | Op::Min => {
                // max(log p, log q) is log(p + q), min(log p, log q) is -log(1 / p + 1 / q).
                let turn = if op == Op::Max { 1.0 } else { -1.0 };
                let (first, other) = (self.sum_of_logs(a, depth)?, self.sum_of_logs(b, depth)?);
                let (a, b) = ((*first).clone().scaled(turn).exp()?, (*other).clone().scaled(turn).exp()?);
                let mut up = a.0.mul(&b.1)?;
                up.add(&b.0.mul(&a.1)?, 1.0)?;
                self.note_log(up, turn * c, false, out)?;
                self.note_log(a.1.mul(&b.1)?, -turn * c, false, out)
            }
            _ => None,
        }
    }

    /// c times a product of two sums of logarithms.
    pub(super) fn product_of_logs(&mut self, id: NodeId, c: f64, out: &mut Content, depth: usize) -> Option<()> {
        let (a, b) = match self.g.node(id) {
            Node::Apply(Op::Mul, [a, b, _]) => (a, b),
            Node::Apply(Op::Pow, [a, p, _]) if self.g.as_constant(p) == Some(2.0) => (a, a),
            _ => return None,
        };
        let (a, b) = (self.sum_of_logs(a, depth)?, self.sum_of_logs(b, depth)?);
        if a.plain() && b.plain() {
            out.add_product((&a.slope, a.constant), (&b.slope, b.constant), c);
        } else {
            out.sums.push((a, b, c));
        }
        Some(())
    }

    /// c times a quotient, up to a bounded amount: it is bounded where each power of the numerator is one of the denominator.
    pub(super) fn quotient(&mut self, id: NodeId, c: f64, out: &mut Content, depth: usize) -> Option<()> {
        let ratio = self.ratio(id, depth)?;
        let Some(side) = ratio.1.sign().filter(|s| *s != 0.0) else {
            self.ask(&ratio.1);
            return None;
        };
        if !ratio.0.0.keys().all(|p| ratio.1.0.contains_key(p)) {
            out.quotients.push(lowest(&ratio, c, side)?);
        }
        Some(())
    }
}

/// c times a quotient whose denominator has the sign given, without a monomial that all of its terms share, and with a
/// first coefficient of 1: equal denominators are then the same.
fn lowest((up, down): &Ratio, c: f64, side: f64) -> Option<Ratio> {
    let first = *down.0.values().next()?;
    let shared = |k: usize| down.0.keys().map(|p| p[k]).min().unwrap_or(0);
    let n = down.0.keys().next()?.len();
    let back = Signomial::term((0..n).map(|k| -shared(k)).collect(), 1.0 / first.abs());
    Some((up.mul(&back)?.mul(&Signomial::constant(n, c * side))?, down.mul(&back)?.mul(&Signomial::constant(n, side))?))
}
