//! Stable rewriting: value and derivative far out, against closed values; smooth where the naive form overflows.

use nnef::expr::{Graph, NodeId, Op, Program, gradient};
use nnef::num::close::{Tolerance, close};

type Build = fn(&mut Graph, NodeId) -> NodeId;
type Exact = fn(f64) -> f64;

const CLOSE: Tolerance = Tolerance { absolute: 1e-15, relative: 1e-12 };

/// Name, expression, value, derivative, points.
const CASES: &[(&str, Build, Exact, Exact, &[f64])] = &[
    (
        "log(cosh x)",
        |g, x| {
            let c = g.unary(Op::Cosh, x);
            g.unary(Op::Log, c)
        },
        |x| x.abs() + (-2.0 * x.abs()).exp().ln_1p() - 2f64.ln(),
        f64::tanh,
        &[-1e4, -800.0, -2.0, 0.5, 3.0, 900.0, 1e5],
    ),
    (
        "log(1 + exp x)",
        |g, x| {
            let (e, i) = (g.unary(Op::Exp, x), g.constant(1.0));
            let s = g.add(i, e);
            g.unary(Op::Log, s)
        },
        |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        |x| 1.0 / (1.0 + (-x).exp()),
        &[-1000.0, -3.0, 0.0, 40.0, 1e4],
    ),
    (
        "log1p(exp x)",
        |g, x| {
            let e = g.unary(Op::Exp, x);
            g.unary(Op::Log1p, e)
        },
        |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        |x| 1.0 / (1.0 + (-x).exp()),
        &[-1000.0, 1e4],
    ),
    (
        "log(e^x + 2 e^(3 - x) + 5)",
        |g, x| {
            let (three, two, five) = (g.constant(3.0), g.constant(2.0), g.constant(5.0));
            let a = g.unary(Op::Exp, x);
            let r = g.sub(three, x);
            let b = g.unary(Op::Exp, r);
            let b = g.mul(two, b);
            let s = g.add(a, b);
            let s = g.add(s, five);
            g.unary(Op::Log, s)
        },
        |x| nnef::num::special::log_sum_exp(&[x, 2f64.ln() + 3.0 - x, 5f64.ln()]),
        |x| {
            let l = nnef::num::special::log_sum_exp(&[x, 2f64.ln() + 3.0 - x, 5f64.ln()]);
            (x - l).exp() - (2f64.ln() + 3.0 - x - l).exp()
        },
        &[-2000.0, -1.0, 0.7, 2.0, 3000.0],
    ),
    (
        "x / expm1(x)",
        |g, x| {
            let e = g.unary(Op::Expm1, x);
            g.div(x, e)
        },
        |x| if x == 0.0 { 1.0 } else { x / x.exp_m1() },
        |x| {
            if x.abs() < 1e-3 {
                -0.5 + x / 6.0
            } else if x > 300.0 {
                0.0
            } else {
                (x.exp_m1() - x * x.exp()) / x.exp_m1().powi(2)
            }
        },
        &[-500.0, -1.0, 0.0, 0.5, 2.0, 400.0, 1000.0],
    ),
    (
        "log(expm1 x)",
        |g, x| {
            let e = g.unary(Op::Expm1, x);
            g.unary(Op::Log, e)
        },
        |x| x + (-(-x).exp_m1()).ln(),
        |x| 1.0 / -(-x).exp_m1(),
        &[0.1, 3.0, 800.0],
    ),
    (
        "log(sinh x)",
        |g, x| {
            let e = g.unary(Op::Sinh, x);
            g.unary(Op::Log, e)
        },
        |x| x - 2f64.ln() + (-(-2.0 * x).exp_m1()).ln(),
        |x| 1.0 / x.tanh(),
        &[0.1, 3.0, 800.0],
    ),
    (
        "log(sigmoid x)",
        |g, x| {
            let e = g.unary(Op::Sigmoid, x);
            g.unary(Op::Log, e)
        },
        |x| x.min(0.0) - (-x.abs()).exp().ln_1p(),
        |x| 1.0 / (1.0 + x.exp()),
        &[-2000.0, -1.0, 5.0],
    ),
    (
        "exp(x) / (1 + exp x)",
        |g, x| {
            let (e, i) = (g.unary(Op::Exp, x), g.constant(1.0));
            let s = g.add(i, e);
            g.div(e, s)
        },
        |x| 1.0 / (1.0 + (-x).exp()),
        |x| {
            let s = 1.0 / (1.0 + (-x.abs()).exp());
            s * (1.0 - s)
        },
        &[-900.0, 0.3, 900.0],
    ),
    (
        "exp(2 x) / exp(x - 1)",
        |g, x| {
            let (two, one) = (g.constant(2.0), g.constant(1.0));
            let (a, b) = (g.mul(two, x), g.sub(x, one));
            let (a, b) = (g.unary(Op::Exp, a), g.unary(Op::Exp, b));
            g.div(a, b)
        },
        |x| (x + 1.0).exp(),
        |x| (x + 1.0).exp(),
        &[-400.0, 2.0, 500.0],
    ),
];

#[test]
fn values_and_derivatives_neither_overflow_nor_become_nan() {
    for (name, build, value, slope, points) in CASES {
        let mut g = Graph::new();
        let x = g.var(0);
        let root = build(&mut g, x);
        let derivative = gradient(&mut g, root, 1)[0];
        let program = Program::compile(&g, 1, &[&[root, derivative]]);
        let lanes = program.evaluate(0, points, &[]);
        for (x, lane) in points.iter().zip(lanes.chunks(2)) {
            let reference = g.evaluate(&[root, derivative], &[*x], &[]);
            for (i, expected) in [value(*x), slope(*x)].into_iter().enumerate() {
                assert!(close(reference[i], expected, CLOSE), "{name} output {i} at {x}: {} for {expected}", reference[i]);
                assert!(close(lane[i], expected, CLOSE), "{name} output {i} at {x}: lanes {} for {expected}", lane[i]);
            }
        }
    }
}

#[test]
fn jacobians_and_hessian_products_agree_with_differences() {
    use nnef::expr::{hessian_product, jacobian};
    let mut g = Graph::new();
    let (x, y) = (g.var(0), g.var(1));
    let product = g.mul(x, y);
    let s = g.unary(Op::Sin, product);
    let c = g.unary(Op::Cosh, x);
    let l = g.unary(Op::Log, c);
    let e = g.unary(Op::Erf, y);
    let le = g.mul(l, e);
    let root = g.add(s, le);
    let jac = jacobian(&mut g, &[s, root], 2);
    let v = [g.constant(0.3), g.constant(-1.1)];
    let hv = hessian_product(&mut g, root, &v);
    let slope = gradient(&mut g, root, 2);
    let at = [0.7, -0.4];
    let h = 1e-6;
    let moved = |s: f64| g.evaluate(&slope, &[at[0] + 0.3 * s, at[1] - 1.1 * s], &[]);
    let (up, down) = (moved(h), moved(-h));
    for (i, exact) in g.evaluate(&hv, &at, &[]).iter().enumerate() {
        let difference = (up[i] - down[i]) / (2.0 * h);
        assert!(close(*exact, difference, Tolerance { absolute: 1e-8, relative: 1e-8 }), "{exact} and {difference}");
    }
    assert_eq!(g.evaluate(&jac[2..], &at, &[]), g.evaluate(&slope, &at, &[]));
}
