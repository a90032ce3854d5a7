//! Densities that nodes see badly, against closed forms: what is given out without a gate keeps its claim.

use crate::language::eval;
use serde_json::Value;
use std::f64::consts::PI;

/// A family, an eta, its means and its log-normaliser.
struct Case {
    family: &'static str,
    eta: Vec<f64>,
    mu: Vec<f64>,
    a: f64,
}

fn holds(case: &Case) -> bool {
    let code = format!("to_json(family(#{{ {} }}).mean({:?}))", case.family, case.eta);
    let found: Value = match eval(&code) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        // Refused.
        Err(_) => return false,
    };
    if found["gate"] != "" {
        return false;
    }
    let number = |v: &Value| v.as_f64().unwrap();
    // Draws have standard errors, quadrature has bounds.
    let times = if found["method"] == "quadrature" { 1.0 } else { 5.0 };
    for (i, truth) in case.mu.iter().enumerate() {
        let (mean, claim) = (number(&found["mu_T"][i]), number(&found["mcse"][i]));
        let off = (mean - truth).abs();
        assert!(
            off <= times * claim + 1e-14 * truth.abs(),
            "{} at {:?}: mean {i} is {mean} of {truth}, {claim:.1e} claimed",
            case.family,
            case.eta
        );
    }
    let (a, claim) = (number(&found["log_normalizer"]), number(&found["log_normalizer_error"]));
    assert!(
        (a - case.a).abs() <= times * claim + 1e-14,
        "{} at {:?}: A is {a} of {}, {claim:.1e} claimed",
        case.family,
        case.eta,
        case.a
    );
    true
}

/// v normal, and given v a normal of variance exp(n v) in one or two more coordinates: where it is narrow, nodes lie beside it.
#[test]
fn funnels() {
    for (dim, square, ways) in [(2, "x[1]**2", 1.0), (3, "(x[1]**2+x[2]**2)", 2.0)] {
        let text = format!("x: real({dim}), stats: |x| #{{ f: {square} * exp(-x[0]), v: x[0], w: x[0]**2 }}");
        let family: &'static str = Box::leak(text.into_boxed_str());
        for (f, v, w) in [(-0.5, -1.0, -0.1), (-0.5, -0.5, -0.5), (-0.05, -0.5, -0.5), (-0.5, 0.0, -1.0 / 6.0)] {
            // The density of v has the further factor exp(ways v / 2).
            let (slope, variance) = (v + 0.5 * ways, -0.5 / w);
            let mean = slope * variance;
            let a = 0.5 * ways * (PI / -f).ln() + 0.5 * slope * mean + 0.5 * (2.0 * PI * variance).ln();
            let case = Case { family, eta: vec![f, v, w], mu: vec![-0.5 * ways / f, mean, variance + mean * mean], a };
            assert!(holds(&case), "{family} at {:?} is not integrated", case.eta);
        }
    }
}

/// (1 + |x|)^eta: near -1 so much lies so far out that no window holds it.
#[test]
fn long_tails_with_a_kink() {
    let all = [-3.0, -2.1, -1.5, -1.2, -1.1, -1.01].map(|eta: f64| {
        let case = Case {
            family: "x: real(1), stats: |x| #{ a: log1p(abs(x[0])) }",
            eta: vec![eta],
            mu: vec![-1.0 / (eta + 1.0)],
            a: (2.0 / (-eta - 1.0)).ln(),
        };
        holds(&case)
    });
    assert!(all[0] && all[1], "{all:?}");
}

/// Regions under a condition that none of the nodes over whole axes is in, alone or beside one that is seen.
#[test]
fn regions_between_the_nodes() {
    let cases = [
        Case {
            family: "x: real(3), stats: |x| #{ a: x[0], b: x[1]*x[2] }, where: |x| and(and(x[0]>0.0,x[1]>0.0),and(x[2]>0.0,x[0]+x[1]+x[2]<1.0))",
            eta: vec![0.0; 2],
            mu: vec![0.25, 0.05],
            a: (1.0_f64 / 6.0).ln(),
        },
        Case {
            family: "x: real(2), stats: |x| #{ a: x[0] }, where: |x| (x[0]-2.0)**2+(x[1]-2.0)**2 < 0.01",
            eta: vec![0.0],
            mu: vec![2.0],
            a: (0.01 * PI).ln(),
        },
        Case {
            family: "x: real(1), stats: |x| #{ a: x[0] }, where: |x| or(and(x[0] > -2.0, x[0] < -1.0),abs(x[0]-2.5)<0.001)",
            eta: vec![0.0],
            mu: vec![(-1.5 + 2.5 * 0.002) / 1.002],
            a: 1.002_f64.ln(),
        },
        Case {
            family: "x: real(2), stats: |x| #{ a: x[0] }, where: |x| or((x[0]+1.0)**2+(x[1]+0.5)**2<0.64, (x[0]-1.63)**2+(x[1]-1.41)**2<0.0025)",
            eta: vec![0.0],
            mu: vec![(-0.64 + 1.63 * 0.0025) / 0.6425],
            a: (0.6425 * PI).ln(),
        },
        Case {
            family: "x: real(3), stats: |x| #{ q: x[0]**2+x[1]**2+x[2]**2 }, where: |x| x[0]**2+x[1]**2+x[2]**2 < 1.0",
            eta: vec![0.0],
            mu: vec![0.6],
            a: (4.0 * PI / 3.0).ln(),
        },
    ];
    for case in &cases {
        assert!(holds(case), "{} is not integrated", case.family);
    }
}

/// exp(-k |x - c|^2) as a statistic of a normal law, with weight 0: what few nodes and draws meet is told, or flagged.
#[test]
fn bumps() {
    let mut known = 0;
    for k in [1.0, 5.0, 20.0, 100.0, 1e3, 1e4] {
        for (d, c) in [(2, [1.1, 0.7, 0.0]), (3, [0.91, -0.59, -0.16]), (3, [2.0, -1.3, 1.1])] {
            let axes: Vec<String> = (0..d).map(|i| format!("(x[{i}]-({:?}))**2", c[i])).collect();
            let squares: Vec<String> = (0..d).map(|i| format!("x[{i}]**2")).collect();
            let text = format!("x: real({d}), stats: |x| #{{ p: exp(-{k:?}*({})), q: {} }}", axes.join("+"), squares.join("+"));
            let family: &'static str = Box::leak(text.into_boxed_str());
            let far: f64 = c[..d].iter().map(|c| c * c).sum();
            let wide: f64 = 1.0 + 2.0 * k;
            let p = wide.powf(-0.5 * d as f64) * (-k * far / wide).exp();
            let a = 0.5 * d as f64 * (2.0 * PI).ln();
            known += usize::from(holds(&Case { family, eta: vec![0.0, -0.5], mu: vec![p, d as f64], a }));
        }
    }
    assert!(known >= 6, "{known}");
}
