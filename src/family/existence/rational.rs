//! Circles and spheres in coordinates of which points are quotients of polynomials.
//!
//! An angle is 2 atan(u), so that cos = (1 - u^2) / (1 + u^2), sin = 2 u / (1 + u^2) and the measure is 2 du / (1 + u^2); the
//! angle pi, which no u has, has no measure. Sums of whole multiples of angles follow by products of exp(i angle). Spheres
//! are projected from their pole ([`crate::domain::Bijector::on_rational`]). What is singular there is then a matter of
//! cones.

use super::Tails;
use super::copy::copy;
use super::form::{Expander, Poly};
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op};
use crate::family::Family;

/// Most angles in one sum, each as often as it is added.
const ANGLES: u32 = 6;

impl Tails {
    /// The tails in such coordinates, where they are not those of [`Tails::of`].
    pub(crate) fn rational(family: &Family) -> Option<Tails> {
        let bijector = family.support.bijector();
        let mut axes = bijector.rational_axes()?;
        let circle: Vec<bool> = axes.iter().map(|a| *a == Axis::Circle).collect();
        if !circle.contains(&true) && bijector.axes().as_ref() == Some(&axes) {
            return None;
        }
        let mut source = Graph::new();
        let t: Vec<NodeId> = (0..axes.len()).map(|j| source.var(j)).collect();
        let (x, measure) = bijector.on_rational(&mut source, &t);
        let image = family.image(&mut source, &x);
        let base = source.add(image.base, measure);
        let roots: Vec<NodeId> = image.t.iter().copied().chain([base]).chain(image.inside).collect();
        let mut expander = Expander::new(&source);
        let mut g = Graph::new();
        let moved = copy(&source, &mut g, &roots, |id, g, _| match source.node(id) {
            Node::Var(j) if circle[j as usize] => {
                let u = g.var(j as usize);
                let (half, two) = (g.unary(Op::Atan, u), g.constant(2.0));
                Some(g.mul(two, half))
            }
            Node::Apply(op @ (Op::Cos | Op::Sin), [a, ..]) => turned(g, op, expander.poly(a, 0)?.as_ref(), &circle),
            _ => None,
        });
        let (t, rest) = moved.split_at(image.t.len());
        let mut base = rest[0];
        for j in (0..axes.len()).filter(|j| circle[*j]) {
            let u = g.var(j);
            let norm = norm(&mut g, u);
            let log = g.unary(Op::Log, norm);
            base = g.sub(base, log);
            axes[j] = Axis::Line;
        }
        let names = (0..axes.len()).map(|j| format!("u[{j}]")).collect();
        Some(Tails::build(g, axes, t, base, rest.get(1).copied(), names, 1))
    }
}

/// 1 + u^2.
fn norm(g: &mut Graph, u: NodeId) -> NodeId {
    let (one, square) = (g.constant(1.0), g.mul(u, u));
    g.add(one, square)
}

/// cos or sin of a sum of whole multiples of angles and a number, as a quotient.
fn turned(g: &mut Graph, op: Op, angle: &Poly, circle: &[bool]) -> Option<NodeId> {
    let start = angle.get(&vec![]).copied().unwrap_or(0.0);
    let mut turns: Vec<(usize, f64)> = Vec::new();
    for (powers, c) in angle.iter().filter(|(p, _)| !p.is_empty()) {
        let [(j, 1)] = powers[..] else { return None };
        if !circle[j as usize] || c.fract() != 0.0 || c.abs() > f64::from(ANGLES) {
            return None;
        }
        turns.push((j as usize, *c));
    }
    if turns.is_empty() || turns.iter().map(|t| t.1.abs()).sum::<f64>() > f64::from(ANGLES) {
        return None;
    }
    let (mut real, mut imaginary, mut down) = (g.constant(start.cos()), g.constant(start.sin()), g.constant(1.0));
    for (j, n) in turns {
        let u = g.var(j);
        let (one, two, square) = (g.constant(1.0), g.constant(2.0 * n.signum()), g.mul(u, u));
        let (cos, sin, norm) = (g.sub(one, square), g.mul(two, u), norm(g, u));
        for _ in 0..n.abs() as u32 {
            let (a, b, c, d) = (g.mul(real, cos), g.mul(imaginary, sin), g.mul(real, sin), g.mul(imaginary, cos));
            (real, imaginary, down) = (g.sub(a, b), g.add(c, d), g.mul(down, norm));
        }
    }
    Some(g.div(if op == Op::Cos { real } else { imaginary }, down))
}
