//! Importance sampling against closed forms and against transfer matrices: golden/importance.py.

use nnef::domain::Support;
use nnef::expr::{Expr, Op};
use nnef::family::{Family, Moments, named};
use nnef::num::observe::Monitor;
use nnef::sample::{ImportanceOptions, LabelOptions, Method, labels};
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
    (cost, rms(&z), rms(&a))
}

#[test]
fn a_chain_treated_as_if_it_had_no_structure() {
    let mut all = vec![];
    for seed in 0..4 {
        let options = importance(seed);
        all.push(on_the_chain("importance", &options, 2048.0));
    }
}

#[test]
fn families_with_closed_forms() {
    for (name, d) in
        [("gaussian", 1), ("gamma", 1), ("beta", 1), ("laplace_product", 3), ("von_mises", 1), ("poisson", 1), ("mvn", 5)]
    {
        let family = named::named(name, d).unwrap();
        let n = 20;
        let eta = family.draw_eta(n, 7).unwrap();
        let truth = run(&family, &eta, &LabelOptions::default());
        let start = Instant::now();
        let found = run(&family, &eta, &importance(3));
        let time = start.elapsed().as_secs_f64() / n as f64;
        let k = family.dim();
        let cov = truth.cov_tt.as_ref().unwrap();
        let (mut z, mut e) = (vec![], vec![]);
        for i in 0..n * k {
            z.push((found.mu_t[i] - truth.mu_t[i]) / found.mcse[i]);
            e.push((found.mu_t[i] - truth.mu_t[i]) / cov[i / k * k * k + (i % k) * (k + 1)].sqrt());
        }
        let a: Vec<f64> =
            (0..n).map(|i| found.log_normalizer.as_ref().unwrap()[i] - truth.log_normalizer.as_ref().unwrap()[i]).collect();
        let failed = found.gate.iter().filter(|g| !g.is_empty()).count();
        println!(
            "{name}: rms z {:.3}, rmse {:.2e} sd, rmse of A {:.2e}, failed {failed}, {:.2} ms a row",
            rms(&z),
            rms(&e),
            rms(&a),
            1e3 * time
        );
    }
}
