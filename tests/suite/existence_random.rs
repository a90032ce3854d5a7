//! Random families whose natural space is known: each is asked 1e-6 inside its boundary and 1e-6 outside.

use crate::existence::{family, sign};
use nnef::num::linalg::symmetric_eigen;
use nnef::num::stream::{Stream, Xoshiro};
use rand::Rng;

const STEP: f64 = 1e-6;

fn normal(rng: &mut Xoshiro) -> f64 {
    rng.sample(rand_distr::StandardNormal)
}

/// The verdicts on both sides of the boundary, which must not be wrong, and how many were left open.
fn both_sides(stats: &[&str], kind: &str, proper: &[f64], improper: &[f64]) -> usize {
    let f = family(kind, stats);
    let (a, b) = (f.existence(proper), f.existence(improper));
    assert_ne!(sign(&a), 'i', "{kind} {stats:?} at {proper:?}: {a:?}");
    assert_ne!(sign(&b), 'p', "{kind} {stats:?} at {improper:?}: {b:?}");
    [a, b].iter().filter(|v| sign(v) == '?').count()
}

#[test]
fn random_quadratic_forms() {
    let mut rng = Stream::new(11).rng();
    for d in 2..=5 {
        let pairs: Vec<(usize, usize)> = (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
        let mut stats: Vec<String> = pairs.iter().map(|(i, j)| format!("(* x{i} x{j})")).collect();
        stats.extend((0..d).map(|i| format!("x{i}")));
        let stats: Vec<&str> = stats.iter().map(String::as_str).collect();
        for _ in 0..40 {
            let b: Vec<f64> = (0..d * d).map(|_| normal(&mut rng)).collect();
            let q: Vec<f64> = (0..d * d).map(|e| b[e] + b[e % d * d + e / d]).collect();
            let top = symmetric_eigen(&q, d).0.into_iter().fold(f64::NEG_INFINITY, f64::max);
            // The largest eigenvalue becomes -shift.
            let eta = |shift: f64, linear: &[f64]| -> Vec<f64> {
                let entry = |&(i, j): &(usize, usize)| if i == j { q[i * d + i] - top - shift } else { 2.0 * q[i * d + j] };
                pairs.iter().map(entry).chain(linear.iter().copied()).collect()
            };
            let linear: Vec<f64> = (0..d).map(|_| normal(&mut rng)).collect();
            let open = both_sides(&stats, &format!("real({d})"), &eta(STEP, &linear), &eta(-STEP, &linear));
            assert_eq!(open, 0, "{q:?}");
        }
    }
}

#[test]
fn random_sums_of_even_powers() {
    let mut rng = Stream::new(12).rng();
    for _ in 0..60 {
        let d = rng.random_range(2..=3);
        let powers: Vec<usize> = (0..d).map(|_| 2 * rng.random_range(1..=3)).collect();
        let low = powers.iter().min().unwrap() - 1;
        let mut stats: Vec<String> = powers.iter().enumerate().map(|(j, p)| format!("(^ x{j} {p})")).collect();
        // Couplings of a degree below every pure power.
        stats.extend((1..d).map(|j| if low > 1 { format!("(* x0 (^ x{j} {}))", low - 1) } else { format!("x{j}") }));
        let stats: Vec<&str> = stats.iter().map(String::as_str).collect();
        let mut eta: Vec<f64> = (0..stats.len()).map(|_| normal(&mut rng)).collect();
        eta[..d].iter_mut().for_each(|e| *e = -e.abs() - 0.1);
        let chosen = rng.random_range(0..d);
        let with = |c: f64| [&eta[..chosen], &[c], &eta[chosen + 1..]].concat();
        both_sides(&stats, &format!("real({d})"), &with(-STEP), &with(STEP));
        assert_eq!(sign(&family(&format!("real({d})"), &stats).existence(&eta)), 'p', "{stats:?} {eta:?}");
    }
}

#[test]
fn random_fourth_powers_of_linear_forms() {
    let stats = ["(^ x0 4)", "(* (^ x0 3) x1)", "(* (^ x0 2) (^ x1 2))", "(* x0 (^ x1 3))", "(^ x1 4)", "(* x0 x1)", "x0"];
    let mut rng = Stream::new(13).rng();
    for _ in 0..60 {
        // -(a x + b y)^4 - shift (x^2 + y^2)^2: along a x + b y = 0 only the shift is left.
        let (a, b, low) = (normal(&mut rng), normal(&mut rng), [normal(&mut rng), normal(&mut rng)]);
        let binomial = [1.0, 4.0, 6.0, 4.0, 1.0];
        let eta = |shift: f64| -> Vec<f64> {
            let form = (0..5).map(|k| -binomial[k] * a.powi(4 - k as i32) * b.powi(k as i32));
            form.zip([1.0, 0.0, 2.0, 0.0, 1.0]).map(|(f, s)| f - shift * s).chain(low).collect()
        };
        assert_eq!(both_sides(&stats, "real(2)", &eta(STEP), &eta(-STEP)), 0, "({a} x + {b} y)^4");
    }
}

#[test]
fn random_absolute_values() {
    let mut rng = Stream::new(14).rng();
    for _ in 0..60 {
        // On a line: slopes add up, whatever the kinks.
        let kinks: Vec<f64> = (0..3).map(|_| normal(&mut rng)).collect();
        let stats: Vec<String> = kinks.iter().map(|k| format!("(abs (- x0 {k}))")).chain(["x0".into()]).collect();
        let stats: Vec<&str> = stats.iter().map(String::as_str).collect();
        let (e, f, b) = (normal(&mut rng), normal(&mut rng), normal(&mut rng));
        let eta = |shift: f64| vec![e, f, -e - f - b.abs() - shift, b];
        assert_eq!(both_sides(&stats, "real(1)", &eta(STEP), &eta(-STEP)), 0, "{kinks:?} {e} {f} {b}");
        // In the plane: u = x - y and v = x + y are separate, though no coordinate is.
        let stats = ["(abs (- x0 x1))", "(abs (+ x0 x1))", "(- x0 x1)", "(+ x0 x1)"];
        let (c, g) = (normal(&mut rng), normal(&mut rng));
        let eta = |shift: f64| vec![-c.abs() - shift, -g.abs() - 0.3, c, g];
        assert_eq!(both_sides(&stats, "real(2)", &eta(STEP), &eta(-STEP)), 0, "{c} {g}");
    }
}
