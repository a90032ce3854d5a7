//! What exact moments must satisfy: existence over the region, A convex with derivatives mu and Cov, and declared closed
//! forms equal to integrals of the traced statistics.

use super::Line;
use super::integrals::{FEW, Integrals, by};
use crate::error::Result;
use crate::family::{Family, Moments};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::labels::Method;
use rayon::prelude::*;

/// Corners of the region that are looked at.
const CORNERS: usize = 256;
/// Eta that are looked at together, and the work, in units of a few nanoseconds, past which no more are.
const TOGETHER: usize = 16;
const EXISTENCE: u64 = 500_000_000;
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
        looked.extend(region.some_corners(CORNERS, stream.child("corners")));
        looked.extend(region.draw(CORNERS, stream.child("existence")).chunks(k).map(<[f64]>::to_vec));
    }
    let (mut seen, mut work, mut unproven) = (0, 0, None);
    for some in looked.chunks(TOGETHER) {
        monitor.check()?;
        let found: Vec<(Result<Option<String>>, u64)> = some.par_iter().map(|eta| family.look_at(eta)).collect();
        for (eta, (verdict, more)) in some.iter().zip(found) {
            match verdict {
                Err(e) => return Ok(Line::of(NAME, false, format!("improper at eta = {eta:?}: {}", e.message()))),
                Ok(why) => unproven = unproven.or(why),
            }
            work += more;
        }
        seen += some.len();
        if work > EXISTENCE {
            break;
        }
    }
    let at = match seen == looked.len() {
        true => format!("{seen} eta, corners of the region included"),
        false => format!("{seen} of {} eta, corners of the region first: each takes long", looked.len()),
    };
    Ok(match unproven {
        None => Line::of(NAME, true, format!("the density has a finite integral at {at}")),
        Some(why) => Line::skip(NAME, format!("not proven: {why}")),
    })
}

/// At all `etas` where a closed form gives the moments; what needs integrals where there are some.
pub(super) fn lines(family: &Family, etas: &[&[f64]], integrals: &Integrals, monitor: &Monitor) -> Vec<Line> {
    let mut out = Vec::new();
    let (all, integrated, integral) = (etas.len(), &integrals.etas, &integrals.moments);
    if family.closed_form().is_some() {
        out.push(match (integral, by(family, Method::ClosedForm, &integrated.concat(), monitor)) {
            (Ok(integral), Ok(closed)) => closed_form(family, &closed, integral).at(integrated.len(), all),
            (Err(e), _) => Line::skip("closed form", format!("no integral to compare with: {}", e.message())),
            (_, Err(e)) => Line::of("closed form", false, e.message().to_string()),
        });
    }
    let method = if family.closed_form().is_some() { Method::ClosedForm } else { Method::Quadrature };
    if let (Method::Quadrature, Err(e)) = (method, integral) {
        let why = format!("no exact moments: {}", e.message());
        out.extend([Line::skip("covariance", why.clone()), Line::skip("convexity", why)]);
        return out;
    }
    let closed;
    let (etas, here) = match method {
        Method::ClosedForm => {
            closed = by(family, method, &etas.concat(), monitor);
            (etas, &closed)
        }
        _ => (&integrated[..], integral),
    };
    match here {
        Ok(here) => {
            let dear = method == Method::Quadrature && integrals.dear;
            let slopes = if dear { 1 } else { etas.len() };
            out.push(match dear && integrals.enough {
                true => Line::skip("covariance", "an integral takes a second or more: there are none for differences"),
                false => covariance(family, etas, here, method, dear, monitor).at(slopes, all),
            });
            out.push(convexity(etas, here).at(etas.len(), all));
        }
        Err(e) => {
            let why = format!("no exact moments: {}", e.message());
            out.extend([Line::skip("covariance", why.clone()), Line::skip("convexity", why)]);
        }
    }
    out
}

/// The declared closed forms against integrals of the traced statistics.
fn closed_form(family: &Family, closed: &[Moments], integral: &[Moments]) -> Line {
    let k = family.dim();
    let names = family.stat_names();
    let (mut worst, mut place) = (0.0, String::new());
    let mut note = |error: f64, what: String| {
        if error > worst || error.is_nan() {
            (worst, place) = (if error.is_nan() { f64::INFINITY } else { error }, what);
        }
    };
    for (closed, integral) in closed.iter().zip(integral) {
        let (Some(a), Some(b)) = (&closed.cov_tt, &integral.cov_tt) else { return Line::skip("closed form", "no covariance") };
        let sd = |i: usize| b[i * k + i].sqrt().max(f64::MIN_POSITIVE);
        for i in 0..k {
            let (m, n) = (closed.mu_t[i], integral.mu_t[i]);
            let own = integral.mcse[i] / sd(i);
            note((m - n).abs() / sd(i) - own, format!("mean of {}: {m} declared, {n} integrated", names[i]));
            for j in 0..k {
                let (c, d) = (a[i * k + j], b[i * k + j]);
                note(
                    (c - d).abs() / (sd(i) * sd(j)) - 10.0 * own,
                    format!("covariance of {} and {}: {c} declared, {d} integrated", names[i], names[j]),
                );
            }
        }
        if let (Some(a), Some(b)) = (&closed.log_normalizer, &integral.log_normalizer) {
            note((a[0] - b[0]).abs() / (1.0 + b[0].abs()), format!("log normalizer: {} declared, {} integrated", a[0], b[0]));
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
fn covariance(family: &Family, etas: &[&[f64]], here: &[Moments], method: Method, dear: bool, monitor: &Monitor) -> Line {
    const NAME: &str = "covariance";
    let (k, names) = (family.dim(), family.stat_names());
    let (mut worst, mut place) = (0.0, String::new());
    // A difference quotient multiplies the errors of its ends by some thousands; and what is not exact at one eta takes long at
    // its neighbours.
    let inexact = |m: &Moments| {
        let Some(cov) = &m.cov_tt else { return 0.0 };
        let in_sd = |(i, e): (usize, &f64)| if cov[i * k + i] > 0.0 { 1e3 * e / cov[i * k + i].sqrt() } else { 0.0 };
        m.mcse.iter().enumerate().map(in_sd).fold(0.0, f64::max)
    };
    if here.iter().map(inexact).fold(0.0, f64::max) > SLOPE {
        return Line::skip(NAME, "the exact moments are not exact enough for differences");
    }
    // Two points give a slope to 1e-6 or so, four to rounding.
    let shifts: &[f64] = if dear { &[1.0, -1.0] } else { &[2.0, 1.0, -1.0, -2.0] };
    let etas = if dear { &etas[..1] } else { etas };
    for (eta, here) in etas.iter().zip(here) {
        let Some(cov) = &here.cov_tt else { continue };
        let most = if dear { FEW } else { 24 };
        let chosen: Vec<usize> = (0..k).filter(|i| cov[i * k + i] > 0.0).take(most).collect();
        let steps: Vec<f64> = chosen.iter().map(|i| step(cov, *i, k, eta[*i])).collect();
        let around = |i: usize, h: f64| {
            let moved = |s: &f64| {
                let mut moved = eta.to_vec();
                moved[i] += s * h;
                moved
            };
            shifts.iter().map(moved).collect::<Vec<_>>()
        };
        // Together, or those that can be had where some cannot.
        let all: Vec<Vec<f64>> = chosen.iter().zip(&steps).flat_map(|(i, h)| around(*i, *h)).collect();
        let all = if dear { None } else { by(family, method, &all.concat(), monitor).ok() };
        for (n, (i, h)) in chosen.into_iter().zip(steps).enumerate() {
            let alone;
            let points = match &all {
                Some(all) => &all[shifts.len() * n..][..shifts.len()],
                None => {
                    alone = by(family, method, &around(i, h).concat(), monitor);
                    let Ok(points) = &alone else { continue };
                    points
                }
            };
            for j in (0..k).filter(|j| cov[j * k + j] > 0.0) {
                let mean = |n: usize| points[n].mu_t[j];
                let slope = match dear {
                    true => (mean(0) - mean(1)) / (2.0 * h),
                    false => (8.0 * (mean(1) - mean(2)) - (mean(0) - mean(3))) / (12.0 * h),
                };
                let unit = (cov[i * k + i] * cov[j * k + j]).sqrt();
                let error = (slope - cov[i * k + j]).abs() / unit;
                if error > worst || error.is_nan() {
                    place = format!(", d mean of {} / d eta of {}: {slope}, covariance {}", names[j], names[i], cov[i * k + j]);
                    worst = if error.is_nan() { f64::INFINITY } else { error };
                }
            }
        }
    }
    let passed = worst < SLOPE;
    let place = if passed { String::new() } else { place };
    let few = if dear && k > FEW { format!(" in {FEW} of {k} directions") } else { String::new() };
    Line::of(NAME, passed, format!("d mu / d eta{few} against Cov(T, T) {worst:.1e}{place} (limit {SLOPE:.0e})"))
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
