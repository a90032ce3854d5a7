//! Quadrature against an independent program: golden/quadrature.py (scipy).

use crate::language::eval;
use nnef::expr::{Op, Trace};
use nnef::family::{Family, Moments, named};
use nnef::num::close::{EXACT, Tolerance, close};
use nnef::num::observe::Monitor;
use nnef::sample::{LabelOptions, Method, labels};
use serde_json::Value;

/// Agreement asked of mu, in standard deviations: adaptive and dense rules of the golden program are good to about 1e-11.
const SD: f64 = 1e-8;

#[test]
fn moments_agree_with_an_independent_program() {
    let golden: Value = serde_json::from_str(include_str!("golden/quadrature.json")).unwrap();
    for case in golden.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let base = if text("base").is_empty() { String::new() } else { format!(", base: {}", text("base")) };
        let inside = if text("where").is_empty() { String::new() } else { format!(", where: |x| {}", text("where")) };
        let code = format!(
            "let f = family(#{{ x: {}, stats: |x| {}{base}{inside} }}); to_json(f.mean({}, #{{method: \"quadrature\"}}))",
            text("x"),
            text("stats"),
            case["eta"]
        );
        let found: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{}: {e}", text("name")))).unwrap();
        let expected = case["mu"].as_array().unwrap();
        for (i, mu) in expected.iter().enumerate() {
            let (got, mu) = (found["mu_T"][i].as_f64().unwrap(), mu.as_f64().unwrap());
            let sd = found["cov_TT"][i][i].as_f64().unwrap().sqrt();
            let error = (got - mu).abs() / sd;
            assert!(error < SD, "{} statistic {i}: {got} for {mu}, {error:e} sd", text("name"));
            let claimed = found["mcse"][i].as_f64().unwrap() / sd;
            assert!(claimed < 1e-6, "{} statistic {i} claims an error of {claimed:e} sd", text("name"));
        }
        let (a, b) = (found["log_normalizer"].as_f64().unwrap(), case["log_normalizer"].as_f64().unwrap());
        assert!(close(a, b, Tolerance { absolute: 1e-8, relative: 1e-8 }), "{}: A = {a}, expected {b}", text("name"));
    }
}

#[test]
fn quadrature_agrees_with_the_closed_forms_of_named_families() {
    use nnef::num::observe::Monitor;
    use nnef::sample::{LabelOptions, Method, labels};
    for name in ["gaussian", "gamma", "exponential", "laplace_product"] {
        let family = named::named(name, 1).unwrap();
        let eta = family.draw_eta(20, 3).unwrap();
        let truth = labels(&family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
        let options = LabelOptions { method: Method::Quadrature, ..LabelOptions::default() };
        let found = labels(&family, &eta, &options, &Monitor::silent()).unwrap();
        for (i, (a, b)) in found.mu_t.iter().zip(&truth.mu_t).enumerate() {
            assert!(close(*a, *b, EXACT), "{name} mu {i}: {a} and {b}");
        }
        for (a, b) in found.cov_tt.unwrap().iter().zip(truth.cov_tt.as_ref().unwrap()) {
            assert!(close(*a, *b, EXACT), "{name} cov: {a} and {b}");
        }
        for (a, b) in found.log_normalizer.unwrap().iter().zip(truth.log_normalizer.as_ref().unwrap()) {
            assert!(close(*a, *b, EXACT), "{name} A: {a} and {b}");
        }
    }
}

#[test]
fn densities_that_do_not_decay_are_refused_with_their_direction() {
    for (x, stats, eta, word) in [
        ("real(1)", "#{ a: x[0], b: x[0]**2 }", "[0, 0.5]", "infinity"),
        ("real(1)", "#{ a: x[0] }", "[1]", "infinity"),
        ("positive(1)", "#{ a: log(x[0]), b: x[0] }", "[-2, -1]", "approaches 0"),
        ("real(2)", "#{ a: x[0]**2, b: x[1]**2 }", "[-1, 0.1]", "x[1]"),
        ("real(1)", "#{ a: x[0], b: x[0]**2, c: x[0]**4 }", "[0.2, 1, 0.8]", "infinity"),
        ("interval(0, 1)", "#{ a: log(x[0]) }", "[-1]", "end of its support"),
        ("interval(0, 1)", "#{ a: log(x[0]) }", "[-3]", "end of its support"),
        ("real(1)", "#{ a: log(1 + x[0]**2) }", "[-0.5]", "minus infinity"),
    ] {
        let error = eval(&format!("family(#{{ x: {x}, stats: |x| {stats} }}).mean({eta})")).unwrap_err();
        assert!(error.contains("does not decay") && error.contains(word), "{stats} at {eta}: {error}");
    }
}

#[test]
fn errors_cover_heavy_tails_that_no_window_holds() {
    // E[log(1 + x^2)] under (1 + x^2)^e is digamma(-e) - digamma(-e - 1/2), up to the sign of the statistic.
    use nnef::num::special::digamma;
    for e in [-1.7, -1.0, -0.9, -0.8, -0.7] {
        let code = format!(
            "to_json(family(#{{ x: real(1), stats: |x| #{{ a: log(1 + x[0]**2) }} }}).mean([{e}], #{{method: \"quadrature\"}}))"
        );
        let found: Value = serde_json::from_str(&eval(&code).unwrap()).unwrap();
        let truth = digamma(-e) - digamma(-e - 0.5);
        let (got, claimed) = (found["mu_T"][0].as_f64().unwrap(), found["mcse"][0].as_f64().unwrap());
        assert!((got - truth).abs() <= claimed + 1e-9, "e = {e}: {got} for {truth}, claimed {claimed:e}");
    }
    // In two dimensions the window of the heavy axis must not hide the narrow one.
    let code = "to_json(family(#{ x: real(2), stats: |x| #{ l: log(1 + x[0]*x[0]), q: x[1]**2 } }).mean([-1, -0.5]).mu_T)";
    let mu: Vec<f64> = serde_json::from_str(&eval(code).unwrap()).unwrap();
    assert!((mu[0] - 2.0 * 2f64.ln()).abs() < 1e-6 && (mu[1] - 1.0).abs() < 1e-6, "{mu:?}");
}

/// In three coordinates under (1 + |x|^2)^-n E[log(1 + |x|^2)] is digamma(n) - digamma(n - 3/2); under exp(a |r - 1| + b x0), with
/// a curved kink, the rest is an integral over r, here by mpmath.
#[test]
fn errors_cover_what_three_coordinates_leave() {
    use nnef::num::special::digamma;
    let heavy = "x: real(3), stats: |x| #{ a: -log(1 + sum(x*x)) }";
    let shell = "x: real(3), stats: |x| #{ a: abs(sqrt(sum(x*x)) - 1), b: x[0] }";
    let mut cases: Vec<(&str, String, Vec<f64>)> =
        [4.5, 6.0, 8.0, 10.0, 14.0].map(|n| (heavy, format!("[{n:?}]"), vec![digamma(n - 1.5) - digamma(n)])).to_vec();
    cases.push((shell, "[-6, 0.5]".into(), vec![0.188_073_247_712_050_24, 0.210_549_464_448_633_43]));
    cases.push((shell, "[-305, 5]".into(), vec![0.003_281_156_532_403_907_9, 0.800_219_827_915_592_4]));
    for (family, eta, truth) in cases {
        let code = format!("to_json(family(#{{ {family} }}).mean({eta}, #{{method: \"quadrature\"}}))");
        let m: Value = serde_json::from_str(&eval(&code).unwrap()).unwrap();
        for (s, truth) in truth.iter().enumerate() {
            let number = |key: &str| m[key][s].as_f64().unwrap();
            let off = (number("mu_T") - truth).abs();
            assert!(off <= 2.0 * number("mcse") && off < 1e-6, "{family} at {eta}: off {off:e}, claimed {:e}", number("mcse"));
        }
    }
}

/// log x2 varies on a part `d` of the mass only, which no node may see: its mean is -digamma(1 + d) + digamma(1).
#[test]
fn rare_events_are_not_lost_in_silence() {
    use nnef::num::special::digamma;
    let mut resolved = 0;
    for d in [0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
        let eta = format!("[-1.0, -0.5, {:?}, 0.0]", -1.5 + d);
        let code = format!(
            "to_json(family(#{{ x: simplex(3), stats: |x| #{{ a: x[0]/x[1], l: log(x) }} }}).mean({eta}, #{{method: \"quadrature\"}}))"
        );
        let Ok(text) = eval(&code) else { continue };
        let m: Value = serde_json::from_str(&text).unwrap();
        let number = |key: &str| m[key][3].as_f64().unwrap();
        let off = (number("mu_T") - digamma(1.0) + digamma(1.0 + d)).abs();
        assert!(off <= number("mcse"), "at {d}: off {off:e}, claimed {:e}", number("mcse"));
        resolved += 1;
    }
    assert!(resolved >= 3);
}

#[test]
fn a_constant_in_the_exponent_moves_the_normaliser_alone() {
    // Densities of exp(-1000) or exp(500) have moments like any other.
    for shift in [-1000.0, -60.0, -30.0, 0.0, 500.0] {
        for (x, stats, eta) in [
            ("real(1)", "#{ q: x[0]*x[0] }", "[-1]"),
            ("real(2)", "#{ q: x*x, r: x[0]*x[1] }", "[-1, -1, 0.5]"),
            ("real(3)", "#{ q: x*x, r: x[0]*x[1]*x[2]/(1.0 + sum(x*x)) }", "[-1, -1, -1, 0.5]"),
            ("real(3)", "#{ q: x*x, r: x[0]*x[1] + sin(x[1]*x[2]) }", "[-1, -1, -1, 0.5]"),
        ] {
            let moments = |base: f64| -> Value {
                let code = format!(
                    "to_json(family(#{{ x: {x}, stats: |x| {stats}, base: |x| {base:?} + 0.0*x[0] }}).mean({eta}, #{{method: \"quadrature\"}}))"
                );
                serde_json::from_str(&eval(&code).unwrap()).unwrap()
            };
            let (plain, moved) = (moments(0.0), moments(shift));
            let number = |v: &Value, key: &str, i: usize| v[key][i].as_f64().unwrap();
            for i in 0..plain["mu_T"].as_array().unwrap().len() {
                let (a, b) = (number(&plain, "mu_T", i), number(&moved, "mu_T", i));
                assert!((a - b).abs() < 1e-9, "{x} {stats} base {shift}: {a} and {b}");
            }
            let (a, b) = (plain["log_normalizer"].as_f64().unwrap(), moved["log_normalizer"].as_f64().unwrap());
            assert!((a + shift - b).abs() < 1e-9 * (1.0 + shift.abs()), "{x} {stats} base {shift}: {a} and {b}");
        }
    }
    // Far out in the tail of a normal: the mean of x^2 on [10, 11] under exp(-x^2), by mpmath.
    let far = eval("family(#{x: interval(10, 11), stats: |x| #{q: x*x}}).mean([-1]).mu_T[0]").unwrap();
    assert!((far.parse::<f64>().unwrap() - 100.995_120_569_184_36).abs() < 1e-6, "{far}");
}

/// Modes much narrower than a first look, ridges in boxes that are nearly empty, conditions that meet an edge of the support or
/// each other: with means and log-normalisers that are known.
#[test]
fn narrow_modes_ridges_and_corners_have_their_closed_forms() {
    use std::f64::consts::PI;
    let ln = f64::ln;
    let wells = "let f = family(#{ x: real(1), stats: |x| #{ b: -((x - 1)**2) * ((x - 20)**2), c: x } });";
    let mixture = "let f = family(#{ x: real(2), stats: |x| #{ x: x }, base: |x| log(exp(-0.5 * ((x - 30)**2).sum()) \
                   + exp(-0.1 * ((x + 30)**2).sum())) });";
    let banana = "let f = family(#{ x: real(2), stats: |x| #{ a: x[0], b: x[0]**2, c: (x[1] - x[0]**2)**2 } });";
    let crease = "let f = family(#{ x: real(2), stats: |x| #{ b: x[0]**2, c: abs(x[1] - x[0]**2) } });";
    let twice = "let f = family(#{ x: real(3), stats: |x| #{ a: x[0]**2, b: (x[1] - x[0]**2)**2, c: (x[2] - x[1]**2)**2 } });";
    let skew = "let f = family(#{ x: real(2), stats: |x| #{ a: x[0]**2, b: x[1]**2, c: x[0] * x[1] } });";
    let corner = "let f = family(#{ x: interval(0, 1, 2), stats: |x| #{ x: x }, where: |x| x[0] + x[1] < 0.5 });";
    let wedge = "let f = family(#{ x: real(2), stats: |x| #{ x: x }, where: |x| x[0] > abs(x[1]) });";
    let gauss = |precision: f64| 0.5 * ln(PI / precision);
    // exp(-x + c y) over |y| < x: the integral over y is (exp(c x) - exp(-c x)) / c.
    let (slow, fast, c) = (1.0 / 0.03, 1.0 / 1.97, 0.97);
    let wedge_z = (slow - fast) / c;
    let cases: [(&str, &str, Vec<f64>, f64); 9] = [
        (wells, "[1, 0]", vec![f64::NAN, 10.5], f64::NAN),
        (mixture, "[0, 0]", vec![-20.0, -20.0], ln(12.0 * PI)),
        (banana, "[1, -0.2, -10]", vec![2.5, 8.75, 0.05], gauss(0.2) + 1.25 + gauss(10.0)),
        (banana, "[0, -0.5, -1e6]", vec![0.0, 1.0, 5e-7], gauss(0.5) + gauss(1e6)),
        (crease, "[-0.5, -1000]", vec![1.0, 1e-3], gauss(0.5) + ln(2e-3)),
        (twice, "[-1, -2, -3]", vec![0.5, 0.25, 1.0 / 6.0], gauss(1.0) + gauss(2.0) + gauss(3.0)),
        (skew, "[-2500.0, -2500.0, 4999.5]", vec![0.0; 3], f64::NAN),
        (corner, "[0, 0]", vec![1.0 / 6.0; 2], -ln(8.0)),
        (wedge, "[-1, 0.97]", vec![(slow * slow - fast * fast) / (c * wedge_z), f64::NAN], ln(wedge_z)),
    ];
    for (family, eta, mut mu, mut log_normalizer) in cases {
        if family == skew {
            // Precision [[a, -b], [-b, a]].
            let (a, b) = (5000.0, 4999.5);
            let det: f64 = (a - b) * (a + b);
            (mu, log_normalizer) = (vec![a / det, a / det, b / det], ln(2.0 * PI) - 0.5 * det.ln());
        }
        let code = format!("{family} to_json(f.mean({eta}, #{{method: \"quadrature\"}}))");
        let found: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{code}: {e}"))).unwrap();
        for (i, mu) in mu.iter().enumerate().filter(|(_, m)| !m.is_nan()) {
            let (got, sd) = (found["mu_T"][i].as_f64().unwrap(), found["cov_TT"][i][i].as_f64().unwrap().sqrt());
            assert!((got - mu).abs() < SD * sd, "{code} statistic {i}: {got} for {mu}, {:e} sd", (got - mu).abs() / sd);
        }
        let a = found["log_normalizer"].as_f64().unwrap();
        assert!(log_normalizer.is_nan() || (a - log_normalizer).abs() < SD, "{code}: A = {a}, expected {log_normalizer}");
    }
}

/// Three coordinates all coupled: the lattice along a density's own axes gives the closed form of the normal, and the mean of a
/// sine under it, exp(-v / 2) sin(m).
#[test]
fn a_lattice_along_the_own_axes_has_the_moments_of_the_normal() {
    let code = "let f = family(#{ x: real(3), stats: |x| #{ a: x, b: x * x, c: [x[0] * x[1], x[1] * x[2], x[0] * x[2]], \
                d: sin(x[0] + x[1] + x[2]) } }); \
                let m = f.mean([0.3, -0.2, 0.5, -1, -1.2, -0.8, 0.9, -0.5, 0.6, 0], #{method: \"quadrature\"}); \
                let n = ef::mvn(3).mean([0.3, -0.2, 0.5, -1, 0.45, 0.3, 0.45, -1.2, -0.25, 0.3, -0.25, -0.8]); \
                to_json([m.mu_T, n.mu_T, [m.log_normalizer], [n.log_normalizer]])";
    let found: Vec<Vec<f64>> = serde_json::from_str(&eval(code).unwrap()).unwrap();
    let (m, n) = (&found[0], &found[1]);
    let pairs = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 7), (5, 11), (6, 4), (7, 8), (8, 5)];
    pairs.iter().for_each(|(i, j)| assert!((m[*i] - n[*j]).abs() < 1e-9, "{i}: {} and {}", m[*i], n[*j]));
    let mean: f64 = n[..3].iter().sum();
    let variance = n[3..].iter().sum::<f64>() - mean * mean;
    assert!((m[9] - (-0.5 * variance).exp() * mean.sin()).abs() < 1e-9, "{}", m[9]);
    assert!((found[2][0] - found[3][0]).abs() < 1e-9);
}

/// A, the means and their claimed errors over the sd, of a family at eta.
fn found(family: &str, eta: &str) -> (f64, Vec<f64>, Vec<f64>) {
    let code = format!("let f = family(#{{ {family} }}); to_json(f.mean({eta}, #{{method: \"quadrature\"}}))");
    let m: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{eta}: {e}"))).unwrap();
    let mu: Vec<f64> = m["mu_T"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect();
    let sd: Vec<f64> = (0..mu.len()).map(|i| m["cov_TT"][i][i].as_f64().unwrap().sqrt()).collect();
    (m["log_normalizer"].as_f64().unwrap_or(f64::NAN), mu, sd)
}

/// The sum S of three Laplace variables has the density (3 + 3|S| + S^2) exp(-|S|) / 16, so that with a = 1 - s the integral of
/// exp(-|x0| - |x1| - |x2| + s|x0 + x1 + x2|) is 3/a + 3/a^2 + 2/a^3.
#[test]
fn oblique_planes_through_three_coordinates_have_their_closed_form() {
    let family = "x: real(3), stats: |x| #{ abs: abs(x), s: abs(x[0]+x[1]+x[2]) }";
    for s in [-1.5, 0.0, 0.5] {
        let a: f64 = 1.0 - s;
        let z = 3.0 / a + 3.0 / (a * a) + 2.0 / a.powi(3);
        let mean = (3.0 / a.powi(2) + 6.0 / a.powi(3) + 6.0 / a.powi(4)) / z;
        let (log_normalizer, mu, sd) = found(family, &format!("[-1, -1, -1, {s:?}]"));
        assert!((log_normalizer - z.ln()).abs() < SD, "s = {s}: {log_normalizer} for {}", z.ln());
        assert!((mu[3] - mean).abs() < SD * sd[3], "s = {s}: {} for {mean}", mu[3]);
    }
}

/// What lies between an oblique condition and the end of a half line counts, however low its density is in the logarithm.
#[test]
fn a_triangle_ends_at_the_ends_of_half_lines() {
    for x in ["positive(2)", "interval(0, 1, 2)"] {
        let family = format!("x: {x}, stats: |x| #{{ a: x[0], b: x[1] }}, where: |x| x[0] + x[1] < 1");
        for (eta, z) in [("[0, 0]", 0.5), ("[-1, -1]", 1.0 - 2.0 / 1.0_f64.exp())] {
            let (log_normalizer, mu, _) = found(&family, eta);
            assert!((log_normalizer - z.ln()).abs() < SD, "{x} at {eta}: {log_normalizer} for {}", z.ln());
            assert!((mu[0] - mu[1]).abs() < SD, "{x} at {eta}: {mu:?}");
        }
    }
}

/// On the unit square with x0^a x1^b (1 - x0)^c (1 - x1)^d exp(z x0 x1) the integral is the sum over n of
/// z^n / n! B(a + 1 + n, c + 1) B(b + 1 + n, d + 1).
#[test]
fn a_square_with_singular_sides_has_the_series_of_its_coupling() {
    use nnef::num::special::lgamma;
    let family = "x: interval(0, 1, 2), stats: |x| #{ l: log(x), m: log(1.0 - x), z: x[0]*x[1] }";
    let ln_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
    for [a, b, c, d, z] in [[-0.5, -0.5, -0.5, 3.0, 1.0], [-0.9, -0.5, -0.3, -0.9, 0.0], [-0.5, 0.5, 0.5, 0.5, 2.0]] {
        let term = |n: i32, shift: f64| {
            let (m, factorial) = (f64::from(n), lgamma(f64::from(n) + 1.0));
            f64::powi(z, n) * (ln_beta(a + 1.0 + m + shift, c + 1.0) + ln_beta(b + 1.0 + m + shift, d + 1.0) - factorial).exp()
        };
        let sum = |shift: f64| (0..40).map(|n| term(n, shift)).sum::<f64>();
        let (log_normalizer, mu, sd) = found(family, &format!("{:?}", [a, b, c, d, z]));
        assert!((log_normalizer - sum(0.0).ln()).abs() < SD, "{z}: {log_normalizer} for {}", sum(0.0).ln());
        let mean = sum(1.0) / sum(0.0);
        assert!((mu[4] - mean).abs() < SD * sd[4], "{z}: {} for {mean}", mu[4]);
    }
}

/// |x - c|^e exp(-x^2), a density with a pole inside, against golden/poles.py (mpmath). At the origin numbers are as dense as one
/// likes; elsewhere what is nearer to the pole than they can tell is part of the error. Before poles had a rule of their own the
/// first was refused, and so were most others.
#[test]
fn poles_on_a_line_are_integrated() {
    let golden: Value = serde_json::from_str(include_str!("golden/poles.json")).unwrap();
    for case in golden.as_array().unwrap() {
        let code = format!(
            "let f = family(#{{ x: {}, stats: |x| #{{a: log(abs(x - {})), q: x*x}} }}); to_json(f.mean([{}, -1.0], #{{method: \"quadrature\"}}))",
            case["x"].as_str().unwrap(),
            case["c"],
            case["e"]
        );
        let found: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{case}: {e}"))).unwrap();
        let number = |key: &str| case[key].as_str().unwrap().parse::<f64>().unwrap();
        let at_origin = case["c"].as_f64() == Some(0.0);
        for (i, key) in ["log", "square"].into_iter().enumerate() {
            let (got, claimed) = (found["mu_T"][i].as_f64().unwrap(), found["mcse"][i].as_f64().unwrap());
            let sd = found["cov_TT"][i][i].as_f64().unwrap().sqrt();
            let error = (got - number(key)).abs();
            assert!(error <= claimed.max(1e-12 * sd), "{case} {key}: off {error:e}, claims {claimed:e}");
            assert!(claimed < if at_origin { 1e-11 } else { 1e-2 } * sd, "{case} {key}: claims {claimed:e} of {sd}");
        }
        let (a, claimed) = (found["log_normalizer"].as_f64().unwrap(), found["log_normalizer_error"].as_f64().unwrap());
        let error = (a - number("log_normalizer")).abs();
        assert!(error <= claimed.max(1e-12), "{case} A: off {error:e}, claims {claimed:e}");
    }
}

/// Poles of several coordinates beside a normal density, whose laws are known: x0 - x1 and x0 + x1 are independent, squares of
/// normal coordinates have a gamma law, and so has the square of the radius. Of what a gamma law of shape a holds, the logarithm has
/// the mean digamma(a).
#[test]
fn poles_in_several_coordinates_are_integrated() {
    use nnef::num::special::{digamma, lgamma};
    let half = |e: f64| 0.5 * (e + 1.0);
    let plane = |e: f64, scale: f64| scale.ln() + 0.5 * digamma(half(e));
    let root = 2.0_f64.sqrt();
    for e in [-0.2, -0.5, -0.8, -0.95] {
        let cases = [
            ("real(1)", "log(x*x)", 0.5 * e, 2.0 * plane(e, 1.0), half(e), lgamma(half(e))),
            ("real(1)", "log((x-0.0)*(x-0.0))", 0.5 * e, 2.0 * plane(e, 1.0), half(e), lgamma(half(e))),
            ("real(2)", "log(abs(x[0]-x[1]))", e, plane(e, root), 0.5 + half(e), lgamma(half(e)) + lgamma(0.5) + e * root.ln()),
            (
                "real(2)",
                "log(abs(3.0*x[1]-3.0*x[0]))",
                e,
                plane(e, 3.0 * root),
                0.5 + half(e),
                lgamma(half(e)) + lgamma(0.5) + e * (3.0 * root).ln(),
            ),
            (
                "real(2)",
                "log(abs(x[0]-x[1]))+log(abs(x[0]+x[1]))",
                e,
                2.0 * plane(e, root),
                2.0 * half(e),
                2.0 * (lgamma(half(e)) + e * root.ln()),
            ),
            ("real(2)", "log(sum(x*x))", e, digamma(1.0 + e), 1.0 + e, lgamma(1.0 + e) + std::f64::consts::PI.ln()),
            ("real(3)", "log(sum(x*x))", e, digamma(1.5 + e), 1.5 + e, lgamma(1.5 + e) + (2.0 * std::f64::consts::PI).ln()),
        ];
        for (x, log, eta, mean, square, log_normalizer) in cases {
            let code = format!(
                "let f = family(#{{ x: {x}, stats: |x| #{{a: {log}, q: sum(x*x)}} }}); to_json(f.mean([{eta:?}, -1.0], #{{method: \"quadrature\"}}))"
            );
            let found: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{log} {eta}: {e}"))).unwrap();
            for (i, expected) in [mean, square].into_iter().enumerate() {
                let (got, claimed) = (found["mu_T"][i].as_f64().unwrap(), found["mcse"][i].as_f64().unwrap());
                let (error, sd) = ((got - expected).abs(), found["cov_TT"][i][i].as_f64().unwrap().sqrt());
                assert!(error <= claimed.max(1e-12 * sd), "{x} {log} {eta} {i}: {got} for {expected}, claims {claimed:e}");
                // The nearer to -1, the more lies where numbers do not tell a place from the pole.
                let most = if e < -0.9 { 1e-4 } else { 1e-5 };
                assert!(claimed < most * sd, "{x} {log} {eta} {i}: claims {claimed:e} of {sd}");
            }
            let (a, claimed) = (found["log_normalizer"].as_f64().unwrap(), found["log_normalizer_error"].as_f64().unwrap());
            assert!((a - log_normalizer).abs() <= claimed.max(1e-11), "{x} {log} {eta}: A = {a} for {log_normalizer}");
        }
    }
}

/// What quadrature does not take and samplers do not see is flagged: the diagonal of a square, at two sharp powers.
#[test]
fn sampled_rows_with_sharp_poles_fail_a_gate() {
    for method in ["auto", "importance", "smc", "hmc"] {
        for (eta, sharp) in [(-0.8, true), (-0.1, false)] {
            let code = format!(
                "let f = family(#{{ x: interval(-1, 1, 2), stats: |x| #{{a: log(abs(x[0]-x[1]))}} }}); to_json(f.mean([{eta:?}], #{{method: \"{method}\"}}))"
            );
            let found: Value = serde_json::from_str(&eval(&code).unwrap_or_else(|e| panic!("{method} {eta}: {e}"))).unwrap();
            let gate = found["gate"].as_str().unwrap();
            assert_eq!(gate.is_empty(), !sharp, "{method} {eta}: '{gate}'");
        }
    }
    for sampler in ["hmc", "nuts"] {
        let code = format!(
            "let f = family(#{{ x: interval(-1, 1, 2), stats: |x| #{{a: log(abs(x[0]-x[1]))}} }}); f.sample([-0.8], #{{method: \"{sampler}\", draws: 500}}).gate"
        );
        assert!(!eval(&code).unwrap().is_empty(), "{sampler}");
    }
}

/// Logarithms on simplexes near the boundary of the natural space: plateaus in logits with edges a thousandth and less as wide.
/// Before edges that nodes jump over were minded, means were off by up to 1e10 of their claims, and A by 300.
#[test]
fn edges_between_the_nodes_are_part_of_the_error() {
    let twin = |n: usize| {
        let trace = Trace::new();
        let support = crate::existence::support(&format!("simplex({n})"));
        let (x, _) = support.trace(&trace);
        let log = x.unary(Op::Log).unwrap();
        Family::from_trace("logs", support, &trace, vec![("log_x".into(), log)], trace.numbers(&[], &[0.0]), None).unwrap()
    };
    let (mut integrated, mut all) = (0, 0);
    for (n, first) in [(2, [1e-3, 1e-4, 1e-5, 1e-6]), (3, [1e-2, 1e-3, 3e-4, 1e-4])] {
        let (traced, exact) = (twin(n), named::named("dirichlet", n).unwrap());
        for near in first {
            for second in [-0.5, 2.0, -0.999] {
                let eta = [&[near - 1.0, second, 0.5][..n]].concat();
                let only = LabelOptions { method: Method::Quadrature, ..LabelOptions::default() };
                all += 1;
                let Ok(found) = labels(&traced, &eta, &only, &Monitor::silent()) else { continue };
                integrated += 1;
                let truth = labels(&exact, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
                for i in 0..n {
                    let error = (found.mu_t[i] - truth.mu_t[i]).abs();
                    assert!(
                        error <= found.mcse[i] + 1e-12 * truth.mu_t[i].abs(),
                        "{eta:?}: mean {i} is off by {error:.1e}, {:.1e} claimed",
                        found.mcse[i]
                    );
                }
                let a = |m: &Moments| m.log_normalizer.as_ref().unwrap()[0];
                let (off, claimed) = ((a(&found) - a(&truth)).abs(), found.log_normalizer_error.as_ref().unwrap()[0]);
                assert!(off <= claimed + 1e-12, "{eta:?}: A is off by {off:.1e}, {claimed:.1e} claimed");
            }
        }
    }
    assert!(integrated * 2 > all, "{integrated} of {all}");
}
