//! The sign of a signomial over all positive u, for the terms on one face.
//!
//! All of one sign; on a segment, a polynomial in one variable at its critical points; one term between the vertices of a simplex
//! by the inequality of means; quadratic forms in monomials by
//! Kaplan's criterion of strict copositivity, whose principal submatrices are the faces of the hull of these exponents.

use super::super::roots::roots;
use super::rays::{orthogonal, rank};
use super::signomial::Power;
use crate::num::linalg::{cholesky, symmetric_eigen};

/// A value within this part of the terms counts as zero.
const MARGIN: f64 = 1e-12;
/// Largest degree on a segment.
const DEGREE: i64 = 64;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sign {
    /// Below zero everywhere, on the faces of this face as well.
    Definite,
    /// Below zero everywhere, if it is so on the faces of the hull of the exponents. Those of an unbounded face of a polyhedron
    /// are not all among its own.
    Negative,
    /// Above zero somewhere.
    Positive,
    Unknown,
}

/// Of sum c u^a, exponents distinct.
pub(super) fn sign(terms: &[(&Power, f64)]) -> Sign {
    if terms.iter().all(|t| t.1 <= 0.0) {
        return Sign::Definite;
    }
    if terms.iter().all(|t| t.1 >= 0.0) {
        return Sign::Positive;
    }
    let differences = terms[1..].iter().map(|t| t.0.iter().zip(terms[0].0).map(|(a, b)| (a - b) as f64).collect());
    let dimension = rank(differences.collect());
    match dimension {
        1 => segment(terms),
        _ => circuit(terms, dimension).unwrap_or_else(|| quadratic(terms, dimension)),
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// Exponents on one line: a polynomial in one variable.
fn segment(terms: &[(&Power, f64)]) -> Sign {
    let mut terms = terms.to_vec();
    terms.sort_by(|a, b| a.0.cmp(b.0));
    let first = terms[0].0.clone();
    // Along the coordinate in which they differ.
    let Some(k) = (0..first.len()).find(|k| terms.iter().any(|t| t.0[*k] != first[*k])) else { return Sign::Unknown };
    let steps: Vec<i64> = terms.iter().map(|t| t.0[k] - first[k]).collect();
    let unit = steps.iter().fold(0, |g, s| gcd(g, *s)).max(1);
    let degree = steps.last().map_or(0, |s| s / unit);
    if !(1..=DEGREE).contains(&degree) {
        return Sign::Unknown;
    }
    // Both ends of one size.
    let ends = (terms[0].1.abs().ln() - terms[terms.len() - 1].1.abs().ln()) / degree as f64;
    let mut c = vec![0.0; degree as usize + 1];
    for (t, s) in terms.iter().zip(&steps) {
        c[(s / unit) as usize] += t.1 * (ends * (s / unit) as f64 - terms[0].1.abs().ln()).exp();
    }
    let slope: Vec<f64> = c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
    let Some(at) = roots(&slope, 0.0) else { return Sign::Unknown };
    if c[0] > 0.0 || c[degree as usize] > 0.0 {
        return Sign::Positive;
    }
    // The faces of a segment are its ends.
    let mut worst = if c[0] < 0.0 && c[degree as usize] < 0.0 { Sign::Definite } else { Sign::Unknown };
    for w in at.into_iter().map(|r| r.at).filter(|w| *w > 0.0) {
        let (v, size) = c.iter().rev().fold((0.0, 0.0), |(v, size): (f64, f64), c| (v * w + c, size * w + c.abs()));
        if !v.is_finite() {
            worst = Sign::Unknown;
        } else if v > MARGIN * size {
            return Sign::Positive;
        } else if v >= -MARGIN * size {
            worst = Sign::Unknown;
        }
    }
    worst
}

/// One positive term between the vertices of a simplex: by the inequality of weighted arithmetic and geometric means.
///
/// # Source
/// Iliman and de Wolff, "Amoebas, nonnegative polynomials and sums of squares supported on circuits", Research in the
/// Mathematical Sciences 3 (2016), theorem 1.1.
fn circuit(terms: &[(&Power, f64)], dimension: usize) -> Option<Sign> {
    let (above, below): (Vec<_>, Vec<_>) = terms.iter().partition(|t| t.1 > 0.0);
    let ([(inner, c)], true) = (&above[..], below.len() == dimension + 1) else { return None };
    let along = |k: usize| below.iter().map(|t| t.0[k] as f64).chain([-inner[k] as f64]).collect();
    let ones = vec![1.0; below.len()].into_iter().chain([-1.0]).collect();
    let weights = orthogonal((0..inner.len()).map(along).chain([ones]).collect(), below.len() + 1)?;
    let weight = |i: usize| weights[i] / weights[below.len()];
    if !(0..below.len()).all(|i| weight(i) >= 0.0) {
        return None;
    }
    let vertices = (0..below.len()).filter(|i| weight(*i) > 0.0);
    let most: f64 = vertices.map(|i| weight(i) * ((-below[i].1).ln() - weight(i).ln())).sum();
    match c.ln() - most {
        excess if excess < -MARGIN * terms.len() as f64 => Some(Sign::Definite),
        excess if excess > MARGIN * terms.len() as f64 => Some(Sign::Positive),
        _ => None,
    }
}

/// Exponents that are vertices of a simplex and midpoints between them: a quadratic form in positive variables.
fn quadratic(terms: &[(&Power, f64)], dimension: usize) -> Sign {
    let middle = |p: &Power, a: &Power, b: &Power| p.iter().zip(a.iter().zip(b)).all(|(p, (a, b))| 2 * p == a + b);
    let n = terms.len();
    let between = |i: usize| (0..n).any(|a| (0..a).any(|b| a != i && b != i && middle(terms[i].0, terms[a].0, terms[b].0)));
    let vertices: Vec<usize> = (0..n).filter(|i| !between(*i)).collect();
    let m = vertices.len();
    if m != dimension + 1 || vertices.iter().any(|i| terms[*i].1 >= 0.0) {
        return Sign::Unknown;
    }
    let diagonal: Vec<f64> = vertices.iter().map(|i| (-terms[*i].1).sqrt()).collect();
    let mut q = vec![0.0; m * m];
    (0..m).for_each(|a| q[a * m + a] = 1.0);
    for (_, (p, c)) in terms.iter().enumerate().filter(|(i, _)| !vertices.contains(i)) {
        let pairs = (0..m).flat_map(|a| (0..a).map(move |b| (a, b)));
        let Some((a, b)) = pairs.into_iter().find(|(a, b)| middle(p, terms[vertices[*a]].0, terms[vertices[*b]].0)) else {
            return Sign::Unknown;
        };
        let entry = -0.5 * c / (diagonal[a] * diagonal[b]);
        q[a * m + b] = entry;
        q[b * m + a] = entry;
    }
    let margin = MARGIN * m as f64;
    let mut shifted = q.clone();
    (0..m).for_each(|a| shifted[a * m + a] -= margin);
    if cholesky(&shifted, m).is_some() {
        return Sign::Definite;
    }
    let (values, vectors) = symmetric_eigen(&q, m);
    for a in (0..m).filter(|a| values[*a] <= margin) {
        let v: Vec<f64> = (0..m).map(|i| vectors[i * m + a]).collect();
        let (low, high) = v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let multiple = (0..m).any(|b| b != a && (values[a] - values[b]).abs() < 1e-9);
        match (low, high) {
            _ if multiple => return Sign::Unknown,
            (low, high) if low > 1e-9 || high < -1e-9 => {
                return if values[a] < -margin { Sign::Positive } else { Sign::Unknown };
            }
            (low, high) if low < -1e-9 && high > 1e-9 => {}
            _ => return Sign::Unknown,
        }
    }
    Sign::Negative
}

/// Whether the sum is positive at some point of many.
pub(super) fn somewhere_positive(terms: &[(&Power, f64)]) -> bool {
    let n = terms[0].0.len();
    let scale = super::signomial::UNIT;
    (0..400_u32).any(|k| {
        let spread = [0.5, 1.5, 4.0, 10.0][k as usize % 4];
        let log_u: Vec<f64> = (0..n)
            .map(|j| spread * (2.0 * (0.5 + f64::from(k) * (0.618_034 + 0.137 * j as f64) + 0.31 * j as f64).fract() - 1.0))
            .collect();
        let value = |t: &(&Power, f64)| t.1 * t.0.iter().zip(&log_u).map(|(a, y)| *a as f64 / scale * y).sum::<f64>().exp();
        let (v, size) = terms.iter().map(value).fold((0.0, 0.0), |(v, s): (f64, f64), t| (v + t, s + t.abs()));
        v > 1e-9 * size
    })
}
