//! Closed intervals with outward rounding, of values and of derivatives of operations.
//!
//! What is not known is [`ALL`], which no later operation narrows unless it is bounded by itself. Operations of the C
//! library are off by a few units in the last place, special functions by a little more.

use super::super::range::{Range, apply};
use crate::expr::Op;
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub low: f64,
    pub high: f64,
}

pub(super) const ALL: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
pub(super) const ZERO: Interval = Interval { low: 0.0, high: 0.0 };
const UNIT: Interval = Interval { low: -1.0, high: 1.0 };

/// Relative errors of sums and products, of the C library, and of special functions.
const BASIC: f64 = f64::EPSILON;
const LIBRARY: f64 = 4.0 * f64::EPSILON;
const SPECIAL: f64 = 1e-11;
/// Angles from here on are not reduced.
const LARGEST_ANGLE: f64 = 1e8;

impl Interval {
    pub fn point(v: f64) -> Interval {
        Interval { low: v, high: v }
    }
    pub fn new(low: f64, high: f64) -> Interval {
        if low <= high { Interval { low, high } } else { ALL }
    }
    fn wider(low: f64, high: f64, part: f64) -> Interval {
        Interval::new(low - low.abs() * part, high + high.abs() * part)
    }
    pub fn is_finite(self) -> bool {
        self.low > f64::NEG_INFINITY && self.high < f64::INFINITY
    }
    /// The largest size of a value.
    pub fn size(self) -> f64 {
        self.high.max(-self.low)
    }
    pub fn add(self, o: Interval) -> Interval {
        Interval::wider(self.low + o.low, self.high + o.high, BASIC)
    }
    pub fn neg(self) -> Interval {
        Interval { low: -self.high, high: -self.low }
    }
    pub fn mul(self, o: Interval) -> Interval {
        let (a, b, c, d) = (self.low * o.low, self.low * o.high, self.high * o.low, self.high * o.high);
        // A product of zero and infinity: a factor is not known.
        if (a + b + c + d).is_nan() && (a.is_nan() || b.is_nan() || c.is_nan() || d.is_nan()) {
            return ALL;
        }
        Interval::wider(a.min(b).min(c.min(d)), a.max(b).max(c.max(d)), BASIC)
    }
    pub fn scale(self, c: f64) -> Interval {
        self.mul(Interval::point(c))
    }
    pub fn square(self) -> Interval {
        let a = self.abs();
        Interval::wider(a.low * a.low, a.high * a.high, BASIC)
    }
    /// The quotient, where the divisor is not zero.
    pub fn div(self, o: Interval) -> Interval {
        if o.low > 0.0 || o.high < 0.0 { self.mul(Interval::wider(1.0 / o.high, 1.0 / o.low, BASIC)) } else { ALL }
    }
    pub fn abs(self) -> Interval {
        if self.low >= 0.0 {
            self
        } else if self.high <= 0.0 {
            self.neg()
        } else {
            Interval { low: 0.0, high: self.size() }
        }
    }
    pub fn max(self, o: Interval) -> Interval {
        Interval { low: self.low.max(o.low), high: self.high.max(o.high) }
    }
    pub fn min(self, o: Interval) -> Interval {
        Interval { low: self.low.min(o.low), high: self.high.min(o.high) }
    }
    pub fn hull(self, o: Interval) -> Interval {
        Interval { low: self.low.min(o.low), high: self.high.max(o.high) }
    }
    /// What both enclose, of one value.
    pub fn meet(self, o: Interval) -> Interval {
        let (low, high) = (self.low.max(o.low), self.high.min(o.high));
        if low <= high { Interval { low, high } } else { self }
    }
    /// Of an increasing function.
    fn rising(self, f: impl Fn(f64) -> f64, part: f64) -> Interval {
        Interval::wider(f(self.low), f(self.high), part)
    }
    /// The part that is not negative, for arguments of roots: what is there is so by mathematics.
    fn not_negative(self) -> Interval {
        if self.high < 0.0 { ALL } else { Interval { low: self.low.max(0.0), high: self.high } }
    }
    pub fn sqrt(self) -> Interval {
        let a = self.not_negative();
        if a.low < 0.0 { ALL } else { a.rising(f64::sqrt, BASIC) }
    }
    /// The power of a base that is not negative; whole powers come as products.
    pub fn pow(self, p: f64) -> Interval {
        let a = self.not_negative();
        if p == 0.0 {
            Interval::point(1.0)
        } else if a.low < 0.0 || p.is_nan() || p < 0.0 && a.low == 0.0 {
            ALL
        } else if p == 1.0 {
            a
        } else if p == 0.5 {
            a.sqrt()
        } else if p > 0.0 {
            a.rising(|v| v.powf(p), LIBRARY)
        } else {
            Interval::wider(a.high.powf(p), a.low.powf(p), LIBRARY)
        }
    }
    fn cos(self) -> Interval {
        if self.size() > LARGEST_ANGLE {
            return UNIT;
        }
        // Whether shift + a multiple of a turn is inside.
        let takes = |shift: f64| {
            let turns = |v: f64, slack: f64| (v - shift) / TAU + slack;
            turns(self.high, 1e-7).floor() >= turns(self.low, -1e-7).ceil()
        };
        let (a, b) = (self.low.cos(), self.high.cos());
        let ends = Interval { low: a.min(b) - 1e-15, high: a.max(b) + 1e-15 };
        Interval { low: if takes(PI) { -1.0 } else { ends.low }, high: if takes(0.0) { 1.0 } else { ends.high } }
    }
    fn sin(self) -> Interval {
        self.add(Interval::point(-FRAC_PI_2)).cos()
    }
    /// The sign, closed: at 0 it is any of -1 to 1, as the slope of the absolute value is.
    pub fn sign(self) -> Interval {
        if self.low > 0.0 {
            Interval::point(1.0)
        } else if self.high < 0.0 {
            Interval::point(-1.0)
        } else {
            UNIT
        }
    }
}

/// The values of an operation other than powers.
pub(super) fn value(op: Op, [a, b, c]: [Interval; 3]) -> Interval {
    match op {
        Op::Add => a.add(b),
        Op::Sub => a.add(b.neg()),
        Op::Mul => a.mul(b),
        Op::Div => a.div(b),
        Op::Neg => a.neg(),
        Op::Abs => a.abs(),
        Op::Max => a.max(b),
        Op::Min => a.min(b),
        Op::Relu => a.max(ZERO),
        Op::Sqrt => a.sqrt(),
        Op::Cbrt => a.rising(f64::cbrt, LIBRARY),
        Op::Exp => a.rising(f64::exp, LIBRARY),
        Op::Sin => a.sin(),
        Op::Cos => a.cos(),
        Op::Sign => a.sign(),
        Op::Log | Op::Digamma if a.low <= 0.0 => ALL,
        Op::Log1p if a.low <= -1.0 => ALL,
        Op::Digamma => a.rising(op_value(op), SPECIAL),
        Op::Trigamma | Op::Lgamma | Op::Polygamma | Op::ExpQuotient => ALL,
        Op::Asin | Op::Acos if a.low < -1.0 || a.high > 1.0 => ALL,
        Op::Select if b == c => b,
        _ => {
            let range = |r: Interval| Range { low: r.low, high: r.high, open: [false; 2] };
            let r = apply(op, [range(a), range(b), range(c)], false, None);
            Interval::wider(r.low, r.high, SPECIAL)
        }
    }
}

fn op_value(op: Op) -> impl Fn(f64) -> f64 {
    move |v| (op.info().value)([v; 3])
}

/// The derivatives in the first two arguments, y the values; [`ALL`] where they are not known or do not exist.
pub(super) fn slopes(op: Op, [a, b, _]: [Interval; 3], y: Interval) -> [Interval; 2] {
    let one = Interval::point(1.0);
    let first = match op {
        Op::Add => return [one, one],
        Op::Sub => return [one, one.neg()],
        Op::Mul => return [b, a],
        Op::Div => {
            let inverse = one.div(b);
            return [inverse, y.mul(inverse).neg()];
        }
        Op::Max | Op::Min => {
            let (more, less) = if op == Op::Max { (a, b) } else { (b, a) };
            return if more.low > less.high {
                [one, ZERO]
            } else if less.low > more.high {
                [ZERO, one]
            } else {
                [Interval { low: 0.0, high: 1.0 }; 2]
            };
        }
        Op::Neg => one.neg(),
        Op::Abs => a.sign(),
        Op::Sign if a.low > 0.0 || a.high < 0.0 => ZERO,
        Op::Relu => {
            let s = a.sign();
            Interval { low: s.low.max(0.0), high: s.high.max(0.0) }
        }
        Op::Sqrt if a.low > 0.0 => Interval::point(0.5).div(y),
        Op::Cbrt => Interval::point(1.0 / 3.0).div(y.square()),
        Op::Exp => y,
        Op::Expm1 => y.add(one),
        Op::Log => one.div(a),
        Op::Log1p => one.div(a.add(one)),
        Op::Sin => a.cos(),
        Op::Cos => a.sin().neg(),
        Op::Atan => one.div(one.add(a.square())),
        Op::Sinh => value(Op::Cosh, [a; 3]),
        Op::Cosh => value(Op::Sinh, [a; 3]),
        Op::Tanh => one.add(y.square().neg()),
        Op::Sigmoid => y.mul(one.add(y.neg())),
        Op::Softplus => value(Op::Sigmoid, [a; 3]),
        _ => ALL,
    };
    [first, ALL]
}
