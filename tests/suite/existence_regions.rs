//! Densities under a condition `where:`: boundaries that are known in closed form, each asked 1e-6 inside and 1e-6 outside.

use crate::existence::{parsed, sign, support};
use nnef::expr::Trace;
use nnef::family::Family;

const STEP: f64 = 1e-6;
const DISK: &str = "(< (+ (* x0 x0) (* x1 x1)) 1)";
const LOG: &str = "(log (+ (* x0 x0) (* x1 x1)))";

fn family(kind: &str, stats: &[&str], condition: &str) -> Family {
    let trace = Trace::new();
    let support = support(kind);
    let (x, _) = support.trace(&trace);
    let stats = stats.iter().enumerate().map(|(i, s)| (format!("s{i:03}"), parsed(&x, s).unwrap())).collect();
    let condition = parsed(&x, condition).unwrap();
    Family::from_trace("region", support, &trace, stats, trace.numbers(&[], &[0.0]), Some(condition)).unwrap()
}

fn is(kind: &str, stats: &[&str], condition: &str, eta: &[f64], want: char) {
    let found = family(kind, stats, condition).existence(eta);
    assert_eq!(sign(&found), want, "{stats:?} where {condition} at {eta:?}: {found:?}");
}

fn boundary(kind: &str, stats: &[&str], condition: &str, eta: &[f64], inward: &[f64]) {
    for (s, want) in [(STEP, 'p'), (-STEP, 'i')] {
        let at: Vec<f64> = eta.iter().zip(inward).map(|(e, d)| e + s * d).collect();
        is(kind, stats, condition, &at, want);
    }
}

/// Disks, ellipses, rings and balls: all powers have integrals, poles inside count and those outside do not.
#[test]
fn bounded_regions() {
    let r = "real(2)";
    let t = ["x0", "x1", "(* x0 x0)", "(* x1 x1)", "(* x0 x1)"];
    for eta in [[2.0, -2.0, 3.0, -3.0, 0.0], [0.0; 5], [-2.0, 2.0, 3.0, 3.0, 5.0], [1e3, 0.0, 5e4, 1.0, 0.0]] {
        is(r, &t, DISK, &eta, 'p');
    }
    let eta = [2.0, 3.0, 3.0, 3.0, 5.0];
    is(r, &t, "(< (+ (* 4 (* x0 x0)) (* 0.25 (^ (- x1 0.3) 2))) 1)", &eta, 'p');
    is(r, &t, "(< (+ (^ x0 4) (^ x1 4)) 1)", &eta, 'p');
    is(r, &t, "(< (+ (abs x0) (abs x1)) 1)", &eta, 'p');
    is(r, &t, "(and (< (* x0 x0) x1) (< x1 1))", &[2.0, 4.0, 4.0, 0.0, 0.0], 'p');
    is("real(3)", &["x0", "(* x1 x1)"], "(< (+ (* x0 x0) (* x1 x1) (* x2 x2)) 1)", &[5.0, 6.0], 'p');
    let ring = format!("(and (< 0.25 (+ (* x0 x0) (* x1 x1))) {DISK})");
    is(r, &[t[0], t[2], LOG], &ring, &[2.0, 3.0, -5.0], 'p');
    is(r, &["(log x0)", "x1"], &format!("(and {DISK} (< 0.5 x0))"), &[-5.0, 2.0], 'p');
    boundary(r, &["(log x0)", "x1"], &format!("(and {DISK} (< 0 x0))"), &[-1.0, 2.0], &[1.0, 0.0]);
    boundary(r, &[LOG, "x0"], DISK, &[-1.0, 2.0], &[1.0, 0.0]);
    boundary(r, &["(log (abs x0))", "x1"], DISK, &[-1.0, 2.0], &[1.0, 0.0]);
    let ball = "(< (+ (* x0 x0) (* x1 x1) (* x2 x2)) 1)";
    boundary("real(3)", &["(log (+ (* x0 x0) (* x1 x1) (* x2 x2)))", "x0"], ball, &[-1.5, 3.0], &[1.0, 0.0]);
    // A disk around another point, and one whose edge goes through the pole.
    let (away, pole) = ("(< (+ (^ (- x0 3) 2) (* x1 x1)) 1)", "(log (+ (^ (- x0 3) 2) (* x1 x1)))");
    boundary(r, &[pole, "x0"], away, &[-1.0, 3.0], &[1.0, 0.0]);
    // The pole is outside.
    is(r, &[LOG, "x0"], away, &[-3.0, 3.0], 'p');
    boundary(r, &[LOG], "(< (+ (^ (- x0 1) 2) (* x1 x1)) 1)", &[-1.0], &[1.0]);
}

/// Logarithms that are infinite at the edge of the region.
#[test]
fn edges_of_regions() {
    let edge = "(log (- 1 (+ (* x0 x0) (* x1 x1))))";
    boundary("real(2)", &[edge, "x0"], DISK, &[-1.0, 3.0], &[1.0, 0.0]);
    boundary("real(2)", &[edge, LOG], DISK, &[-1.0, -0.5], &[1.0, 0.0]);
    boundary("real(2)", &[edge, LOG], DISK, &[-0.5, -1.0], &[0.0, 1.0]);
    let rest = "(log (- 1 (+ x0 x1)))";
    boundary("interval(0, 1, 2)", &["x0", rest], "(< (+ x0 x1) 1)", &[3.0, -1.0], &[0.0, 1.0]);
    // No point is inside.
    let nowhere = format!("(and {DISK} (< 1 (+ (* x0 x0) (* x1 x1))))");
    is("real(2)", &["(log (abs (- 1 (+ (* x0 x0) (* x1 x1)))))"], &nowhere, &[-2.0], '?');
}

/// Regions that go to infinity: strips, parabolas, hyperbolas, cusps, the outside of a disk.
#[test]
fn unbounded_regions() {
    let (r, p) = ("real(2)", "positive(2)");
    let strip = "(< (abs (- x0 x1)) 1)";
    boundary(r, &["(abs (+ x0 x1))", "x0"], strip, &[-1.0, 2.0], &[0.0, -1.0]);
    is(r, &["x0", "x1"], strip, &[1.0, -1.0], 'i');
    boundary(r, &["x0", "(* x1 x1)"], "(< (* x0 x0) 1)", &[3.0, 0.0], &[0.0, -1.0]);
    // Over x1 first: exp(x0 + b x0^2), exp((a + b) x0^2); over x0 first: x1^(c + 1/2) exp(-x1).
    let parabola = "(< (* x0 x0) x1)";
    boundary(r, &["x0", "x1"], parabola, &[1.0, 0.0], &[0.0, -1.0]);
    boundary(r, &["x1", "(* x0 x0)"], parabola, &[-1.0, 1.0], &[0.0, -1.0]);
    boundary(r, &["x1", "(log x1)"], parabola, &[-1.0, -1.5], &[0.0, 1.0]);
    boundary(r, &["x0"], "(< (* x1 x1) x0)", &[0.0], &[-1.0]);
    is(r, &["x0", "x1"], "(< (* x1 x1) x0)", &[-1.0, 7.0], 'p');
    // Over x1 < 1 / x0: x0^(c - 1) exp(-x0).
    let hyperbola = "(< (* x0 x1) 1)";
    boundary(p, &["x0", "x1"], hyperbola, &[-1.0, 0.0], &[0.0, -1.0]);
    boundary(p, &["x0", "(log x0)"], hyperbola, &[-1.0, 0.0], &[0.0, 1.0]);
    is(p, &["(log x0)", "(log x1)"], hyperbola, &[0.3, -0.5], 'i');
    boundary(p, &["x0", "x1"], "(< 1 (* x0 x1))", &[-1.0, 0.0], &[0.0, -1.0]);
    is(p, &["(log x0)", "x0", "x1"], "(< 1 (* x0 x1))", &[-5.0, -1.0, -1.0], 'p');
    // x1 < 1 / (1 + x0^2).
    let under = "(< (* x1 (+ 1 (* x0 x0))) 1)";
    boundary(p, &["x0"], under, &[0.0], &[-1.0]);
    is(p, &["x0"], under, &[0.0], 'p');
    boundary(p, &["(log (+ 1 x0))"], under, &[1.0], &[-1.0]);
    // 2 x0^(c + 2) near 0.
    boundary(r, &["(log (abs x0))", "(* x0 x0)"], "(< (abs x1) (* x0 x0))", &[-3.0, -1.0], &[1.0, 0.0]);
    boundary(r, &[LOG], "(< 1 (+ (* x0 x0) (* x1 x1)))", &[-1.0], &[-1.0]);
}

/// Logarithms of what the condition keeps away from zero.
#[test]
fn logarithms_that_the_condition_keeps_finite() {
    is("real(2)", &["(log (- 4 (+ (* x0 x0) (* x1 x1))))"], DISK, &[-5.0], 'p');
    is("real(2)", &["(log (abs (- (+ (* x0 x0) (* x1 x1)) 4)))"], DISK, &[-5.0], 'p');
    is("real(2)", &["(log (abs (- (+ (* x0 x0) (* x1 x1)) 0.25)))"], DISK, &[-1.0 - STEP], 'i');
}

/// Exponentials in conditions. Over x1 > exp(x0) first: exp(a x0 - exp(x0)), which needs a > 0; over exp(x0) < x1 < 1: the
/// same with a bounded factor.
#[test]
fn exponentials_in_conditions() {
    boundary("real(2)", &["x0", "x1"], "(< (exp x0) x1)", &[0.0, -1.0], &[1.0, 0.0]);
    boundary("real(2)", &["x0", "x1"], "(and (< (exp x0) x1) (< x1 1))", &[0.0, 5.0], &[1.0, 0.0]);
    is("real(2)", &["x0", "x1"], "(< (exp x0) x1)", &[1.0, STEP], 'i');
}

/// Of all parts of an alternative the integral has to exist.
#[test]
fn alternatives() {
    let r = "real(2)";
    let outside = format!("(or {DISK} (< 4 (+ (* x0 x0) (* x1 x1))))");
    is(r, &["(abs x0)", "(abs x1)", LOG], &outside, &[-1.0, -1.0, -1.0 + STEP], 'p');
    is(r, &["(abs x0)", "(abs x1)", LOG], &outside, &[-1.0, -1.0, -1.0 - STEP], 'i');
    // Without the disk the pole is cut off.
    is(r, &["(abs x0)", "(abs x1)", LOG], "(< 4 (+ (* x0 x0) (* x1 x1)))", &[-1.0, -1.0, -3.0], 'p');
    // Under a cusp along x0 there is 2 x0^(c + 2) near 0.
    let cusps = "(or (< (abs x1) (* x0 x0)) (< (abs x0) (^ x1 4)))";
    boundary(r, &["(log (abs x0))", "(abs x0)", "(abs x1)"], "(< (abs x1) (* x0 x0))", &[-3.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    // Another one along x1 has x0 = 0 inside, where x0^c has to be integrable over x0.
    boundary(r, &["(log (abs x0))", "(abs x0)", "(abs x1)"], cusps, &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
}

/// Far out the region is between asymptotes, |x0| < c |x1| up to a bounded amount, or a strip of width 1 / |x0| around them.
#[test]
fn between_asymptotes() {
    let (r, t) = ("real(2)", ["(abs x0)", "(abs x1)"]);
    for (condition, c) in [
        ("(< (- (* x0 x0) (* x1 x1)) 1)", -1.0),
        ("(< (- (* x0 x0) (* 4 (* x1 x1))) 1)", -2.0),
        ("(< (- (* x0 x0) (+ (* x0 x1) (* 2 (* x1 x1)))) 1)", -2.0),
        ("(< (abs (- (* x0 x0) (* x1 x1))) 1)", -1.0),
    ] {
        boundary(r, &t, condition, &[1.0, c], &[0.0, -1.0]);
        is(r, &t, condition, &[1.0, c], 'i');
    }
    // The other side of the same curve.
    boundary(r, &t, "(< 1 (- (* x0 x0) (* x1 x1)))", &[-1.0, 1.0], &[0.0, -1.0]);
    boundary(r, &["(log (+ 1 (* x0 x0)))"], "(< (abs (- (* x0 x0) (* x1 x1))) 1)", &[0.0], &[-1.0]);
}
