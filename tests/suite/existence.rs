//! Which densities exist: boundaries of natural parameter spaces, bracketed; what cannot be told is left open.

use nnef::domain::{Circle, Interval, Positive, Simplex, Sphere, Support};
use nnef::error::Result;
use nnef::expr::{Expr, Op};
use nnef::family::{Existence, Family};

/// Half of the bracket around a boundary.
const STEP: f64 = 1e-6;

pub fn support(kind: &str) -> Support {
    let (name, rest) = kind.split_once('(').unwrap();
    let numbers: Vec<f64> = rest.trim_end_matches(')').split(',').map(|n| n.trim().parse().unwrap()).collect();
    match name {
        "real" => Support::real(numbers[0] as usize).unwrap(),
        "positive" => Support::new(vec![numbers[0] as usize], Positive::new(numbers[0] as usize).unwrap()).unwrap(),
        "simplex" => Support::new(vec![numbers[0] as usize], Simplex::new(numbers[0] as usize).unwrap()).unwrap(),
        "sphere" => Support::new(vec![numbers[0] as usize], Sphere::new(numbers[0] as usize).unwrap()).unwrap(),
        "circle" => Support::new(vec![numbers[0] as usize], Circle::new(numbers[0] as usize).unwrap()).unwrap(),
        _ => {
            let n = numbers.get(2).map_or(1, |n| *n as usize);
            Support::new(vec![n], Interval::new(numbers[0], numbers[1], n).unwrap()).unwrap()
        }
    }
}

/// An expression in prefix notation: `(+ a b)`, x0, x1, numbers, names of the table of operations.
fn parse(x: &Expr, words: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> Result<Expr> {
    let word = words.next().unwrap();
    if word == "(" {
        let name = words.next().unwrap();
        let mut args = Vec::new();
        while words.peek().unwrap() != ")" {
            args.push(parse(x, words)?);
        }
        words.next();
        if name == "^" {
            return args[0].binary(Op::Pow, &args[1]);
        }
        let op = Op::named(&name).unwrap_or_else(|| panic!("{name}"));
        if op == Op::Select {
            return args[0].select(&args[1], &args[2]);
        }
        return match args.len() {
            1 => args[0].unary(op),
            _ => args[1..].iter().try_fold(args[0].clone(), |s, a| s.binary(op, a)),
        };
    }
    match word.strip_prefix('x') {
        Some(j) => x.index(j.parse().unwrap()),
        None => Ok(x.number(word.parse().unwrap())),
    }
}

/// The expression that is written so.
pub fn parsed(x: &Expr, text: &str) -> Result<Expr> {
    let words: Vec<String> = text.replace('(', " ( ").replace(')', " ) ").split_whitespace().map(String::from).collect();
    parse(x, &mut words.into_iter().peekable())
}

/// A family with statistics in the order given.
pub fn family(kind: &str, stats: &[&str]) -> Family {
    Family::trace(
        "test",
        support(kind),
        |x| stats.iter().enumerate().map(|(i, s)| Ok((format!("s{i:03}"), parsed(x, s)?))).collect(),
        None,
    )
    .unwrap()
}

pub fn sign(e: &Existence) -> char {
    match e {
        Existence::Proper => 'p',
        Existence::Improper { .. } => 'i',
        Existence::Unproven { .. } => '?',
    }
}

/// At `eta` the boundary is crossed: a step along `inward` is proper, a step against it is not.
pub fn boundary(kind: &str, stats: &[&str], eta: &[f64], inward: &[f64]) {
    let f = family(kind, stats);
    let at = |s: f64| -> Existence { f.existence(&eta.iter().zip(inward).map(|(e, d)| e + s * d).collect::<Vec<_>>()) };
    for s in [STEP, 0.1 * STEP] {
        assert_eq!(at(s), Existence::Proper, "{kind} {stats:?} inside {eta:?}");
        assert_eq!(sign(&at(-s)), 'i', "{kind} {stats:?} outside {eta:?}: {:?}", at(-s));
    }
}

pub fn is(kind: &str, stats: &[&str], eta: &[f64], expected: char) {
    let found = family(kind, stats).existence(eta);
    assert_eq!(sign(&found), expected, "{kind} {stats:?} at {eta:?}: {found:?}");
}

#[test]
fn boundaries_in_one_coordinate_are_exact() {
    let (x2, x4, x8) = ("(^ x0 2)", "(^ x0 4)", "(^ x0 8)");
    let r = "real(1)";
    boundary(r, &["x0", x2], &[1.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["x0", x2, x4], &[1.0, 3.0, 0.0], &[0.0, 0.0, -1.0]);
    boundary(r, &["x0", x2, x4], &[0.0, 0.0, 0.0], &[0.0, -1.0, 0.0]);
    boundary(r, &["x0", "(abs x0)"], &[0.5, -0.5], &[0.0, -1.0]);
    boundary(r, &["x0", "(abs x0)"], &[-0.5, -0.5], &[1.0, 0.0]);
    boundary(r, &["(abs (- x0 1))", "(abs (+ x0 1))"], &[0.3, -0.3], &[-1.0, 0.0]);
    boundary("positive(1)", &["(log x0)", "x0"], &[-1.0, -1.0], &[1.0, 0.0]);
    boundary("positive(1)", &["(log x0)", "x0"], &[2.0, 0.0], &[0.0, -1.0]);
    boundary("interval(0, 1)", &["(log x0)", "(log (- 1 x0))"], &[-1.0, 0.5], &[1.0, 0.0]);
    boundary("interval(0, 1)", &["(log x0)", "(log (- 1 x0))"], &[-0.5, -1.0], &[0.0, 1.0]);
    boundary("interval(0, 1)", &["(log (* x0 (- 1 x0)))"], &[-1.0], &[1.0]);
    boundary("positive(1)", &["(log x0)", "(/ 1 x0)"], &[-1.0, -1.0], &[-1.0, 0.0]);
    boundary("positive(1)", &["(log x0)", "(/ 1 x0)"], &[-2.0, 0.0], &[0.0, -1.0]);
    boundary("positive(1)", &["x0", "(/ 1 x0)", "(log x0)"], &[0.0, -1.0, 0.0], &[-1.0, 0.0, 0.0]);
    boundary("positive(1)", &["x0", "(/ 1 x0)", "(log x0)"], &[0.0, -1.0, -1.0], &[0.0, 0.0, -1.0]);
    boundary("positive(1)", &["(log x0)", "x0", x2], &[-1.0, 3.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary("positive(1)", &["(log x0)", "x0", x2], &[1.0, 3.0, 0.0], &[0.0, 0.0, -1.0]);
    boundary(r, &["(log (+ 1 (^ x0 2)))"], &[-0.5], &[-1.0]);
    boundary(r, &["(log1p (^ x0 2))", "(tanh x0)"], &[-0.5, 7.0], &[-1.0, 0.0]);
    boundary(r, &["(pow (abs x0) 1.5)", "x0"], &[0.0, 0.4], &[-1.0, 0.0]);
    boundary("interval(1, inf)", &["(log x0)"], &[-1.0], &[-1.0]);
    boundary("interval(2, inf)", &["(log x0)", "(log (log x0))"], &[-1.0, -1.0], &[0.0, -1.0]);
    boundary("interval(2, inf)", &["(log x0)", "(sqrt (log x0))"], &[-1.0, 0.0], &[0.0, -1.0]);
    boundary("positive(1)", &["(log x0)", "(^ (log x0) 2)"], &[3.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["x0", "(exp x0)"], &[0.0, -1.0], &[1.0, 0.0]);
    boundary(r, &["x0", "(exp x0)"], &[1.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["(cosh x0)", x2], &[0.0, 3.0], &[-1.0, 0.0]);
    boundary(r, &["(softplus x0)", "x0"], &[-1.0, 1.0], &[-1.0, 0.0]);
    boundary(r, &["(softplus x0)", "x0"], &[-1.0, 0.0], &[0.0, 1.0]);
    boundary(r, &["(log (cosh x0))", "x0"], &[-2.0, 2.0], &[-1.0, 0.0]);
    boundary(r, &["(relu x0)", "(relu (neg x0))"], &[-1.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["(max x0 (* 2 (neg x0)))", "x0"], &[-1.0, 1.0], &[-1.0, 0.0]);
    boundary(r, &["(sqrt (+ 1 (^ x0 2)))", "x0"], &[-1.0, 1.0], &[0.0, -1.0]);
    boundary(r, &["(/ (^ x0 3) (+ 1 (^ x0 2)))", "(abs x0)"], &[1.0, -1.0], &[-1.0, 0.0]);
    boundary(r, &["(log (abs x0))", x2], &[-1.0, -1.0], &[1.0, 0.0]);
    boundary(r, &["(log (abs (- x0 0.3)))", x2], &[-1.0, -1.0], &[1.0, 0.0]);
    boundary(r, &["(log (abs (- (^ x0 2) 2)))", x2], &[-1.0, -1.0], &[1.0, 0.0]);
    boundary("interval(0, 3.141592653589793)", &["(log (sin x0))"], &[-1.0], &[1.0]);
    boundary("positive(1)", &["(log x0)", "(lgamma x0)"], &[0.0, 0.0], &[0.0, -1.0]);
    boundary("positive(1)", &["(log x0)", "(lgamma x0)"], &[-2.0, -1.0], &[1.0, 0.0]);
    boundary("positive(1)", &["(log (erfc x0))", x2, "x0"], &[1.0, 1.0, 0.0], &[0.0, -1.0, 0.0]);
    boundary(r, &["(log (erfc x0))", x2, "x0"], &[1.0, 0.0, 0.7], &[0.0, -1.0, 0.0]);
    boundary(r, &["x0", x2, "(sin x0)", "(exp (neg (^ x0 2)))"], &[1.0, 0.0, 3.0, -2.0], &[0.0, -1.0, 0.0, 0.0]);
    boundary(r, &["(* x0 (sin x0))", x2], &[5.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["(sigmoid x0)", x8], &[5.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["(select (< x0 0) x0 (* -2 x0))", "x0"], &[1.0, 2.0], &[0.0, -1.0]);
    boundary(r, &["(floor x0)", "(abs x0)"], &[1.0, -1.0], &[0.0, -1.0]);
    boundary("interval(0, 1)", &["(/ x0 (- 1 x0))", "(log (- 1 x0))"], &[0.0, 0.0], &[-1.0, 0.0]);
}

/// A root in double precision is not quite one: the polynomial there is 1e-16, its logarithm finite.
#[test]
fn poles_at_irrational_roots_are_poles() {
    for p in [
        "(+ (* 4.1 (^ x0 3)) (- (* 1.3 x0) 0.7))",
        "(+ (* 22.1 (^ x0 5)) (+ (* 10.8 (^ x0 4)) (+ (* 10.6 (^ x0 3)) (+ (* 2.58 (^ x0 2)) (- (* 24.9 x0) 0.843)))))",
        "(+ (- (* 0.2926 (^ x0 4)) (* 2.413 (^ x0 3))) (- (* 13.8 (^ x0 2)) (+ (* 7.38 x0) 5.709)))",
        "(- (exp x0) 1e-5)",
    ] {
        let even = "(^ x0 8)";
        boundary("real(1)", &[&format!("(log (abs {p}))"), even], &[-1.0, -1.0], &[1.0, 0.0]);
        boundary("real(1)", &[&format!("(log (* {p} {p}))"), even], &[-0.5, -1.0], &[1.0, 0.0]);
        is("real(1)", &[&format!("(/ 1 {p})"), even], &[1.0, -1.0], 'i');
        is("real(1)", &[&format!("(/ 1 (* {p} {p}))"), even], &[1.0, -1.0], 'i');
        is("real(1)", &[&format!("(/ 1 (* {p} {p}))"), even], &[-1.0, -1.0], 'p');
    }
    // The tail of a sigmoid is small, not zero.
    is("real(1)", &["(* (^ x0 2) (sigmoid (- (/ 1 (+ 2 (^ x0 2))) 40)))", "x0"], &[1.0, 1.0], 'i');
}

#[test]
fn overflow_is_not_divergence_and_leading_terms_that_vanish_give_way() {
    is("real(1)", &["(^ x0 8)"], &[-1e-300], 'p');
    is("real(1)", &["(^ x0 8)"], &[1e-300], 'i');
    is("real(1)", &["(exp (^ x0 2))", "x0"], &[-1e-200, 1e100], 'p');
    is("real(1)", &["(exp (exp x0))", "x0"], &[-1.0, 1.0], 'p');
    is("real(1)", &["(exp (exp x0))", "x0"], &[-1.0, -1.0], 'i');
    is("real(1)", &["(abs (- x0 1))", "(abs (+ x0 1))"], &[1.0, -1.0], 'i');
    is("real(1)", &["(^ (+ x0 1) 2)", "(^ x0 2)", "(abs x0)"], &[1.0, -1.0, -3.0], 'p');
    is("real(1)", &["(^ (+ x0 1) 2)", "(^ x0 2)", "(abs x0)"], &[1.0, -1.0, -1.0], 'i');
    is("real(1)", &["(^ (+ x0 1) 4)", "(^ x0 4)", "(^ x0 2)"], &[1.0, -1.0, -100.0], 'i');
    is("interval(0, 1)", &["x0", "(sin x0)"], &[1e6, -1e6], 'p');
    is("interval(-1, 1)", &["(/ 1 x0)"], &[1.0], 'i');
    is("interval(-1, 1)", &["(/ 1 (^ x0 2))"], &[-1.0], 'p');
    is("positive(1)", &["(sin (/ 1 x0))", "x0"], &[9.0, -1.0], 'p');
}

#[test]
fn boundaries_in_several_coordinates_are_exact() {
    let quadratic = ["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", "x0"];
    for (a, b) in [(1.0, 1.0), (1e-8, 3.0), (1e6, 1e-6)] {
        let edge = 2.0 * f64::sqrt(a * b);
        boundary("real(2)", &quadratic, &[-a, edge, -b, 5.0], &[0.0, -edge, 0.0, 0.0]);
        boundary(
            "real(2)",
            &["(^ x0 4)", "(* (^ x0 2) (^ x1 2))", "(^ x1 4)", "x0"],
            &[-a, edge, -b, 5.0],
            &[0.0, -edge, 0.0, 0.0],
        );
        boundary("positive(2)", &quadratic, &[-a, edge, -b, 5.0], &[0.0, -edge, 0.0, 0.0]);
        is("positive(2)", &quadratic, &[-a, -10.0 * edge, -b, 5.0], 'p');
    }
    boundary(
        "real(2)",
        &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)", "(sin (* x0 x1))", "(tanh (+ x0 x1))"],
        &[-1.0, 2.0, -1.0, 9.0, 9.0],
        &[0.0, -1.0, 0.0, 0.0, 0.0],
    );
    boundary("real(2)", &["(^ x0 2)", "(^ x1 2)"], &[-1.0, 0.0], &[0.0, -1.0]);
    boundary("real(2)", &["(abs x0)", "(abs x1)", "(abs (- x0 x1))"], &[-1.0, -1.0, 1.0], &[0.0, 0.0, -1.0]);
    boundary("real(2)", &["(sqrt (+ (^ x0 2) (^ x1 2)))", "x0", "x1"], &[-1.0, 0.6, 0.8], &[0.0, -1.0, -1.0]);
    boundary(
        "real(3)",
        &["(sqrt (+ (^ x0 2) (^ x1 2) (^ x2 2)))", "x0", "x1", "x2"],
        &[-1.0, 2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0],
        &[0.0, -1.0, -1.0, -1.0],
    );
    boundary(
        "positive(2)",
        &["(log x0)", "(log x1)", "x0", "x1", "(* x0 x1)"],
        &[-1.0, 1.0, -1.0, -1.0, -0.3],
        &[1.0, 0.0, 0.0, 0.0, 0.0],
    );
    boundary(
        "positive(2)",
        &["(log x0)", "(log x1)", "x0", "x1", "(* x0 x1)"],
        &[1.0, 1.0, -1.0, -1.0, 0.0],
        &[0.0, 0.0, 0.0, 0.0, -1.0],
    );
    boundary("interval(0, 1, 2)", &["(log x0)", "(* x0 x1)", "(log (- 1 x1))"], &[-0.5, 9.0, -1.0], &[0.0, 0.0, 1.0]);
    // Quasi-homogeneous: x0^4 and x1^2.
    boundary(
        "real(2)",
        &["(^ x0 4)", "(* (^ x0 2) x1)", "(^ x1 2)", "(* x0 x1)"],
        &[-1.0, 2.0, -1.0, 3.0],
        &[0.0, -1.0, 0.0, 0.0],
    );
    // By comparison: what is dropped only lowers the density.
    is("real(2)", &["(* (^ x0 2) (^ x1 2))", "(abs x0)", "(^ x1 2)"], &[-1.0, -1e-6, -1.0], 'p');
    is("real(2)", &["(* (^ x0 2) (^ x1 2))", "(abs x0)", "(^ x1 2)"], &[-1.0, 1e-6, -1.0], 'i');
    boundary(
        "real(2)",
        &["(exp (+ x0 x1))", "(^ x0 2)", "(* x0 x1)", "(^ x1 2)"],
        &[-1.0, -1.0, 2.0, -1.0],
        &[0.0, 0.0, -1.0, 0.0],
    );
    // The banana, by a shear.
    let banana = ["(^ x0 2)", "(^ (- x1 (^ x0 2)) 2)", "x1"];
    boundary("real(2)", &banana, &[0.0, -1.0, 0.0], &[-1.0, 0.0, 0.0]);
    boundary("real(2)", &banana, &[-1.0, 0.0, 0.0], &[0.0, -1.0, 0.0]);
    boundary("real(2)", &["(^ x0 2)", "(abs (- x1 (^ x0 3)))"], &[-1.0, 0.0], &[0.0, -1.0]);
    boundary("real(2)", &["(^ (- x0 x1) 2)", "(abs x0)"], &[-1.0, 0.0], &[0.0, -1.0]);
    for c in [-1e-3, 1e-3, 2.0] {
        is("real(2)", &["(abs x0)", "(abs x1)", "(* x0 x1)"], &[-1.0, -1.0, c], 'i');
    }
    is("real(2)", &["(abs x0)", "(abs x1)", "(* x0 x1)"], &[-1.0, -1.0, 0.0], 'p');
    is("real(2)", &["(^ (- x0 x1) 2)"], &[-1.0], 'i');
    is("real(2)", &["(^ (- x0 x1) 2)", "x0"], &[-1.0, 0.1], 'i');
    is("real(2)", &["x0", "(^ x0 2)", "(* (^ x1 2) (exp (neg x0)))"], &[0.0, -1.0, 0.1], 'i');
    is("real(2)", &["x0", "(^ x0 2)", "(* (^ x1 2) (exp (neg x0)))"], &[0.0, -1.0, -1.0], 'p');
}

/// All products of `d` coordinates, and the coordinates.
fn gaussian(d: usize) -> Family {
    Family::trace("normal", Support::real(d).unwrap(), |x| Ok(vec![("x".into(), x.clone()), ("xx".into(), x.outer(x)?)]), None)
        .unwrap()
}

#[test]
fn normal_distributions_of_any_dimension() {
    for d in [10, 50] {
        let f = gaussian(d);
        // -P/2 with P = I + c 1 1': positive definite for c > -1/d.
        let eta = |c: f64| -> Vec<f64> {
            let mut eta = vec![0.7; d];
            eta.extend((0..d * d).map(|i| -0.5 * (c + if i / d == i % d { 1.0 } else { 0.0 })));
            eta
        };
        let edge = -1.0 / d as f64;
        assert_eq!(f.existence(&eta(edge + 1e-7)), Existence::Proper, "{d}");
        assert_eq!(sign(&f.existence(&eta(edge - 1e-7))), 'i', "{d}");
    }
}

#[test]
fn what_cannot_be_told_is_left_open() {
    is("real(1)", &["(* x0 (sin x0))"], &[1.0], '?');
    is("real(1)", &["(* (^ x0 2) (+ 2 (sin x0)))"], &[-1.0], '?');
    is("real(1)", &["(tan x0)", "(^ x0 2)"], &[1.0, -1.0], '?');
    is("real(1)", &["(log x0)", "(^ x0 2)"], &[1.0, -1.0], '?');
    is("real(1)", &["x0", "(* x0 (+ 1 (sin x0)))", "(abs x0)"], &[1.0, -1.0, -1.0], '?');
    is("real(1)", &["(exp (sin x0))", "(abs x0)"], &[9.0, -1e-9], 'p');
    // Cancellation to rounding, neither zero nor a sign.
    is("real(1)", &["(^ x0 2)", "(* 3 (^ x0 2))"], &[0.3, -0.1], '?');
}

#[test]
fn the_error_names_the_direction_and_the_leading_term() {
    let f = family("real(1)", &["x0", "(^ x0 4)"]);
    let e = f.check_eta(&[1.0, 0.3]).unwrap_err().to_string();
    assert!(
        e.contains("outside the natural parameter space of 'test'")
            && e.contains("minus infinity")
            && e.contains("+0.3 |x[0]|^4"),
        "{e}"
    );
    let f = family("interval(0, 1)", &["(log x0)"]);
    let e = f.check_eta(&[-1.5]).unwrap_err().to_string();
    assert!(e.contains("approaches 0, an end of its support") && e.contains("-1.5 log(x[0])"), "{e}");
    let f = family("real(2)", &["(^ x0 2)", "(* x0 x1)", "(^ x1 2)"]);
    let e = f.check_eta(&[-1.0, 3.0, -1.0]).unwrap_err().to_string();
    assert!(e.contains("(x[0], x[1]) goes to infinity along") && e.contains("0.5"), "{e}");
}

/// Prints times; run with --nocapture.
#[test]
fn times() {
    let report = |name: &str, f: Family, eta: Vec<f64>| {
        let start = std::time::Instant::now();
        let first = f.existence(&eta);
        let build = start.elapsed();
        let start = std::time::Instant::now();
        for _ in 0..50 {
            assert_eq!(f.existence(&eta), first);
        }
        println!("{name}: first {build:?}, again {:?}, {first:?}", start.elapsed() / 50);
    };
    report("quartic", family("real(1)", &["x0", "(^ x0 2)", "(^ x0 4)"]), vec![1.0, 1.0, -1.0]);
    report("student", family("real(1)", &["(log (+ 1 (^ x0 2)))", "(abs (- x0 1))", "(tanh x0)"]), vec![-1.0, -1.0, 1.0]);
    report("2-D quartic", family("real(2)", &["(^ x0 4)", "(* (^ x0 2) (^ x1 2))", "(^ x1 4)"]), vec![-1.0, 1.0, -1.0]);
    report("2-D norm", family("real(2)", &["(sqrt (+ (^ x0 2) (^ x1 2)))", "x0", "x1"]), vec![-1.0, 0.5, 0.3]);
    report("banana", family("real(2)", &["(^ x0 2)", "(^ (- x1 (^ x0 2)) 2)"]), vec![-1.0, -1.0]);
    let d = 50;
    let mut eta = vec![0.1; d];
    eta.extend((0..d * d).map(|i| if i / d == i % d { -1.0 } else { 1e-3 }));
    report("50-D normal", gaussian(d), eta);
}

#[test]
fn zeros_near_each_other_are_simple_and_squares_are_double() {
    let (r, square) = ("real(1)", "(^ x0 2)");
    // (x - a)^2 written in several ways, with coefficients in decimals.
    for (a, twice, power) in
        [("0.3", "0.6", "0.09"), ("0.1", "0.2", "0.01"), ("1.23", "2.46", "1.5129"), ("10.01", "20.02", "100.2001")]
    {
        let expanded = format!("(+ (- (^ x0 2) (* {twice} x0)) {power})");
        for s in [
            format!("(log (abs {expanded}))"),
            format!("(log {expanded})"),
            format!("(log (^ (- x0 {a}) 2))"),
            format!("(log (abs (* (- x0 {a}) (- {a} x0))))"),
            format!("(+ (log (abs (- x0 {a}))) (log (abs (- {a} x0))))"),
        ] {
            boundary(r, &[&s, square], &[-0.5, -1.0], &[1.0, 0.0]);
        }
        let even = format!("(log (abs (+ (- (^ x0 4) (* {twice} (^ x0 2))) {power})))");
        boundary(r, &[&even, square], &[-0.5, -1.0], &[1.0, 0.0]);
        let two = format!("(log (abs (+ (- (^ x0 2) (* {twice} (* x0 x1))) (* {power} (^ x1 2)))))");
        is("real(2)", &[&two, square, "(^ x1 2)"], &[-0.6, -1.0, -1.0], 'i');
    }
    boundary(
        r,
        &["(log (abs (- (+ (- (^ x0 3) (* 0.9 (^ x0 2))) (* 0.27 x0)) 0.027)))", square],
        &[-1.0 / 3.0, -1.0],
        &[1.0, 0.0],
    );
    // Two zeros: 1e-3 to 1e-14 apart, in factors or beside a square.
    for d in [1e-3, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12, 1e-14] {
        let b = 0.3 + d;
        let e = d * d;
        for s in [
            format!("(+ (log (abs (- x0 0.3))) (log (abs (- x0 {b:e}))))"),
            format!("(log (abs (* (- x0 0.3) (- x0 {b:e}))))"),
            format!("(log (abs (- (^ (- x0 0.3) 2) {e:e})))"),
            format!("(log (abs (- (^ x0 2) {e:e})))"),
        ] {
            boundary(r, &[&s, square], &[-1.0, -1.0], &[1.0, 0.0]);
        }
        is(r, &[&format!("(log (+ (^ (- x0 0.3) 2) {e:e}))"), square], &[-3.0, -1.0], 'p');
        if d > 1e-13 {
            is(r, &[&format!("(log (abs (- (+ (- (^ x0 2) (* 2 x0)) 1) {d:e})))"), square], &[-0.6, -1.0], 'p');
        }
        is(
            "real(2)",
            &[&format!("(log (abs (- (- (^ (- x0 x1) 2) (* {d:e} (^ x1 2))) 0)))"), square, "(^ x1 2)"],
            &[-0.6, -1.0, -1.0],
            'p',
        );
    }
    // Between both nobody can tell.
    for c in ["0.999999999999997", "1.000000000000003"] {
        let s = format!("(log (abs (+ (- (^ x0 2) (* 2 x0)) {c})))");
        is(r, &[&s, square], &[-0.6, -1.0], '?');
    }
}

#[test]
fn decimals_that_were_written_to_cancel_do() {
    let (four, square) = ("(^ x0 4)", "(^ x0 2)");
    let sum = |c: &str| format!("(- (+ (* 0.1 {four}) (* 0.2 {four})) (* {c} {four}))");
    is("real(1)", &[&sum("0.3"), square], &[1.0, -1.0], 'p');
    is("real(1)", &[&sum("0.3000000000001"), square], &[1.0, -1.0], 'p');
    is("real(1)", &[&sum("0.2999999999999"), square], &[1.0, -1.0], 'i');
    is("real(1)", &[&sum("0.299999999999999"), square], &[1.0, -1.0], '?');
}
