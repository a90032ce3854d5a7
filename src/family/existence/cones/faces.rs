//! Faces of a Newton polyhedron: the convex hull of exponents and 0, with directions in which it is unbounded.
//!
//! As u goes out of every compact set in the direction v of log u, the terms u^a with the largest a . v lead; where that
//! value is positive they are the exponents on a face without 0. A coordinate that is bounded from above is a direction:
//! its v is never positive.

use super::rays::{choices, echelon, orthogonal};
use std::collections::{BTreeMap, BTreeSet};

/// Most faces.
const FACES: usize = 3000;
const ZERO: f64 = 1e-9;

/// A face without 0: its exponents by number.
#[derive(Debug, Clone)]
pub(super) struct Face {
    pub points: Vec<usize>,
    /// The first direction in which it is unbounded.
    unbounded: Option<usize>,
    /// A direction of log u in which its terms lead.
    pub outward: Vec<f64>,
}

impl Face {
    /// Whether it is unbounded in one of the first directions.
    pub fn reaches(&self, first: usize) -> bool {
        self.unbounded.is_some_and(|k| k < first)
    }
}

/// Faces without 0 of the hull of 0, `points` and the directions; `None` where they are too many. Those with
/// most points come first.
pub(super) fn faces(points: &[Vec<f64>], directions: &[Vec<f64>], n: usize) -> Option<Vec<Face>> {
    // Homogeneous: (1, point) and (0, direction).
    let lift = |first: f64, v: &Vec<f64>| -> Vec<f64> { std::iter::once(first).chain(v.iter().copied()).collect() };
    let mut all = vec![lift(1.0, &vec![0.0; n])];
    all.extend(points.iter().map(|p| lift(1.0, p)));
    all.extend(directions.iter().map(|d| lift(0.0, d)));
    if all.len() > 64 {
        return None;
    }
    // On the span: the pivot columns.
    let (_, pivots) = echelon(all.clone());
    let all: Vec<Vec<f64>> = all.iter().map(|v| pivots.iter().map(|k| v[*k]).collect()).collect();
    let r = pivots.len();
    if r < 2 {
        return Some(vec![]);
    }
    let mut facets: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    let complete = choices(all.len(), r - 1, &mut |chosen| {
        let Some(normal) = orthogonal(chosen.iter().map(|i| all[*i].clone()).collect(), r) else { return };
        let side: Vec<f64> = all.iter().map(|v| v.iter().zip(&normal).map(|(a, b)| a * b).sum()).collect();
        let sized = |i: usize| ZERO * all[i].iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        let (up, down) = (0..all.len()).fold((false, false), |(u, d), i| (u || side[i] > sized(i), d || side[i] < -sized(i)));
        if !(up && down) {
            // Outward, without the homogeneous coordinate.
            let turn = if up { -1.0 } else { 1.0 };
            let mut outward = vec![0.0; n + 1];
            pivots.iter().zip(&normal).for_each(|(k, v)| outward[*k] = turn * v);
            let mask = (0..all.len()).filter(|i| side[*i].abs() <= sized(*i)).fold(0, |mask, i| mask | 1 << i);
            facets.insert(mask, outward[1..].to_vec());
        }
    });
    if !complete {
        return None;
    }
    let list: Vec<u64> = facets.keys().copied().collect();
    let (mut known, mut open): (BTreeSet<u64>, Vec<u64>) = (list.iter().copied().collect(), list.clone());
    while let Some(face) = open.pop() {
        for facet in &list {
            let common = face & facet;
            if common != 0 && known.insert(common) {
                open.push(common);
            }
        }
        if known.len() > FACES {
            return None;
        }
    }
    let without = known.into_iter().filter(|mask| mask & 1 == 0);
    let made = without.map(|mask| Face {
        points: (0..points.len()).filter(|i| mask >> (i + 1) & 1 == 1).collect(),
        unbounded: (0..directions.len()).find(|k| mask >> (points.len() + 1 + k) & 1 == 1),
        outward: facets.iter().filter(|(f, _)| *f & mask == mask).fold(vec![0.0; n], |mut sum, (_, v)| {
            sum.iter_mut().zip(v).for_each(|(s, v)| *s += v);
            sum
        }),
    });
    let mut made: Vec<Face> = made.filter(|f| !f.points.is_empty()).collect();
    made.sort_by_key(|f| std::cmp::Reverse(f.points.len()));
    Some(made)
}
