//! Control variates: their means against sums over dense grids, where they are off, and what they gain.

use crate::language::session;
use nnef::family::{Density, Family};
use nnef::sample::Controls;
use std::sync::Arc;

/// A family from a script.
pub fn family(code: &str) -> Arc<Family> {
    let (mut session, _) = session();
    session.run("test", code).unwrap_or_else(|e| panic!("{code}: {e}")).try_cast::<Arc<Family>>().unwrap()
}

/// Largest |mean / sd| of the controls of a family over one coordinate z, by the midpoint rule on `n` cells of (-reach, reach).
fn bias(family: &Family, eta: &[f64], reach: f64, n: usize) -> f64 {
    let controls = Controls::of(family).unwrap();
    let z: Vec<f64> = (0..n).map(|i| reach * ((2 * i + 1) as f64 / n as f64 - 1.0)).collect();
    let log_p = family.density().program().evaluate(Density::VALUE_AND_GRADIENT, &z, eta);
    let most = log_p.chunks(2).map(|v| v[0]).fold(f64::NEG_INFINITY, f64::max);
    let w: Vec<f64> = log_p.chunks(2).map(|v| (v[0] - most).exp()).collect();
    let (c, total) = (controls.evaluate(&z, eta).unwrap(), w.iter().sum::<f64>());
    let p = controls.count();
    let weighted = |f: &dyn Fn(usize) -> f64| (0..n).filter(|i| w[*i] > 0.0).map(|i| w[i] * f(i)).sum::<f64>() / total;
    (0..p).map(|a| weighted(&|i| c[i * p + a]) / weighted(&|i| c[i * p + a].powi(2)).sqrt()).fold(0.0, |a, b| a.max(b.abs()))
}

#[test]
fn controls_have_mean_zero() {
    let cases: [(&str, &[f64], f64); 10] = [
        ("family(#{x: real(1), stats: |x| #{a: x[0], b: x[0]*x[0], c: x[0]*x[0]*x[0]*x[0]}})", &[0.7, 1.5, -0.8], 6.0),
        ("ef::laplace_product(1)", &[0.4, 1.1], 50.0),
        ("ef::gamma()", &[-0.9, -2.0], 400.0),
        ("ef::beta()", &[-0.9, -0.85], 400.0),
        ("ef::inverse_gaussian()", &[-1.0, -0.5], 30.0),
        ("family(#{x: interval(-1, 2), stats: |x| #{a: x[0], b: abs(x[0] - 0.5), c: sin(3.0*x[0])}})", &[0.5, 1.0, -2.0], 50.0),
        ("ef::von_mises()", &[0.8, -0.5], std::f64::consts::PI),
        ("family(#{x: circle(), stats: |x| #{a: x[0]*x[0], s: sin(x[0])}})", &[-0.3, 0.6], std::f64::consts::PI),
        (
            "family(#{x: real(1), stats: |x| #{a: x[0], b: x[0]*x[0]}, where: |x| min(x[0] + 0.4, 1.1 - x[0]) > 0.0})",
            &[0.5, 1.0],
            1.2,
        ),
        ("family(#{x: real(1), stats: |x| #{a: log(1.0 + x[0]*x[0])}})", &[-3.0], 3000.0),
    ];
    for (code, eta, reach) in cases {
        let found = bias(&family(code), eta, reach, 200_000);
        assert!(found < 1e-4, "{code}: {found:e}");
    }
}

#[test]
fn controls_are_off_where_their_mean_is_not_zero() {
    for code in [
        "family(#{x: real(1), stats: |x| #{a: x[0]*x[0], b: floor(x[0])}})",
        "family(#{x: real(1), stats: |x| #{a: x[0]*x[0], b: sign(x[0])}})",
        "family(#{x: circle(), stats: |x| #{a: x[0]}})",
        "family(#{x: real(1), stats: |x| #{a: x[0], b: x[0]*x[0]}, where: |x| floor(x[0]) < 1.0})",
        "ef::poisson()",
    ] {
        assert!(Controls::of(&family(code)).is_none(), "{code}");
    }
}

#[test]
fn controls_know_the_graph() {
    // A chain of ten: the field along one coordinate sees it and its neighbours, so that of 10 x 10 linear ones 28 stay.
    let code = "family(#{x: real(10), stats: |x| #{a: x[0..9] * x[1..10], b: x*x}})";
    let chain = family(code);
    let controls = Controls::of(&chain).unwrap();
    assert!(controls.count() > 38, "{}", controls.count());
    let mut eta = vec![0.3; 9];
    eta.extend([-1.0; 10]);
    let (z, mut far) = ([0.1; 10], [0.1; 10]);
    far[9] = 2.0;
    let (a, b) = (controls.evaluate(&z, &eta).unwrap(), controls.evaluate(&far, &eta).unwrap());
    let moved = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    assert!(moved > 0 && moved < controls.count() / 2, "{moved} of {}", controls.count());
}
