//! Densities of several modes in two and three coordinates: mixtures, whose moments are sums, and wells, one of which a plain
//! grid resolves. Modes lie many widths apart, the flanks of some hide others, and widths differ twentyfold.

use crate::language::eval;
use serde_json::Value;

/// A mixture of normal densities as one statistic at coefficient 1: weight, width and centre of each.
fn mixture(d: usize, parts: &[(f64, f64, &[f64])]) -> Value {
    let log = |(weight, width, center): &(f64, f64, &[f64])| {
        let scale = weight.ln() - d as f64 * (width.ln() + 0.5 * std::f64::consts::TAU.ln());
        format!("({scale:?} - sum((x - {center:?}) * (x - {center:?})) / {:?})", 2.0 * width * width)
    };
    // log(a + b) without a kink and without overflow.
    let sum = parts.iter().map(log).reduce(|a, b| format!("plus({a}, {b})")).unwrap();
    let code = format!(
        "fn plus(a, b) {{ a + softplus(b - a) }} let f = family(#{{ x: real({d}), stats: |x| #{{ a: x[0], b: x[0] * x[1], m: {sum} }} }}); \
         to_json(f.mean([0, 0, 1], #{{method: \"quadrature\"}}))"
    );
    serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{e}"))).unwrap()
}

/// The mean of a mixture is that of its parts, and it is normalised.
#[test]
fn mixtures_of_modes_far_apart_have_the_means_of_their_parts() {
    let cases: [&[(f64, f64, &[f64])]; 5] = [
        &[(0.5, 0.05, &[0.0, 0.0, 0.0]), (0.3, 1.0, &[14.0, -13.0, 12.0]), (0.2, 0.2, &[-12.5, 16.0, 1.0])],
        &[(0.5, 0.5, &[0.0, 0.0, 0.0]), (0.3, 1.0, &[40.0, -30.0, 20.0]), (0.2, 0.8, &[-25.0, 60.0, 10.0])],
        &[(0.5, 0.05, &[0.0, 0.0, 0.0]), (0.3, 1.0, &[4.0, -3.0, 2.0]), (0.2, 0.2, &[-2.5, 6.0, 1.0])],
        &[(0.6, 0.3, &[0.2, 0.1, -0.3]), (0.4, 0.3, &[30.0, 30.0, 30.0])],
        &[(0.5, 0.05, &[0.0, 0.0]), (0.3, 1.0, &[40.0, -30.0]), (0.2, 0.2, &[-25.0, 60.0])],
    ];
    for parts in cases {
        let found = mixture(parts[0].2.len(), parts);
        let number = |key: &str, i: usize| found[key][i].as_f64().unwrap();
        for (i, moment) in [|c: &[f64]| c[0], |c: &[f64]| c[0] * c[1]].into_iter().enumerate() {
            let truth: f64 = parts.iter().map(|(weight, _, center)| weight * moment(center)).sum();
            let (off, sd) = ((number("mu_T", i) - truth).abs(), found["cov_TT"][i][i].as_f64().unwrap().sqrt());
            assert!(
                off < 1e-8 * sd && number("mcse", i) < 1e-7 * sd,
                "{parts:?} {i}: off {off:e}, claimed {}",
                number("mcse", i)
            );
        }
        let a = found["log_normalizer"].as_f64().unwrap();
        assert!(a.abs() < 1e-9, "{parts:?}: A = {a:e}");
    }
}

/// Four equal wells of p x0 x1 x2 - q (x0^4 + x1^4 + x2^4), up to 8,000 widths apart: one of them on a plain grid about its
/// bottom x = p / 4q, whose steps are half of the least width there.
#[test]
fn wells_far_apart_have_the_moments_of_one_of_them() {
    for (p, q) in [(20.0, -1.0), (40.0, -3.0), (40.0, -0.3), (45.0_f64, -0.1_f64)] {
        let bottom = p / (-4.0 * q);
        // The second derivatives are 12 q x^2 = -3 p x and p x, their eigenvalues -p x (along the diagonal) and -4 p x.
        let width = (p * bottom).powf(-0.5);
        let (step, reach) = (0.25 * width, 36_i32);
        let log = |x: [f64; 3]| p * x[0] * x[1] * x[2] + q * x.iter().map(|x| x.powi(4)).sum::<f64>();
        let top = log([bottom; 3]);
        let (mut total, mut sums) = (0.0, [0.0; 2]);
        for i in -reach..=reach {
            for j in -reach..=reach {
                for k in -reach..=reach {
                    let x = [i, j, k].map(|i| bottom + step * (f64::from(i) + 0.3));
                    let mass = (log(x) - top).exp();
                    total += mass;
                    sums[0] += mass * x[0] * x[1] * x[2];
                    sums[1] += mass * x.iter().map(|x| x.powi(4)).sum::<f64>();
                }
            }
        }
        let truth = (top + (4.0 * total).ln() + 3.0 * step.ln(), sums.map(|s| s / total));
        let code = format!(
            "let f = family(#{{ x: real(3), stats: |x| #{{ p: x[0] * x[1] * x[2], q: sum(x**4) }} }}); \
             to_json(f.mean([{p:?}, {q:?}], #{{method: \"quadrature\"}}))"
        );
        let found: Value = serde_json::from_str(&eval(&code).unwrap()).unwrap();
        // The exponents are rounded, here and there.
        let grain = 1e-8 + 4.0 * f64::EPSILON * top;
        for (i, truth) in truth.1.iter().enumerate() {
            let (mu, sd) = (found["mu_T"][i].as_f64().unwrap(), found["cov_TT"][i][i].as_f64().unwrap().sqrt());
            assert!((mu - truth).abs() < grain * sd, "p {p}, q {q}, {i}: {mu} for {truth}, sd {sd}");
        }
        let a = found["log_normalizer"].as_f64().unwrap();
        assert!((a - truth.0).abs() < grain, "p {p}, q {q}: A {a} for {}", truth.0);
    }
}
