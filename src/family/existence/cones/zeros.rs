//! Logarithms of signomials: where the signomial vanishes, and whether a negative multiple is integrable there.
//!
//! Between unit boxes of log u a signomial changes by a bounded factor, except near its zeros. A signomial whose exponents
//! are the vertices of a simplex has simple zeros on all faces (its gradient in log u vanishes only with all of its terms),
//! so that |P|^c is integrable over the boxes, uniformly, for c > -1, and not for c <= -1.

use super::faces::faces;
use super::rays::rank;
use super::sign::{Sign, sign};
use super::signomial::{Power, Signomial, UNIT, numbers};
use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Zeros {
    /// Of the sign given everywhere, far out as well.
    Never(f64),
    Simple,
    Other,
}

/// The zeros of a signomial over positive u.
pub(super) fn zeros(p: &Signomial) -> Zeros {
    if let Some(s) = p.sign() {
        return Zeros::Never(s);
    }
    let terms: Vec<(&Power, f64)> = p.0.iter().map(|t| (t.0, *t.1)).collect();
    if rank(differences(p)) + 1 == terms.len() {
        return Zeros::Simple;
    }
    // All faces of the hull of its exponents are those of a pyramid over it without the apex.
    let lifted: Vec<Vec<f64>> = terms.iter().map(|t| numbers(t.0).into_iter().chain([1.0]).collect()).collect();
    let Some(faces) = faces(&lifted, &[], lifted[0].len()) else { return Zeros::Other };
    for s in [1.0, -1.0] {
        let negative = |points: &Vec<usize>| {
            let chosen: Vec<(&Power, f64)> = points.iter().map(|i| (terms[*i].0, -s * terms[*i].1)).collect();
            matches!(sign(&chosen), Sign::Definite | Sign::Negative)
        };
        if faces.iter().all(|f| negative(&f.points)) {
            return Zeros::Never(s);
        }
    }
    Zeros::Other
}

/// A signomial as its terms of one sign, where those of the other are at most 9/10 of them for u below `caps`: the same up
/// to a bounded factor. Else as it is.
pub(super) fn settled(p: &Signomial, caps: &[f64]) -> Signomial {
    if p.sign().is_some() || caps.iter().all(|c| c.is_infinite()) {
        return p.clone();
    }
    let (up, down): (Vec<_>, Vec<_>) = p.0.iter().partition(|t| *t.1 > 0.0);
    for (kept, others) in [(&up, &down), (&down, &up)] {
        // What is left of the share of each kept term.
        let mut left: Vec<f64> = kept.iter().map(|t| 0.9 * t.1.abs()).collect();
        let covered = others.iter().all(|(power, c)| {
            let mut open = c.abs();
            for ((base, _), left) in kept.iter().zip(&mut left) {
                // The largest u^(power - base).
                let factor = power.iter().zip(*base).zip(caps).try_fold(1.0, |product, ((a, b), cap)| match a.cmp(b) {
                    Ordering::Equal => Some(product),
                    Ordering::Greater if cap.is_finite() => Some(product * cap.powf((a - b) as f64 / UNIT)),
                    _ => None,
                });
                let Some(factor) = factor.filter(|f| *f > 0.0) else { continue };
                let taken = open.min(*left / factor);
                open -= taken;
                *left -= taken * factor;
            }
            open <= 0.0
        });
        if covered {
            return Signomial(kept.iter().map(|(power, c)| ((*power).clone(), **c)).collect());
        }
    }
    p.clone()
}

fn differences(p: &Signomial) -> Vec<Vec<f64>> {
    let all: Vec<Vec<f64>> = p.0.keys().map(numbers).collect();
    all.iter().skip(1).map(|a| a.iter().zip(&all[0]).map(|(a, b)| a - b).collect()).collect()
}

/// The value and the sum of the sizes of the terms.
pub(super) fn value(p: &Signomial, u: &[f64]) -> (f64, f64) {
    let term = |(power, c): (&Power, &f64)| c * numbers(power).iter().zip(u).map(|(a, u)| u.powf(*a)).product::<f64>();
    p.0.iter().map(term).fold((0.0, 0.0), |(v, size), t| (v + t, size + t.abs()))
}

/// A zero between points at which the signs differ.
pub(super) fn zero_between(p: &Signomial, points: &[Vec<f64>]) -> Option<Vec<f64>> {
    let mut up = None;
    let mut down = None;
    for u in points {
        let (v, size) = value(p, u);
        if v > 1e-6 * size {
            up = Some(u.clone());
        } else if v < -1e-6 * size {
            down = Some(u.clone());
        }
    }
    let (mut up, mut down) = (up?, down?);
    for _ in 0..200 {
        let middle: Vec<f64> = up.iter().zip(&down).map(|(a, b)| 0.5 * (a + b)).collect();
        if value(p, &middle).0 > 0.0 { up = middle } else { down = middle }
    }
    Some(up)
}

/// Whether the zeros of these simple signomials cross at independent angles wherever they meet, or never meet.
pub(super) fn independent(all: &[&Signomial]) -> bool {
    let mut spans: Vec<Vec<Vec<f64>>> = Vec::new();
    let mut walls: Vec<(Vec<f64>, f64)> = Vec::new();
    for p in all {
        let rows = differences(p);
        if let [row] = &rows[..] {
            let c: Vec<f64> = p.0.values().copied().collect();
            // row . log u = log(-c0 / c1).
            let size = row.iter().copied().find(|v| *v != 0.0).unwrap_or(1.0);
            let wall = (row.iter().map(|v| v / size).collect::<Vec<f64>>(), (-c[0] / c[1]).ln() / size);
            let parallel = |w: &&(Vec<f64>, f64)| w.0.iter().zip(&wall.0).all(|(a, b)| (a - b).abs() < 1e-9);
            let known: Vec<f64> = walls.iter().filter(parallel).map(|w| w.1).collect();
            if known.iter().any(|k| (k - wall.1).abs() < 1e-6 * (1.0 + k.abs())) {
                return false;
            }
            walls.push(wall);
            if !known.is_empty() {
                continue;
            }
        }
        spans.push(rows);
    }
    let apart: usize = spans.iter().map(|s| rank(s.clone())).sum();
    rank(spans.concat()) == apart
}
