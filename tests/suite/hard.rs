//! Chains in hard places: funnels, long tails, narrow ridges, and conditions that hold far away or in little room. Truth is a
//! closed form, quadrature, or what every draw has to satisfy. Without the gate for long tails and the search for starts the tests
//! of those fail; funnels in the plane and light tails are here so that they stay as they are.

use crate::controls::family;
use crate::language::eval;
use nnef::family::{Family, Moments};
use nnef::num::observe::Monitor;
use nnef::sample::{HmcOptions, LabelOptions, Method, NutsOptions, labels, sample_hmc};

fn options(method: Method, seed: u64) -> LabelOptions {
    LabelOptions {
        method,
        hmc: HmcOptions { seed, ..HmcOptions::default() },
        nuts: NutsOptions { seed, ..NutsOptions::default() },
        ..LabelOptions::default()
    }
}

fn run(family: &Family, eta: &[f64], method: Method, seed: u64) -> Moments {
    labels(family, eta, &options(method, seed), &Monitor::silent()).unwrap()
}

/// For each row that passes its gates the error of each statistic in standard errors, and the number of rows that do not.
fn ungated(family: &Family, eta: &[f64], method: Method, seeds: u64) -> (Vec<f64>, usize) {
    let (k, truth) = (family.dim(), labels(family, eta, &LabelOptions::default(), &Monitor::silent()).unwrap());
    assert!(truth.method.iter().all(|m| ["closed_form", "quadrature"].contains(m)));
    let (mut z, mut gated) = (vec![], 0);
    for seed in 0..seeds {
        let found = run(family, eta, method, seed);
        for row in 0..eta.len() / k {
            if found.gate[row].is_empty() {
                z.extend((row * k..(row + 1) * k).map(|i| (found.mu_t[i] - truth.mu_t[i]) / found.mcse[i]));
            } else {
                gated += 1;
            }
        }
    }
    (z, gated)
}

fn rms(z: &[f64]) -> f64 {
    (z.iter().map(|z| z * z).sum::<f64>() / z.len().max(1) as f64).sqrt()
}

/// A normal-Wishart law of few degrees of freedom: the mean has the tails of Student's t with 2 eta_log_det_W + 1 of them, Cauchy's
/// at 0, and widens as the precision falls. Chains that have not been far out are up to 0.4 standard deviations off in log_det_W,
/// many standard errors, and agree with each other. Truth is the closed form.
#[test]
fn long_tails_and_funnels_are_right_or_gated() {
    let family = family("ef::normal_wishart(2)");
    let row = |i: usize, low: f64, high: f64| {
        let (t, u) = ((i as f64 * 0.618).fract(), (i as f64 * 0.381).fract());
        [-0.6 - t, 0.2 * u, 0.2 * u, -0.7 - u, 0.4 * t - 0.2, 0.3 - 0.6 * u, low + (high - low) * t, -0.6 - u]
    };
    for method in [Method::Hmc, Method::Nuts] {
        let eta: Vec<f64> = (0..6).flat_map(|i| row(i, -0.25, 0.15)).collect();
        let (z, gated) = ungated(&family, &eta, method, 1);
        println!("{method:?} heavy: {gated} of 6 gated, rms z {:.3}", rms(&z));
        assert!(gated >= 3 && rms(&z) < 1.7, "{method:?}: {gated} {}", rms(&z));
        // Degrees of freedom from 5 on: nothing is refused, and errors are honest.
        let eta: Vec<f64> = (0..8).flat_map(|i| row(i, 2.0, 4.0)).collect();
        let (z, gated) = ungated(&family, &eta, method, 2);
        println!("{method:?} light: {gated} of 16 gated, rms z {:.3}", rms(&z));
        assert!(gated <= 3 && rms(&z) < 1.3, "{method:?}: {gated} {}", rms(&z));
    }
}

/// The same from 2.5 to 5 degrees of freedom, and a normal-gamma law with those of Cauchy's law and more. In stretched coordinates
/// chains come to the end of the tails: nothing is refused, and errors are honest. Without them all of the normal-gamma rows are
/// refused, and two of three of the others, of which the rest is off by 4 standard errors of log_det_W. Truth is the closed form.
#[test]
fn long_tails_are_right_in_stretched_coordinates() {
    let wishart = family("ef::normal_wishart(2)");
    let gamma = family("ef::normal_gamma()");
    let part = |i: usize, by: f64| (i as f64 * by).fract();
    let heavy: Vec<f64> = (0..16)
        .flat_map(|i| {
            let (t, u, v) = (part(i, 0.618), part(i, 0.382), part(i, 0.755));
            [-0.6 - t, 0.2 * u, 0.2 * u, -0.7 - u, 0.4 * t - 0.2, 0.3 - 0.6 * u, 0.25 + 1.25 * v, -0.6 - u]
        })
        .collect();
    let cauchy: Vec<f64> =
        (0..16).flat_map(|i| [0.8 * part(i, 0.618), -0.6 - part(i, 0.382), 0.4 * part(i, 0.755), -1.0]).collect();
    for (family, eta) in [(&wishart, heavy), (&gamma, cauchy)] {
        let (z, gated) = ungated(family, &eta, Method::Hmc, 2);
        println!("{}: {gated} of 32 gated, rms z {:.3}", family.name(), rms(&z));
        assert!(gated <= 4 && (0.7..1.3).contains(&rms(&z)), "{}: {gated} {}", family.name(), rms(&z));
    }
    // Draws, too: half of the mass of a Cauchy law lies beyond its quartiles.
    let options = HmcOptions { samples: 16_000, seed: 3, ..HmcOptions::default() };
    let chains = sample_hmc(&gamma, &[0.0, -1.0, 0.0, -1.0], &options, &Monitor::silent()).unwrap();
    let beyond = chains.draws.chunks(2).filter(|x| x[0].abs() > 1.0).count() as f64 / 16_000.0;
    println!("beyond the quartiles of Cauchy's law: {beyond}, gate '{}'", chains.conduct.gate);
    assert!(chains.conduct.gate.is_empty() && (beyond - 0.5).abs() < 0.03, "{beyond}");
}

/// Neal's funnel, x1 ~ N(0, e^x0) given x0 ~ N(0, s^2), and a ridge a hundredth as wide as it is long. Truth is quadrature.
#[test]
fn funnels_and_ridges_in_the_plane_are_right_or_gated() {
    let funnel = family(
        "family(#{x: real(2), stats: |x| #{a: x[0], aa: x[0]*x[0], b: x[1]*x[1]*exp(-x[0]) + x[0], c: tanh(x[1]), d: abs(x[1])}})",
    );
    let ridge = family(
        "family(#{x: real(2), stats: |x| { let y = x[1] - x[0]*x[0]; #{r: y*y + 0.0001*x[0]*x[0], a: x[0], b: tanh(x[1])} }})",
    );
    let cases = [
        ("funnel", &funnel, vec![0.0, -0.5, -0.5, 0.1, 0.0, 0.0, -1.0 / 18.0, -0.5, 0.1, 0.0]),
        ("ridge", &ridge, vec![0.0, 0.1, -5e3]),
    ];
    for (name, family, eta) in cases {
        for method in [Method::Hmc, Method::Nuts] {
            let (z, gated) = ungated(family, &eta, method, 1);
            println!("{name} {method:?}: {gated} gated, rms z {:.3} of {}", rms(&z), z.len());
            assert!(z.is_empty() || rms(&z) < 2.0, "{name} {method:?}: {}", rms(&z));
        }
    }
}

/// Light tails diverge at the usual step and come to no harm by it: they are not sampled twice. Truth is quadrature.
#[test]
fn divergences_that_a_shorter_step_cures_do_no_harm() {
    let family = family("family(#{x: real(2), stats: |x| #{a: x, q: x**4, c: x[0]*x[1]}})");
    let eta = [0.3, 0.0, 0.5, -1.0, -1.0, 0.0, 0.1, -0.3, -0.2, -2.0];
    let found = run(&family, &eta, Method::Hmc, 0);
    println!("{:?} {:?}", found.divergences, found.gate);
    let (z, gated) = ungated(&family, &eta, Method::Hmc, 4);
    assert!(gated == 0 && rms(&z) < 1.5, "{gated} {}", rms(&z));
}

/// Conditions, with the number of coordinates.
const CONDITIONS: [(usize, &str); 11] = [
    (2, "(x[0]-3.0)*(x[0]-3.0) + x[1]*x[1] < 1.0"),
    (2, "(x[0]-1000.0)*(x[0]-1000.0) + x[1]*x[1] < 0.0001"),
    (5, "(x[0]-1000.0)*(x[0]-1000.0) + sum(x*x) - x[0]*x[0] < 0.0001"),
    (2, "and(1.0 < x[0]*x[0] + x[1]*x[1], x[0]*x[0] + x[1]*x[1] < 1.001)"),
    (2, "x[0] + x[1] > 12.0"),
    (5, "x[0] + x[1] > 1000.0"),
    (2, "abs(x[0] - x[1] - 5.0) < 0.001"),
    (3, "and(sum(x) > 20.0, sum(x) < 20.01)"),
    (5, "min(min(min(x[0], x[1]), min(x[2], min(x[3], x[4]))) - 5.0, 26.0 - sum(x)) > 0.0"),
    (2, "or((x[0]-30.0)*(x[0]-30.0) + x[1]*x[1] < 0.01, x[0] < -50.0)"),
    (2, "not((x[0]-3.0)*(x[0]-3.0) + x[1]*x[1] > 0.001)"),
];

fn restricted(d: usize, condition: &str) -> String {
    format!(
        "let f = family(#{{x: real({d}), where: |x| {condition}, stats: |x| #{{l: x, q: x*x}}}}); let e = [];
        for i in 0..{d} {{ e.push(0.1); }} for i in 0..{d} {{ e.push(-0.5); }} "
    )
}

/// Every draw satisfies the condition: a chain that starts outside would be an error.
#[test]
fn chains_find_a_start_wherever_comparisons_hold() {
    for (d, condition) in CONDITIONS {
        for method in ["hmc", "nuts"] {
            let code = format!(
                "{} let c = f.sample(e, #{{method: \"{method}\", draws: 40, seed: 2}}); min(f.log_density(c.draws[0], e)) > -1e300",
                restricted(d, condition)
            );
            assert_eq!(eval(&code).unwrap_or_else(|e| panic!("{condition} {method}: {e}")), "true");
        }
    }
    // One seed, one start.
    let code = format!("{} to_json(f.sample(e, #{{draws: 20, seed: 3}}).draws)", restricted(2, CONDITIONS[0].1));
    assert_eq!(eval(&code).unwrap(), eval(&code).unwrap());
}

/// Where chains mix, what they find from there is right. Truth is quadrature, which finds these regions by itself.
#[test]
fn chains_in_regions_far_away_have_the_right_means() {
    for condition in [CONDITIONS[0].1, "(x[0]-1000.0)*(x[0]-1000.0) + x[1]*x[1] < 1.0", CONDITIONS[9].1] {
        let family = family(&format!("family(#{{x: real(2), where: |x| {condition}, stats: |x| #{{l: x, q: x*x}}}})"));
        let (z, gated) = ungated(&family, &[0.1, 0.1, -0.5, -0.5], Method::Hmc, 3);
        println!("{condition}: {gated} gated, rms z {:.3}", rms(&z));
        assert!(gated <= 1 && rms(&z) < 2.0, "{condition}: {gated} {}", rms(&z));
    }
}

/// What does not find the region says which method looks for it; where nothing holds, what to write.
#[test]
fn methods_that_do_not_find_a_region_say_so() {
    let far = restricted(2, CONDITIONS[1].1);
    for method in ["importance", "smc"] {
        let error = eval(&format!("{far} f.mean(e, #{{method: \"{method}\"}})")).unwrap_err();
        assert!(error.contains("positive density") && error.contains("method: \"hmc\" looks for it"), "{method}: {error}");
    }
    // Left to itself the engine goes on to what finds it.
    let five = restricted(5, "(x[0]-30.0)*(x[0]-30.0) + sum(x*x) - x[0]*x[0] < 0.0001");
    assert_eq!(eval(&format!("{five} f.mean(e).method")).unwrap(), "hmc");
    for method in ["hmc", "nuts"] {
        let error = eval(&format!("{} f.mean(e, #{{method: \"{method}\"}})", restricted(2, "sum(x*x) < -1.0"))).unwrap_err();
        assert!(error.contains("no point where the density is positive") && error.contains("smooth comparisons"), "{error}");
    }
}
