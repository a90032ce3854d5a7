//! What exact moments must satisfy: existence over the region, A convex with derivatives mu and Cov, and declared closed
//! forms equal to integrals of the traced statistics.

use super::Line;
use crate::error::{Error, Result};
use crate::family::{Family, Moments};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::labels::{LabelOptions, Method, labels};
use rayon::prelude::*;

/// Corners of the region that are looked at.
const CORNERS: usize = 256;
/// Largest error of exact moments, in standard deviations.
const MOMENT: f64 = 1e-6;
/// Largest error of differences of exact moments, in units of the covariance.
const SLOPE: f64 = 1e-4;

/// Whether the density exists over the region: at its corners, and at the candidates.
pub(super) fn region(family: &Family, candidates: &[f64], stream: Stream, monitor: &Monitor) -> Result<Line> {
    const NAME: &str = "existence";
    let k = family.dim();
    let mut looked: Vec<Vec<f64>> = candidates.chunks(k).map(<[f64]>::to_vec).collect();
    if let Some(region) = family.region() {
        looked.extend(region.draw(CORNERS, stream.child("existence")).chunks(k).map(<[f64]>::to_vec));
        looked.extend(region.some_corners(CORNERS, stream.child("corners")));
    }
    let look = |eta: &Vec<f64>| -> Result<(Option<Error>, Option<String>)> {
        monitor.check()?;
        Ok((family.check_eta(eta).err(), family.unproven(eta)))
    };
    let found: Vec<(Option<Error>, Option<String>)> = looked.par_iter().map(look).collect::<Result<_>>()?;
    let improper = looked.iter().zip(&found).find_map(|(eta, (error, _))| error.as_ref().map(|e| (eta, e)));
    if let Some((eta, e)) = improper {
        return Ok(Line::of(NAME, false, format!("improper at eta = {eta:?}: {}", e.message())));
    }
    let count = looked.len();
    Ok(match found.into_iter().find_map(|(_, unproven)| unproven) {
        None => {
            Line::of(NAME, true, format!("the density has a finite integral at {count} eta, corners of the region included"))
        }
        Some(why) => Line::skip(NAME, format!("not proven: {why}")),
    })
}

pub(super) fn lines(family: &Family, etas: &[&[f64]], _stream: Stream, monitor: &Monitor) -> Vec<Line> {
    let mut out = Vec::new();
    let integral = by(family, Method::Quadrature, &etas.concat(), monitor);
    if family.closed_form().is_some() {
        out.push(match (&integral, by(family, Method::ClosedForm, &etas.concat(), monitor)) {
            (Ok(integral), Ok(closed)) => closed_form(family, &closed, integral),
            (Err(e), _) => Line::skip("closed form", format!("no integral to compare with: {}", e.message())),
            (_, Err(e)) => Line::of("closed form", false, e.message().to_string()),
        });
    }
    let method = if family.closed_form().is_some() { Method::ClosedForm } else { Method::Quadrature };
    if let (Method::Quadrature, Err(e)) = (method, &integral) {
        let why = format!("no exact moments: {}", e.message());
        out.extend([Line::skip("covariance", why.clone()), Line::skip("convexity", why)]);
        return out;
    }
    let here = match method {
        Method::ClosedForm => by(family, method, &etas.concat(), monitor),
        _ => integral,
    };
    match here {
        Ok(here) => {
            let here = here.rows(family.dim());
            out.extend([covariance(family, etas, &here, method, monitor), convexity(etas, &here)]);
        }
        Err(e) => {
            let why = format!("no exact moments: {}", e.message());
            out.extend([Line::skip("covariance", why.clone()), Line::skip("convexity", why)]);
        }
    }
    out
}

fn by(family: &Family, method: Method, eta: &[f64], monitor: &Monitor) -> Result<Moments> {
    labels(family, eta, &LabelOptions { method, ..LabelOptions::default() }, monitor)
}

/// The declared closed forms against integrals of the traced statistics.
fn closed_form(family: &Family, closed: &Moments, integral: &Moments) -> Line {
    let k = family.dim();
    let names = family.stat_names();
    let (mut worst, mut place) = (0.0, String::new());
    let mut note = |error: f64, what: String| {
        if error > worst || error.is_nan() {
            (worst, place) = (if error.is_nan() { f64::INFINITY } else { error }, what);
        }
    };
    let (Some(a), Some(b)) = (&closed.cov_tt, &integral.cov_tt) else { return Line::skip("closed form", "no covariance") };
    for row in 0..closed.method.len() {
        let sd = |i: usize| b[(row * k + i) * k + i].sqrt().max(f64::MIN_POSITIVE);
        for i in 0..k {
            let (m, n) = (closed.mu_t[row * k + i], integral.mu_t[row * k + i]);
            let own = integral.mcse[row * k + i] / sd(i);
            note((m - n).abs() / sd(i) - own, format!("mean of {}: {m} declared, {n} integrated", names[i]));
            for j in 0..k {
                let (c, d) = (a[(row * k + i) * k + j], b[(row * k + i) * k + j]);
                note(
                    (c - d).abs() / (sd(i) * sd(j)) - 10.0 * own,
                    format!("covariance of {} and {}: {c} declared, {d} integrated", names[i], names[j]),
                );
            }
        }
        if let (Some(a), Some(b)) = (&closed.log_normalizer, &integral.log_normalizer) {
            note(
                (a[row] - b[row]).abs() / (1.0 + b[row].abs()),
                format!("log normalizer: {} declared, {} integrated", a[row], b[row]),
            );
        }
    }
    let passed = worst < MOMENT;
    let place = if passed { String::new() } else { format!(", {place}") };
    Line::of("closed form", passed, format!("against integrals {worst:.1e} sd{place} (limit {MOMENT:.0e})"))
}

/// Step of differences in eta that moves the distribution by a small part of a standard deviation.
fn step(cov: &[f64], i: usize, k: usize, eta: f64) -> f64 {
    let sd = cov[i * k + i].sqrt();
    (1e-3 / sd).min(1e-3 * (1.0 + eta.abs()))
}

/// d mu / d eta against Cov(T, T), component by component.
fn covariance(family: &Family, etas: &[&[f64]], here: &[Moments], method: Method, monitor: &Monitor) -> Line {
    const NAME: &str = "covariance";
    let (k, names) = (family.dim(), family.stat_names());
    let (mut worst, mut inexact, mut place) = (0.0, 0.0, String::new());
    for (eta, here) in etas.iter().zip(here) {
        let Some(cov) = &here.cov_tt else { continue };
        // A difference quotient multiplies the errors of its ends by some thousands.
        for (i, e) in here.mcse.iter().enumerate().filter(|(i, _)| cov[i * k + i] > 0.0) {
            inexact = f64::max(inexact, 1e3 * e / cov[i * k + i].sqrt());
        }
        let chosen: Vec<usize> = (0..k).filter(|i| cov[i * k + i] > 0.0).take(24).collect();
        let steps: Vec<f64> = chosen.iter().map(|i| step(cov, *i, k, eta[*i])).collect();
        let around = |i: usize, h: f64| {
            [2.0, 1.0, -1.0, -2.0].map(|s| {
                let mut moved = eta.to_vec();
                moved[i] += s * h;
                moved
            })
        };
        // Together, or those that can be had where some cannot.
        let all: Vec<Vec<f64>> = chosen.iter().zip(&steps).flat_map(|(i, h)| around(*i, *h)).collect();
        let all = by(family, method, &all.concat(), monitor).map(|m| m.mu_t);
        for (n, (i, h)) in chosen.into_iter().zip(steps).enumerate() {
            let four = match &all {
                Ok(all) => all[4 * n * k..4 * (n + 1) * k].to_vec(),
                Err(_) => match by(family, method, &around(i, h).concat(), monitor) {
                    Ok(m) => m.mu_t,
                    Err(_) => continue,
                },
            };
            let points: Vec<&[f64]> = four.chunks(k).collect();
            for j in (0..k).filter(|j| cov[j * k + j] > 0.0) {
                let slope = (8.0 * (points[1][j] - points[2][j]) - (points[0][j] - points[3][j])) / (12.0 * h);
                let unit = (cov[i * k + i] * cov[j * k + j]).sqrt();
                let error = (slope - cov[i * k + j]).abs() / unit;
                if error > worst || error.is_nan() {
                    place = format!(", d mean of {} / d eta of {}: {slope}, covariance {}", names[j], names[i], cov[i * k + j]);
                    worst = if error.is_nan() { f64::INFINITY } else { error };
                }
            }
        }
    }
    if inexact > SLOPE {
        return Line::skip(NAME, "the exact moments are not exact enough for differences");
    }
    let passed = worst < SLOPE;
    let place = if passed { String::new() } else { place };
    Line::of(NAME, passed, format!("d mu / d eta against Cov(T, T) {worst:.1e}{place} (limit {SLOPE:.0e})"))
}

/// A between pairs of eta: never above the chord, and its slope is mu.
fn convexity(etas: &[&[f64]], here: &[Moments]) -> Line {
    const NAME: &str = "convexity";
    let value = |i: usize| Some((*here[i].log_normalizer.as_ref()?.first()?, &here[i].mu_t));
    let (mut worst, mut pairs) = (0.0f64, 0);
    for (i, a) in etas.iter().enumerate() {
        for (j, b) in etas.iter().enumerate().skip(i + 1) {
            let (Some((at_a, mu_a)), Some((at_b, mu_b))) = (value(i), value(j)) else { continue };
            pairs += 1;
            let scale = 1.0 + at_a.abs() + at_b.abs();
            let along = |mu: &[f64]| a.iter().zip(*b).zip(mu).map(|((a, b), m)| (b - a) * m).sum::<f64>();
            // A(b) >= A(a) + mu(a) . (b - a), and the other way round.
            worst = worst.max((at_a + along(mu_a) - at_b) / scale).max((at_b - along(mu_b) - at_a) / scale);
        }
    }
    if pairs == 0 {
        return Line::skip(NAME, "fewer than two eta with a log-normaliser");
    }
    Line::of(
        NAME,
        worst < 1e-9,
        format!("A lies above its tangents between {pairs} pairs of eta, to {:.1e} (limit 1e-9)", worst.max(0.0)),
    )
}
