//! Sampled moments against exact ones, and exact draws against exact moments.

use super::integrals::{Integrals, by};
use super::{Line, RHAT, z_limit};
use crate::family::{Family, Moments};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::hmc::HmcOptions;
use crate::sample::labels::{LabelOptions, Method, labels};

/// Chains of the sampled moments, and kept draws over all of them.
const CHAINS: usize = 32;
const SAMPLES: usize = 16_000;
/// Exact draws at each eta.
const DRAWS: usize = 8_000;

/// HMC in unconstrained coordinates against moments that know nothing of them.
pub(super) fn lines(family: &Family, all: &[&[f64]], integrals: &Integrals, stream: Stream, monitor: &Monitor) -> Vec<Line> {
    const NAME: &str = "agreement";
    let etas = if family.closed_form().is_some() { all } else { &integrals.etas };
    if family.support().bijector().discrete() {
        return vec![Line::skip(NAME, "the support is discrete: nothing is sampled")];
    }
    let truth = match family.closed_form() {
        Some(_) => by(family, Method::ClosedForm, &etas.concat(), monitor),
        None => integrals.moments.clone(),
    };
    let truth = match truth {
        Ok(truth) => truth,
        Err(e) => return vec![Line::skip(NAME, format!("no exact moments: {}", e.message()))],
    };
    let hmc = HmcOptions {
        samples: SAMPLES,
        chains: CHAINS,
        warmup: 400,
        integration_steps: 32,
        seed: stream.child("agreement").state()[0],
        ..HmcOptions::default()
    };
    let sample = |etas: &[f64], hmc: &HmcOptions| {
        labels(family, etas, &LabelOptions { method: Method::Hmc, hmc: hmc.clone(), ..LabelOptions::default() }, monitor)
    };
    let sampled = match sample(&etas.concat(), &hmc) {
        Ok(sampled) => sampled.rows(family.dim()),
        Err(e) => return vec![Line::of(NAME, false, format!("the family cannot be sampled: {}", e.message()))],
    };
    let names = family.stat_names();
    let converged: Vec<usize> = (0..etas.len()).filter(|r| sampled[*r].rhat[0] < RHAT).collect();
    if converged.is_empty() {
        return vec![Line::skip(NAME, "the chains do not agree among themselves; more warm-up may help")];
    }
    // Standard errors from the ESS are good to a tenth or so, as if from 100 degrees of freedom.
    let limit = z_limit(family.dim() * converged.len(), 100.0);
    let mut worst = (0.0, String::new());
    for row in converged {
        let mut found = largest(&sampled[row], &truth[row], &names);
        if found.0 >= limit {
            // Narrow places are reached by short steps only, and what is not reached is not seen by controls either: the family
            // is not to blame for it.
            let careful = HmcOptions { target_accept: 0.99, warmup: 2000, control_variates: false, ..hmc.clone() };
            if let Ok(again) = sample(etas[row], &careful) {
                found = largest(&again, &truth[row], &names);
            }
        }
        if found.0 > worst.0 {
            worst = found;
        }
    }
    let (worst, place) = worst;
    let place = if worst < limit { String::new() } else { place };
    let detail = format!("sampled against exact means, largest z {worst:.1}{place} (limit {limit:.1})");
    vec![Line::of(NAME, worst < limit, detail).at(etas.len(), all.len())]
}

/// The largest z of the means at one eta, infinite where one is not a number, and whose it is.
fn largest(sampled: &Moments, truth: &Moments, names: &[String]) -> (f64, String) {
    let z = |i: usize| {
        let (s, t) = (sampled.mu_t[i], truth.mu_t[i]);
        let error = sampled.mcse[i].hypot(truth.mcse[i]).max(1e-10 * t.abs()).max(f64::MIN_POSITIVE);
        let z = (s - t).abs() / error;
        (if z.is_nan() { f64::INFINITY } else { z }, format!(", mean of {}: {s} sampled, {t} exact", names[i]))
    };
    (0..names.len()).map(z).fold((0.0, String::new()), |worst, found| if found.0 > worst.0 { found } else { worst })
}

/// The exact sampler of a named family against its moments.
pub(super) fn draws(family: &Family, etas: &[&[f64]], stream: Stream, _monitor: &Monitor) -> Vec<Line> {
    const NAME: &str = "exact draws";
    let Some(closed) = family.closed_form() else { return vec![] };
    let (k, names) = (family.dim(), family.stat_names());
    let limit = z_limit(k * etas.len(), DRAWS as f64);
    let (mut worst, mut place) = (0.0, String::new());
    for (row, eta) in etas.iter().enumerate() {
        let mut rng = stream.child("draws").at(row as u64).rng();
        let Some(points) = (0..DRAWS).map(|_| closed.draw(eta, &mut rng)).collect::<Option<Vec<Vec<f64>>>>() else {
            return vec![Line::skip(NAME, "the family has no exact sampler")];
        };
        let Ok(t) = family.statistics_at(&points.concat(), DRAWS) else { continue };
        let (mu, cov) = (closed.mean(eta), closed.covariance(eta));
        for i in 0..k {
            let mean = t.iter().skip(i).step_by(k).sum::<f64>() / DRAWS as f64;
            let error = (cov[i * k + i] / DRAWS as f64).sqrt();
            let z = (mean - mu[i]).abs() / error.max(1e-12 * mu[i].abs()).max(f64::MIN_POSITIVE);
            if z > worst || z.is_nan() {
                (worst, place) = (
                    if z.is_nan() { f64::INFINITY } else { z },
                    format!(", mean of {}: {mean} drawn, {} declared", names[i], mu[i]),
                );
            }
        }
    }
    let place = if worst < limit { String::new() } else { place };
    vec![Line::of(
        NAME,
        worst < limit,
        format!("{DRAWS} draws at {} eta, largest z {worst:.1}{place} (limit {limit:.1})", etas.len()),
    )]
}
