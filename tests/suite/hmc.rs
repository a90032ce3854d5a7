//! HMC against exact means: control variates, standard errors, gates, retries and targets. Seen failing on planted faults.

use crate::controls::family;
use nnef::family::{Family, Moments};
use nnef::num::observe::Monitor;
use nnef::sample::{HmcOptions, LabelOptions, Method, labels};
use std::sync::Arc;

/// Families that mix, bounded ones among them, with exact means by closed form or quadrature.
const FAMILIES: [(&str, &str); 7] = [
    (
        "quartic",
        "family(#{x: real(1), stats: |x| #{x: x[0], x2: x[0]*x[0], x4: x[0]*x[0]*x[0]*x[0]}, eta: #{x: [-3.0, 3.0], x2: [-3.0, 3.0], x4: [-2.0, -0.3]}})",
    ),
    ("laplace", "ef::laplace_product(1)"),
    (
        "half_line",
        "family(#{x: positive(1), stats: |x| #{l: log(x[0]), x: x[0], x2: x[0]*x[0]}, eta: #{l: [-0.7, 3.0], x: [-3.0, 1.0], x2: [-1.0, -0.1]}})",
    ),
    (
        "box",
        "family(#{x: interval(-1, 1), stats: |x| #{x: x[0], x2: x[0]*x[0], x4: x[0]*x[0]*x[0]*x[0], s: sin(3.0*x[0])}, eta: #{x: [-4.0, 4.0], x2: [-4.0, 4.0], x4: [-4.0, 4.0], s: [-4.0, 4.0]}})",
    ),
    (
        "banana",
        "family(#{x: real(2), stats: |x| { let a = x[0]; let b = x[1]; #{a: a, aa: a*a, aaaa: a*a*a*a, aab: a*a*b, ab: a*b, b: b, bb: b*b} }, eta: #{a: [-1.0, 1.0], b: [-1.0, 1.0], aa: [-1.0, 1.0], bb: [-1.0, -0.5], ab: [-0.5, 0.5], aab: [-1.0, 1.0], aaaa: [-1.5, -0.6]}})",
    ),
    ("dirichlet", "ef::dirichlet(3)"),
    ("gaussian", "ef::gaussian()"),
];

/// A family with exact means and standard deviations at some eta.
struct Case {
    family: Arc<Family>,
    eta: Vec<f64>,
    mean: Vec<f64>,
    sd: Vec<f64>,
}

fn run(family: &Family, eta: &[f64], hmc: HmcOptions) -> Moments {
    labels(family, eta, &LabelOptions { method: Method::Hmc, hmc, ..LabelOptions::default() }, &Monitor::silent()).unwrap()
}

fn case(name: &'static str, code: &str, rows: usize) -> Case {
    let family = family(code);
    let eta = family.draw_eta(rows, 7).unwrap();
    let exact = labels(&family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
    assert!(exact.method.iter().all(|m| *m != "hmc"), "{name} has no exact means");
    let (k, cov) = (family.dim(), exact.cov_tt.unwrap());
    let sd = (0..exact.mu_t.len()).map(|i| cov[(i / k) * k * k + (i % k) * (k + 1)].sqrt()).collect();
    Case { family, eta, mean: exact.mu_t, sd }
}

fn mean_square(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64
}

/// Errors in units of the standard error, and of the standard deviation.
fn errors(case: &Case, control_variates: bool) -> (Vec<f64>, Vec<f64>) {
    let found = run(&case.family, &case.eta, HmcOptions { control_variates, seed: 4, ..HmcOptions::default() });
    let error = |i: usize| found.mu_t[i] - case.mean[i];
    let all = 0..case.mean.len();
    (all.clone().map(|i| error(i) / found.mcse[i]).collect(), all.map(|i| error(i) / case.sd[i]).collect())
}

#[test]
fn errors_are_honest_and_control_variates_gain() {
    let (mut without, mut with, mut gained) = (vec![], vec![], 0);
    for (name, code) in FAMILIES {
        let case = case(name, code, 32);
        let ((z, plain), (adjusted, small)) = (errors(&case, false), errors(&case, true));
        let gain = mean_square(&plain) / mean_square(&small);
        println!(
            "{name:10} rms z {:.3}, with controls {:.3}, gain {gain:.1e}",
            mean_square(&z).sqrt(),
            mean_square(&adjusted).sqrt()
        );
        assert!(mean_square(&z).sqrt() < 1.35, "{name}: rms z {}", mean_square(&z).sqrt());
        gained += usize::from(gain >= 20.0);
        without.extend(z);
        // A Gaussian is exact: nothing but rounding is left to judge.
        if name == "gaussian" {
            assert!(mean_square(&small).sqrt() < 1e-9, "{}", mean_square(&small));
        } else {
            assert!(mean_square(&adjusted).sqrt() < 1.35, "{name}: rms z {} with controls", mean_square(&adjusted).sqrt());
            with.extend(adjusted);
        }
    }
    assert!(gained >= 5, "{gained} families gain twentyfold");
    for z in [without, with] {
        let rms = mean_square(&z).sqrt();
        println!("all        rms z {rms:.3} over {}", z.len());
        assert!(z.len() >= 500 && rms > 0.85 && rms < 1.2, "rms z {rms} over {}", z.len());
    }
}

#[test]
fn a_target_is_reached_or_the_row_says_that_it_is_not() {
    let quartic = case(FAMILIES[0].0, FAMILIES[0].1, 4);
    // Plain HMC is not sampled again: what a target adds is seen alone.
    let plain = HmcOptions { adapt: false, step_size: 0.1, integration_steps: 5, ..HmcOptions::default() };
    let options = HmcOptions { control_variates: false, ..plain };
    let found = run(&quartic.family, &quartic.eta, HmcOptions { target_mcse: Some(0.012), ..options.clone() });
    for i in 0..quartic.mean.len() {
        assert!(found.mcse[i] <= 0.0121 * quartic.sd[i] * 1.05, "{} of {}", found.mcse[i], quartic.sd[i]);
        assert!((found.mu_t[i] - quartic.mean[i]).abs() < 0.06 * quartic.sd[i]);
    }
    assert!(found.gate.iter().all(|g| g.is_empty()) && found.ess.iter().all(|e| *e > 6500.0), "{:?}", found.gate);
    let short = HmcOptions { samples: 160, target_mcse: Some(1e-4), ..options.clone() };
    let found = run(&quartic.family, &quartic.eta[..3], short);
    assert_eq!(found.gate, ["mcse"]);
    assert!(HmcOptions { target_mcse: Some(0.0), ..options }.check().is_err());
}

#[test]
fn modes_that_do_not_mix_fail_a_gate() {
    // Two modes where x0 + x1 is -3.9 and 3.9, behind a barrier of 22 nats, on a narrow diagonal: no coordinate jumps alone.
    let family = family(
        "family(#{x: real(2), stats: |x| { let s = x[0] + x[1]; #{s: s, s2: s*s, s4: s*s*s*s, v: (x[0] - x[1])*(x[0] - x[1])} }})",
    );
    let eta = [0.0, 3.0, -0.1, -5.0, 0.1, -1.0, -0.3, -1.0, 0.0, 3.0, -0.1, -5.0];
    let options = HmcOptions { samples: 1600, ..HmcOptions::default() };
    let found = run(&family, &eta, options.clone());
    assert_eq!(found.gate, ["rhat", "", "rhat"]);
    // Retries of one row leave its neighbours as they are.
    let alone = run(&family, &eta[..8], options);
    assert_eq!(alone.mu_t[..], found.mu_t[..8]);
    assert_eq!(alone.mcse[..], found.mcse[..8]);
}

#[test]
fn modes_apart_along_coordinates_are_visited_as_often_as_they_deserve() {
    // Behind a barrier of 22 nats, and one of 18 with a mode of one hundredth of the mass.
    let one = case(
        "one",
        "family(#{x: real(1), stats: |x| #{x: x[0], x2: x[0]*x[0], x4: x[0]*x[0]*x[0]*x[0]}, eta: #{x: [-0.6, 0.6], x2: [2.9, 3.1], x4: [-0.11, -0.1]}})",
        20,
    );
    // Four modes that a coupling weighs.
    let two = case(
        "two",
        "family(#{x: real(2), stats: |x| #{x2: x*x, x4: x*x*x*x, b: x[0]*x[1]}, eta: #{x2: [1.9, 2.1], x4: [-0.16, -0.14], b: [-0.1, 0.1]}})",
        20,
    );
    for case in [one, two] {
        for control_variates in [false, true] {
            let found = run(&case.family, &case.eta, HmcOptions { control_variates, ..HmcOptions::default() });
            let z: Vec<f64> = (0..case.mean.len()).map(|i| (found.mu_t[i] - case.mean[i]) / found.mcse[i]).collect();
            let rms = (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt();
            // Statistics of one eta hang together: 20 to 40 free numbers, rms beyond 1.5 by chance less than once in 1e4.
            assert!(found.gate.iter().all(|g| g.is_empty()) && rms < 1.5, "{control_variates}: {rms} {:?}", found.gate);
        }
    }
}

#[test]
fn scales_far_apart_need_no_long_warm_up() {
    // Standard deviations 1e-4 and 1e4.
    let family = family("family(#{x: real(2), stats: |x| #{x: x, x2: x*x}})");
    let eta = [0.0, 0.0, -5e7, -5e-9];
    let found = run(&family, &eta, HmcOptions { warmup: 50, control_variates: false, ..HmcOptions::default() });
    assert_eq!(found.gate, [""]);
    for (i, truth) in [0.0, 0.0, 1e-8, 1e8].into_iter().enumerate() {
        assert!(((found.mu_t[i] - truth) / found.mcse[i]).abs() < 4.0, "{i}: {} +- {}", found.mu_t[i], found.mcse[i]);
    }
    assert!(found.ess[0] > 300.0, "{}", found.ess[0]);
}

#[test]
fn a_trajectory_that_leaves_a_region_is_no_divergence() {
    let disk = case(
        "disk",
        "family(#{x: real(2), where: |x| x[0]*x[0] + x[1]*x[1] < 1.0, stats: |x| #{x: x, q: x*x}, eta: #{x: [-1, 1], q: [-1, 1]}})",
        12,
    );
    let found = run(&disk.family, &disk.eta, HmcOptions::default());
    assert!(found.gate.iter().all(|g| g.is_empty()) && found.divergences.iter().all(|d| *d == 0), "{:?}", found.gate);
    let z: Vec<f64> = (0..disk.mean.len()).map(|i| (found.mu_t[i] - disk.mean[i]) / found.mcse[i]).collect();
    assert!(z.iter().all(|z| z.abs() < 5.0), "{z:?}");
}

#[test]
fn chains_that_never_move_are_errors() {
    let frozen = HmcOptions { adapt: false, step_size: 1e6, ..HmcOptions::default() };
    let family = family("ef::gaussian()");
    let options = LabelOptions { method: Method::Hmc, hmc: frozen, ..LabelOptions::default() };
    let error = labels(&family, &[0.0, -0.5], &options, &Monitor::silent()).unwrap_err();
    assert!(error.message().contains("never moved"), "{error}");
}
