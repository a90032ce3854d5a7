//! NUTS against closed forms and quadrature; seen failing on planted faults.

use crate::language::session;
use nnef::domain::Support;
use nnef::expr::Op;
use nnef::family::{Family, named};
use nnef::num::observe::Monitor;
use nnef::sample::{LabelOptions, Method, NutsOptions, labels};

fn nuts(seed: u64) -> LabelOptions {
    LabelOptions { method: Method::Nuts, nuts: NutsOptions { seed, ..NutsOptions::default() }, ..LabelOptions::default() }
}

/// exp(eta . (x, x2, x4)).
fn quartic() -> Family {
    let stats = |x: &nnef::expr::Expr| {
        let x = x.index(0)?;
        let x2 = x.binary(Op::Mul, &x)?;
        Ok(vec![("x4".into(), x2.binary(Op::Mul, &x2)?), ("x".into(), x), ("x2".into(), x2)])
    };
    Family::trace("quartic", Support::real(1).unwrap(), stats, None).unwrap()
}

/// exp(eta . (x0^2, x0, (x1 - x0^2)^2)).
fn banana() -> Family {
    let stats = |x: &nnef::expr::Expr| {
        let (a, b) = (x.index(0)?, x.index(1)?);
        let a2 = a.binary(Op::Mul, &a)?;
        let away = b.binary(Op::Sub, &a2)?;
        Ok(vec![("away2".into(), away.binary(Op::Mul, &away)?), ("x".into(), a), ("x2".into(), a2)])
    };
    Family::trace("banana", Support::real(2).unwrap(), stats, None).unwrap()
}

/// Families with rows of eta.
fn cases(n: usize) -> Vec<(Family, Vec<f64>)> {
    let named = [("gaussian", 1), ("gamma", 1), ("beta", 1), ("dirichlet", 3), ("mvn_tril", 3), ("von_mises", 1)];
    let mut out: Vec<(Family, Vec<f64>)> = named
        .iter()
        .map(|(name, d)| named::named(name, *d).unwrap())
        .map(|family| {
            let eta = family.draw_eta(n, 7).unwrap();
            (family, eta)
        })
        .collect();
    let part = |i: usize| i as f64 / n as f64;
    out.push((quartic(), (0..n).flat_map(|i| [1.0 - 2.0 * part(i), 2.0 * part(i) - 1.0, -0.3 - part(i)]).collect()));
    out.push((banana(), (0..n).flat_map(|i| [-0.2 - 0.4 * part(i), part(i) - 0.5, -0.8 - part(i)]).collect()));
    out
}

/// z = (estimate - truth) / mcse of every statistic.
fn z_scores(family: &Family, eta: &[f64], options: &LabelOptions) -> Vec<f64> {
    let truth = labels(family, eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
    assert!(truth.method.iter().all(|m| ["closed_form", "quadrature"].contains(m)), "{}", family.name());
    let found = labels(family, eta, options, &Monitor::silent()).unwrap();
    assert!(found.method.iter().all(|m| *m == "nuts"));
    assert!(found.gate.iter().all(|g| g.is_empty()), "{} {:?} {:?}", family.name(), found.gate, found.rhat);
    (0..truth.mu_t.len()).map(|i| (found.mu_t[i] - truth.mu_t[i]) / found.mcse[i]).collect()
}

fn rms(z: &[f64]) -> f64 {
    (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt()
}

#[test]
fn standard_errors_of_nuts_are_honest() {
    // Dependent statistics of a row count less than independent ones; the bounds are four sigmas of a third as many.
    let mut all = Vec::new();
    for (family, eta) in cases(40) {
        let z = z_scores(&family, &eta, &nuts(11));
        println!("{:16} rms z {:.3} over {}", family.name(), rms(&z), z.len());
        assert!(rms(&z) > 0.7 && rms(&z) < 1.35, "{}: rms z {}", family.name(), rms(&z));
        all.extend(z);
    }
    println!("all              rms z {:.3} over {}", rms(&all), all.len());
    assert!(all.len() >= 500 && rms(&all) > 0.85 && rms(&all) < 1.2, "rms z {}", rms(&all));
}

#[test]
fn long_runs_of_nuts_stay_within_small_errors() {
    // A wrong stationary distribution shows where the standard error is small: a hundredth of a standard deviation.
    for (family, eta) in [(quartic(), vec![0.5, -0.2, -0.6]), (banana(), vec![-1.0, 0.3, -0.7])] {
        let mut options = nuts(5);
        options.nuts.samples = 64_000;
        let z = z_scores(&family, &eta, &options);
        assert!(z.iter().all(|z| z.abs() < 4.0), "{}: z {z:?}", family.name());
    }
}

#[test]
fn covariances_of_nuts_agree_with_closed_forms() {
    let family = named::mvn_tril(3).unwrap();
    let eta = family.draw_eta(4, 5).unwrap();
    let truth = labels(&family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap().cov_tt.unwrap();
    let mut options = nuts(2);
    options.nuts.samples = 16_000;
    let found = labels(&family, &eta, &options, &Monitor::silent()).unwrap().cov_tt.unwrap();
    let k = family.dim();
    for (at, (a, b)) in found.iter().zip(&truth).enumerate() {
        let (row, i, j) = (at / (k * k), at / k % k, at % k);
        let scale = (truth[row * k * k + i * k + i] * truth[row * k * k + j * k + j]).sqrt();
        assert!((a - b).abs() < 0.15 * scale, "{row} {i} {j}: {a} for {b}");
    }
}

#[test]
fn nuts_does_not_depend_on_the_number_of_threads_or_on_neighbours() {
    let family = named::mvn_tril(2).unwrap();
    let eta = family.draw_eta(12, 1).unwrap();
    let mut options = nuts(4);
    (options.nuts.samples, options.nuts.warmup) = (400, 60);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| labels(&family, &eta, &options, &Monitor::silent()).unwrap())
    };
    let (one, two) = (with(1), with(2));
    let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one.mu_t), bits(&two.mu_t));
    assert_eq!(bits(one.cov_tt.as_ref().unwrap()), bits(two.cov_tt.as_ref().unwrap()));
    let k = family.dim();
    let alone = labels(&family, &eta[..k], &options, &Monitor::silent()).unwrap();
    assert_eq!(bits(&alone.mu_t), bits(&one.mu_t[..k]));
}

#[test]
fn a_funnel_diverges_and_its_row_says_so() {
    // Neal's funnel, log scale v with sd 3: no single step size fits neck and mouth.
    let code = "let f = family(#{ name: \"funnel\", x: real(6), stats: |x| #{ v: x[0]*x[0]/9.0, \
                w: exp(-x[0])*(x[1]*x[1]+x[2]*x[2]+x[3]*x[3]+x[4]*x[4]+x[5]*x[5]), u: x[0] } }); \
                let m = f.mean([-2.5, -0.5, -0.5], #{method: \"nuts\", samples: 1600, warmup: 200, seed: 1}); m.divergences > 0";
    let (mut session, _) = session();
    let value = session.run("test", code).map(|v| session.display(&v).unwrap_or_default()).map_err(|e| e.to_string());
    assert_eq!(value.unwrap(), "true");
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let wrong = [
        ("chains", NutsOptions { chains: 0, ..NutsOptions::default() }),
        ("samples", NutsOptions { samples: 20, ..NutsOptions::default() }),
        ("step_size", NutsOptions { step_size: f64::NAN, ..NutsOptions::default() }),
        ("max_depth", NutsOptions { max_depth: 40, ..NutsOptions::default() }),
        ("target_accept", NutsOptions { target_accept: 1.0, ..NutsOptions::default() }),
    ];
    for (name, options) in wrong {
        assert!(options.check().unwrap_err().message().starts_with(name), "{name}");
    }
    let bernoulli = named::bernoulli().unwrap();
    let error = labels(&bernoulli, &[0.3], &nuts(1), &Monitor::silent()).unwrap_err();
    assert!(error.message().contains("whole numbers") && error.message().contains("nuts"), "{error}");
}
