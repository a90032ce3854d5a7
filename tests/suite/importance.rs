//! Importance sampling against closed forms and against transfer matrices: golden/importance.py.

use nnef::domain::Support;
use nnef::expr::{Expr, Op};
use nnef::family::{Family, Moments, named};
use nnef::num::observe::Monitor;
use nnef::sample::{ImportanceOptions, LabelOptions, Method, SmcOptions, labels};
use serde_json::Value;
use std::time::Instant;

fn importance(seed: u64) -> LabelOptions {
    LabelOptions {
        method: Method::Importance,
        importance: ImportanceOptions { seed, ..ImportanceOptions::default() },
        ..LabelOptions::default()
    }
}

fn run(family: &Family, eta: &[f64], options: &LabelOptions) -> Moments {
    labels(family, eta, options, &Monitor::silent()).unwrap()
}

fn rms(z: &[f64]) -> f64 {
    (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt()
}

/// Ten coordinates in a chain: x_i, x_i x_(i+1), x_i^2, x_i^4.
fn chain() -> Family {
    let times = |a: &Expr, b: &Expr| a.binary(Op::Mul, b);
    Family::trace(
        "chain",
        Support::real(10).unwrap(),
        |x| {
            let square = times(x, x)?;
            let pairs: Vec<Expr> =
                (0..9).map(|i| times(&x.index(i)?, &x.index(i + 1)?)).collect::<Result<_, nnef::error::Error>>()?;
            let mut stats = vec![
                ("lin".to_string(), x.clone()),
                ("quad".into(), square.clone()),
                ("quart".into(), times(&square, &square)?),
            ];
            stats.extend(pairs.into_iter().enumerate().map(|(i, p)| (format!("pair{i}"), p)));
            Ok(stats)
        },
        None,
    )
    .unwrap()
}

struct Row {
    eta: Vec<f64>,
    mu: Vec<f64>,
    sd: Vec<f64>,
    log_normalizer: f64,
}

fn golden() -> Vec<Row> {
    let golden: Value = serde_json::from_str(include_str!("golden/importance.json")).unwrap();
    let numbers = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>();
    let row = |r: &Value| Row {
        eta: numbers(&r["eta"]),
        mu: numbers(&r["mu"]),
        sd: numbers(&r["sd"]),
        log_normalizer: r["log_normalizer"].as_f64().unwrap(),
    };
    golden["chain"].as_array().unwrap().iter().map(row).collect()
}

/// What a method reaches on the chain: points for each effective sample, rms z, and rms error of A.
fn on_the_chain(name: &str, options: &LabelOptions, points: f64) -> (f64, f64, f64) {
    let (family, rows) = (chain(), golden());
    let eta: Vec<f64> = rows.iter().flat_map(|r| r.eta.clone()).collect();
    let start = Instant::now();
    let found = run(&family, &eta, options);
    let time = start.elapsed().as_secs_f64();
    let (mut z, mut errors, mut a) = (vec![], vec![], vec![]);
    for (i, row) in rows.iter().enumerate() {
        for s in 0..39 {
            let error = found.mu_t[39 * i + s] - row.mu[s];
            z.push(error / found.mcse[39 * i + s]);
            errors.push(error / row.sd[s]);
        }
        a.push(found.log_normalizer.as_ref().unwrap()[i] - row.log_normalizer);
    }
    let cost = points * rms(&errors).powi(2);
    let failed = found.gate.iter().filter(|g| !g.is_empty()).count();
    println!(
        "{name}: {cost:.3} points an effective sample, rms z {:.3}, rmse of A {:.4}, {failed} rows fail their gate, {:.2} ms a row",
        rms(&z),
        rms(&a),
        1e3 * time / rows.len() as f64
    );
    assert!(failed <= 2, "{failed} rows fail their gate");
    (cost, rms(&z), rms(&a))
}

/// The root mean square of each of three figures.
fn together(all: &[(f64, f64, f64)]) -> (f64, f64, f64) {
    let mean = all.iter().map(|r| r.0).sum::<f64>() / all.len() as f64;
    (mean, rms(&all.iter().map(|r| r.1).collect::<Vec<_>>()), rms(&all.iter().map(|r| r.2).collect::<Vec<_>>()))
}

#[test]
fn a_chain_treated_as_if_it_had_no_structure() {
    // 24 eta, 39 statistics, 4 seeds: 3744 z-scores. 2048 points and a pilot of 1024.
    let all: Vec<_> = (0..4).map(|seed| on_the_chain("importance", &importance(seed), 3072.0)).collect();
    let (cost, z, a) = together(&all);
    println!("all: {cost:.3} points an effective sample, rms z {z:.3}, rmse of A {a:.4}");
    assert!(cost < 1.0, "{cost} points an effective sample");
    assert!((0.85..1.2).contains(&z), "rms z {z}");
    assert!(a < 0.03, "rmse of A {a}");
}

#[test]
fn without_control_variates_the_chain_costs_more_and_errors_stay_honest() {
    let plain = |seed| {
        let options = importance(seed);
        LabelOptions { importance: ImportanceOptions { control_variates: false, ..options.importance }, ..options }
    };
    let all: Vec<_> = (0..4).map(|seed| on_the_chain("plain", &plain(seed), 3072.0)).collect();
    let (cost, z, _) = together(&all);
    println!("all: {cost:.3} points an effective sample, rms z {z:.3}");
    assert!(cost < 4.0 && (0.85..1.2).contains(&z), "{cost}, rms z {z}");
}

#[test]
fn families_with_closed_forms() {
    let sizes =
        [("gaussian", 1), ("gamma", 1), ("beta", 1), ("laplace_product", 3), ("von_mises", 1), ("poisson", 1), ("mvn", 5)];
    for (name, d) in sizes {
        let family = named::named(name, d).unwrap();
        let (n, k) = (20, family.dim());
        let eta = family.draw_eta(n, 7).unwrap();
        let truth = run(&family, &eta, &LabelOptions::default());
        let found = run(&family, &eta, &importance(3));
        let (cov, a) = (truth.cov_tt.as_ref().unwrap(), truth.log_normalizer.as_ref().unwrap());
        let error = |i: usize| found.mu_t[i] - truth.mu_t[i];
        let z: Vec<f64> = (0..n * k).map(|i| error(i) / found.mcse[i]).collect();
        let sd: Vec<f64> = (0..n * k).map(|i| error(i) / cov[i / k * k * k + (i % k) * (k + 1)].sqrt()).collect();
        let of_a: Vec<f64> = found.log_normalizer.as_ref().unwrap().iter().zip(a).map(|(a, b)| a - b).collect();
        println!("{name}: rms z {:.3}, rmse {:.2e} sd, rmse of A {:.2e}", rms(&z), rms(&sd), rms(&of_a));
        assert!(rms(&z) < 1.2, "{name}: rms z {}", rms(&z));
        assert!(rms(&sd) < 3e-3, "{name}: rmse {} sd", rms(&sd));
        // Without couplings the weights are equal but for the table; with them a fitted Gaussian is all there is.
        let expected = if name == "mvn" { 2e-2 } else { 5e-5 };
        assert!(rms(&of_a) < expected, "{name}: rmse of A {}", rms(&of_a));
        assert!(found.gate.iter().all(|g| g.is_empty()) && found.method.iter().all(|m| *m == "importance"), "{name}");
    }
}

#[test]
fn rows_do_not_depend_on_neighbours_or_threads() {
    let (family, rows) = (chain(), golden());
    let eta: Vec<f64> = rows[..3].iter().flat_map(|r| r.eta.clone()).collect();
    let pool = |n: usize| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let one = pool(1).install(|| run(&family, &eta, &importance(2)));
    let two = pool(2).install(|| run(&family, &eta, &importance(2)));
    let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one.mu_t), bits(&two.mu_t));
    let alone = run(&family, &eta[..39], &importance(2));
    assert_eq!(bits(&alone.mu_t), bits(&one.mu_t[..39]));
}

#[test]
fn auto_weighs_where_it_cannot_integrate() {
    // Five coordinates, all pairs coupled: no axis to integrate along, no chain to follow.
    let all = Family::trace(
        "all",
        Support::real(5).unwrap(),
        |x| {
            let square = x.binary(Op::Mul, x)?;
            let mut stats = vec![("quart".to_string(), square.binary(Op::Mul, &square)?)];
            for i in 0..5 {
                for j in 0..i {
                    stats.push((format!("pair{i}{j}"), x.index(i)?.binary(Op::Mul, &x.index(j)?)?));
                }
            }
            Ok(stats)
        },
        None,
    )
    .unwrap();
    let eta: Vec<f64> = [[0.3; 10].as_slice(), &[-1.0; 5]].concat();
    let found = run(&all, &eta, &LabelOptions::default());
    assert_eq!((found.method[0], found.gate[0]), ("importance", ""));
    let other = run(&all, &eta, &LabelOptions { method: Method::Smc, ..LabelOptions::default() });
    for i in 0..15 {
        let error = found.mcse[i].hypot(other.mcse[i]);
        assert!((found.mu_t[i] - other.mu_t[i]).abs() < 5.0 * error, "{i}: {} and {}", found.mu_t[i], other.mu_t[i]);
    }
}

#[test]
fn bad_input_is_refused_with_both_sides() {
    let family = chain();
    let eta = &golden()[0].eta;
    let with =
        |importance: ImportanceOptions| LabelOptions { method: Method::Importance, importance, ..LabelOptions::default() };
    let fails = |family: &Family, eta: &[f64], options: &LabelOptions| {
        labels(family, eta, options, &Monitor::silent()).unwrap_err().to_string()
    };
    let none = fails(&family, eta, &with(ImportanceOptions { samples: 0, ..ImportanceOptions::default() }));
    assert!(none.contains("samples is 0") && none.contains("128"), "{none}");
    let one = fails(&family, eta, &with(ImportanceOptions { replicates: 1, ..ImportanceOptions::default() }));
    assert!(one.contains("replicates is 1"), "{one}");
    // exp(-x^2 y^2) has no finite integral: the weights say so, where nothing else does.
    let flat = Family::trace(
        "flat",
        Support::real(2).unwrap(),
        |x| {
            let product = x.index(0)?.binary(Op::Mul, &x.index(1)?)?;
            Ok(vec![("q".to_string(), product.binary(Op::Mul, &product)?)])
        },
        None,
    )
    .unwrap();
    let found = labels(&flat, &[-1.0], &with(ImportanceOptions::default()), &Monitor::silent());
    assert!(found.is_err() || found.unwrap().gate == ["khat"]);
}

#[test]
fn tempered_populations_on_the_chain() {
    let smc = |seed| LabelOptions {
        method: Method::Smc,
        smc: SmcOptions { seed, ..SmcOptions::default() },
        ..LabelOptions::default()
    };
    let all: Vec<_> = (0..2).map(|seed| on_the_chain("smc", &smc(seed), 1.0)).collect();
    let (error, z, a) = together(&all);
    println!("all: mean square error {error:.5} variances, rms z {z:.3}, rmse of A {a:.4}");
    // 1024 particles, four ends each.
    assert!(error < 1.0 / 800.0, "mean square error {error}");
    assert!((0.85..1.2).contains(&z), "rms z {z}");
    assert!(a < 0.15, "rmse of A {a}");
}

#[test]
fn tempered_populations_of_a_gaussian_and_on_a_box() {
    for (name, d) in [("mvn", 3), ("beta", 1)] {
        let family = named::named(name, d).unwrap();
        let eta = family.draw_eta(12, 3).unwrap();
        let truth = run(&family, &eta, &LabelOptions::default());
        let found = run(&family, &eta, &LabelOptions { method: Method::Smc, ..LabelOptions::default() });
        let z: Vec<f64> = (0..found.mu_t.len()).map(|i| (found.mu_t[i] - truth.mu_t[i]) / found.mcse[i]).collect();
        let a: Vec<f64> = found.log_normalizer.unwrap().iter().zip(truth.log_normalizer.unwrap()).map(|(a, b)| a - b).collect();
        println!("{name}: rms z {:.3}, rmse of A {:.4}", rms(&z), rms(&a));
        assert!(rms(&z) < 1.2 && rms(&a) < 0.1, "{name}: rms z {}, rmse of A {}", rms(&z), rms(&a));
        assert!(found.gate.iter().all(|g| g.is_empty()), "{name}: {:?} {:?}", found.gate, found.rhat);
    }
}

#[test]
fn log_normalizers_are_within_their_errors() {
    let pair = "real(2), stats: |x| #{a: x, q: x**4, c: x[0]*x[1]}, eta: #{a: [-1, 1], q: [-2, -0.3], c: [-1.5, 1.5]}";
    let edge = "positive(2), stats: |x| #{l: x.log(), x: x, p: x[0]*x[1]}, eta: #{l: [-0.5, 3], x: [-3, -0.5], p: [-1, -0.1]}";
    for method in ["importance", "smc"] {
        let mut z = vec![];
        for family in [pair, edge] {
            let code = format!(
                "let f = family(#{{x: {family}}}); let eta = f.draw_eta(30, #{{seed: 5}}); let m = f.mean(eta, #{{method: \"{method}\"}}); \
                 to_json([m.log_normalizer, m.log_normalizer_error, f.mean(eta, #{{method: \"quadrature\"}}).log_normalizer, \
                 f.mean(eta[0], #{{method: \"hmc\", samples: 200}}).log_normalizer_error])"
            );
            let found: Value = serde_json::from_str(&crate::language::eval(&code).unwrap()).unwrap();
            let at = |what: usize, i: usize| found[what][i].as_f64().unwrap();
            z.extend((0..30).map(|i| (at(0, i) - at(2, i)) / at(1, i)));
            assert!(found[3].is_null(), "chains give no log-normaliser");
        }
        println!("{method}: rms z of A {:.3}", rms(&z));
        assert!((0.8..1.3).contains(&rms(&z)), "{method}: rms z of A {}", rms(&z));
    }
    let closed = crate::language::eval("ef::gamma().mean([1, -1]).log_normalizer_error").unwrap();
    assert_eq!(closed.parse::<f64>().unwrap(), 0.0);
}

#[test]
fn errors_of_rows_that_pass_are_those_that_are_made() {
    // Waves in polynomial tails: rms z was 1.66 by importance, 1.92 by smc. A half line: 0.03 and 0.12, and the test is not
    // met below 0.25.
    let tails: Value = serde_json::from_str(include_str!("golden/tails.json")).unwrap();
    let waves = "family(#{x: real(2), stats: |x| #{t: -log(1 + x*x), u: tanh(x[0] - x[1]), s: sin(x[0]*x[1])}})";
    let edge = "family(#{x: positive(2), stats: |x| #{l: log(x), x: x, p: x[0]*x[1]}, \
                eta: #{l: [-0.5, 3], x: [-3, -0.5], p: [-1, -0.1]}})";
    let cases = [
        (waves, tails["eta"].to_string(), tails["mu"].to_string()),
        (edge, "f.draw_eta(16, #{seed: 120})".into(), "f.mean(eta, #{method: \"quadrature\"}).mu_T".into()),
    ];
    for (family, eta, truth) in &cases {
        for method in ["importance", "smc"] {
            let mut z = vec![];
            for seed in 8..11 {
                let code = format!(
                    "let f = {family}; let eta = {eta}; let m = f.mean(eta, #{{method: \"{method}\", seed: {seed}}}); \
                     to_json([m.mu_T, m.mcse, {truth}, m.gate])"
                );
                let found: Value = serde_json::from_str(&crate::language::eval(&code).unwrap()).unwrap();
                let at = |what: usize, i: usize, s: usize| found[what][i][s].as_f64().unwrap();
                for i in (0..16).filter(|i| found[3][*i] == "") {
                    let k = found[2][i].as_array().unwrap().len();
                    z.extend((0..k).map(|s| (at(0, i, s) - at(2, i, s)) / at(1, i, s)));
                }
            }
            println!("{method}: {} means, rms z {:.3}", z.len(), rms(&z));
            assert!(z.len() >= 120 && (0.25..1.4).contains(&rms(&z)), "{method}: {} means, rms z {}", z.len(), rms(&z));
        }
    }
}

#[test]
fn smc_options_out_of_range_are_refused() {
    let with = |smc: SmcOptions| {
        let options = LabelOptions { method: Method::Smc, smc, ..LabelOptions::default() };
        labels(&named::gaussian().unwrap(), &[0.0, -0.5], &options, &Monitor::silent()).unwrap_err().to_string()
    };
    assert!(with(SmcOptions { particles: 0, ..SmcOptions::default() }).contains("particles is 0"));
    assert!(with(SmcOptions { populations: 1, ..SmcOptions::default() }).contains("populations is 1"));
    let options = LabelOptions { method: Method::Smc, ..LabelOptions::default() };
    let whole = labels(&named::named("poisson", 1).unwrap(), &[0.3], &options, &Monitor::silent()).unwrap_err().to_string();
    assert!(whole.contains("whole numbers"), "{whole}");
}

#[test]
fn points_that_miss_a_part_of_the_density_fail_a_gate() {
    // The separable base of this banana is narrower than the banana: E x0^2 came out as 0.45 instead of 1, with a small error.
    let banana = "let f = family(#{x: real(2), stats: |x| #{a: x[0], b: x[0]*x[0], c: (x[1] - x[0]*x[0])**2}}); ";
    for method in ["smc", "importance"] {
        let gate = crate::language::eval(&format!(
            "{banana} f.mean([0.1, -0.5, -5], #{{method: \"{method}\", control_variates: false}}).gate"
        ))
        .unwrap();
        assert!(["stein", "khat", "populations"].contains(&gate.as_str()), "{method}: '{gate}'");
    }
}

#[test]
fn log_normalizers_come_by_every_route_that_has_them() {
    // Two pairs, each with the integral pi / sqrt(1 - 1/4).
    let truth = 2.0 * (std::f64::consts::PI / 0.75f64.sqrt()).ln();
    let family = "let f = family(#{x: real(4), stats: |x| #{s: x*x, c: [x[0]*x[1], x[2]*x[3]]}}); ";
    for method in ["auto", "quadrature", "importance", "smc"] {
        let a: f64 =
            crate::language::eval(&format!("{family} f.log_normalizer([1, 1, -1, -1, -1, -1], #{{method: \"{method}\"}})"))
                .unwrap()
                .parse()
                .unwrap();
        let within = if method == "auto" || method == "quadrature" { 1e-9 } else { 0.1 };
        assert!((a - truth).abs() < within, "{method}: {a} for {truth}");
    }
    let error =
        crate::language::eval(&format!("{family} f.log_normalizer([1, 1, -1, -1, -1, -1], #{{method: \"hmc\"}})")).unwrap_err();
    assert!(error.contains("no log-normaliser"), "{error}");
}

#[test]
fn what_a_fitted_gaussian_misses_the_base_meets() {
    // Two coupled angles whose density lies across the cut of the circle: 6.4 % of the mass was missed, A was 36 errors too low.
    let code = "let f = family(#{x: circle(2), stats: |x| #{c: cos(x), d: cos(x[0] - x[1])}, eta: #{c: [-2, 2], d: [-3, 3]}}); \
                let eta = f.draw_eta(40, #{seed: 5}); let m = f.mean(eta, #{method: \"importance\", seed: 11}); \
                to_json([m.log_normalizer, m.log_normalizer_error, f.mean(eta, #{method: \"quadrature\"}).log_normalizer, m.gate])";
    let found: Value = serde_json::from_str(&crate::language::eval(code).unwrap()).unwrap();
    let at = |what: usize, i: usize| found[what][i].as_f64().unwrap();
    let z: Vec<f64> = (0..40).filter(|i| found[3][*i] == "").map(|i| (at(0, i) - at(2, i)) / at(1, i)).collect();
    println!("{} rows pass, rms z of A {:.3}", z.len(), rms(&z));
    assert!(z.len() >= 30 && rms(&z) < 1.4, "{} rows pass, rms z of A {}", z.len(), rms(&z));
}
