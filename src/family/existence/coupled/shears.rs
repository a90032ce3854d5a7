//! Substitutions u = c x_j + h(other coordinates), h a polynomial, for sums of that shape inside statistics.
//!
//! Over a whole line of x_j such a substitution preserves volume up to c, so that the family in u has an integral exactly
//! where the one in x_j has. Ridges that curve, as in (y - x^2)^2, become straight.

use super::super::Tails;
use super::super::form::{Expander, Poly};
use super::super::place::reach;
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};
use std::collections::HashMap;

/// Most substitutions that are tried.
const SHEARS: usize = 6;

impl Tails {
    /// Volume-preserving substitutions u = c x_j + h(other coordinates) over whole lines.
    pub(super) fn sheared(&self) -> &[Tails] {
        self.shears.get_or_init(|| {
            let g = &self.form.graph;
            if self.depth >= 2 || self.restricted || g.len() > 2000 {
                return vec![];
            }
            let mut out = Vec::new();
            let mut expander = Expander::new(g);
            let roots: Vec<NodeId> = self.roots.clone();
            let needed = g.reachable(&roots);
            for i in (0..g.len()).rev().filter(|i| needed[*i]) {
                let id = g.id(i);
                if !matches!(g.node(id), Node::Apply(Op::Add | Op::Sub, _)) || roots.contains(&id) {
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
                    if out.len() >= if self.depth == 0 { SHEARS } else { 2 } {
                        return out;
                    }
                }
            }
            out
        })
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
        let roots: Vec<NodeId> = self.roots.clone();
        let needed = source.reachable(&roots);
        let mut image: HashMap<NodeId, NodeId> = HashMap::new();
        for i in (0..source.len()).filter(|i| needed[*i]) {
            let id = source.id(i);
            let at = |id: NodeId, image: &HashMap<NodeId, NodeId>| image.get(&id).copied().unwrap_or(NodeId(0));
            let made = match source.node(id) {
                _ if id == node => vars[j],
                Node::Const(bits) => g.constant(f64::from_bits(bits)),
                Node::Var(k) if k as usize == j => back,
                Node::Var(k) => vars[k as usize],
                Node::Param(p) => g.param(p as usize),
                Node::Apply(op, args) => {
                    let args = args.map(|a| at(a, &image));
                    g.apply(op, args)
                }
                Node::Part(b, part) => {
                    let block = source.block(b);
                    let args: Vec<NodeId> = block.args.iter().map(|a| at(*a, &image)).collect();
                    g.affine(&block.map, &args)[part as usize]
                }
            };
            image.insert(id, made);
        }
        let moved: Vec<NodeId> = roots.iter().map(|r| image.get(r).copied().unwrap_or(NodeId(0))).collect();
        let (t, base) = moved.split_at(moved.len() - 1);
        let mut names = self.names.clone();
        let name = |k: usize| self.names[k].clone();
        names[j] = format!("({})", crate::expr::formula(source, node, &name));
        Tails::build(g, self.form.axes.clone(), t, base[0], None, names, self.depth + 1)
    }
}
