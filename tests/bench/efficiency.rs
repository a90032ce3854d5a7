//! What sampling costs and how honest its errors are, against exact means.
//!
//! `cargo bench --bench efficiency`: gradients per effective sample, warm-up excluded and without control variates, of the
//! adapted sampler (16 chains of 125 draws after 100 of warm-up) and of plain HMC as the reference runs it (one chain, step 0.1,
//! 10 leapfrogs, 500 + 2000 draws). One effective sample is 1 / mean squared error in standard deviations,
//! over the statistics, the eta and the seeds. `-- honesty`: rms of (estimate - truth) / mcse. `-- gains`: mean squared error
//! without control variates over that with them. One JSON object a line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cases;

use cases::{Case, cases};
use nnef::family::Density;
use nnef::num::observe::Monitor;
use nnef::num::stream::Stream;
use nnef::sample::{Group, HmcOptions, LabelOptions, Method, Plan, labels};

const ROWS: usize = 16;
const SEEDS: u64 = 8;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let chosen = |case: &Case| words.iter().all(|w| MODES.contains(&w.as_str())) || words.iter().any(|w| w == case.name);
    let mode = words.iter().find(|w| MODES.contains(&w.as_str())).map_or("efficiency", String::as_str);
    for case in cases(ROWS).iter().filter(|c| chosen(c)) {
        match mode {
            "honesty" => honesty(case),
            "gains" => gains(case),
            _ => efficiency(case),
        }
    }
}

const MODES: [&str; 3] = ["efficiency", "honesty", "gains"];

/// Gradients and effective samples of one row by one seed.
fn efficiency(case: &Case) {
    let adapted = Plan { chains: 16, step_size: 0.1, integration_steps: 10, adapt: true, target_accept: 0.8 };
    let plain = Plan { chains: 1, adapt: false, ..adapted.clone() };
    let (ours, cost, acceptance) = run(case, &adapted, 100, 125);
    let (reference, fixed, _) = run(case, &plain, 500, 2000);
    println!(
        "{{\"engine\": \"nnef\", \"family\": \"{}\", \"gradients_per_effective_sample\": {:.3}, \"plain\": {:.3}, \"fewer\": {:.2}, \"acceptance\": {acceptance:.3}, \"gradients_per_draw\": {:.2}}}",
        case.name,
        cost / ours,
        fixed / reference,
        fixed / reference / (cost / ours),
        cost / 2000.0
    );
}

/// Effective samples, gradients a row, and acceptance.
fn run(case: &Case, plan: &Plan, warmup: usize, draws: usize) -> (f64, f64, f64) {
    let (density, k) = (case.family.density(), case.family.dim());
    let together = Group::rows_that_fit(density, plan.chains);
    let (mut square, mut count, mut gradients, mut accepted) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..SEEDS {
        for first in (0..ROWS).step_by(together) {
            let rows = first..ROWS.min(first + together);
            let streams: Vec<Stream> = rows.clone().map(|r| Stream::new(seed).at(r as u64)).collect();
            let mut group = Group::new(&case.family, plan.clone(), &case.eta[rows.start * k..rows.end * k], &streams);
            group.warm_up(warmup, &Monitor::silent());
            group.seed(&streams, "sample");
            let mut sums = vec![vec![0.0; density.distinct()]; rows.len()];
            for _ in 0..draws {
                group.draw();
                group.read(Density::STATISTICS, density.distinct(), &mut |row, _, t| {
                    sums[row].iter_mut().zip(t).for_each(|(s, t)| *s += t);
                });
            }
            for (r, sum) in sums.iter().enumerate() {
                for (i, u) in density.unique().iter().enumerate() {
                    let at = (rows.start + r) * k + i;
                    let error = (sum[*u] / (draws * plan.chains) as f64 - case.mean[at]) / case.sd[at];
                    square += error * error;
                    count += 1.0;
                }
                gradients += group.gradients(r) as f64;
                accepted += group.acceptance(r);
            }
        }
    }
    let runs = ROWS as f64 * SEEDS as f64;
    (count / square, gradients / runs, accepted / runs)
}

fn options(seed: u64, control_variates: bool) -> LabelOptions {
    let hmc = HmcOptions { seed, control_variates, ..HmcOptions::default() };
    LabelOptions { method: Method::Hmc, hmc, ..LabelOptions::default() }
}

/// Errors in units of the standard error, and squared errors in units of the standard deviation.
fn errors(case: &Case, control_variates: bool, seeds: u64) -> (Vec<f64>, Vec<f64>) {
    let (mut z, mut square) = (vec![], vec![]);
    for seed in 0..seeds {
        let found = labels(&case.family, &case.eta, &options(seed, control_variates), &Monitor::silent()).unwrap();
        for (i, truth) in case.mean.iter().enumerate() {
            let error = found.mu_t[i] - truth;
            z.push(error / found.mcse[i]);
            square.push((error / case.sd[i]).powi(2));
        }
    }
    (z, square)
}

fn rms(z: &[f64]) -> f64 {
    (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt()
}

fn honesty(case: &Case) {
    for control_variates in [false, true] {
        let (z, _) = errors(case, control_variates, SEEDS);
        let far = z.iter().map(|z| z.abs()).fold(0.0, f64::max);
        println!(
            "{{\"engine\": \"nnef\", \"family\": \"{}\", \"control_variates\": {control_variates}, \"rms_z\": {:.3}, \"largest\": {far:.1}, \"means\": {}}}",
            case.name,
            rms(&z),
            z.len()
        );
    }
}

fn gains(case: &Case) {
    let (without, with) = (errors(case, false, SEEDS).1, errors(case, true, SEEDS).1);
    let mean = |s: &[f64]| s.iter().sum::<f64>() / s.len() as f64;
    let median = |s: &[f64]| {
        let mut s = s.to_vec();
        s.sort_by(f64::total_cmp);
        s[s.len() / 2]
    };
    println!(
        "{{\"engine\": \"nnef\", \"family\": \"{}\", \"mse\": {:.3e}, \"mse_with_controls\": {:.3e}, \"gain\": {:.3e}, \"median_gain\": {:.3e}}}",
        case.name,
        mean(&without),
        mean(&with),
        mean(&without) / mean(&with),
        median(&without) / median(&with)
    );
}
