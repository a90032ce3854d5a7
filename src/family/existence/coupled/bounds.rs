//! Bounds of a node and its slopes over boxes.
//!
//! Each step has an interval of values and one of its slope in each coordinate. The values are those of interval arithmetic
//! and those of the mean-value form, center + sum of slopes times half widths, whichever is narrower: the first is good in
//! wide boxes, the second converges with the square of the width. In sums terms with a kink in the box may count by their
//! values and the rest by its slopes. Slopes enclose all limits of derivatives at kinks, so
//! that the mean-value form holds there too; where a node jumps or has a vertical tangent its slopes are not known.

use super::interval::{ALL, Interval, ZERO, slopes, value};
use super::steps::{Step, Steps};
use crate::expr::Op;

/// Relative error of short chains of basic operations.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Work for a function of the C library besides that of a step.
const LIBRARY: usize = 4;

/// A node with room for its bounds.
pub(super) struct Bounds {
    n: usize,
    of: Steps,
    numbers: Vec<f64>,
    values: Vec<Interval>,
    centers: Vec<Interval>,
    /// [steps, n].
    slopes: Vec<Interval>,
    /// Coordinates in which the box is not a point, with half their widths.
    moving: Vec<(usize, f64)>,
}

/// What is known of a node over a box.
pub(super) struct Found<'a> {
    pub values: Interval,
    /// At the middle.
    pub center: Interval,
    /// For each coordinate; zero in those in which the box is a point.
    pub slopes: &'a [Interval],
}

impl Bounds {
    pub fn new(of: Steps, n: usize) -> Bounds {
        let m = of.steps.len();
        Bounds {
            n,
            of,
            numbers: vec![0.0; m],
            values: vec![ZERO; m],
            centers: vec![ZERO; m],
            slopes: vec![ZERO; m * n],
            moving: Vec::with_capacity(n),
        }
    }

    /// How much work the values of one box are.
    pub fn work(&self) -> u64 {
        let library = |s: &&Step| matches!(s, Step::Power(..) | Step::Norm { .. } | Step::Apply(..));
        let slow = self.of.steps.iter().filter(library).count();
        (self.of.steps.len() + self.of.terms.len() + LIBRARY * slow) as u64
    }

    /// The value at a point.
    pub fn value(&mut self, x: &[f64]) -> f64 {
        for i in 0..self.of.steps.len() {
            self.numbers[i] = self.of.value(i, &self.numbers, x);
        }
        self.numbers.last().copied().unwrap_or(f64::NAN)
    }

    /// The values over a box, by interval arithmetic alone.
    pub fn values(&mut self, sides: &[Interval]) -> Interval {
        for i in 0..self.of.steps.len() {
            self.values[i] = step_value(&self.of, i, &self.values, sides);
        }
        self.values.last().copied().unwrap_or(ALL)
    }

    /// Values and slopes over a box.
    pub fn slopes(&mut self, sides: &[Interval], middle: &[Interval]) -> Found<'_> {
        self.moving.clear();
        for (i, (s, c)) in sides.iter().zip(middle).enumerate().filter(|(_, (s, _))| s.low < s.high) {
            self.moving.push((i, (s.high - c.low).max(c.low - s.low) * (1.0 + ROUNDING)));
        }
        for i in 0..self.of.steps.len() {
            let natural = step_value(&self.of, i, &self.values, sides);
            self.centers[i] = step_value(&self.of, i, &self.centers, middle);
            self.values[i] = natural;
            self.slope(i);
            let mut reach = 0.0;
            let row = &self.slopes[i * self.n..(i + 1) * self.n];
            for (j, half) in &self.moving {
                reach += row[*j].size() * half;
            }
            if reach < f64::INFINITY {
                self.values[i] = natural.meet(self.around(self.centers[i], reach));
                if let Step::Sum { from, to, bias } = self.of.steps[i] {
                    let apart = self.apart(&self.of.terms[from..to], bias);
                    self.values[i] = self.values[i].meet(apart);
                }
            }
        }
        let m = self.of.steps.len();
        let last = m.saturating_sub(1) * self.n;
        for j in 0..self.n {
            if !self.moving.iter().any(|v| v.0 == j) && last + j < self.slopes.len() {
                self.slopes[last + j] = ZERO;
            }
        }
        Found {
            values: self.values.last().copied().unwrap_or(ALL),
            center: self.centers.last().copied().unwrap_or(ALL),
            slopes: &self.slopes[last..],
        }
    }

    /// A mean-value form.
    fn around(&self, center: Interval, reach: f64) -> Interval {
        let reach = reach * (1.0 + self.n as f64 * ROUNDING);
        center.add(Interval::new(-reach, reach))
    }

    /// A sum as the mean-value form of its smooth terms and the values of those with a kink in the box.
    fn apart(&self, terms: &[(f64, usize)], bias: f64) -> Interval {
        let slopes = |a: usize, j: usize| self.slopes[a * self.n + j];
        let smooth = |a: usize| {
            let spread = self.moving.iter().map(|(j, half)| (slopes(a, *j).high - slopes(a, *j).low) * half).sum::<f64>();
            spread <= self.values[a].high - self.values[a].low
        };
        let mut kinks = ZERO;
        let mut count = 0;
        for (c, a) in terms.iter().filter(|t| !smooth(t.1)) {
            kinks = kinks.add(self.values[*a].scale(*c));
            count += 1;
        }
        if count == 0 || count == terms.len() {
            return ALL;
        }
        let rest = || terms.iter().filter(|t| smooth(t.1));
        let reach = |j: usize| total(rest().map(|(c, a)| (*c, slopes(*a, j))), 0.0).size();
        let center = total(rest().map(|(c, a)| (*c, self.centers[*a])), bias);
        self.around(center, self.moving.iter().map(|(j, half)| reach(*j) * half).sum()).add(kinks)
    }

    /// The slopes of step i, from values and slopes of earlier steps.
    fn slope(&mut self, i: usize) {
        let Bounds { n, of, values, slopes: all, moving, .. } = self;
        let (n, terms, depends) = (*n, &of.terms, &of.depends);
        let (before, rest) = all.split_at_mut(i * n);
        let own = &mut rest[..n];
        let along = || moving.iter().map(|v| v.0).filter(|j| depends[i] >> j & 1 == 1);
        let ties = |a: usize, j: usize| depends[a] >> j & 1 == 1;
        match of.steps[i] {
            Step::Constant(_) => {}
            Step::Variable(j) => own[j] = Interval::point(1.0),
            Step::Sum { from, to, .. } => {
                for j in along() {
                    own[j] = total(terms[from..to].iter().map(|(c, a)| (*c, before[a * n + j])), 0.0);
                }
            }
            Step::Square(a) => {
                let d = values[a].scale(2.0);
                along().for_each(|j| own[j] = d.mul(before[a * n + j]));
            }
            Step::Power(a, p) => {
                let base = values[a];
                let d = if p >= 1.0 {
                    base.pow(p - 1.0).scale(p)
                } else if base.low > 0.0 {
                    values[i].div(base).scale(p)
                } else {
                    ALL
                };
                along().for_each(|j| own[j] = d.mul(before[a * n + j]));
            }
            Step::Norm { from, to, bias, power } => {
                let terms = &terms[from..to];
                let sum = total(terms.iter().map(|(c, a)| (*c, values[*a].square())), bias);
                let outer = if power == 1.0 { Interval::point(1.0) } else { values[i].pow((power - 1.0) / power).scale(power) };
                along().for_each(|j| own[j] = ZERO);
                for (c, a) in terms {
                    let (v, square) = (values[*a], values[*a].square());
                    // What the other terms add up to.
                    let slack = ROUNDING * sum.high;
                    let rest = [(sum.low - c * square.low - slack).max(0.0), sum.high - c * square.high + slack];
                    let q = Interval::new(-share(*c, -v.low, rest), share(*c, v.high, rest)).mul(outer);
                    for j in along().filter(|j| ties(*a, *j)) {
                        own[j] = own[j].add(q.mul(before[a * n + j]));
                    }
                }
            }
            Step::Apply(op, [a, b, c]) => {
                let d = slopes(op, [values[a], values[b], values[c]], values[i]);
                let either = matches!(op, Op::Max | Op::Min) && d[0] == d[1];
                let arity = op.info().arity;
                for j in along() {
                    let part = |k: usize, a: usize| if k < arity && ties(a, j) { d[k].mul(before[a * n + j]) } else { ZERO };
                    own[j] = match arity {
                        3 => ALL,
                        _ if either => before[a * n + j].hull(before[b * n + j]),
                        _ => part(0, a).add(part(1, b)),
                    };
                }
            }
        }
    }
}

/// The values of step i, from those of earlier steps.
fn step_value(of: &Steps, i: usize, values: &[Interval], sides: &[Interval]) -> Interval {
    match of.steps[i] {
        Step::Constant(c) => Interval::point(c),
        Step::Variable(j) => sides[j],
        Step::Sum { from, to, bias } => total(of.terms[from..to].iter().map(|(c, a)| (*c, values[*a])), bias),
        Step::Square(a) => values[a].square(),
        Step::Power(a, p) => values[a].pow(p),
        Step::Norm { from, to, bias, power } => {
            total(of.terms[from..to].iter().map(|(c, a)| (*c, values[*a].square())), bias).pow(0.5 * power)
        }
        Step::Apply(op, args) => value(op, args.map(|a| values[a])),
    }
}

/// bias + sum of c y. Factors are right up to rounding themselves.
fn total(terms: impl Iterator<Item = (f64, Interval)>, bias: f64) -> Interval {
    let (mut low, mut high, mut size, mut count) = (bias, bias, bias.abs(), 2.0);
    for (c, y) in terms {
        let (p, q) = (c * y.low, c * y.high);
        let (p, q) = if c < 0.0 { (q, p) } else { (p, q) };
        low += p;
        high += q;
        size += q.max(-p);
        count += 1.0;
    }
    let slack = size * count * f64::EPSILON;
    Interval::new(low - slack, high + slack)
}

/// The largest c a / sqrt(c a^2 + rest) up to this a, in the limit at zero too.
fn share(c: f64, a: f64, rest: [f64; 2]) -> f64 {
    let most = c.sqrt();
    let other = if a >= 0.0 { rest[0] } else { rest[1] };
    let v = if a >= 0.0 && other <= 0.0 { most } else { c * a / (c * a * a + other).sqrt() };
    if v.is_nan() { most } else { (v + v.abs() * ROUNDING).min(most * (1.0 + ROUNDING)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::expr::Graph;

    /// Values and differences at points of boxes are within the bounds.
    #[test]
    fn bounds_enclose() {
        let mut g = Graph::new();
        let x: Vec<_> = (0..3).map(|j| g.var(j)).collect();
        let half = g.constant(0.5);
        let (xy, xx, yy) = (g.mul(x[0], x[1]), g.mul(x[0], x[0]), g.mul(x[1], x[1]));
        let (square, shift) = (g.add(xx, yy), g.sub(x[2], half));
        let large = g.constant(2.5);
        let mut nodes = vec![xy, square, g.unary(Op::Sqrt, square), g.pow(square, large), g.div(xy, half)];
        let size = g.unary(Op::Abs, shift);
        nodes.push(g.pow(size, large));
        let positive = g.unary(Op::Exp, shift);
        nodes.push(g.div(xy, positive));
        nodes.extend([Op::Max, Op::Min, Op::Atan2, Op::Mul].map(|op| g.apply(op, [xy, shift, shift])));
        let unary = [
            Op::Abs,
            Op::Relu,
            Op::Neg,
            Op::Exp,
            Op::Expm1,
            Op::Sin,
            Op::Cos,
            Op::Tan,
            Op::Atan,
            Op::Sinh,
            Op::Cosh,
            Op::Tanh,
            Op::Sigmoid,
            Op::Softplus,
            Op::Erf,
            Op::Erfc,
            Op::Cbrt,
            Op::Sign,
            Op::Floor,
            Op::Asin,
            Op::Acos,
        ];
        nodes.extend(unary.map(|op| g.unary(op, shift)));
        nodes.extend([Op::Log, Op::Log1p, Op::Digamma, Op::Lgamma, Op::Sqrt].map(|op| g.unary(op, positive)));
        let sum = nodes[2..10].iter().fold(nodes[0], |s, n| g.sub(s, *n));
        nodes.push(sum);
        let mut seed = 1_u64;
        let mut uniform = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        for node in nodes {
            let Some(steps) = Steps::new(&g, node, &[0, 1, 2], 3) else { panic!("no steps") };
            let mut bounds = Bounds::new(steps, 3);
            for k in 0..300 {
                let width = [2.0, 0.3, 0.0, 1e-3][k % 4];
                let sides: Vec<Interval> = (0..3)
                    .map(|_| {
                        // Ends at kinks among others.
                        let at = (8.0 * (2.0 * uniform() - 1.0)).round() / 8.0;
                        Interval::new(at, at + width * uniform())
                    })
                    .collect();
                let middle: Vec<Interval> = sides.iter().map(|s| Interval::point(0.5 * s.low + 0.5 * s.high)).collect();
                let natural = bounds.values(&sides);
                let found = bounds.slopes(&sides, &middle);
                let (values, slope) = (found.values, found.slopes.to_vec());
                assert!(values.low >= natural.low && values.high <= natural.high);
                for _ in 0..10 {
                    let point: Vec<f64> = sides.iter().map(|s| s.low + uniform() * (s.high - s.low)).collect();
                    let v = g.evaluate(&[node], &point, &[])[0];
                    let slack = 1e-12 * (1.0 + v.abs());
                    let name = crate::expr::formula(&g, node, &|j| format!("x{j}"));
                    assert!(
                        v.is_nan() || values.low - slack <= v && v <= values.high + slack,
                        "{name} {sides:?} {values:?} {v}"
                    );
                    assert!((bounds.value(&point) - v).abs() <= 1e-11 * (1.0 + v.abs()) || v.is_nan(), "{name}");
                    for j in 0..3 {
                        let mut other = point.clone();
                        other[j] = sides[j].low + uniform() * (sides[j].high - sides[j].low);
                        let step = other[j] - point[j];
                        let rise = g.evaluate(&[node], &other, &[])[0] - v;
                        let allowed = slope[j].mul(Interval::point(step));
                        let slack = 1e-11 * (1.0 + v.abs());
                        let fits = allowed.low - slack <= rise && rise <= allowed.high + slack;
                        assert!(step == 0.0 || rise.is_nan() || fits, "{name} {sides:?} slope {j} {slope:?} {rise} {step}");
                    }
                }
            }
        }
    }
}
