//! HMC against closed forms: honest errors, plain HMC, reproducibility; seen failing on planted faults.

use nnef::family::{Family, Want, named};
use nnef::num::observe::Monitor;
use nnef::sample::{HmcOptions, LabelOptions, Method, labels};
use std::sync::Arc;

/// Without control variates, which leave nothing but rounding of some of these means: see the module `hmc`.
fn hmc(seed: u64) -> LabelOptions {
    LabelOptions {
        method: Method::Hmc,
        hmc: HmcOptions { seed, control_variates: false, ..HmcOptions::default() },
        ..LabelOptions::default()
    }
}

/// z = (estimate - truth) / mcse of every statistic at `n` eta of a family.
fn z_scores(family: &Family, n: usize, options: &LabelOptions) -> Vec<f64> {
    let eta = family.draw_eta(n, 7).unwrap();
    let truth = labels(family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
    assert!(truth.method.iter().all(|m| *m != "hmc"), "{} has no exact moments", family.name());
    let found = labels(family, &eta, options, &Monitor::silent()).unwrap();
    (0..truth.mu_t.len()).map(|i| (found.mu_t[i] - truth.mu_t[i]) / found.mcse[i]).collect()
}

fn rms(z: &[f64]) -> f64 {
    (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt()
}

fn known() -> Vec<Family> {
    let sizes = [("gaussian", 1), ("gamma", 1), ("exponential", 1), ("beta", 1), ("laplace_product", 2), ("mvn", 3)];
    sizes.iter().map(|(name, d)| named::named(name, *d).unwrap()).collect()
}

#[test]
fn standard_errors_of_hmc_are_honest_over_families_with_closed_forms() {
    // 40 eta of six families, bounded ones among them: 40 (2 + 2 + 1 + 2 + 4 + 12) = 920 z-scores.
    let mut all = Vec::new();
    for family in known() {
        let z = z_scores(&family, 40, &hmc(11));
        println!("{:16} rms z {:.3} over {}", family.name(), rms(&z), z.len());
        assert!(rms(&z) > 0.7 && rms(&z) < 1.4, "{}: rms z {}", family.name(), rms(&z));
        all.extend(z);
    }
    println!("all              rms z {:.3} over {}", rms(&all), all.len());
    assert!(all.len() >= 200 && rms(&all) > 0.8 && rms(&all) < 1.25, "rms z {}", rms(&all));
}

#[test]
fn plain_hmc_without_adaptation_is_honest_too() {
    let options = LabelOptions {
        hmc: HmcOptions { adapt: false, step_size: 0.15, integration_steps: 9, warmup: 200, ..hmc(3).hmc },
        ..hmc(3)
    };
    let z = z_scores(&named::gaussian().unwrap(), 60, &options);
    assert!(rms(&z) > 0.75 && rms(&z) < 1.3, "rms z {}", rms(&z));
}

#[test]
fn the_check_sees_a_shift_of_a_tenth_of_a_standard_deviation() {
    // The z-scores must not be blind: labels shifted by 0.1 sd fail it.
    let family = named::gaussian().unwrap();
    let eta = family.draw_eta(40, 7).unwrap();
    let truth = labels(&family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
    let found = labels(&family, &eta, &hmc(11), &Monitor::silent()).unwrap();
    let cov = truth.cov_tt.unwrap();
    let z: Vec<f64> = (0..80)
        .map(|i| {
            let sd = cov[(i / 2) * 4 + (i % 2) * 3].sqrt();
            (found.mu_t[i] + 0.1 * sd - truth.mu_t[i]) / found.mcse[i]
        })
        .collect();
    assert!(rms(&z) > 1.5, "rms z {}", rms(&z));
}

#[test]
fn covariances_of_hmc_agree_with_closed_forms() {
    for family in known() {
        let eta = family.draw_eta(10, 5).unwrap();
        let truth = labels(&family, &eta, &LabelOptions::default(), &Monitor::silent()).unwrap().cov_tt.unwrap();
        let mut options = hmc(2);
        options.hmc.samples = 16_000;
        let found = labels(&family, &eta, &options, &Monitor::silent()).unwrap().cov_tt.unwrap();
        let k = family.dim();
        for (a, b) in found.chunks(k * k).zip(truth.chunks(k * k)) {
            for i in 0..k {
                for j in 0..k {
                    // A relative error of 16,000 correlated draws; heavy tails of squares count.
                    let scale = (b[i * k + i] * b[j * k + j]).sqrt();
                    assert!(
                        (a[i * k + j] - b[i * k + j]).abs() < 0.15 * scale,
                        "{} {i} {j}: {} for {}",
                        family.name(),
                        a[i * k + j],
                        b[i * k + j]
                    );
                }
            }
        }
    }
}

#[test]
fn labels_do_not_depend_on_the_number_of_threads_or_on_neighbours() {
    let family = named::mvn(3).unwrap();
    let eta = family.draw_eta(30, 1).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| labels(&family, &eta, &hmc(4), &Monitor::silent()).unwrap())
    };
    let (one, two) = (with(1), with(2));
    let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one.mu_t), bits(&two.mu_t));
    assert_eq!(bits(one.cov_tt.as_ref().unwrap()), bits(two.cov_tt.as_ref().unwrap()));
    // The first row alone is the first row among others.
    let k = family.dim();
    let alone = labels(&family, &eta[..k], &hmc(4), &Monitor::silent()).unwrap();
    assert_eq!(bits(&alone.mu_t), bits(&one.mu_t[..k]));
}

#[test]
fn a_family_map_gives_what_is_asked_for() {
    use nnef::family::ExpectationMap;
    let map = nnef::sample::exact(&Arc::new(named::gamma().unwrap())).unwrap();
    let m = map.moments(&[1.0, -2.0], Want::MEAN).unwrap();
    assert!(m.cov_tt.is_none() && m.log_normalizer.is_none());
    assert!(map.moments(&[f64::NAN, -2.0], Want::ALL).is_err());
    assert!(map.moments(&[-1.5, -2.0], Want::ALL).is_err());
}
