//! One contract for every family, native and from the standard library: A differentiates to the mean and the covariance,
//! exact draws have that mean, densities are those of scipy, improper eta are refused, and so is what is no number.

use crate::existence::sign;
use crate::families::{golden, numbers, off, outside, p_of};
use crate::twins::{arguments, pair};
use nnef::domain::Axis;
use nnef::expr::{Graph, NodeId, Op, gradient, jacobian};
use nnef::family::{Existence, Family, Integrand, named};
use nnef::num::observe::Monitor;
use nnef::num::quad::gauss_legendre;
use nnef::sample::{LabelOptions, Method, label_part, labels};
use serde_json::Value;
use std::sync::Arc;

/// A family with the native one of its name, which may be itself.
struct Member {
    label: String,
    family: Arc<Family>,
    native: Arc<Family>,
}

fn members() -> Vec<Member> {
    named::LIST
        .iter()
        .flat_map(|entry| {
            let (native, twin) = pair(entry.name, arguments(entry));
            let member =
                |module: &str, family| Member { label: format!("{module}::{}", entry.name), family, native: native.clone() };
            [member("ef", native.clone()), member("std", twin)]
        })
        .collect()
}

/// Mean, A and covariance.
pub type Row = (Vec<f64>, f64, Vec<f64>);

/// Of rows of eta, by the family's own means: its closed form, or quadrature in up to two coordinates.
pub fn moments(family: &Family, etas: &[f64]) -> Option<Vec<Row>> {
    let k = family.dim();
    if let Some(f) = family.closed_form() {
        return Some(etas.chunks(k).map(|e| (f.mean(e), f.log_normalizer(e), f.covariance(e))).collect());
    }
    if family.integrand().is_none_or(|i| i.axes().len() > 2) {
        return None;
    }
    let options = LabelOptions { method: Method::Quadrature, ..LabelOptions::default() };
    // Without the check of eta: a difference in one entry of a matrix leaves the symmetric ones.
    let found = label_part(family, etas, 0, &options, &Monitor::silent()).unwrap_or_else(|e| panic!("{}: {e}", family.name()));
    let (a, cov) = (found.log_normalizer.unwrap(), found.cov_tt.unwrap());
    let row = |i: usize| (found.mu_t[i * k..][..k].to_vec(), a[i], cov[i * k * k..][..k * k].to_vec());
    Some((0..a.len()).map(row).collect())
}

/// The size of each entry of mean and covariance in standard deviations.
fn sizes((mu, _, cov): &Row) -> (Vec<f64>, Vec<f64>) {
    let k = mu.len();
    let sd: Vec<f64> = (0..k).map(|i| cov[i * k + i].sqrt()).collect();
    let both = (0..k * k).map(|e| sd[e / k] * sd[e % k] + 1e-3).collect();
    (sd.iter().zip(mu).map(|(s, m)| s + m.abs() + 1e-3).collect(), both)
}

#[test]
fn differences_of_the_log_normalizer_are_mean_and_covariance() {
    let step = [1.0, -1.0, 2.0, -2.0];
    for Member { label, family, .. } in members() {
        let k = family.dim();
        for eta in family.draw_eta(2, 17).unwrap().chunks(k) {
            let h = |i: usize| 1e-3 * eta[i].abs().max(0.5);
            let moved = |i: usize, s: f64| (0..k).map(move |j| if i == j { eta[j] + s * h(i) } else { eta[j] });
            let shifted = (0..k).flat_map(|i| step.iter().flat_map(move |s| moved(i, *s)));
            let all: Vec<f64> = eta.iter().copied().chain(shifted).collect();
            let Some(rows) = moments(&family, &all) else { continue };
            let (here, (first, second)) = (&rows[0], sizes(&rows[0]));
            for (i, at) in rows[1..].chunks(4).enumerate() {
                let slope = |f: &dyn Fn(&Row) -> f64| (8.0 * (f(&at[0]) - f(&at[1])) - (f(&at[2]) - f(&at[3]))) / (12.0 * h(i));
                let found = slope(&|r| r.1);
                assert!(off(found, here.0[i], first[i]) < 1e-7, "{label} {eta:?}: mu[{i}] {} and {found}", here.0[i]);
                for j in 0..k {
                    let (found, c) = (slope(&|r| r.0[j]), here.2[i * k + j]);
                    assert!(off(found, c, second[i * k + j]) < 1e-7, "{label} {eta:?}: cov[{i},{j}] {c} and {found}");
                }
            }
        }
    }
}

/// Nodes over one axis with log weights: whole numbers, or Gauss-Legendre panels whose ends fall on whole numbers.
fn nodes(axis: Axis) -> (Vec<f64>, Vec<f64>) {
    let (from, to) = match axis {
        Axis::Integers { from, to } => {
            let all: Vec<f64> = (0..=(to - from).min(400.0) as usize).map(|i| from + i as f64).collect();
            return (all.clone(), vec![0.0; all.len()]);
        }
        Axis::Circle => (-std::f64::consts::PI, std::f64::consts::PI),
        _ => (-60.0, 60.0),
    };
    let (x, w) = gauss_legendre(12);
    let panels = 2 * (to - from).ceil() as usize;
    let half = 0.5 * (to - from) / panels as f64;
    let middle = |p: usize| from + half * (2 * p + 1) as f64;
    let all = (0..panels).flat_map(|p| x.iter().zip(&w).map(move |(x, w)| (middle(p) + half * x, (half * w).ln())));
    all.unzip()
}

/// log sum_m exp(eta . T_m + c_m) over the nodes that matter at `eta`: its value, gradient and Hessian, by autodiff of a
/// graph with eta as coordinates.
fn differentiated(integrand: &Integrand, eta: &[f64]) -> Row {
    let k = eta.len();
    let (t, weights) = nodes(integrand.axes()[0]);
    let statistics = integrand.program().evaluate(Integrand::STATISTICS, &t, &vec![0.0; k]);
    let height = |(row, w): (&[f64], &f64)| w + row[k] + row.iter().zip(eta).map(|(t, e)| t * e).sum::<f64>();
    let heights: Vec<f64> = statistics.chunks(k + 1).zip(&weights).map(height).collect();
    let top = heights.iter().copied().filter(|h| !h.is_nan()).fold(f64::NEG_INFINITY, f64::max);
    let mut g = Graph::new();
    let mut terms: Vec<NodeId> = Vec::new();
    for ((row, w), _) in statistics.chunks(k + 1).zip(&weights).zip(&heights).filter(|(_, h)| **h > top - 45.0) {
        let mut sum = g.constant(w + row[k] - top);
        for (i, t) in row[..k].iter().enumerate() {
            let (e, t) = (g.var(i), g.constant(*t));
            let product = g.mul(e, t);
            sum = g.add(sum, product);
        }
        terms.push(g.unary(Op::Exp, sum));
    }
    let sum = g.sum(&terms);
    let a = g.unary(Op::Log, sum);
    let mu = gradient(&mut g, a, k);
    let cov = jacobian(&mut g, &mu, k);
    let roots: Vec<NodeId> = [a].into_iter().chain(mu).chain(cov).collect();
    let values = g.evaluate(&roots, eta, &[]);
    (values[1..=k].to_vec(), top + values[0], values[k + 1..].to_vec())
}

#[test]
fn autodiff_of_the_log_normalizer_gives_mean_and_covariance() {
    let mut seen = 0;
    for Member { label, family, .. } in members() {
        // On whole numbers and circles the axis itself, else unconstrained.
        let own = |i: &&Integrand| matches!(i.axes(), [Axis::Integers { .. } | Axis::Circle]);
        let Some(integrand) = family.integrand().filter(own).or_else(|| family.unconstrained_integrand()) else { continue };
        if integrand.axes().len() != 1 {
            continue;
        }
        seen += 1;
        for eta in family.draw_eta(2, 29).unwrap().chunks(family.dim()) {
            let (found, declared) = (differentiated(integrand, eta), &moments(&family, eta).unwrap()[0]);
            let (first, second) = sizes(declared);
            assert!(
                off(found.1, declared.1, 1.0 + declared.1.abs()) < 1e-10,
                "{label} {eta:?}: A {} and {}",
                declared.1,
                found.1
            );
            let close = |a: &[f64], b: &[f64], size: &[f64]| (0..a.len()).all(|i| off(a[i], b[i], size[i]) < 1e-9);
            assert!(close(&found.0, &declared.0, &first), "{label} {eta:?}: mu {:?} and {:?}", declared.0, found.0);
            assert!(close(&found.2, &declared.2, &second), "{label} {eta:?}: cov {:?} and {:?}", declared.2, found.2);
        }
    }
    assert!(seen >= 20, "only {seen} families of one coordinate");
}

#[test]
fn exact_draws_have_the_mean_of_the_twin() {
    // 18 p-values: one false alarm in 5,500 choices of the seed.
    let mut seen = 0;
    for Member { label, family, native } in members() {
        let (Some(form), None) = (native.closed_form(), family.closed_form()) else { continue };
        let eta = family.draw_eta(1, 33).unwrap();
        // What the twin cannot integrate is compared with the closed form.
        let mean = moments(&family, &eta).map_or_else(|| form.mean(&eta), |rows| rows[0].0.clone());
        println!("{label}: p = {:.3}", p_of(&family, form, &eta, &mean, 8));
        seen += 1;
    }
    assert_eq!(seen, named::LIST.len() - 1, "all but the normal on a box of two coordinates");
}

#[test]
fn densities_of_twins_agree_with_scipy() {
    for row in golden()["log_density"].as_array().unwrap() {
        let name = row["family"].as_str().unwrap();
        let arguments: Vec<String> = row["args"].as_array().unwrap().iter().map(Value::to_string).collect();
        let (native, twin) = pair(name, &arguments.join(", "));
        let (eta, mut x) = (numbers(&row["eta"]), numbers(&row["x"]));
        if name == "normal_wishart" {
            x.rotate_left(row["args"][0].as_u64().unwrap() as usize);
        }
        let a = moments(&twin, &eta).or_else(|| moments(&native, &eta)).unwrap()[0].1;
        let truth = row["log_density"].as_f64().unwrap();
        let found = twin.log_density_at(&x, 1, &eta).unwrap()[0] - a;
        // Integrals over two coordinates are good to 4e-9 at an eta far from the region.
        assert!(off(found, truth, 1.0 + truth.abs()) < 1e-8, "{name} {eta:?} at {x:?}: {found} and {truth}");
    }
}

#[test]
fn no_family_takes_an_eta_outside_its_natural_space() {
    for (name, d, eta, condition) in outside() {
        let entry = named::find(name).unwrap();
        let arguments = if arguments(entry).is_empty() { String::new() } else { d.to_string() };
        let (native, twin) = pair(name, &arguments);
        assert!(native.check_eta(&eta).is_err(), "ef::{name} takes {eta:?}");
        // Twins symmetrise, their poisson is cut off, and an inverse gaussian of infinite mean still has a density.
        let theirs = !["symmetric", "differ", "< 709"].iter().any(|c| condition.contains(c));
        if theirs && (name, condition) != ("inverse_gaussian", "eta_x < 0") {
            assert_ne!(twin.existence(&eta), Existence::Proper, "std::{name} takes {eta:?}");
        }
    }
    for Member { label, family, native } in members() {
        let (k, eta) = (family.dim(), family.draw_eta(1, 3).unwrap());
        assert_ne!(sign(&family.existence(&eta)), 'i', "{label} refuses {eta:?}");
        assert!(native.check_eta(&eta).is_ok() && family.check_eta(&eta).is_ok(), "{label} refuses {eta:?}");
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for i in 0..k {
                let mut broken = eta.clone();
                broken[i] = bad;
                let error = family.check_eta(&broken).unwrap_err().to_string();
                assert!(error.contains("must be finite") && error.contains(&family.stat_names()[i]), "{label}: {error}");
                assert!(labels(&family, &broken, &LabelOptions::default(), &Monitor::silent()).is_err(), "{label}: {broken:?}");
            }
        }
    }
}
