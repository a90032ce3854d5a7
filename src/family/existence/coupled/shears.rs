//! Substitutions u = c x_j + h(other coordinates), h a polynomial, for sums of that shape inside statistics.
//!
//! Over a whole line of x_j such a substitution preserves volume up to c, so that the family in u has an integral exactly
//! where the one in x_j has; a condition moves with it. Ridges that curve, as in (y - x^2)^2, become straight.

use super::super::Tails;
use super::super::copy::copy;
use super::super::form::{Expander, Poly};
use super::super::fuel::{Fuel, SERIES};
use super::super::place::reach;
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};

/// Most substitutions that are tried.
const SHEARS: usize = 6;
/// Work for a node of a family in new coordinates.
const BUILD: u64 = 10 * SERIES;

impl Tails {
    /// Volume-preserving substitutions u = c x_j + h(other coordinates) over whole lines.
    pub(in super::super) fn sheared(&self, fuel: &Fuel) -> &[Tails] {
        if fuel.is_empty() {
            return &[];
        }
        let found = self.shears.get_or_init(|| {
            let g = &self.form.graph;
            if self.depth >= 2 || g.len() > 2000 {
                return vec![];
            }
            let mut out = Vec::new();
            let mut expander = Expander::new(g);
            let roots: Vec<NodeId> = self.roots.iter().copied().chain(self.inside).collect();
            let needed = g.reachable(&roots);
            for i in (0..g.len()).rev().filter(|i| needed[*i]) {
                let id = g.id(i);
                if !matches!(g.node(id), Node::Apply(Op::Add | Op::Sub, _)) || roots.contains(&id) && !self.restricted {
                    continue;
                }
                let Some(poly) = expander.poly(id, 0) else { continue };
                // One coordinate that appears alone with power 1 and nowhere else.
                let coordinates = g.coordinates(id);
                if coordinates.len() < 2 {
                    continue;
                }
                for j in coordinates {
                    let c = poly.get(&vec![(j as u32, 1)]).copied().unwrap_or(0.0);
                    let uses = poly.keys().filter(|p| p.iter().any(|p| p.0 as usize == j)).count();
                    if c == 0.0 || uses != 1 || reach(self.form.axes[j]) != [true, true] || self.form.axes[j] != Axis::Line {
                        continue;
                    }
                    out.push(self.shear(id, j, c, &poly));
                    if out.len() >= if self.depth == 0 || self.restricted { SHEARS } else { 2 } {
                        return out;
                    }
                }
            }
            out
        });
        let work = |tails: &Tails| (tails.form.graph.len() + tails.form.pieces.len()) as u64 * BUILD;
        if fuel.once(&self.shears, &(), found.iter().map(work).sum()) { found } else { &[] }
    }

    /// The family with `node` = c x_j + h as the coordinate in the place of j.
    fn shear(&self, node: NodeId, j: usize, c: f64, poly: &Poly) -> Tails {
        let source = &self.form.graph;
        let mut g = Graph::new();
        let vars: Vec<NodeId> = (0..self.form.axes.len()).map(|j| g.var(j)).collect();
        // x_j = (u - h) / c with u in the place of coordinate j.
        let mut h = g.constant(0.0);
        for (powers, v) in poly.iter().filter(|(p, _)| !p.iter().any(|p| p.0 as usize == j)) {
            let mut term = g.constant(*v);
            for (k, p) in powers {
                for _ in 0..*p {
                    term = g.mul(term, vars[*k as usize]);
                }
            }
            h = g.add(h, term);
        }
        let difference = g.sub(vars[j], h);
        let inverse = g.constant(1.0 / c);
        let back = g.mul(inverse, difference);
        let roots: Vec<NodeId> = self.roots.iter().copied().chain(self.inside).collect();
        let moved = copy(source, &mut g, &roots, |id, _, _| match source.node(id) {
            _ if id == node => Some(vars[j]),
            Node::Var(k) if k as usize == j => Some(back),
            _ => None,
        });
        let (t, rest) = moved.split_at(self.roots.len() - 1);
        let mut names = self.names.clone();
        let name = |k: usize| self.names[k].clone();
        names[j] = format!("({})", crate::expr::formula(source, node, &name));
        Tails::build(g, self.form.axes.clone(), t, rest[0], rest.get(1).copied(), names, self.depth + 1)
    }
}
