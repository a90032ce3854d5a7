//! Coupled coordinates with powers, logarithms and absolute values: boundaries of natural parameter spaces that are known in
//! closed form, each asked 1e-6 inside and 1e-6 outside.

use crate::existence::{boundary, is, sign};
use nnef::domain::{Circle, Positive, Product, Simplex, Spd, Sphere, Support};
use nnef::expr::{Expr, Op, Trace};
use nnef::family::{Existence, Family};

const STEP: f64 = 1e-6;

/// As `boundary`, for a family.
fn crossed(f: &Family, eta: &[f64], inward: &[f64]) {
    let at = |s: f64| f.existence(&eta.iter().zip(inward).map(|(e, d)| e + s * d).collect::<Vec<_>>());
    assert_eq!(at(STEP), Existence::Proper, "{} inside {eta:?}", f.name());
    assert_eq!(sign(&at(-STEP)), 'i', "{} outside {eta:?}: {:?}", f.name(), at(-STEP));
}

fn named(stats: Vec<Expr>) -> nnef::error::Result<Vec<(String, Expr)>> {
    Ok(stats.into_iter().enumerate().map(|(i, s)| (format!("s{i}"), s)).collect())
}

/// m real and l positive: eta_l m^2 l < 0, eta_l < eta_lm^2 / (4 eta_lmm), eta_log > -1/2.
#[test]
fn normal_gamma_as_statistics() {
    let support = Product::new(vec![
        ("l".into(), Support::new(vec![], Positive::new(1).unwrap()).unwrap()),
        ("m".into(), Support::real(1).unwrap()),
    ]);
    let support = Support::new(vec![2], support.unwrap()).unwrap();
    let f = Family::trace(
        "normal_gamma",
        support,
        |x| {
            let (l, m) = (x.index(0)?, x.index(1)?);
            let lm = l.binary(Op::Mul, &m)?;
            named(vec![l.unary(Op::Log)?, l.clone(), lm.clone(), lm.binary(Op::Mul, &m)?])
        },
        None,
    )
    .unwrap();
    for (log, b, c) in [(0.0, 2.0, -1.0), (-0.4, -3.0, -0.5), (2.5, 0.1, -3.0)] {
        crossed(&f, &[log, b * b / (4.0 * c), b, c], &[0.0, -1.0, 0.0, 0.0]);
        crossed(&f, &[-0.5, b * b / (4.0 * c) - 1.0, b, c], &[1.0, 0.0, 0.0, 0.0]);
    }
    crossed(&f, &[0.3, -1.0, 0.0, 0.0], &[0.0, 0.0, 0.0, -1.0]);
}

/// W is n x n: -eta_W positive definite, eta_log_det > -1.
#[test]
fn wishart_as_statistics() {
    for n in [2, 3] {
        let support = Support::new(vec![n, n], Spd::new(n).unwrap()).unwrap();
        let f = Family::trace("wishart", support, |x| named(vec![x.clone(), x.log_det()?]), None).unwrap();
        let eta = |off: f64, log: f64| -> Vec<f64> {
            (0..n * n).map(|i| if i / n == i % n { -1.0 } else { off }).chain([log]).collect()
        };
        let off = |d: f64| -> Vec<f64> { (0..n * n).map(|i| if i / n == i % n { 0.0 } else { d }).chain([0.0]).collect() };
        let log: Vec<f64> = (0..=n * n).map(|i| if i == n * n { 1.0 } else { 0.0 }).collect();
        crossed(&f, &eta(0.1, -1.0), &log);
        (0..20).for_each(|i| assert_eq!(f.existence(&eta(0.01 * f64::from(i), 1.0)), Existence::Proper));
        crossed(&f, &eta(1.0 / (n as f64 - 1.0), 1.0), &off(-1.0));
    }
}

#[test]
fn products_beside_logarithms() {
    let p = "positive(2)";
    let t = ["(* x0 x1)", "x0", "x1", "(log x0)", "(log x1)"];
    // Over x1 first: gamma(b + 1) x0^(a - b - 1) exp(-x0), so that a > b > -1.
    boundary(p, &t, &[-1.0, -1.0, 0.0, 0.3, 0.3], &[0.0, 0.0, 0.0, 1.0, 0.0]);
    boundary(p, &t, &[-1.0, -1.0, 0.0, 0.3, -1.0], &[0.0, 0.0, 0.0, 0.0, 1.0]);
    boundary(p, &t, &[-2.0, -1.0, -1.0, -1.0, 0.5], &[0.0, 0.0, 0.0, 1.0, 0.0]);
    is(p, &t, &[1e-6, -1.0, -1.0, 0.0, 0.0], 'i');
    is(p, &["(* x0 x1)", "x0", "x1"], &[-1.0, 0.0, 0.0], 'i');
    boundary(p, &["(log (+ x0 x1))", "x0", "x1"], &[-2.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(p, &["(log (+ x0 x1))", "(log x0)", "x0", "x1"], &[-1.25, -0.75, -1.0, -1.0], &[1.0, 0.0, 0.0, 0.0]);
    boundary(p, &["(log (+ x0 x1))", "(log x0)", "x0", "x1"], &[0.5, -1.0, -1.0, -1.0], &[0.0, 1.0, 0.0, 0.0]);
    // 1 / (1 + x0 + x1)^c: c > 2, and c > 2 + a with x0^a.
    boundary(p, &["(log (+ 1 (+ x0 x1)))", "(log x0)"], &[-2.5, 0.5], &[-1.0, 0.0]);
    // x0^2 + x1^4: weights 1/2 and 1/4 at the origin.
    boundary(p, &["(log (+ (^ x0 2) (^ x1 4)))", "x0", "x1"], &[-0.75, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    // Roots of powers: sqrt(x0) x1^1.5.
    boundary(p, &["(* (sqrt x0) (pow x1 1.5))", "x0", "(log x0)", "(log x1)"], &[-1.0, -1.0, -0.5, 0.5], &[0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn logarithms_on_the_plane() {
    let r = "real(2)";
    boundary(r, &["(log (+ 1 (^ x0 2) (^ x1 2)))"], &[-1.0], &[-1.0]);
    boundary(r, &["(log (+ 1 (^ x0 2) (^ x1 2)))", "(^ x0 2)"], &[-0.5, -1.0], &[-1.0, 0.0]);
    boundary(r, &["(log (+ 1 (^ x0 2) (^ x1 2)))", "(^ x0 2)", "(^ x1 2)"], &[9.0, -1.0, 0.0], &[0.0, 0.0, -1.0]);
    boundary("real(3)", &["(log (+ 1 (^ x0 2) (^ x1 2) (^ x2 2)))"], &[-1.5], &[-1.0]);
    boundary(r, &["(log (+ (^ x0 2) (^ x1 2)))", "(^ x0 2)", "(^ x1 2)"], &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(r, &["(log (+ 1 (- (^ x0 2) (* x0 x1)) (^ x1 2)))"], &[-1.0], &[-1.0]);
    boundary(r, &["(log (abs (- x0 x1)))", "(^ x0 2)", "(^ x1 2)"], &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(r, &["(log (^ (- x0 x1) 2))", "(^ x0 2)", "(^ x1 2)"], &[-0.5, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(
        r,
        &["(log (abs (- x0 x1)))", "(log (abs x0))", "(abs x0)", "(abs x1)"],
        &[-1.0, -0.3, -1.0, -1.0],
        &[1.0, 0.0, 0.0, 0.0],
    );
    boundary(r, &["(log (abs (- x0 (+ x1 0.5))))", "(^ x0 2)", "(^ x1 2)"], &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(r, &["(log (abs (- (* x0 x1) 1)))", "(^ x0 2)", "(^ x1 2)"], &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary("interval(-1, 1, 2)", &["(log (abs (- x0 x1)))"], &[-1.0], &[1.0]);
    boundary("interval(-1, 1, 2)", &["(log (+ (^ x0 2) (^ x1 2)))"], &[-1.0], &[1.0]);
    // Three lines through one point.
    is(r, &["(log (abs (- x0 x1)))", "(log (abs (+ x0 x1)))", "(abs x0)", "(abs x1)"], &[-0.9, -0.9, -1.0, -1.0], 'p');
    is(
        r,
        &["(log (abs (- x0 x1)))", "(log (abs (+ x0 x1)))", "(log (abs x0))", "(^ x0 2)", "(^ x1 2)"],
        &[-0.7, -0.7, -0.7, -1.0, -1.0],
        'i',
    );
    is(
        r,
        &["(log (abs (- x0 x1)))", "(log (abs (+ x0 x1)))", "(log (abs x0))", "(^ x0 2)", "(^ x1 2)"],
        &[-0.6, -0.6, -0.6, -1.0, -1.0],
        'p',
    );
}

#[test]
fn products_of_squares() {
    let r = "real(2)";
    let t = ["(* (^ x0 2) (^ x1 2))", "(^ x0 2)", "(^ x1 2)"];
    is(r, &t, &[-1.0, 0.0, 0.0], 'i');
    is(r, &t, &[-1.0, -1.0, 0.0], 'i');
    boundary(r, &t, &[-1.0, -1.0, 0.0], &[0.0, 0.0, -1.0]);
    boundary(r, &t, &[0.0, -1.0, -1.0], &[-1.0, 0.0, 0.0]);
    // Over x0 first: 1 / |x1| for large x1, with |x1|^a.
    boundary(r, &["(* (^ x0 2) (^ x1 2))", "(^ x0 2)", "(log (+ 1 (^ x1 2)))"], &[-1.0, -1.0, 0.0], &[0.0, 0.0, -1.0]);
    // At the boundary itself the terms cancel on a line.
    is(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)"], &[-1.0, 2.0, -1.0], 'i');
    is(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", "x0", "x1"], &[-1.0, 2.0, -1.0, 1.0, -1.0], 'i');
}

#[test]
fn absolute_values_of_sums() {
    let t = ["(abs x0)", "(abs x1)", "(abs x2)", "(abs (+ x0 (+ x1 x2)))"];
    boundary("real(3)", &t, &[-1.0, -1.0, -1.0, 1.0], &[0.0, 0.0, 0.0, -1.0]);
    boundary("real(3)", &t, &[-1.0, 1.0, -1.0, -1.0], &[0.0, -1.0, 0.0, 0.0]);
    boundary("real(2)", &["(abs (- x0 (+ x1 3)))", "(abs x0)", "(abs x1)"], &[1.0, -1.0, -1.0], &[-1.0, 0.0, 0.0]);
    boundary("real(2)", &["(max x0 x1)", "(abs x0)", "(abs x1)"], &[1.0, -1.0, -1.0], &[-1.0, 0.0, 0.0]);
    boundary("real(2)", &["(abs (- x0 x1))", "(log (abs x0))", "(abs x1)"], &[-1.0, -1.0, -1.0], &[0.0, 1.0, 0.0]);
}

#[test]
fn poles_on_circles_and_spheres() {
    let circle = |n| Support::new(vec![n], Circle::new(n).unwrap()).unwrap();
    let f = Family::trace(
        "circle",
        circle(1),
        |x| {
            let c = x.index(0)?.unary(Op::Cos)?;
            named(vec![x.number(1.0).binary(Op::Sub, &c)?.unary(Op::Log)?, x.number(1.0).binary(Op::Add, &c)?.unary(Op::Log)?])
        },
        None,
    )
    .unwrap();
    crossed(&f, &[-0.5, 1.0], &[1.0, 0.0]);
    crossed(&f, &[-0.3, -0.5], &[0.0, 1.0]);
    for n in [3, 4] {
        let support = Support::new(vec![n], Sphere::new(n).unwrap()).unwrap();
        let square = |x: &Expr| {
            let x = x.index(0)?;
            named(vec![x.binary(Op::Mul, &x)?.unary(Op::Log)?])
        };
        let f = Family::trace("sphere", support, square, None).unwrap();
        crossed(&f, &[-0.5], &[1.0]);
    }
}

/// A condition cuts off where the density grows: x0 > |x1|, exp(-x0 + c x1) with |c| < 1.
#[test]
fn conditions_that_are_cones() {
    let trace = Trace::new();
    let support = Support::real(2).unwrap();
    let (x, _) = support.trace(&trace);
    let (a, b) = (x.index(0).unwrap(), x.index(1).unwrap());
    let condition = b.unary(Op::Abs).unwrap().binary(Op::Less, &a).unwrap();
    let stats = vec![("a".to_string(), a), ("b".to_string(), b)];
    let f = Family::from_trace("wedge", support, &trace, stats, trace.numbers(&[], &[0.0]), Some(condition)).unwrap();
    for c in [1.0, -1.0] {
        crossed(&f, &[-1.0, c], &[0.0, -c]);
        crossed(&f, &[0.0, 0.0], &[-1.0, 0.5 * c]);
    }
    assert_eq!(f.existence(&[-1.0, 0.0]), Existence::Proper);
}

#[test]
fn what_the_cones_cannot_tell_is_left_open() {
    // Two curves that cross, a logarithm of what is negative on half of the plane.
    let t = ["(log (abs (- (* x0 x1) 1)))", "(log (abs (- (+ x0 x1) 3)))", "x0", "x1"];
    is("positive(2)", &t, &[-0.7, -0.7, -1.0, -1.0], '?');
    is("real(2)", &["(log (- x0 x1))", "(^ x0 2)", "(^ x1 2)"], &[1.0, -1.0, -1.0], '?');
}

#[test]
fn many_coupled_coordinates_are_decided() {
    let sum = ["(abs x0)", "(abs x1)", "(abs x2)", "(abs (+ x0 (+ x1 x2)))"];
    is("real(3)", &sum, &[-1.0, -1.0, -1.0, 0.999999], 'p');
    is("real(3)", &sum, &[-1.0, -1.0, -1.0, 1.000001], 'i');
    let t = ["(^ x0 2)", "(^ x1 2)", "(^ x2 2)", "(* x0 x1)", "(log (+ 1 (^ x2 2) (^ x1 2)))"];
    is("real(3)", &t, &[-1.0, -1.0, -1.0, 0.5, 1.0], 'p');
}

/// Families for which a shorter argument would give the wrong verdict.
#[test]
fn what_looks_decided_and_is_not() {
    // The hull of an unbounded face has faces that the polyhedron has not: at a0 = a1, b near 1 the exponent is 2 a0^2.
    let support = Product::new(vec![
        ("a".into(), Support::new(vec![2], Positive::new(2).unwrap()).unwrap()),
        ("b".into(), Support::new(vec![], nnef::domain::Interval::new(0.0, 1.0, 1).unwrap()).unwrap()),
    ]);
    let support = Support::new(vec![3], support.unwrap()).unwrap();
    let powers = [[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.5, 0.5, 0.5], [0.5, 1.5, 0.5]];
    let stats = |x: &Expr| {
        let monomial = |p: &[f64; 3]| {
            let mut product = x.number(1.0);
            for (i, p) in p.iter().enumerate() {
                product = product.binary(Op::Mul, &x.index(i as i64)?.binary(Op::Pow, &x.number(*p))?)?;
            }
            Ok(product)
        };
        named(powers.iter().map(monomial).collect::<nnef::error::Result<_>>()?)
    };
    let f = Family::trace("hull", support, stats, None).unwrap();
    assert_ne!(sign(&f.existence(&[-1.0, -1.0, 6.0, -1.0, -0.5, -0.5])), 'p');
    // T is not a number on half of the plane.
    let t = ["(log (abs (^ (- x0 x1) 0.3)))", "(^ x0 2)", "(^ x1 2)"];
    assert_ne!(sign(&crate::existence::family("real(2)", &t).existence(&[1.0, -1.0, -1.0])), 'p');
    // exp(x - x^(1 + 1e-10)) decays, if slowly.
    let t = ["x0", "(^ x0 1.0000000001)", "(log (+ 1 (+ x0 x1)))", "x1"];
    assert_ne!(sign(&crate::existence::family("positive(2)", &t).existence(&[1.0, -1.0, 0.1, -1.0])), 'i');
    // No pole at the origin, however near.
    let t = ["(log (+ 1e-160 (^ x0 2) (^ x1 2)))", "(abs x0)", "(abs x1)", "(abs (+ x0 x1))"];
    assert_ne!(sign(&crate::existence::family("real(2)", &t).existence(&[-1.5, -1.0, -1.0, 0.5])), 'i');
}

/// Squares of differences in logarithms and in sums of powers: each is zero on a line that the cones are cut along.
#[test]
fn squares_that_are_zero_on_lines() {
    let r = "real(2)";
    let (l0, l1, d) = ("(log (+ 1 (^ x0 2)))", "(log (+ 1 (^ x1 2)))", "(log (+ 1 (^ (- x0 x1) 2)))");
    let difference = "(+ (- (^ x0 2) (* 2 (* x0 x1))) (^ x1 2))";
    let (square, student) = (format!("(log {difference})"), format!("(log (+ 1 {difference}))"));
    // Three tails of Cauchy type: along an axis, along the diagonal, and everywhere.
    boundary(r, &[l0, l1, d], &[-0.375, -0.375, -0.25], &[-1.0, 0.0, 0.0]);
    boundary(r, &[l0, l1, d], &[-0.25, -0.25, -5.0], &[-1.0, 0.0, 0.0]);
    boundary(r, &[l0, l1, d], &[-0.125, -2.0, -0.375], &[-1.0, 0.0, 0.0]);
    is(r, &[l0, l1, d], &[-0.25, -0.25, -5.0], 'i');
    let offset = ["(log (+ 1 (^ (- x0 1) 2)))", d, "(log (+ 1 (^ (+ x1 2) 2)))"];
    boundary(r, &offset, &[-0.375, -0.25, -0.375], &[-1.0, 0.0, 0.0]);
    boundary(r, &offset, &[-0.25, -4.0, -0.25], &[-1.0, 0.0, 0.0]);
    boundary(r, &[&student, l0], &[-0.5, -1.0], &[-1.0, 0.0]);
    boundary(r, &[&square, "(^ x0 2)", "(^ x1 2)"], &[-0.5, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    // A second difference in three coordinates.
    let second = "(log (+ 1 (^ (+ (- x0 (* 2 x1)) x2) 2)))";
    boundary("real(3)", &[l0, l1, second], &[-1.0, -1.0, -0.5], &[0.0, 0.0, -1.0]);
    // Quadratic forms that are squares at one eta only.
    boundary(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", l0], &[-1.0, 2.0, -1.0, -0.5], &[0.0, 0.0, 0.0, -1.0]);
    boundary(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", l0], &[-1.0, 4.0, -4.0, -0.5], &[0.0, 0.0, 0.0, -1.0]);
    boundary(r, &["(^ (- x0 x1) 2)", l0, l1], &[-1.0, -0.25, -0.25], &[0.0, -1.0, 0.0]);
    is(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", l0], &[-1.0, 2.0, -1.0, -0.5], 'i');
    is(r, &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", l0], &[-1.0, 2.000001, -1.0, -3.0], 'i');
    // (x0^2 - x1^2)^2: the width of the ridges falls as 1 / x0.
    let quartic = ["(^ x0 4)", "(^ x1 4)", "(* (^ x0 2) (^ x1 2))", "(abs x0)"];
    boundary(r, &quartic, &[-1.0, -1.0, 2.0, 0.0], &[0.0, 0.0, 0.0, -1.0]);
    is(r, &quartic, &[-1.0, -1.0, 2.0, 0.0], 'i');
}

/// Log-normal densities: quadratic forms in logarithms, alone, beside powers, and where they are zero in a direction.
#[test]
fn squares_of_logarithms() {
    let p = "positive(2)";
    let (s0, s1, both) = ("(^ (log x0) 2)", "(^ (log x1) 2)", "(* (log x0) (log x1))");
    boundary(p, &[s0, s1, both], &[-1.0, -1.0, 2.0], &[0.0, 0.0, -1.0]);
    boundary(p, &[s0, s1, both, "(log x0)"], &[-1.0, -4.0, -4.0, 9.0], &[0.0, 0.0, 1.0, 0.0]);
    // Beside x0 and x1 only the corner at 0 counts.
    let t = ["x0", "x1", s0, s1, both];
    boundary(p, &t, &[-1.0, -1.0, -1.0, -1.0, 2.0], &[0.0, 0.0, 0.0, 0.0, -1.0]);
    is(p, &t, &[-1.0, -1.0, -1.0, -1.0, -9.0], 'p');
    is(p, &t, &[-1.0, -1.0, -1.0, -1.0, 2.0], 'p');
    // x1 / x0 log-normal: x0^(b + 1) exp(-x0).
    let ratio = ["(^ (- (log x0) (log x1)) 2)", "x0", "(log x0)"];
    boundary(p, &ratio, &[-1.0, -1.0, -2.0], &[0.0, 0.0, 1.0]);
    is(p, &ratio, &[-1.0, -1.0, -2.0], 'i');
    is(p, &ratio, &[1e-6, -1.0, 0.0], 'i');
    // A gamma density with a rate that is log-normal, over x0 first: x1^-(b + 1).
    boundary(p, &["(* x0 x1)", s1, "(log x0)"], &[-1.0, -1.0, -1.0], &[0.0, 0.0, 1.0]);
    boundary(p, &["(* x0 x1)", s1, "(log x0)"], &[-1.0, 0.0, 0.5], &[0.0, -1.0, 0.0]);
    // Of the Laplace kind: x0^(b + 1) exp(-x0), and a < -1.
    let laplace = ["(abs (- (log x0) (log x1)))", "x0", "(log x0)"];
    boundary(p, &laplace, &[-1.0, -1.0, 0.0], &[-1.0, 0.0, 0.0]);
    boundary(p, &laplace, &[-3.0, -1.0, -2.0], &[0.0, 0.0, 1.0]);
    // Volatility: over x1 first, exp((b + 1/2) x0 + c x0^2).
    boundary("real(2)", &["(* (^ x1 2) (exp (- 0 x0)))", "x0", "(^ x0 2)"], &[-0.5, -0.7, 0.0], &[0.0, 0.0, -1.0]);
    let scale = ["(* (^ x1 2) (exp (* -2 x0)))", "x0", "(log (+ 1 (exp (* 2 x0))))"];
    boundary("real(2)", &scale, &[-0.5, -1.0, -1.0], &[0.0, 1.0, 0.0]);
    boundary("real(2)", &scale, &[-0.5, 0.0, -0.5], &[0.0, 0.0, -1.0]);
}

/// Dirichlet densities with interactions: the powers of what is small in a corner add up.
#[test]
fn interactions_on_the_simplex() {
    let support = || Support::new(vec![3], Simplex::new(3).unwrap()).unwrap();
    let family = |more: &dyn Fn(&[Expr]) -> nnef::error::Result<Expr>| {
        let stats = |x: &Expr| {
            let x: Vec<Expr> = (0..3).map(|i| x.index(i)).collect::<nnef::error::Result<_>>()?;
            let mut stats: Vec<Expr> = x.iter().map(|x| x.unary(Op::Log)).collect::<nnef::error::Result<_>>()?;
            stats.push(more(&x)?);
            named(stats)
        };
        Family::trace("simplex", support(), stats, None).unwrap()
    };
    let product = family(&|x| x[0].binary(Op::Mul, &x[1]));
    crossed(&product, &[-1.0, 0.0, 0.0, 3.0], &[1.0, 0.0, 0.0, 0.0]);
    let rest = family(&|x| x[0].number(1.0).binary(Op::Sub, &x[0])?.unary(Op::Log));
    crossed(&rest, &[0.0, -0.5, -0.5, -1.0], &[0.0, 0.0, 0.0, 1.0]);
    crossed(&rest, &[0.0, -0.5, -1.0, 3.0], &[0.0, 0.0, 1.0, 0.0]);
    let difference = family(&|x| x[0].binary(Op::Sub, &x[1])?.unary(Op::Abs)?.unary(Op::Log));
    crossed(&difference, &[0.0, 0.0, 0.0, -1.0], &[0.0, 0.0, 0.0, 1.0]);
    crossed(&difference, &[-0.75, -0.75, 0.0, -0.5], &[1.0, 0.0, 0.0, 0.0]);
    let logits = family(&|x| {
        let d = x[0].unary(Op::Log)?.binary(Op::Sub, &x[1].unary(Op::Log)?)?;
        d.binary(Op::Mul, &d)
    });
    crossed(&logits, &[-0.75, -1.25, -0.5, -1.0], &[1.0, 0.0, 0.0, 0.0]);
    crossed(&logits, &[0.0, 0.0, -1.0, -1.0], &[0.0, 0.0, 1.0, 0.0]);
}

/// Logarithms that are infinite in corners of a square, which is seen from all of them.
#[test]
fn corners_of_a_square() {
    let u = "interval(0, 1, 2)";
    boundary(u, &["(log (- 1 (* x0 x1)))"], &[-2.0], &[1.0]);
    boundary(u, &["(log (- (+ x0 x1) (* x0 x1)))"], &[-2.0], &[1.0]);
    boundary(u, &["(log (- (+ x0 x1) (* 2 (* x0 x1))))"], &[-2.0], &[1.0]);
    let beta = ["(log x0)", "(log (- 1 x1))", "(log (- (+ x0 1) x1))"];
    boundary(u, &beta, &[-0.5, -0.5, -1.0], &[0.0, 0.0, 1.0]);
    boundary(u, &beta, &[-1.0, -0.5, 3.0], &[1.0, 0.0, 0.0]);
    let copula = ["(log x0)", "(log x1)", "(log (- 1 (* x0 x1)))"];
    boundary(u, &copula, &[-0.5, -1.0, -1.5], &[0.0, 1.0, 0.0]);
    boundary(u, &copula, &[5.0, -0.5, -2.0], &[0.0, 0.0, 1.0]);
    is(u, &copula, &[5.0, -0.5, -2.0], 'i');
}

/// Cauchy likelihoods of location m and scale t with observations: 2 c + a > -2 at (observation, 0), t^a (t^2 + (m - x)^2)^c.
#[test]
fn observations_of_a_location_and_a_scale() {
    let support = Product::new(vec![
        ("m".into(), Support::real(1).unwrap()),
        ("t".into(), Support::new(vec![], Positive::new(1).unwrap()).unwrap()),
    ]);
    let support = Support::new(vec![2], support.unwrap()).unwrap();
    for seen in [vec![1.0], vec![-1.0, 1.0], vec![0.3, 2.5]] {
        let stats = |x: &Expr| {
            let (m, t) = (x.index(0)?, x.index(1)?);
            let mut stats = vec![t.unary(Op::Log)?, t.clone()];
            for at in &seen {
                let d = m.binary(Op::Sub, &x.number(*at))?;
                let sum = t.binary(Op::Mul, &t)?.binary(Op::Add, &d.binary(Op::Mul, &d)?)?;
                stats.push(sum.unary(Op::Log)?);
            }
            named(stats)
        };
        let f = Family::trace("cauchy", support.clone(), stats, None).unwrap();
        let with = |a: f64| [vec![a, -1.0], vec![-1.0; seen.len()]].concat();
        crossed(&f, &with(0.0), &[vec![1.0, 0.0], vec![0.0; seen.len()]].concat());
        assert_eq!(sign(&f.existence(&with(0.0))), 'i');
    }
    let r = "real(2)";
    let pole = ["(log (+ (^ (- x0 1) 2) (^ (- x1 2) 2)))", "(^ x0 2)", "(^ x1 2)"];
    boundary(r, &pole, &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
}

/// What stands in a logarithm is small beside its terms only where the rest decays: on x1 = x0^2 + u the density
/// exp(-u^2) (1 + x1^2)^c is |x0|^(4 c) far out, so that c < -1/4 is needed.
#[test]
fn logarithms_along_a_parabola() {
    let ridge = "(^ (- x1 (^ x0 2)) 2)";
    boundary("real(2)", &["(log (+ 1 (^ x1 2)))", ridge], &[-0.25, -1.0], &[-1.0, 0.0]);
    boundary("real(2)", &["(log (+ 1 (^ x0 2)))", ridge], &[-0.5, -1.0], &[-1.0, 0.0]);
    boundary("real(2)", &["(log (+ 1 (^ x0 2)))", "(log (+ 1 (^ x1 2)))", ridge], &[-0.3, -0.1, -1.0], &[-1.0, 0.0, 0.0]);
}

/// A narrow ridge of the leading part along (1, 1, 1, 1), where it is eta_b - 2: rotations in coordinate planes do not climb it, and
/// before the search looked at all diagonals it passed for proper.
#[test]
fn ridges_along_diagonals_are_met() {
    let f = crate::controls::family(
        "family(#{x: real(4), stats: |x| #{a: abs(x[1]-x[0])+abs(x[2]-x[1])+abs(x[3]-x[2]), \
         b: sqrt(1.0+sum(x*x)), c: abs(x[0]+x[1]+x[2]+x[3])}})",
    );
    for steep in [-3.0, -10.0, -100.0] {
        assert_eq!(sign(&f.existence(&[steep, 2.0 + 1e-6, -1.0])), 'i');
        assert_ne!(sign(&f.existence(&[steep, 2.0 - 1e-6, -1.0])), 'i');
    }
}
