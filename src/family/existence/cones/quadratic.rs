//! Quadratic forms in log u beside the rest: log-normal densities and their like.
//!
//! Let K be the directions in which no term grows. Where the form is positive in one of K the integral does not exist: on a
//! tube along it nothing makes up for that. Where it is negative on K without 0, and the terms are below
//! -delta sum exp(a . y) far out, the integral exists: near K the form is below -delta |y|^2, elsewhere the terms are below
//! -exp(delta |y|). Where it is nowhere positive and N are the directions in which it is zero, what is piecewise linear
//! decides, on the part of K in N: with y = n + m, m orthogonal to N, the form is below -delta |m|^2, and the rest changes by
//! at most a multiple of |m| from its value at n.
//!
//! Where log u is K itself, it is enough that the form is nowhere positive on K: what is piecewise linear has to be negative
//! where the form is zero, and is so next to it; elsewhere the form is below -delta |y|^2. Where the linear part is positive in
//! such a direction v, the integral does not exist: at a distance of 1 / s from s v the form is bounded.

use super::cone::{Cone, Within, doubtful};
use super::rays::{choices, orthogonal, rank};
use crate::num::linalg::symmetric_eigen;
use std::collections::BTreeSet;

/// What of a form's largest entry is surely not zero.
const SURE: f64 = 1e-9;

/// What is left to the part that is piecewise linear in log u.
pub(super) enum Beside {
    /// Its values in these directions, where no term grows.
    Linear(Vec<Vec<f64>>),
    /// As `Linear`; the form is below zero around these directions, where it is zero.
    Touches(Vec<Vec<f64>>),
    /// The form is positive there.
    Grows(Vec<f64>),
    Open,
}

/// A form that is nowhere positive: linear forms that are zero where it is.
fn nowhere_positive(form: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = form.len();
    let mut rest: Vec<Vec<(f64, f64)>> = form.iter().map(|r| r.iter().map(|v| (*v, v.abs())).collect()).collect();
    let mut left: BTreeSet<usize> = (0..n).collect();
    let mut normals = Vec::new();
    while let Some(i) =
        left.iter().copied().filter(|i| rest[*i][*i].0 < 0.0).min_by(|a, b| rest[*a][*a].0.total_cmp(&rest[*b][*b].0))
    {
        if rest[i][i].0.abs() <= SURE * rest[i][i].1 {
            return None;
        }
        normals.push((0..n).map(|k| if left.contains(&k) { rest[i][k].0 } else { 0.0 }).collect());
        left.remove(&i);
        for a in &left {
            let factor = rest[*a][i].0 / rest[i][i].0;
            for b in &left {
                let change = factor * rest[i][*b].0;
                rest[*a][*b] = (rest[*a][*b].0 - change, rest[*a][*b].1 + change.abs());
            }
        }
    }
    // What is left has to be zero, exactly.
    let zero = left.iter().all(|a| left.iter().all(|b| rest[*a][*b].0 == 0.0));
    zero.then_some(normals)
}

impl Cone {
    /// The quadratic form with the coefficients `products`.
    pub(super) fn form(&self, products: &[(f64, f64)]) -> Vec<Vec<f64>> {
        let n = self.bounded.len();
        let mut form = vec![vec![0.0; n]; n];
        for (((i, k), _), (c, _)) in self.products.iter().zip(products) {
            form[*i][*k] += 0.5 * c;
            form[*k][*i] += 0.5 * c;
        }
        form
    }

    /// Whether log u is K itself and no neighbourhood: there are no terms, and nothing is bounded by other numbers than 1.
    fn is_its_directions(&self, (used, bounds): Within) -> bool {
        used.is_empty() && !self.bounded.contains(&true) && bounds.len() == self.sector.len()
    }

    /// The directions in which the quadratic form does not decide; `products` are its coefficients.
    pub(super) fn beside_products(&self, rays: &[Vec<f64>], what: Within, products: &[(f64, f64)]) -> Beside {
        if products.iter().all(|p| p.0 == 0.0) {
            return Beside::Linear(rays.to_vec());
        }
        let n = self.bounded.len();
        let form = self.form(products);
        let value = |v: &[f64]| {
            let each = (0..n).flat_map(|i| (0..n).map(move |k| (i, k))).map(|(i, k)| form[i][k] * v[i] * v[k]);
            each.fold((0.0, 0.0), |(s, size): (f64, f64), t| (s + t, size + t.abs()))
        };
        let positive = |v: &[f64]| {
            let (s, size) = value(v);
            s > SURE * size
        };
        let quiet: Vec<&Vec<f64>> = rays.iter().filter(|v| self.quiet(what, v)).collect();
        let flat: Vec<f64> = form.concat();
        let (_, vectors) = symmetric_eigen(&flat, n);
        let axes = (0..n).flat_map(|a| [1.0, -1.0].map(|s| (0..n).map(|i| s * vectors[i * n + a]).collect::<Vec<f64>>()));
        let sums = quiet.iter().flat_map(|v| quiet.iter().map(|w| v.iter().zip(*w).map(|(a, b)| a + b).collect()));
        // Of axes rounding must not move one into K.
        let tried = quiet.iter().map(|v| v.to_vec()).chain(axes.filter(|v| self.well_inside(what, v))).chain(sums);
        if let Some(v) = tried.into_iter().find(|v: &Vec<f64>| positive(v) && self.quiet(what, v)) {
            return Beside::Grows(v);
        }
        let Some(normals) = nowhere_positive(&form) else {
            // Of products of vectors from K without a positive one, all sums are negative.
            let product = |v: &[f64], w: &[f64]| {
                let each = (0..n).flat_map(|i| (0..n).map(move |k| (i, k))).map(|(i, k)| form[i][k] * v[i] * w[k]);
                each.fold((0.0, 0.0), |(s, size): (f64, f64), t| (s + t, size + t.abs()))
            };
            let below = |(s, size): (f64, f64)| s <= 0.0 && !doubtful((s, size));
            let never_positive = quiet.iter().enumerate().all(|(i, v)| {
                let (s, size) = value(v);
                (s == 0.0 || s < -SURE * size) && quiet[..i].iter().all(|w| below(product(v, w)))
            });
            let zero: Vec<Vec<f64>> = quiet.iter().filter(|v| value(v).0 == 0.0).map(|v| v.to_vec()).collect();
            return match never_positive {
                true if zero.is_empty() => Beside::Linear(vec![]),
                true if self.is_its_directions(what) => Beside::Touches(zero),
                _ => Beside::Open,
            };
        };
        let free = n - rank(normals.clone());
        if free == 0 {
            return Beside::Linear(vec![]);
        }
        let mut found: Vec<Vec<f64>> = Vec::new();
        let complete = choices(self.normals.len(), free - 1, &mut |chosen| {
            let rows = normals.iter().cloned().chain(chosen.iter().map(|i| self.normals[*i].clone()));
            if let Some(v) = orthogonal(rows.collect(), n) {
                found.push(v.iter().map(|v| -v).collect());
                found.push(v);
            }
        });
        if complete { Beside::Linear(found) } else { Beside::Open }
    }
}
