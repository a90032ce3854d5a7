//! Double-double arithmetic, about 31 digits, for every operation of the table: the oracle of the tests.
//!
//! Nothing here is shared with the library but the names of the operations. Where an argument or a result leaves the range
//! in which 31 digits exist (infinite, NaN, beyond 1e15 in sine and cosine), the value is the one in double precision.
//!
//! # Source
//! Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic", ACM
//! TOMS 44 (2017). Their bounds hold with cancellation too.

use nnef::expr::op::Op;
use std::f64::consts;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::LazyLock;

/// The unevaluated sum of two numbers, the second at most half a unit in the last place of the first.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Dd(pub f64, pub f64);

const ZERO: Dd = Dd(0.0, 0.0);
const ONE: Dd = Dd(1.0, 0.0);
const NAN: Dd = Dd(f64::NAN, 0.0);
const LN_2: Dd = Dd(consts::LN_2, 2.3190468138462996e-17);
const PI: Dd = Dd(consts::PI, 1.2246467991473532e-16);
const HALF_PI: [f64; 3] = [consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33];
const TWO_OVER_ROOT_PI: Dd = Dd(consts::FRAC_2_SQRT_PI, 1.533545961316588e-17);
const LN_ROOT_TWO_PI: Dd = Dd(0.9189385332046728, -3.8782941580672414e-17);

/// Bernoulli numbers B2, B4, ..., B34 as fractions.
#[rustfmt::skip]
const BERNOULLI: [(f64, f64); 17] = [
    (1.0, 6.0), (-1.0, 30.0), (1.0, 42.0), (-1.0, 30.0), (5.0, 66.0), (-691.0, 2730.0), (7.0, 6.0), (-3617.0, 510.0),
    (43867.0, 798.0), (-174611.0, 330.0), (854513.0, 138.0), (-236364091.0, 2730.0), (8553103.0, 6.0),
    (-23749461029.0, 870.0), (8615841276005.0, 14322.0), (-7709321041217.0, 510.0), (2577687858367.0, 6.0),
];

/// 1 / n!.
static INVERSE_FACTORIAL: LazyLock<[Dd; 32]> =
    LazyLock::new(|| std::array::from_fn(|n| (1..=n).fold(ONE, |f, k| f / k as f64)));

/// Step h of the sum for erfc, and (n h)^2 and exp(-(n h)^2) for n = 1, 2, ...
const STEP: f64 = 11.0 / 32.0;
static GAUSS: LazyLock<[(f64, Dd); 26]> =
    LazyLock::new(|| std::array::from_fn(|i| ((i + 1) as f64 * STEP).powi(2)).map(|square| (square, Dd(-square, 0.0).exp())));

/// c(0) + c(1) x + ... + c(n - 1) x^(n - 1).
fn polynomial(x: Dd, n: usize, c: impl Fn(usize) -> Dd) -> Dd {
    (0..n).rev().fold(ZERO, |s, k| s * x + c(k))
}

/// hi + lo for |hi| >= |lo|; hi alone where it is not finite.
fn pair(hi: f64, lo: f64) -> Dd {
    let s = hi + lo;
    if s.is_finite() { Dd(s, lo - (s - hi)) } else { Dd(hi, 0.0) }
}

fn two_sum(a: f64, b: f64) -> Dd {
    let s = a + b;
    let t = s - a;
    Dd(s, (a - (s - t)) + (b - t))
}

fn two_product(a: f64, b: f64) -> Dd {
    let p = a * b;
    Dd(p, a.mul_add(b, -p))
}

impl From<f64> for Dd {
    fn from(x: f64) -> Dd {
        Dd(x, 0.0)
    }
}
impl Neg for Dd {
    type Output = Dd;
    fn neg(self) -> Dd {
        Dd(-self.0, -self.1)
    }
}

macro_rules! operator {
    ($operator:ident, $name:ident, |$a:ident, $b:ident| $value:expr) => {
        impl<T: Into<Dd>> $operator<T> for Dd {
            type Output = Dd;
            fn $name(self, other: T) -> Dd {
                let ($a, $b): (Dd, Dd) = (self, other.into());
                $value
            }
        }
    };
}

operator!(Add, add, |a, b| {
    let (s, t) = (two_sum(a.0, b.0), two_sum(a.1, b.1));
    let v = pair(s.0, s.1 + t.0);
    pair(v.0, t.1 + v.1)
});
operator!(Sub, sub, |a, b| a + -b);
operator!(Mul, mul, |a, b| {
    let p = two_product(a.0, b.0);
    pair(p.0, p.1 + (a.0 * b.1 + a.1 * b.0))
});
operator!(Div, div, |a, b| {
    let q = a.0 / b.0;
    let back = if q.is_finite() && b.0.is_finite() { b * q } else { a };
    pair(q, ((a.0 - back.0) + (a.1 - back.1)) / b.0)
});

impl Dd {
    pub fn to_f64(self) -> f64 {
        self.0 + self.1
    }
    pub fn abs(self) -> Dd {
        if self.0 < 0.0 { -self } else { self }
    }
    pub fn floor(self) -> Dd {
        let hi = self.0.floor();
        if hi == self.0 { pair(hi, self.1.floor()) } else { Dd(hi, 0.0) }
    }
    /// self times 2^k.
    fn scaled(self, k: i32) -> Dd {
        let (p, q) = (2f64.powi(k / 2), 2f64.powi(k - k / 2));
        Dd(self.0 * p * q, self.1 * p * q)
    }
    pub fn sqrt(self) -> Dd {
        let root = self.0.sqrt();
        if root == 0.0 { Dd(root, 0.0) } else { pair(root, (self - two_product(root, root)).0 / (2.0 * root)) }
    }
    pub fn cbrt(self) -> Dd {
        let root = self.0.cbrt();
        let square = two_product(root, root);
        if root == 0.0 { Dd(root, 0.0) } else { pair(root, (self - square * root).0 / (3.0 * square.0)) }
    }
    pub fn powi(self, n: i32) -> Dd {
        let (mut power, mut square, mut rest) = (ONE, self, n.unsigned_abs());
        while rest > 0 {
            power = if rest & 1 == 1 { power * square } else { power };
            (square, rest) = (square * square, rest >> 1);
        }
        if n < 0 { ONE / power } else { power }
    }
    pub fn pow(self, exponent: Dd) -> Dd {
        let whole = exponent == exponent.floor();
        if !self.0.is_finite() || !exponent.0.is_finite() || self.0 == 0.0 || (self.0 < 0.0 && !whole) {
            return Dd(self.0.powf(exponent.to_f64()), 0.0);
        }
        if whole && exponent.0.abs() <= 64.0 {
            return self.powi(exponent.0 as i32);
        }
        let power = (exponent * self.abs().log()).exp();
        if self.0 < 0.0 && exponent * 0.5 != (exponent * 0.5).floor() { -power } else { power }
    }
    pub fn exp(self) -> Dd {
        if !(-745.0..709.78).contains(&self.0) {
            return Dd(self.0.exp(), 0.0);
        }
        let k = (self.0 / LN_2.0).round();
        ((self - LN_2 * k).expm1_near_zero() + 1.0).scaled(k as i32)
    }
    pub fn expm1(self) -> Dd {
        if self.0.abs() < 0.35 { self.expm1_near_zero() } else { self.exp() - 1.0 }
    }
    /// The series at a 64th of the argument, then expm1(2 x) = expm1(x) (expm1(x) + 2).
    fn expm1_near_zero(self) -> Dd {
        let x = self.scaled(-6);
        let series = x * polynomial(x, 11, |k| INVERSE_FACTORIAL[k + 1]);
        (0..6).fold(series, |s, _| s * (s + 2.0))
    }
    pub fn log(self) -> Dd {
        if self.0 <= 0.0 || !self.0.is_finite() {
            return Dd(self.0.ln(), 0.0);
        }
        let k = self.0.log2().round();
        (self.scaled(-k as i32) - 1.0).log1p() + LN_2 * k
    }
    pub fn log1p(self) -> Dd {
        if !(-0.5..1.0).contains(&self.0) {
            return (self + 1.0).log();
        }
        // One step from the number in double precision: (1 + x) exp(-guess) = 1 + rest.
        let guess = self.0.ln_1p();
        let e = Dd(-guess, 0.0).expm1();
        let rest = self + e + self * e;
        rest - 0.5 * rest.0 * rest.0 + guess
    }
    pub fn sin_cos(self) -> (Dd, Dd) {
        if !(-1e15..1e15).contains(&self.0) {
            return (Dd(self.0.sin(), 0.0), Dd(self.0.cos(), 0.0));
        }
        let k = (self.0 / HALF_PI[0]).round();
        let x = HALF_PI.iter().fold(self, |x, part| x - two_product(*part, k));
        let z = -(x * x);
        let sin = x * polynomial(z, 14, |k| INVERSE_FACTORIAL[2 * k + 1]);
        let cos = polynomial(z, 15, |k| INVERSE_FACTORIAL[2 * k]);
        [(sin, cos), (cos, -sin), (-sin, -cos), (-cos, sin)][k.rem_euclid(4.0) as usize]
    }
    /// sin_cos of pi x for an x that differs from self by a whole number: right but for a common sign.
    fn sin_cos_pi(self) -> (Dd, Dd) {
        ((self - (self + 0.5).floor()) * PI).sin_cos()
    }
    /// The angle of the point (x, self).
    pub fn atan2(self, x: Dd) -> Dd {
        let guess = self.0.atan2(x.0);
        if !self.0.is_finite() || !x.0.is_finite() || (self.0 == 0.0 && x.0 == 0.0) {
            return Dd(guess, 0.0);
        }
        // Turned back by the guess, the point has so small an angle that it is its own tangent.
        let (s, c) = Dd(guess, 0.0).sin_cos();
        (self * c - x * s) / (x * c + self * s) + guess
    }
    pub fn sinh(self) -> Dd {
        if self.0.abs() < 1.0 {
            let e = self.expm1();
            return (e + e / (e + 1.0)) * 0.5;
        }
        let root = (self.abs() * 0.5).exp();
        let value = root * (root * 0.5) - ONE / root / root * 0.5;
        if self.0 < 0.0 { -value } else { value }
    }
    pub fn cosh(self) -> Dd {
        let root = (self.abs() * 0.5).exp();
        root * (root * 0.5) + ONE / root / root * 0.5
    }
    pub fn tanh(self) -> Dd {
        let e = (self.abs() * -2.0).expm1();
        let value = e / (e + 2.0);
        if self.0 < 0.0 { value } else { -value }
    }
    pub fn sigmoid(self) -> Dd {
        let e = (-self.abs()).exp();
        (if self.0 >= 0.0 { ONE } else { e }) / (e + 1.0)
    }
    pub fn erf(self) -> Dd {
        if self.0.abs() < 0.5 {
            let series = polynomial(-(self * self), 22, |k| INVERSE_FACTORIAL[k] / (2 * k + 1) as f64);
            return TWO_OVER_ROOT_PI * self * series;
        }
        let value = ONE - self.abs().erfc();
        if self.0 < 0.0 { -value } else { value }
    }
    /// From 0.5 on the trapezoidal rule with the residue of its pole (Matta and Reichel, Math. Comp. 25, 1971).
    pub fn erfc(self) -> Dd {
        if self.0 < 0.5 || self.0 > 27.3 {
            return if self.0 < 0.5 { ONE - self.erf() } else { ZERO };
        }
        let xx = self * self;
        let sum = GAUSS.iter().fold(Dd(0.5, 0.0) / xx, |s, (square, e)| s + *e / (xx + *square));
        let value = self * (2.0 * STEP) / PI * (-xx).exp() * sum;
        let edge = PI / STEP;
        if self < edge { value - Dd(2.0, 0.0) / (edge * self * 2.0).expm1() } else { value }
    }
    /// B2 c(2) + B4 c(4) x + B6 c(6) x^2 + ...
    fn bernoulli_series(self, c: impl Fn(f64) -> Dd) -> Dd {
        polynomial(self, BERNOULLI.len(), |k| c(2.0 * (k + 1) as f64) * BERNOULLI[k].0 / BERNOULLI[k].1)
    }
    /// The first of self, self + 1, ... from `least` on, and what `step` gathers below it.
    fn raised(self, least: f64, start: Dd, step: impl Fn(Dd, Dd) -> Dd) -> (Dd, Dd) {
        let (mut x, mut gathered) = (self, start);
        while x.0 < least {
            (gathered, x) = (step(gathered, x), x + 1.0);
        }
        (x, gathered)
    }
    /// log |gamma(x)|.
    pub fn lgamma(self) -> Dd {
        if self.0 <= 0.0 {
            let s = self.sin_cos_pi().0.abs();
            return if s > ZERO { (PI / s).log() - (ONE - self).lgamma() } else { Dd(f64::INFINITY, 0.0) };
        }
        let (x, product) = self.raised(18.0, ONE, |p, x| p * x);
        let series = (ONE / x / x).bernoulli_series(|k| ONE / (k * (k - 1.0))) / x;
        (x - 0.5) * (x.log() - 1.0) - 0.5 + LN_ROOT_TWO_PI + series - product.log()
    }
    pub fn digamma(self) -> Dd {
        if self.0 <= 0.0 {
            let (s, c) = self.sin_cos_pi();
            return if s == ZERO { NAN } else { (ONE - self).digamma() - PI * c / s };
        }
        let (x, shift) = self.raised(18.0, ZERO, |s, x| s - ONE / x);
        let r = ONE / x;
        shift + x.log() - r * 0.5 - r * r * (r * r).bernoulli_series(|k| ONE / k)
    }
    pub fn trigamma(self) -> Dd {
        if self.0 <= 0.0 {
            let s = self.sin_cos_pi().0;
            return if s == ZERO { NAN } else { (PI / s).powi(2) - (ONE - self).trigamma() };
        }
        self.polygamma(ONE)
    }
    /// The derivative of digamma of order n, a whole number up to 20; for n > 0 only at x > 0.
    pub fn polygamma(self, n: Dd) -> Dd {
        let whole = n == n.floor() && n.0 > 0.0 && n.0 <= 20.0;
        if !whole || self.0 <= 0.0 {
            return if n == ZERO { self.digamma() } else { NAN };
        }
        let (order, power) = (n.0 as i32, n.0 as i32 + 1);
        let (x, sum) = self.raised(18.0 + 2.0 * n.0, ZERO, |s, x| s + ONE / x.powi(power));
        let r = ONE / x;
        // (k + n - 1)! / (k! (n - 1)!)
        let binomial = |k: f64| (1..order).fold(ONE, |c, i| c * (k + f64::from(i)) / f64::from(i));
        let series = n * r * 0.5 + r * r * (r * r).bernoulli_series(binomial) + 1.0;
        let size = (1..order).fold(n * sum + series * r.powi(order), |f, i| f * f64::from(i));
        if order % 2 == 0 { -size } else { size }
    }
}

/// The value of an operation; unused arguments are ignored.
#[rustfmt::skip]
pub fn value(op: Op, [a, b, c]: [Dd; 3]) -> Dd {
    let flag = |holds: bool| if holds { ONE } else { ZERO };
    let relu = |x: Dd| if x <= ZERO { ZERO } else { x };
    let leg = |x: Dd| ((ONE - x) * (x + 1.0)).sqrt();
    match op {
        Op::Add => a + b, Op::Sub => a - b, Op::Mul => a * b, Op::Div => a / b, Op::Pow => a.pow(b), Op::Neg => -a,
        Op::Min => if b < a { b } else { a },
        Op::Max => if b > a { b } else { a },
        Op::Sign => if a > ZERO { ONE } else if a < ZERO { -ONE } else { a },
        Op::Abs => a.abs(), Op::Floor => a.floor(), Op::Relu => relu(a), Op::Sqrt => a.sqrt(), Op::Cbrt => a.cbrt(),
        Op::Exp => a.exp(), Op::Expm1 => a.expm1(), Op::Log => a.log(), Op::Log1p => a.log1p(),
        Op::Sin => a.sin_cos().0, Op::Cos => a.sin_cos().1,
        Op::Tan => { let (s, c) = a.sin_cos(); s / c }
        Op::Asin => a.atan2(leg(a)), Op::Acos => leg(a).atan2(a), Op::Atan => a.atan2(ONE), Op::Atan2 => a.atan2(b),
        Op::Sinh => a.sinh(), Op::Cosh => a.cosh(), Op::Tanh => a.tanh(),
        Op::Sigmoid => a.sigmoid(), Op::Softplus => relu(a) + (-a.abs()).exp().log1p(),
        Op::ExpQuotient => if a.0.abs() < 1e-300 { ONE } else if a.0 == f64::INFINITY { ZERO } else { a / a.expm1() },
        Op::Erf => a.erf(), Op::Erfc => a.erfc(),
        Op::Lgamma => a.lgamma(), Op::Digamma => a.digamma(), Op::Trigamma => a.trigamma(), Op::Polygamma => b.polygamma(a),
        Op::Less => flag(a < b), Op::LessEqual => flag(a <= b), Op::Equal => flag(a == b),
        Op::And => flag(a != ZERO && b != ZERO), Op::Or => flag(a != ZERO || b != ZERO), Op::Not => flag(a == ZERO),
        Op::Select => if a != ZERO { b } else { c },
    }
}
