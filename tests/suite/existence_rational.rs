//! Quotients, powers, circles, spheres and products of logarithms: boundaries that are known in closed form.

use crate::existence::{boundary, family, sign};

const STEP: f64 = 1e-6;

fn is(kind: &str, stats: &[&str], eta: &[f64], want: char) {
    let found = family(kind, stats).existence(eta);
    assert_eq!(sign(&found), want, "{kind} {stats:?} at {eta:?}: {found:?}");
}

/// Poles of quotients. At 0 the sum a / (x0 + x1) + b / x0 is (a + b) / x0 for small x1 / x0 and b / x0 for large.
#[test]
fn quotients() {
    let p = "positive(2)";
    let pole = ["(/ 1 (+ x0 x1))", "(/ 1 x0)", "x0", "x1"];
    boundary(p, &pole, &[1.0, -1.0, -1.0, -1.0], &[0.0, -1.0, 0.0, 0.0]);
    is(p, &pole, &[1.0, -1.0, -1.0, -1.0], 'p');
    // 4 / (x0 + x1) <= 1 / x0 + 1 / x1, with equality at x0 = x1.
    let means = ["(/ 1 (+ x0 x1))", "(/ 1 x0)", "(/ 1 x1)", "x0", "x1"];
    boundary(p, &means, &[4.0, -1.0, -1.0, -1.0, -1.0], &[-1.0, 0.0, 0.0, 0.0, 0.0]);
    let beside = ["(/ 1 (+ x0 x1))", "(log (+ x0 x1))", "x0", "x1"];
    is(p, &beside, &[-STEP, -50.0, -1.0, -1.0], 'p');
    is(p, &beside, &[STEP, 50.0, -1.0, -1.0], 'i');
    boundary(p, &beside, &[0.0, -2.0, -1.0, -1.0], &[0.0, 1.0, 0.0, 0.0]);
    // x0 x1 / (x0 + x1) <= (x0 + x1) / 4; for x1 to infinity it is x0.
    let parallel = ["(/ (* x0 x1) (+ x0 x1))", "x0", "x1"];
    boundary(p, &parallel, &[4.0, -1.0, -1.0], &[-1.0, 0.0, 0.0]);
    boundary(p, &parallel, &[1.0, -1.0, 0.0], &[0.0, 0.0, -1.0]);
    // With -x0 x1 / (1 + x1) in the exponent, the integral over x0 is 1 + 1 / x1.
    let slow = ["(/ x0 (+ 1 x1))", "x0", "x1", "(log x1)"];
    is(p, &slow, &[1.0, -1.0, -1.0, 0.0], 'i');
    boundary(p, &slow, &[1.0, -1.0, -1.0, 0.0], &[0.0, 0.0, 0.0, 1.0]);
    let r = "real(2)";
    let disk = "(/ 1 (+ (* x0 x0) (* x1 x1)))";
    is(r, &[disk, "(* x0 x0)", "(* x1 x1)"], &[-STEP, -1.0, -1.0], 'p');
    is(r, &[disk, "(* x0 x0)", "(* x1 x1)"], &[STEP, -1.0, -1.0], 'i');
    boundary(r, &["(/ (^ x0 4) (+ (* x0 x0) (* x1 x1)))", "(* x0 x0)", "(* x1 x1)"], &[1.0, -1.0, -1.0], &[-1.0, 0.0, 0.0]);
    // The integral over x0 is about 1 / sqrt(x1^2 + x2^2) near 0, which has an integral over two coordinates.
    let three = ["(/ (* x0 x0) (+ 1 (+ (* x1 x1) (* x2 x2))))", "(* x0 x0)", "(* x1 x1)", "(* x2 x2)"];
    is("real(3)", &three, &[1.0, -1.0, -1.0, -1.0], 'p');
    is("real(3)", &three, &[1.0 + STEP, -1.0, -1.0, -1.0], 'i');
}

/// Coordinates as powers of others: roots, and ridges along curves x1^a = c x0^b.
#[test]
fn powers_of_coordinates() {
    let u = "interval(0, 1)";
    boundary(u, &["(log (- (sqrt x0) x0))"], &[-1.0], &[1.0]);
    boundary(u, &["(log x0)", "(log (- (sqrt x0) x0))"], &[-0.6, -0.8], &[1.0, 0.0]);
    boundary("interval(0, 4)", &["(log (abs (- (sqrt x0) 1)))"], &[-1.0], &[1.0]);
    boundary("positive(1)", &["(log (abs (+ (- x0 (* 2 (sqrt x0))) 1)))", "x0"], &[-0.5, -1.0], &[1.0, 0.0]);
    let p = "positive(2)";
    let ridge = ["(log x0)", "(log x1)", "(^ (- x1 (^ x0 2)) 2)"];
    boundary(p, &ridge, &[-0.4, -0.3, -1.0], &[0.0, -1.0, 0.0]);
    is(p, &ridge, &[-0.4, -0.3, -1.0], 'i');
    // Of width 1 / x1 around x1 = x0^(3 / 2).
    let cusp = ["(log x0)", "(^ (- (^ x1 2) (^ x0 3)) 2)"];
    boundary(p, &cusp, &[0.5, -1.0], &[-1.0, 0.0]);
    boundary(p, &["x0", "(^ (- x1 (* 2 (^ x0 2))) 2)"], &[0.0, -1.0], &[-1.0, 0.0]);
    // The square written out.
    boundary(p, &["(^ x1 2)", "(* x1 (^ x0 2))", "(^ x0 4)"], &[-1.0, 2.0, -1.0], &[0.0, -1.0, 0.0]);
}

/// 1 - x0 is half the squared distance from a pole, so that its power has to be above -(n - 1) / 2.
#[test]
fn circles_and_spheres() {
    let c = "circle(1)";
    boundary(c, &["(log (abs (- (cos x0) 1)))"], &[-0.5], &[1.0]);
    boundary(c, &["(log (abs (- (cos x0) 1)))", "(log (abs (sin x0)))"], &[-0.25, -0.5], &[1.0, 0.0]);
    let two = "circle(2)";
    boundary(two, &["(log (- 2 (+ (cos x0) (cos x1))))"], &[-1.0], &[1.0]);
    boundary(two, &["(log (- 1 (cos (- x0 x1))))"], &[-0.5], &[1.0]);
    is(two, &["(log (- 3 (+ (cos x0) (cos x1))))"], &[-9.0], 'p');
    boundary(two, &["(log (- 2 (+ (cos x0) (cos x1))))", "(log (- 1 (cos x0)))"], &[-0.7, -0.3], &[1.0, 0.0]);
    for (n, power) in [(2, -0.5), (3, -1.0), (4, -1.5)] {
        let s = format!("sphere({n})");
        let last = format!("(log (- 1 x{}))", n - 1);
        for pole in ["(log (- 1 x0))", "(log (+ 1 x0))", &last] {
            boundary(&s, &[pole], &[power], &[1.0]);
        }
        boundary(&s, &["(log (abs x1))"], &[-1.0], &[1.0]);
    }
    let s = "sphere(3)";
    boundary(s, &["(log (abs (- x0 x1)))"], &[-1.0], &[1.0]);
    boundary(s, &["(log (+ (* x0 x0) (* x1 x1)))"], &[-1.0], &[1.0]);
    boundary(s, &["(log (- 1 x0))", "(log (abs x1))"], &[-0.75, -0.5], &[1.0, 0.0]);
    is(s, &["(log (- 2 x0))"], &[-9.0], 'p');
}

/// c log x0 log x1 on the simplex: for c > 0 it grows at (0, 0, 1). For c < 0 the edge x1 = 0 has x1^(a + c log x0), a power that
/// is nearest to a where x0 is near 1.
#[test]
fn products_of_logarithms_on_the_simplex() {
    let s = "simplex(3)";
    let t = ["(log x0)", "(log x1)", "(log x2)", "(* (log x0) (log x1))"];
    for c in [-1.0, -0.01] {
        for i in 0..3 {
            let mut at = vec![0.3, 0.2, 0.1, c];
            at[i] = -1.0;
            let mut inward = vec![0.0; 4];
            inward[i] = 1.0;
            boundary(s, &t, &at, &inward);
        }
    }
    is(s, &t, &[50.0, 50.0, 50.0, STEP], 'i');
    is(s, &t, &[-1.0 + STEP, -1.0 + STEP, -1.0 + STEP, -0.5], 'p');
    let square = ["(log x0)", "(log x1)", "(log x2)", "(^ (log x0) 2)"];
    boundary(s, &square, &[-5.0, -1.0, 0.0, -1.0], &[0.0, 1.0, 0.0, 0.0]);
    let all = ["(* (log x0) (log x1))", "(* (log x1) (log x2))", "(* (log x0) (log x2))"];
    is(s, &all, &[-1.0, -1.0, -1.0], 'p');
    is(s, &all, &[-1.0, -1.0, STEP], 'i');
}

/// Sums of squares that were written out touch 0 at one point.
#[test]
fn points_of_contact() {
    let r = "real(2)";
    let q = ["(* x0 x0)", "(* x1 x1)"];
    boundary(r, &["(log (+ (+ (- (* x0 x0) (* 2 x0)) 1) (* x1 x1)))", q[0], q[1]], &[-1.0, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    boundary(r, &["(log (+ (+ (- (* x0 x0) (* 2 x0)) 1) (^ x1 4)))", q[0], q[1]], &[-0.75, -1.0, -1.0], &[1.0, 0.0, 0.0]);
    is(r, &["(log (+ (+ (- (* x0 x0) (* 2 x0)) 1.000001) (* x1 x1)))", q[0], q[1]], &[-3.0, -1.0, -1.0], 'p');
}
