//! Functions of known mean zero: first-order Stein fields in unconstrained coordinates.
//!
//! For a continuous function psi and a coordinate j, c = d psi / d z_j + psi d log p / d z_j is the divergence of a field
//! over the density, so that `E[c]` = 0 wherever psi p vanishes at infinity. The log density includes the log-Jacobian,
//! which makes it vanish at the ends of a support. Only first derivatives of psi occur: a kink does no harm, which the
//! second-order form would not survive.
//!
//! # Source
//! Assaraf and Caffarel, "Zero-variance principle for Monte Carlo algorithms", PRL 83 (1999); Mira, Solgi and Imparato,
//! "Zero variance Markov chain Monte Carlo for Bayesian estimators", Statistics and Computing 23 (2013); fields for each
//! coordinate and a boundary factor: Oates, Girolami and Chopin, "Control functionals for Monte Carlo integration",
//! JRSS B 79 (2017).

use super::{Family, Unconstrained};
use crate::expr::{Graph, Node, NodeId, Op, Program, gradient, kinks};
use crate::num::stream::Stream;
use rand::Rng;
use rand_distr::StandardNormal;
use std::collections::HashSet;
use std::f64::consts::PI;

/// Controls of a family, compiled over the same coordinates z and parameters eta as [`super::Density`], and with as many
/// lanes. The useful ones come first.
#[derive(Debug, Clone)]
pub struct Stein {
    program: Program,
    count: usize,
    /// Which coordinates z are angles.
    angles: Vec<bool>,
}

/// Most controls that are compiled: a regression on them costs their square for each draw.
const MOST: usize = 128;

/// How a family looks to its fields.
struct Fields {
    parts: Unconstrained,
    slope: Vec<NodeId>,
    angles: Vec<usize>,
    /// For each coordinate those that its slope depends on, itself among them.
    near: Vec<Vec<usize>>,
    /// Functions of one step on each coordinate: z, or sine and cosine where z is an angle.
    axes: Vec<NodeId>,
    /// The coordinates of the point, where they are not among `axes`.
    points: Vec<NodeId>,
    /// A factor that vanishes on the boundary of the condition.
    factor: Option<NodeId>,
}

impl Stein {
    /// The entry of [`Stein::program`] with the controls.
    pub const CONTROLS: usize = 0;
    /// The entry with the log density, the distinct statistics as [`super::Density`] has them, and the controls.
    pub const EVERYTHING: usize = 1;

    pub(super) fn new(family: &Family) -> Option<Stein> {
        let mut fields = Fields::new(family)?;
        let controls = fields.controls();
        let (count, free) = (controls.len(), fields.parts.z.len());
        let parts = &mut fields.parts;
        let value = Family::restrict(&mut parts.graph, parts.inside, parts.value);
        let everything = [&[value], &distinct(&parts.t)[..], &controls].concat();
        let beside = family.density().program();
        let program = Program::compile_beside(beside, &parts.graph, free, &[&controls, &everything]);
        let angles = (0..free).map(|j| fields.angles.contains(&j)).collect();
        (count > 0).then_some(Stein { program, count, angles })
    }
    /// The compiled program over z.
    pub fn program(&self) -> &Program {
        &self.program
    }
    /// Number of controls.
    pub fn count(&self) -> usize {
        self.count
    }
    /// Which coordinates z, `[m]`, are angles: their density is periodic.
    pub fn angles(&self) -> &[bool] {
        &self.angles
    }
}

/// Each node once, in the order of their first occurrence.
fn distinct(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut seen = HashSet::new();
    nodes.iter().copied().filter(|n| seen.insert(*n)).collect()
}

impl Fields {
    fn new(family: &Family) -> Option<Fields> {
        if family.support.bijector().discrete() || !is_continuous(family) {
            return None;
        }
        let mut parts = family.unconstrained();
        let angles = angles(&parts);
        if !angles.iter().all(|j| closes(&parts, *j, family.dim())) {
            return None;
        }
        let factor = match parts.inside {
            Some(condition) => Some(boundary(&mut parts.graph, condition)?),
            None => None,
        };
        let slope = gradient(&mut parts.graph, parts.value, parts.z.len());
        let near = slope.iter().enumerate().map(|(j, s)| union(parts.graph.coordinates(*s), &[j])).collect();
        let mut axes = Vec::new();
        for (j, z) in parts.z.iter().enumerate() {
            if angles.contains(&j) {
                axes.extend([Op::Sin, Op::Cos].map(|op| parts.graph.unary(op, *z)));
            } else {
                axes.push(*z);
            }
        }
        let angular = |x: &NodeId| parts.graph.coordinates(*x).iter().any(|j| angles.contains(j));
        let points: Vec<NodeId> = parts.x.iter().copied().filter(|x| !axes.contains(x) && !angular(x)).collect();
        Some(Fields { slope, near, axes, points, factor, parts, angles })
    }
    /// The controls, the useful ones first: psi = 1; then z, x and T; then T x; then T z. Among equals those come first whose
    /// psi depends on fewer coordinates other than the field's own.
    fn controls(&mut self) -> Vec<NodeId> {
        let mut found: Vec<((usize, usize), NodeId, usize)> = Vec::new();
        let mut seen = HashSet::new();
        let tiers = self.tiers();
        for (tier, psis) in tiers.iter().enumerate() {
            for (psi, touched) in psis {
                for j in 0..self.slope.len() {
                    if touched.iter().all(|i| self.near[j].contains(i)) && seen.insert((*psi, j)) {
                        found.push(((tier, touched.iter().filter(|i| **i != j).count()), *psi, j));
                    }
                }
            }
        }
        found.sort_by_key(|(rank, ..)| *rank);
        let mut controls: Vec<NodeId> = Vec::new();
        for (_, psi, j) in found {
            if controls.len() == MOST {
                break;
            }
            let control = self.control(psi, j);
            if self.parts.graph.varies(control) && !controls.contains(&control) {
                controls.push(control);
            }
        }
        controls
    }
    fn tiers(&mut self) -> Vec<Vec<(NodeId, Vec<usize>)>> {
        let g = &mut self.parts.graph;
        let one = g.constant(1.0);
        let distinct = distinct(&self.parts.t);
        let first: Vec<NodeId> = [&self.axes[..], &self.points, &distinct].concat();
        let mut tiers = vec![vec![one], first];
        // Without coordinates of its own the point is z.
        let steps = if self.points.is_empty() { vec![&self.axes] } else { vec![&self.points, &self.axes] };
        for step in steps {
            let reach: Vec<Vec<usize>> = step.iter().map(|u| g.coordinates(*u)).collect();
            let mut products = Vec::new();
            for t in &distinct {
                let touched = g.coordinates(*t);
                for (u, reach) in step.iter().zip(&reach) {
                    // Only products that some field may take.
                    if self.near.iter().any(|n| touched.iter().chain(reach).all(|i| n.contains(i))) {
                        products.push(g.mul(*t, *u));
                    }
                }
            }
            tiers.push(products);
        }
        let touched = |psis: Vec<NodeId>| psis.into_iter().map(|p| (p, g.coordinates(p))).collect();
        tiers.into_iter().map(touched).collect()
    }
    /// d (h psi) / d z_j + h psi d log p / d z_j, h the boundary factor.
    fn control(&mut self, psi: NodeId, j: usize) -> NodeId {
        let g = &mut self.parts.graph;
        let psi = self.factor.map_or(psi, |h| g.mul(h, psi));
        let along = gradient(g, psi, self.slope.len())[j];
        let drift = g.mul(psi, self.slope[j]);
        g.add(along, drift)
    }
}

fn union(mut a: Vec<usize>, b: &[usize]) -> Vec<usize> {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

/// Whether T and b have no jump on their own.
fn is_continuous(family: &Family) -> bool {
    let mut g = family.graph.clone();
    let roots: Vec<NodeId> = family.t.iter().copied().chain([family.base]).collect();
    let broken = [Op::Floor, Op::Tan, Op::Atan2].iter().any(|op| g.uses(&roots, *op));
    !broken && !kinks::surfaces(&mut g, &roots).iter().any(|s| s.jumps)
}

/// The coordinates z that wind round a circle: the point is made of them with `floor`.
pub(super) fn angles(parts: &Unconstrained) -> Vec<usize> {
    let g = &parts.graph;
    let needed = g.reachable(&parts.x);
    let floors = (0..needed.len()).filter(|i| needed[*i]).map(|i| g.id(i));
    let wound = floors.filter(|id| matches!(g.node(*id), Node::Apply(Op::Floor, _)));
    wound.fold(vec![], |found, id| union(g.coordinates(id), &found))
}

/// Points at which the two ends of a circle are compared.
const PROBES: u64 = 4;

/// Whether T and the density take the same value at both ends of the circle of z_j, seen at some random points.
fn closes(parts: &Unconstrained, j: usize, k: usize) -> bool {
    let roots: Vec<NodeId> = parts.t.iter().copied().chain([parts.value]).collect();
    (0..PROBES).all(|probe| {
        let mut rng = Stream::new(0).child("circle").at(j as u64).at(probe).rng();
        let mut z: Vec<f64> = parts.z.iter().map(|_| rng.sample(StandardNormal)).collect();
        let eta: Vec<f64> = (0..k).map(|_| rng.sample(StandardNormal)).collect();
        let mut at = |angle: f64| {
            z[j] = angle;
            parts.graph.evaluate(&roots, &z, &eta)
        };
        let (before, after) = (at(PI - 1e-9), at(PI + 1e-9));
        before.iter().zip(&after).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + a.abs()))
    })
}

/// A continuous function that is positive where the condition holds and vanishes on its boundary: b - a for a < b, and
/// products of such for conditions joined by `and`. None for other conditions.
fn boundary(g: &mut Graph, condition: NodeId) -> Option<NodeId> {
    let Node::Apply(op, [a, b, _]) = g.node(condition) else { return None };
    match op {
        Op::Less | Op::LessEqual => {
            let gap = g.sub(b, a);
            let jumps = g.uses(&[gap], Op::Floor) || kinks::surfaces(g, &[gap]).iter().any(|s| s.jumps);
            (!jumps).then_some(gap)
        }
        Op::And => {
            let (left, right) = (boundary(g, a)?, boundary(g, b)?);
            Some(g.mul(left, right))
        }
        _ => None,
    }
}
