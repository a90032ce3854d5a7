//! Means and variances on the boundary of the natural space: refused where they do not exist, infinite where they are.
//!
//! By powers of tails: |T_s|^n p decays as |x|^(n a - b), and its integral over d coordinates exists where n a - b < -d.

use crate::existence::{parsed, support};
use nnef::expr::Trace;
use nnef::family::{Existence, Family};
use nnef::num::observe::Monitor;
use nnef::sample::{LabelOptions, Method, labels, log_normalizers};

fn family(kind: &str, stats: &[&str], condition: Option<&str>) -> Family {
    let trace = Trace::new();
    let support = support(kind);
    let (x, _) = support.trace(&trace);
    let stats = stats.iter().enumerate().map(|(i, s)| (format!("s{i}"), parsed(&x, s).unwrap())).collect();
    let condition = condition.map(|c| parsed(&x, c).unwrap());
    Family::from_trace("tails", support, &trace, stats, trace.numbers(&[], &[0.0]), condition).unwrap()
}

const STUDENT: [&str; 2] = ["(log (+ 1 (* x0 x0)))", "x0"];
const STUDENT_2: [&str; 3] = ["(log (+ 1 (* x0 x0) (* x1 x1)))", "x0", "x1"];

/// Support, statistics and condition, eta, the direction of more tail, the number of the statistic and the power.
type Case = (&'static str, &'static [&'static str], Option<&'static str>, &'static [f64], &'static [f64], usize, u32);

/// Eta at which a moment is just finite.
#[test]
fn moments_end_where_their_powers_do() {
    let cases: [Case; 8] = [
        ("real(1)", &STUDENT, None, &[-1.0, 0.0], &[1.0, 0.0], 1, 1),
        ("real(1)", &STUDENT, None, &[-1.5, 0.0], &[1.0, 0.0], 1, 2),
        ("real(2)", &STUDENT_2, None, &[-1.5, 0.0, 0.0], &[1.0, 0.0, 0.0], 2, 1),
        ("real(2)", &STUDENT_2, None, &[-2.0, 0.0, 0.0], &[1.0, 0.0, 0.0], 1, 2),
        ("positive(1)", &["(log x0)", "x0", "(/ 1 x0)"], None, &[0.0, -1.0, 0.0], &[-1.0, 0.0, 0.0], 2, 1),
        ("positive(1)", &["(log x0)", "x0", "(/ 1 x0)"], None, &[1.0, -1.0, 0.0], &[-1.0, 0.0, 0.0], 2, 2),
        ("positive(1)", &["x0", "(exp x0)"], None, &[-1.0, 0.0], &[1.0, 0.0], 1, 1),
        ("positive(2)", &["x0", "(* x1 (log x0))", "x1"], Some("(< (* x0 x1 x1) 1)"), &[-1.0, 0.0, 0.0], &[0.0; 3], 2, 1),
    ];
    for (kind, stats, condition, eta, outward, s, power) in cases {
        let family = family(kind, stats, condition);
        let at = |step: f64| eta.iter().zip(outward).map(|(e, o)| e + step * o).collect::<Vec<f64>>();
        let beyond = family.moment(&at(1e-6), s, power);
        assert!(matches!(beyond, Existence::Improper { .. }), "{stats:?} at {:?}: {beyond:?}", at(1e-6));
        if outward.iter().any(|o| *o != 0.0) {
            assert_eq!(family.moment(&at(-1e-6), s, power), Existence::Proper, "{stats:?} at {:?}", at(-1e-6));
        }
    }
}

/// Inside the natural space all moments exist, however close its boundary is.
#[test]
fn moments_exist_inside() {
    let wild = family("real(1)", &["x0", "(* x0 x0)", "(^ x0 4)"], None);
    let gamma = family("positive(1)", &["(log x0)", "x0", "(/ 1 x0)"], None);
    for s in 0..3 {
        assert_eq!(wild.moment(&[3.0, 5.0, -1e-9], s, 2), Existence::Proper);
        assert_eq!(gamma.moment(&[-7.0, -1e-9, -1e-9], s, 2), Existence::Proper);
    }
}

#[test]
fn labels_refuse_means_that_do_not_exist_and_say_which() {
    let student = family("real(1)", &STUDENT, None);
    let run =
        |eta: &[f64], method| labels(&student, eta, &LabelOptions { method, ..LabelOptions::default() }, &Monitor::silent());
    for method in [Method::Auto, Method::Quadrature, Method::Hmc] {
        let error = run(&[-2.0, 0.0, -1.0, 0.0], method).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("the mean of 's1' does not exist"), "{error}");
    }
    // The log-normaliser is there: that of Cauchy's density is the logarithm of pi.
    let a = log_normalizers(&student, &[-1.0, 0.0], &LabelOptions::default(), &Monitor::silent()).unwrap();
    assert!((a[0] - std::f64::consts::PI.ln()).abs() < 1e-7, "{}", a[0]);
    // Three degrees of freedom and less: E[x] is 0, its variance is infinite, that of the other statistic is not.
    let found = run(&[-1.4, 0.0], Method::Auto).unwrap();
    let cov = found.cov_tt.unwrap();
    assert!(cov[3] == f64::INFINITY && (0.1..10.0).contains(&cov[0]), "{cov:?}");
    assert!(found.mu_t[1].abs() < 1e-6);
}
