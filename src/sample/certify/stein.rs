//! Stein identities: E[d psi / d z_j + psi d log p / d z_j] = 0 for psi in {1, z, T}, in unconstrained coordinates, where
//! every density that decays has no boundary.
//!
//! # Source
//! Stein, "A bound for the error in the normal approximation" (1972); as control variates: Mira, Solgi and Imparato,
//! "Zero variance Markov chain Monte Carlo for Bayesian estimators", Statistics and Computing 23 (2013).

use super::{Line, RHAT, z_limit};
use crate::domain::Axis;
use crate::expr::{NodeId, Op, Program, gradient, kinks};
use crate::family::{Density, Family};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::{Group, Plan, diagnose};
use rand::seq::SliceRandom;

const NAME: &str = "stein";
/// Chains, warm-up and kept draws of each.
const CHAINS: usize = 64;
const WARMUP: usize = 300;
const LENGTH: usize = 100;
/// Identities that are looked at.
const MOST: usize = 80;

pub(super) fn lines(family: &Family, etas: &[&[f64]], stream: Stream, monitor: &Monitor) -> Vec<Line> {
    vec![line(family, etas, stream.child("stein"), monitor)]
}

fn line(family: &Family, etas: &[&[f64]], stream: Stream, monitor: &Monitor) -> Line {
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
    let observed: Vec<NodeId> = [parts.z.as_slice(), &parts.t].concat();
    let program = Program::compile(g, m, &[&identities, &observed]);
    let limit = z_limit(fields.len() * etas.len(), (CHAINS - 1) as f64);
    let (mut worst, mut place, mut astray) = (0.0, String::new(), 0);
    for (row, eta) in etas.iter().enumerate() {
        let run = Run::new(family, &program, [identities.len(), observed.len()], eta, stream.at(row as u64), monitor);
        let (z, identity) = run.largest();
        if z >= limit && !run.agrees() {
            astray += 1;
        } else if z > worst {
            (worst, place) = (z, identity.map(|i| format!(", psi = {}: {}", fields[i].0, run.said(i))).unwrap_or_default());
        }
    }
    const ASTRAY: &str = "the chains do not agree among themselves";
    if astray == etas.len() {
        return Line::skip(NAME, format!("{ASTRAY}; more warm-up may help"));
    }
    let place = if worst < limit { String::new() } else { place };
    let silent = if astray == 0 { String::new() } else { format!("; not at {astray} eta, where {ASTRAY}") };
    let count = fields.len() * (etas.len() - astray);
    Line::of(NAME, worst < limit, format!("largest z of {count} identities {worst:.1}{place} (limit {limit:.1}){silent}"))
}

/// Chains at one eta.
struct Run {
    /// Mean of each identity over the draws of each chain.
    means: Vec<Vec<f64>>,
    /// Positions and statistics, each [chains, draws].
    series: Vec<Vec<f64>>,
}

impl Run {
    fn new(
        family: &Family,
        program: &Program,
        [identities, observed]: [usize; 2],
        eta: &[f64],
        stream: Stream,
        monitor: &Monitor,
    ) -> Run {
        let plan = Plan { chains: CHAINS, step_size: 0.1, integration_steps: 32, adapt: true, target_accept: 0.8 };
        let mut group = Group::new(family, plan, eta, &[stream]);
        group.warm_up(WARMUP, monitor);
        group.seed(&[stream], "sample");
        let m = family.density().free();
        let mut means = vec![vec![0.0; identities]; CHAINS];
        let mut series = vec![vec![0.0; CHAINS * LENGTH]; observed];
        let mut points = vec![0.0; CHAINS * m];
        for i in (0..LENGTH).take_while(|_| !monitor.cancelled()) {
            group.draw();
            group.read(Density::POSITION, m, &mut |_, chain, z| points[chain * m..(chain + 1) * m].copy_from_slice(z));
            for (mean, row) in means.iter_mut().zip(program.evaluate(0, &points, eta).chunks(identities)) {
                mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / LENGTH as f64);
            }
            for (chain, row) in program.evaluate(1, &points, eta).chunks(observed).enumerate() {
                series.iter_mut().zip(row).for_each(|(s, v)| s[chain * LENGTH + i] = *v);
            }
        }
        Run { means, series }
    }
    /// Mean of identity `i`, and its standard error.
    fn mean(&self, i: usize) -> (f64, f64) {
        let of: Vec<f64> = self.means.iter().map(|c| c[i]).collect();
        (diagnose::mean(&of), (diagnose::variance(&of) / CHAINS as f64).sqrt())
    }
    fn said(&self, i: usize) -> String {
        let (mean, error) = self.mean(i);
        format!("{mean:.3e} with error {error:.1e}")
    }
    /// The largest z of the identities, infinite where one is not a number, and whose it is.
    fn largest(&self) -> (f64, Option<usize>) {
        let z = |i: usize| {
            let (mean, error) = self.mean(i);
            // An identity that holds at every point has nothing but rounding.
            let z = if mean.abs() <= 1e-12 { 0.0 } else { mean.abs() / error };
            (if z.is_nan() { f64::INFINITY } else { z }, Some(i))
        };
        let identities = self.means.first().map_or(0, Vec::len);
        (0..identities).map(z).fold((0.0, None), |worst, found| if found.0 > worst.0 { found } else { worst })
    }
    /// Whether the chains are of one mind on the positions and the statistics.
    fn agrees(&self) -> bool {
        let of = |series: &Vec<f64>| diagnose::rhat(&diagnose::split(&series.chunks(LENGTH).collect::<Vec<_>>()));
        self.series.iter().map(of).all(|r| r < RHAT)
    }
}
