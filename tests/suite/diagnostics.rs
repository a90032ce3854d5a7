//! Diagnostics of chains against ArviZ and R's posterior: golden/diagnostics.py.

use nnef::sample::diagnose;
use serde_json::Value;

/// Agreement asked of every number, absolute and relative.
const WITHIN: f64 = 1e-8;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/diagnostics.json")).unwrap()
}

/// The generator of golden/diagnostics.py.
fn draws(case: &Value) -> Vec<Vec<f64>> {
    let number = |key: &str| case[key].as_f64().unwrap();
    let (phi, shift, spread) = (number("phi"), number("shift"), number("spread"));
    let mut out: Vec<Vec<f64>> = Vec::new();
    for c in 0..case["chains"].as_u64().unwrap() {
        let (mut x, mut y) = (12345 + 977 * c, 0.0);
        let draw = |_| {
            x = (1_664_525 * x + 1_013_904_223) % (1 << 32);
            y = phi * y + ((x as f64 + 0.5) / 4_294_967_296.0 - 0.5);
            let v = (1.0 + spread * c as f64) * y + shift * c as f64;
            match case["shape"].as_str().unwrap() {
                "heavy" => v * v * v,
                "levels" => (4.0 * v).floor(),
                _ => v,
            }
        };
        out.push((0..case["draws"].as_u64().unwrap()).map(draw).collect());
    }
    match case["flaw"].as_str().unwrap() {
        "constant" => out.iter_mut().for_each(|c| c.fill(1.5)),
        "nan" => out[0][1] = f64::NAN,
        "inf" => out[0][1] = f64::INFINITY,
        _ => {}
    }
    out
}

fn value(name: &str, chains: &[&[f64]]) -> f64 {
    match name {
        "rhat_rank" => diagnose::rhat_rank(chains),
        "rhat_split" => diagnose::summarize(chains).rhat,
        "ess_mean" => diagnose::ess_mean(chains),
        "ess_bulk" => diagnose::ess_bulk(chains),
        "ess_tail" => diagnose::ess_tail(chains),
        "ess_quantile10" => diagnose::ess_quantile(chains, 0.1),
        "ess_quantile30" => diagnose::ess_quantile(chains, 0.3),
        "mcse_mean" => diagnose::mcse_mean(chains),
        "mcse_sd" => diagnose::mcse_sd(chains),
        "mcse_quantile10" => diagnose::mcse_quantile(chains, 0.1),
        "mcse_quantile50" => diagnose::mcse_quantile(chains, 0.5),
        other => panic!("no diagnostic '{other}'"),
    }
}

/// Disagreements of one case, and the largest difference seen.
fn compare(name: &str, chains: &[Vec<f64>], values: &Value, known: &[(&str, &str)]) -> (Vec<String>, f64) {
    let chains: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
    let (mut bad, mut worst) = (Vec::new(), 0.0_f64);
    for (key, expected) in values.as_object().unwrap() {
        if known.contains(&(name, key.as_str())) {
            continue;
        }
        let (got, expected) = (value(key, &chains), expected.as_f64().unwrap_or(f64::NAN));
        let error = (got - expected).abs() / (1.0 + expected.abs());
        match got.is_nan() && expected.is_nan() || got == expected {
            true => {}
            false if error <= WITHIN => worst = worst.max(error),
            false => bad.push(format!("{name}: {key} is {got}, expected {expected}")),
        }
    }
    (bad, worst)
}

#[test]
fn diagnostics_agree_with_arviz_edge_cases_included() {
    // Where we follow R's posterior (the halves of one chain are compared), or say of equal draws that they agree.
    let known = [("one chain", "rhat_rank"), ("one chain", "rhat_split"), ("constant", "rhat_split")];
    let (mut bad, mut worst) = (Vec::new(), 0.0_f64);
    for case in golden()["cases"].as_array().unwrap() {
        let (found, error) = compare(case["name"].as_str().unwrap(), &draws(case), &case["values"], &known);
        bad.extend(found);
        worst = worst.max(error);
    }
    println!("largest difference {worst:.1e}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn diagnostics_agree_with_the_published_values_of_posterior() {
    for case in golden()["published"].as_array().unwrap() {
        let chains: Vec<Vec<f64>> = serde_json::from_value(case["chains"].clone()).unwrap();
        let (bad, worst) = compare(case["name"].as_str().unwrap(), &chains, &case["values"], &[]);
        println!("{}: largest difference {worst:.1e}", case["name"]);
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
}

#[test]
fn no_input_is_too_odd() {
    let flat = [1.0; 9];
    let inputs: [&[&[f64]]; 6] =
        [&[], &[&[]], &[&[1.0]], &[&[1.0, 2.0, 3.0, 4.0], &[1.0]], &[&[f64::NAN; 20]], &[&flat, &flat]];
    for chains in inputs {
        for name in ["rhat_rank", "rhat_split", "ess_mean", "ess_bulk", "ess_tail", "mcse_mean", "mcse_sd", "mcse_quantile10"] {
            let _ = value(name, chains);
        }
    }
    assert_eq!(diagnose::ess_bulk(&[&flat, &flat]), 16.0);
    assert!(diagnose::rhat_rank(&[&flat, &flat]).is_nan());
    assert!(diagnose::quantile(&[], 0.5).is_nan());
    assert_eq!(diagnose::quantile(&[2.0], 0.9), 2.0);
}
