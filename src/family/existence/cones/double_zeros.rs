//! Planes through the start of a cone on which a sum of terms is zero twice, as squares that were written out, or a condition
//! changes its sign far out.
//!
//! Cut there, the parts of a square have one sign. A plane only cuts: no verdict rests on it.

use super::super::roots::roots;
use super::cone::{Cone, total};
use super::rays::echelon;
use super::signomial::{Power, Signomial, UNIT};
use super::zeros::Zeros;
use std::collections::BTreeMap;

/// A value within this part of the terms is a zero to look at.
const NEAR: f64 = 1e-9;
/// Ratios that are this near to parts of 840 are those.
const PARTS: f64 = 840.0;
/// Largest degree of a polynomial in a ratio.
const DEGREE: i64 = 16;

/// Linear forms in u, of both signs over positive u, over the coordinates that are `plain`.
pub(super) fn planes(terms: &[(&Power, f64)], plain: &[bool]) -> Vec<Vec<f64>> {
    let mut out: Vec<Vec<f64>> = square(terms, plain).into_iter().collect();
    out.extend(between_pairs(terms, plain, 2));
    out
}

/// As [`planes`], where a sum of terms of one degree changes its sign: of a condition, where its region has an asymptote.
fn walls(p: &Signomial, plain: &[bool]) -> Vec<Vec<f64>> {
    between_pairs(&p.0.iter().map(|t| (t.0, *t.1)).collect::<Vec<_>>(), plain, 1)
}

/// Planes u_i = r u_k on which terms with the same sum of both powers are zero `order` times.
fn between_pairs(terms: &[(&Power, f64)], plain: &[bool], order: usize) -> Vec<Vec<f64>> {
    let n = plain.len();
    let mut out = Vec::new();
    for i in (0..n).filter(|i| plain[*i]) {
        for k in (0..i).filter(|k| plain[*k]) {
            // Terms with the same sum of both powers, by the other powers.
            let mut groups: BTreeMap<Power, Vec<(i64, f64)>> = BTreeMap::new();
            for (power, c) in terms {
                let mut rest = (*power).clone();
                (rest[i], rest[k]) = (power[i] + power[k], 0);
                groups.entry(rest).or_default().push((power[i], *c));
            }
            for group in groups.values().filter(|g| g.len() > order) {
                for ratio in ratios(group, order) {
                    let mut h = vec![0.0; n];
                    (h[i], h[k]) = (1.0, -ratio);
                    out.push(h);
                }
            }
        }
    }
    out
}

/// The form whose square the terms of degree 2 are, where they are one in three coordinates or more.
fn square(terms: &[(&Power, f64)], plain: &[bool]) -> Option<Vec<f64>> {
    let n = plain.len();
    let unit = UNIT as i64;
    let coefficient = |i: usize, k: usize| {
        let matches = |p: &Power| (0..n).all(|j| p[j] == unit * (i64::from(j == i) + i64::from(j == k)));
        terms.iter().find(|t| matches(t.0)).map_or(0.0, |t| t.1)
    };
    let own: Vec<f64> = (0..n).map(|i| if plain[i] { coefficient(i, i) } else { 0.0 }).collect();
    let used: Vec<usize> = (0..n).filter(|i| own[*i] != 0.0).collect();
    let first = *used.first()?;
    let mut h = vec![0.0; n];
    for i in &used {
        let turn = if *i == first || coefficient(first, *i) * own[first] > 0.0 { 1.0 } else { -1.0 };
        h[*i] = turn * (own[*i] / own[first]).abs().sqrt();
    }
    let fits = |i: usize, k: usize| {
        let (c, expected) = (coefficient(i, k), 2.0 * own[first] * h[i] * h[k]);
        (c - expected).abs() <= NEAR * expected.abs()
    };
    let all = used.iter().enumerate().all(|(at, i)| own[*i] * own[first] > 0.0 && used[..at].iter().all(|k| fits(*i, *k)));
    (all && used.len() > 2 && h.iter().any(|h| *h < 0.0)).then_some(h)
}

/// Ratios at which a sum of c ratio^power is zero `order` times, once or twice.
fn ratios(terms: &[(i64, f64)], order: usize) -> Vec<f64> {
    let mut terms = terms.to_vec();
    terms.sort_by_key(|t| t.0);
    let gcd = |mut a: i64, mut b: i64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let step = terms.iter().fold(0, |g, t| gcd(t.0 - terms[0].0, g)).abs().max(1);
    let degree = (terms[terms.len() - 1].0 - terms[0].0) / step;
    if !(order as i64..=DEGREE).contains(&degree) {
        return vec![];
    }
    let mut c = vec![0.0; degree as usize + 1];
    terms.iter().for_each(|t| c[((t.0 - terms[0].0) / step) as usize] += t.1);
    let slope: Vec<f64> = c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
    let at = roots(if order > 1 { &slope } else { &c }, 0.0);
    let zero = |w: &f64| {
        let (v, size) = c.iter().rev().fold((0.0, 0.0), |(v, s): (f64, f64), c| (v * w + c, s * w + c.abs()));
        *w > 0.0 && v.abs() <= NEAR * size
    };
    let ratio = |w: f64| {
        let r = w.powf(UNIT / step as f64);
        let near = (PARTS * r).round() / PARTS;
        if (r - near).abs() <= NEAR * r { near } else { r }
    };
    at.unwrap_or_default().into_iter().map(|r| r.at).filter(zero).map(ratio).filter(|r| r.is_finite() && *r > 0.0).collect()
}

/// A linear form in u as one in the members, for the generators given.
fn of_members(h: &[f64], generators: &[Option<Vec<f64>>]) -> Option<Vec<f64>> {
    let n = h.len();
    let unit = |k: usize| (0..n).map(|j| if j == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    let rows = generators.iter().enumerate().map(|(k, g)| {
        let mut row = g.clone().unwrap_or_else(|| unit(k));
        row.push(h[k]);
        row
    });
    let (rows, pivots) = echelon(rows.collect());
    if pivots != (0..n).collect::<Vec<usize>>() {
        return None;
    }
    Some(rows.iter().enumerate().map(|(k, row)| row[n] / row[k]).collect())
}

/// A linear form in the members as one in u, where it has both signs.
pub(super) fn of_cone(normal: &[f64], generators: &[Option<Vec<f64>>]) -> Option<Vec<f64>> {
    let along = |g: &Option<Vec<f64>>| {
        let Some(g) = g else { return 0.0 };
        let (v, size) = g.iter().zip(normal).fold((0.0, 0.0), |(v, s): (f64, f64), (g, n)| (v + g * n, s + (g * n).abs()));
        if v.abs() <= NEAR * size { 0.0 } else { v }
    };
    let h: Vec<f64> = generators.iter().map(along).collect();
    (h.iter().any(|h| *h > 0.0) && h.iter().any(|h| *h < 0.0)).then_some(h)
}

impl Cone {
    /// Where the terms are zero twice, as linear forms in the members.
    pub(super) fn squares(&self, active: &[usize], coefficients: &[(f64, f64)]) -> Vec<Vec<f64>> {
        if active.iter().any(|i| self.missing[*i]) {
            return vec![];
        }
        let terms = self.exponents.iter().map(|e| (&e.power, total(&e.row, coefficients).0)).filter(|t| t.1 != 0.0);
        let plain: Vec<bool> = self.generators.iter().map(Option::is_some).collect();
        let found = planes(&terms.collect::<Vec<_>>(), &plain);
        let walls = self.conditions.iter().flatten().flat_map(|p| walls(p, &plain));
        found.into_iter().chain(walls).filter_map(|h| of_members(&h, &self.generators)).collect()
    }

    /// Numbers at which, all other members being where the cone starts, what stands in a logarithm or a denominator is zero
    /// twice: the member by its place, and the number.
    pub(super) fn touched(&self) -> Vec<(usize, f64)> {
        let n = self.bounded.len();
        let own = |k: usize, g: &Option<Vec<f64>>| g.as_ref().is_some_and(|g| (0..n).all(|j| (g[j] != 0.0) == (j == k)));
        if !self.generators.iter().enumerate().all(|(k, g)| own(k, g)) {
            return vec![];
        }
        let mut out = Vec::new();
        for log in self.logs.iter().filter(|l| l.zeros == Zeros::Other) {
            for (k, g) in self.generators.iter().enumerate() {
                let alone = |p: &Power| p.iter().enumerate().all(|(i, p)| *p == 0 || i == k);
                let terms: Vec<(i64, f64)> = log.p.0.iter().filter(|t| alone(t.0)).map(|t| (t.0[k], *t.1)).collect();
                if terms.len() > 2 {
                    let step = g.as_ref().map_or(0.0, |g| g[k]);
                    out.extend(ratios(&terms, 2).into_iter().map(|u| (k, self.from[k] + step * u)));
                }
            }
        }
        out
    }
}
