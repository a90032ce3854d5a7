//! Stein identities: E[d psi / d z_j + psi d log p / d z_j] = 0 for psi in {1, z, T}, in unconstrained coordinates, where
//! every density that decays has no boundary.
//!
//! # Source
//! Stein, "A bound for the error in the normal approximation" (1972); as control variates: Mira, Solgi and Imparato,
//! "Zero variance Markov chain Monte Carlo for Bayesian estimators", Statistics and Computing 23 (2013).

use super::{Line, z_limit};
use crate::domain::Axis;
use crate::expr::{NodeId, Op, Program, gradient, kinks};
use crate::family::{Density, Family};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::{Group, Plan};
use rand::seq::SliceRandom;

const NAME: &str = "stein";
/// Chains, warm-up and kept draws of each.
const CHAINS: usize = 64;
const WARMUP: usize = 300;
const LENGTH: usize = 100;
/// Identities that are looked at.
const MOST: usize = 80;

pub(super) fn lines(family: &Family, etas: &[&[f64]], stream: Stream, _monitor: &Monitor) -> Vec<Line> {
    vec![line(family, etas, stream.child("stein"))]
}

fn line(family: &Family, etas: &[&[f64]], stream: Stream) -> Line {
    let mut parts = family.unconstrained();
    let m = parts.z.len();
    if family.support().bijector().discrete() {
        return Line::skip(NAME, "the support is discrete");
    }
    if parts.inside.is_some() {
        return Line::skip(NAME, "the density jumps at the boundary of where:");
    }
    let (x_graph, t, base) = family.graph();
    if x_graph.uses(&[t, &[base]].concat(), Op::Floor) {
        return Line::skip(NAME, "the density jumps with floor");
    }
    let mut roots = parts.t.clone();
    roots.push(parts.value);
    if kinks::surfaces(&mut parts.graph, &roots).iter().any(|s| s.jumps) {
        return Line::skip(NAME, "the density jumps");
    }
    let circle = family.support().bijector().axes().is_some_and(|a| a.contains(&Axis::Circle));
    let g = &mut parts.graph;
    let slope = gradient(g, parts.value, m);
    let one = g.constant(1.0);
    let mut fields: Vec<(String, NodeId, usize)> = (0..m).map(|j| (format!("1 along z[{j}]"), one, j)).collect();
    if !circle {
        fields.extend((0..m).map(|j| (format!("z[{j}]"), parts.z[j], j)));
    }
    let names = family.stat_names();
    let mut seen = std::collections::HashSet::new();
    for (t, name) in parts.t.iter().zip(&names).filter(|(t, _)| seen.insert(**t)) {
        fields.extend((0..m).map(|j| (format!("{name} along z[{j}]"), *t, j)));
    }
    fields.shuffle(&mut stream.child("fields").rng());
    fields.truncate(MOST);
    let identities: Vec<NodeId> = fields
        .iter()
        .map(|(_, psi, j)| {
            let along = gradient(g, *psi, m)[*j];
            let product = g.mul(*psi, slope[*j]);
            g.add(along, product)
        })
        .collect();
    let program = Program::compile(g, m, &[&identities]);
    let limit = z_limit(fields.len() * etas.len(), (CHAINS - 1) as f64);
    let (mut worst, mut place) = (0.0, String::new());
    for (row, eta) in etas.iter().enumerate() {
        let means = chain_means(family, &program, identities.len(), eta, stream.at(row as u64));
        for (i, (name, ..)) in fields.iter().enumerate() {
            let of: Vec<f64> = means.iter().map(|c| c[i]).collect();
            let mean = of.iter().sum::<f64>() / CHAINS as f64;
            let variance = of.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (CHAINS - 1) as f64;
            let error = (variance / CHAINS as f64).sqrt();
            // An identity that holds at every point has nothing but rounding.
            let z = if mean.abs() <= 1e-12 { 0.0 } else { mean.abs() / error };
            if z > worst || z.is_nan() {
                (worst, place) =
                    (if z.is_nan() { f64::INFINITY } else { z }, format!(", psi = {name}: {mean:.3e} with error {error:.1e}"));
            }
        }
    }
    let place = if worst < limit { String::new() } else { place };
    Line::of(
        NAME,
        worst < limit,
        format!("largest z of {} identities {worst:.1}{place} (limit {limit:.1})", fields.len() * etas.len()),
    )
}

/// Mean of each identity over the draws of each chain.
fn chain_means(family: &Family, program: &Program, outputs: usize, eta: &[f64], stream: Stream) -> Vec<Vec<f64>> {
    let plan = Plan { chains: CHAINS, step_size: 0.1, integration_steps: 32, adapt: true, target_accept: 0.8 };
    let mut group = Group::new(family, plan, eta, &[stream]);
    group.warm_up(WARMUP);
    group.seed(&[stream], "sample");
    let m = family.density().free();
    let mut means = vec![vec![0.0; outputs]; CHAINS];
    let mut points = vec![0.0; CHAINS * m];
    for _ in 0..LENGTH {
        group.draw();
        group.read(Density::POSITION, m, &mut |_, chain, z| points[chain * m..(chain + 1) * m].copy_from_slice(z));
        let values = program.evaluate(0, &points, eta);
        for (mean, row) in means.iter_mut().zip(values.chunks(outputs)) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / LENGTH as f64);
        }
    }
    means
}
