//! THE table of operations.
//!
//! Name, arity, value, derivative, domain and doc of each operation, once. The graph, derivatives, evaluators, script
//! registration, help and the generated tests all iterate over [`TABLE`].
//!
//! Conventions at kinks, the same in every evaluator: `sign(0) = 0`, so abs has derivative 0 at 0; `relu` has derivative
//! 0 at 0; `min` and `max` pass the derivative to the first argument where both are equal; `floor`, `sign` and
//! comparisons have derivative 0 everywhere.

use super::graph::{Graph, NodeId};
use crate::num::special;

/// An operation of the expression graph.
#[allow(missing_docs)] // each is documented in TABLE
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    Atan2,
    Neg,
    Abs,
    Sign,
    Floor,
    Sqrt,
    Cbrt,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Sigmoid,
    Softplus,
    ExpQuotient,
    Relu,
    Erf,
    Erfc,
    Lgamma,
    Digamma,
    Trigamma,
    /// polygamma(n, x).
    Polygamma,
    Less,
    LessEqual,
    Equal,
    And,
    Or,
    Not,
    Select,
}

/// Where an operation is smooth, as far as quadrature and control variates must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smooth {
    /// Differentiable wherever it is defined.
    Everywhere,
    /// Continuous, with a kink where the first argument is zero.
    KinkAtZero,
    /// Continuous, with a kink where the first two arguments are equal.
    KinkAtEqual,
    /// Jumps.
    Jumps,
}

/// One line of the table.
pub struct Info {
    /// The operation.
    pub op: Op,
    /// Name in scripts and formulas.
    pub name: &'static str,
    /// Number of arguments, 1 to 3.
    pub arity: usize,
    /// The canonical value in double precision; unused arguments are ignored.
    pub value: fn([f64; 3]) -> f64,
    /// The partial derivatives as graph nodes, from the arguments and the node itself; `None` is zero.
    pub partials: fn(&mut Graph, [NodeId; 3], NodeId) -> [Option<NodeId>; 3],
    /// Where it is smooth.
    pub smooth: Smooth,
    /// Arguments for which it is defined.
    pub domain: &'static str,
    /// One sentence for help.
    pub doc: &'static str,
}

impl Op {
    /// The line of the table.
    pub fn info(self) -> &'static Info {
        &TABLE[self as usize]
    }
    /// The operation called `name` in scripts.
    pub fn named(name: &str) -> Option<Op> {
        TABLE.iter().find(|i| i.name == name).map(|i| i.op)
    }
}

const NONE: [Option<NodeId>; 3] = [None, None, None];

fn one(a: NodeId) -> [Option<NodeId>; 3] {
    [Some(a), None, None]
}

fn polygamma(n: f64, x: f64) -> f64 {
    match n {
        0.0 => special::digamma(x),
        n if n.fract() == 0.0 && n > 0.0 => special::polygamma(n as u32, x),
        _ => f64::NAN,
    }
}

fn flag(b: bool) -> f64 {
    f64::from(u8::from(b))
}

macro_rules! op {
    ($op:ident, $name:literal, $arity:literal, $value:expr, $partials:expr, $smooth:ident, $domain:literal, $doc:literal) => {
        Info {
            op: Op::$op,
            name: $name,
            arity: $arity,
            value: $value,
            partials: $partials,
            smooth: Smooth::$smooth,
            domain: $domain,
            doc: $doc,
        }
    };
}

/// The table, in the order of [`Op`].
#[rustfmt::skip]
pub static TABLE: [Info; 44] = [
    op!(Add, "+", 2, |[a, b, _]| a + b, |g, _, _| { let i = g.constant(1.0); [Some(i), Some(i), None] }, Everywhere, "all reals", "Sum."),
    op!(Sub, "-", 2, |[a, b, _]| a - b, |g, _, _| [Some(g.constant(1.0)), Some(g.constant(-1.0)), None], Everywhere, "all reals", "Difference."),
    op!(Mul, "*", 2, |[a, b, _]| a * b, |_, [a, b, _], _| [Some(b), Some(a), None], Everywhere, "all reals", "Product, element by element."),
    op!(Div, "/", 2, |[a, b, _]| a / b, |g, [_, b, _], y| {
        let one = g.constant(1.0);
        let r = g.apply(Op::Div, [one, b, b]);
        let q = g.apply(Op::Div, [y, b, b]);
        [Some(r), Some(g.neg(q)), None]
    }, Everywhere, "divisor not 0", "Quotient."),
    op!(Pow, "pow", 2, |[a, b, _]| a.powf(b), |g, [a, b, _], y| {
        let one = g.constant(1.0);
        let less = g.sub(b, one);
        let power = g.pow(a, less);
        let da = g.mul(b, power);
        let log = g.unary(Op::Log, a);
        [Some(da), Some(g.mul(y, log)), None]
    }, Everywhere, "base > 0 unless the exponent is a whole number", "Power; whole constant exponents become products."),
    op!(Min, "min", 2, |[a, b, _]| if b < a { b } else { a }, |g, [a, b, _], _| {
        let second = g.apply(Op::Less, [b, a, a]);
        let one = g.constant(1.0);
        [Some(g.sub(one, second)), Some(second), None]
    }, KinkAtEqual, "all reals", "Smaller of two."),
    op!(Max, "max", 2, |[a, b, _]| if b > a { b } else { a }, |g, [a, b, _], _| {
        let second = g.apply(Op::Less, [a, b, b]);
        let one = g.constant(1.0);
        [Some(g.sub(one, second)), Some(second), None]
    }, KinkAtEqual, "all reals", "Larger of two."),
    op!(Atan2, "atan2", 2, |[a, b, _]| a.atan2(b), |g, [a, b, _], _| {
        let (aa, bb) = (g.mul(a, a), g.mul(b, b));
        let r = g.add(aa, bb);
        let da = g.div(b, r);
        let minus = g.neg(a);
        [Some(da), Some(g.div(minus, r)), None]
    }, Everywhere, "not both 0", "Angle of the point (second, first)."),
    op!(Neg, "neg", 1, |[a, _, _]| -a, |g, _, _| one(g.constant(-1.0)), Everywhere, "all reals", "Negation."),
    op!(Abs, "abs", 1, |[a, _, _]| a.abs(), |g, [a, _, _], _| one(g.unary(Op::Sign, a)), KinkAtZero, "all reals", "Absolute value; derivative 0 at 0."),
    op!(Sign, "sign", 1, |[a, _, _]| if a > 0.0 { 1.0 } else if a < 0.0 { -1.0 } else if a == 0.0 { 0.0 } else { a }, |_, _, _| NONE, Jumps, "all reals", "-1, 0 or 1; derivative 0."),
    op!(Floor, "floor", 1, |[a, _, _]| a.floor(), |_, _, _| NONE, Jumps, "all reals", "Largest whole number not above; derivative 0."),
    op!(Sqrt, "sqrt", 1, |[a, _, _]| a.sqrt(), |g, _, y| { let half = g.constant(0.5); one(g.div(half, y)) }, Everywhere, "x >= 0", "Square root."),
    op!(Cbrt, "cbrt", 1, |[a, _, _]| a.cbrt(), |g, _, y| { let (third, yy) = (g.constant(1.0 / 3.0), g.mul(y, y)); one(g.div(third, yy)) }, Everywhere, "all reals", "Cube root."),
    op!(Exp, "exp", 1, |[a, _, _]| a.exp(), |_, _, y| one(y), Everywhere, "all reals", "Exponential."),
    op!(Expm1, "expm1", 1, |[a, _, _]| a.exp_m1(), |g, [a, _, _], _| one(g.unary(Op::Exp, a)), Everywhere, "all reals", "exp(x) - 1, accurate near 0."),
    op!(Log, "log", 1, |[a, _, _]| a.ln(), |g, [a, _, _], _| { let i = g.constant(1.0); one(g.div(i, a)) }, Everywhere, "x > 0", "Natural logarithm."),
    op!(Log1p, "log1p", 1, |[a, _, _]| a.ln_1p(), |g, [a, _, _], _| { let i = g.constant(1.0); let s = g.add(i, a); one(g.div(i, s)) }, Everywhere, "x > -1", "log(1 + x), accurate near 0."),
    op!(Sin, "sin", 1, |[a, _, _]| a.sin(), |g, [a, _, _], _| one(g.unary(Op::Cos, a)), Everywhere, "all reals", "Sine, in radians."),
    op!(Cos, "cos", 1, |[a, _, _]| a.cos(), |g, [a, _, _], _| { let s = g.unary(Op::Sin, a); one(g.neg(s)) }, Everywhere, "all reals", "Cosine, in radians."),
    op!(Tan, "tan", 1, |[a, _, _]| a.tan(), |g, _, y| { let (i, yy) = (g.constant(1.0), g.mul(y, y)); one(g.add(i, yy)) }, Everywhere, "x not an odd multiple of pi/2", "Tangent, in radians."),
    op!(Asin, "asin", 1, |[a, _, _]| a.asin(), |g, [a, _, _], _| { let c = cosine_of_sine(g, a); let i = g.constant(1.0); one(g.div(i, c)) }, Everywhere, "-1 <= x <= 1", "Inverse sine."),
    op!(Acos, "acos", 1, |[a, _, _]| a.acos(), |g, [a, _, _], _| { let c = cosine_of_sine(g, a); let i = g.constant(-1.0); one(g.div(i, c)) }, Everywhere, "-1 <= x <= 1", "Inverse cosine."),
    op!(Atan, "atan", 1, |[a, _, _]| a.atan(), |g, [a, _, _], _| { let (i, aa) = (g.constant(1.0), g.mul(a, a)); let s = g.add(i, aa); one(g.div(i, s)) }, Everywhere, "all reals", "Inverse tangent."),
    op!(Sinh, "sinh", 1, |[a, _, _]| a.sinh(), |g, [a, _, _], _| one(g.unary(Op::Cosh, a)), Everywhere, "all reals", "Hyperbolic sine."),
    op!(Cosh, "cosh", 1, |[a, _, _]| a.cosh(), |g, [a, _, _], _| one(g.unary(Op::Sinh, a)), Everywhere, "all reals", "Hyperbolic cosine."),
    op!(Tanh, "tanh", 1, |[a, _, _]| a.tanh(), |g, _, y| { let (i, yy) = (g.constant(1.0), g.mul(y, y)); one(g.sub(i, yy)) }, Everywhere, "all reals", "Hyperbolic tangent."),
    op!(Sigmoid, "sigmoid", 1, |[a, _, _]| special::sigmoid(a), |g, _, y| { let i = g.constant(1.0); let rest = g.sub(i, y); one(g.mul(y, rest)) }, Everywhere, "all reals", "1 / (1 + exp(-x))."),
    op!(Softplus, "softplus", 1, |[a, _, _]| special::softplus(a), |g, [a, _, _], _| one(g.unary(Op::Sigmoid, a)), Everywhere, "all reals", "log(1 + exp(x)), without overflow."),
    op!(ExpQuotient, "x_over_expm1", 1, |[a, _, _]| if a.abs() < 1e-300 { 1.0 } else if a == f64::INFINITY { 0.0 } else { a / a.exp_m1() }, |g, [a, _, _], y| one(exp_quotient_slope(g, a, y)), Everywhere, "all reals", "x / (exp(x) - 1), 1 at 0: the generating function of the Bernoulli numbers."),
    op!(Relu, "relu", 1, |[a, _, _]| if a <= 0.0 { 0.0 } else { a }, |g, [a, _, _], _| { let z = g.constant(0.0); one(g.apply(Op::Less, [z, a, a])) }, KinkAtZero, "all reals", "max(x, 0); derivative 0 at 0."),
    op!(Erf, "erf", 1, |[a, _, _]| special::erf(a), |g, [a, _, _], _| one(gauss(g, a, std::f64::consts::FRAC_2_SQRT_PI)), Everywhere, "all reals", "Error function."),
    op!(Erfc, "erfc", 1, |[a, _, _]| special::erfc(a), |g, [a, _, _], _| one(gauss(g, a, -std::f64::consts::FRAC_2_SQRT_PI)), Everywhere, "all reals", "1 - erf(x), accurate where erf is near 1."),
    op!(Lgamma, "lgamma", 1, |[a, _, _]| special::lgamma(a), |g, [a, _, _], _| one(g.unary(Op::Digamma, a)), Everywhere, "x > 0", "Logarithm of the gamma function."),
    op!(Digamma, "digamma", 1, |[a, _, _]| special::digamma(a), |g, [a, _, _], _| one(g.unary(Op::Trigamma, a)), Everywhere, "x > 0", "Derivative of lgamma."),
    op!(Trigamma, "trigamma", 1, |[a, _, _]| special::trigamma(a), |g, [a, _, _], _| one({ let two = g.constant(2.0); g.apply(Op::Polygamma, [two, a, a]) }), Everywhere, "x > 0", "Derivative of digamma."),
    op!(Polygamma, "polygamma", 2, |[n, a, _]| polygamma(n, a), |g, [n, a, _], _| { let one = g.constant(1.0); let next = g.add(n, one); [None, Some(g.apply(Op::Polygamma, [next, a, a])), None] }, Everywhere, "n = 0, 1, 2, ...; x > 0", "The n-th derivative of digamma, n a whole number."),
    op!(Less, "<", 2, |[a, b, _]| flag(a < b), |_, _, _| NONE, Jumps, "all reals", "Condition: first below second."),
    op!(LessEqual, "<=", 2, |[a, b, _]| flag(a <= b), |_, _, _| NONE, Jumps, "all reals", "Condition: first not above second."),
    op!(Equal, "==", 2, |[a, b, _]| flag(a == b), |_, _, _| NONE, Jumps, "all reals", "Condition: equal."),
    op!(And, "and", 2, |[a, b, _]| flag(a != 0.0 && b != 0.0), |_, _, _| NONE, Jumps, "conditions", "Both conditions."),
    op!(Or, "or", 2, |[a, b, _]| flag(a != 0.0 || b != 0.0), |_, _, _| NONE, Jumps, "conditions", "Either condition."),
    op!(Not, "not", 1, |[a, _, _]| flag(a == 0.0), |_, _, _| NONE, Jumps, "conditions", "The condition does not hold."),
    op!(Select, "select", 3, |[c, a, b]| if c != 0.0 { a } else { b }, |g, [c, _, _], _| {
        let not = g.unary(Op::Not, c);
        [None, Some(c), Some(not)]
    }, Jumps, "a condition and two values", "The second argument where the condition holds, else the third."),
];

fn cosine_of_sine(g: &mut Graph, a: NodeId) -> NodeId {
    let (one, aa) = (g.constant(1.0), g.mul(a, a));
    let rest = g.sub(one, aa);
    g.unary(Op::Sqrt, rest)
}

/// Slope of y = x / expm1(x): y (1 - x - y) / x, and its series -1/2 + x/6 - x^3/180 + x^5/5040 - x^7/151200 near 0.
fn exp_quotient_slope(g: &mut Graph, x: NodeId, y: NodeId) -> NodeId {
    let one = g.constant(1.0);
    let (rest, limit, zero) = (g.sub(one, x), g.constant(0.3), g.constant(0.0));
    let rest = g.sub(rest, y);
    let size = g.unary(Op::Abs, x);
    let near = g.apply(Op::Less, [size, limit, limit]);
    // The divisor is kept away from 0 where the series is taken.
    let divisor = g.apply(Op::Select, [near, one, x]);
    let ratio = g.div(y, divisor);
    let far = g.mul(ratio, rest);
    let small = g.apply(Op::Select, [near, x, zero]);
    let q = g.mul(small, small);
    let mut series = g.constant(0.0);
    for c in [1.0 / 4_790_016.0, -1.0 / 151_200.0, 1.0 / 5_040.0, -1.0 / 180.0, 1.0 / 6.0] {
        let c = g.constant(c);
        let scaled = g.mul(series, q);
        series = g.add(scaled, c);
    }
    let (odd, half) = (g.mul(series, small), g.constant(-0.5));
    let series = g.add(half, odd);
    g.apply(Op::Select, [near, series, far])
}

fn gauss(g: &mut Graph, a: NodeId, scale: f64) -> NodeId {
    let aa = g.mul(a, a);
    let minus = g.neg(aa);
    let e = g.unary(Op::Exp, minus);
    let scale = g.constant(scale);
    g.mul(scale, e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_operations() {
        for (i, info) in TABLE.iter().enumerate() {
            assert_eq!(info.op as usize, i, "{}", info.name);
        }
    }
}
