//! Where cones start on one coordinate: ends of segments, and numbers inside that the coordinate is compared with.

use super::super::Tails;
use super::super::form::Expander;
use crate::domain::Axis;
use crate::expr::{Node, Op};

/// Most numbers that coordinates are compared with.
const POINTS: usize = 4;

/// A segment seen from both ends and from the middle: where each part starts, its side and its length.
pub(super) fn parts_of(from: f64, to: f64) -> [(f64, f64, f64); 4] {
    let (size, middle) = (to - from, 0.5 * (from + to));
    [(from, 1.0, 0.4 * size), (to, -1.0, 0.4 * size), (middle, 1.0, 0.1 * size), (middle, -1.0, 0.1 * size)]
}

/// A line or half-line seen from some points inside, ascending.
pub(super) fn around(axis: Axis, points: &[f64]) -> Vec<(f64, f64, f64)> {
    let mut out: Vec<(f64, f64, f64)> = points.windows(2).flat_map(|p| parts_of(p[0], p[1])).collect();
    if let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) {
        out.push((last, 1.0, f64::INFINITY));
        match axis {
            Axis::HalfLine { from } => out.extend(parts_of(from, first)),
            _ => out.push((first, -1.0, f64::INFINITY)),
        }
    }
    out
}

impl Tails {
    /// For each member on a line or half-line the numbers inside that it is compared with, and those of `more` by its place,
    /// where they are few.
    pub(super) fn points(&self, members: &[usize], more: &[(usize, f64)]) -> Vec<Vec<f64>> {
        let g = &self.form.graph;
        let mut expander = Expander::new(g);
        let mut found = vec![vec![]; members.len()];
        let inside = |k: usize, at: f64| match self.form.axes[members[k]] {
            Axis::Line => at.is_finite(),
            Axis::HalfLine { from } => at.is_finite() && at > from,
            _ => false,
        };
        let mut note = |k: usize, at: f64| {
            let near = |known: &f64| (known - at).abs() <= 1e-9 * at.abs();
            if inside(k, at) && !found[k].iter().any(near) {
                found[k].push(at);
            }
        };
        let needed = g.reachable(&self.roots);
        for id in (0..g.len()).filter(|i| needed[*i]).map(|i| g.id(i)) {
            if !matches!(g.node(id), Node::Apply(Op::Add | Op::Sub, _) | Node::Part(..)) {
                continue;
            }
            let [j] = g.coordinates(id)[..] else { continue };
            let Some(k) = members.iter().position(|m| *m == j) else { continue };
            let Some(poly) = expander.poly(id, 0).filter(|p| p.len() == 2) else { continue };
            let (Some(slope), Some(shift)) = (poly.get(&vec![(j as u32, 1)]), poly.get(&vec![])) else { continue };
            note(k, -shift / slope);
        }
        more.iter().for_each(|(k, at)| note(*k, *at));
        if found.iter().map(Vec::len).sum::<usize>() > POINTS {
            return vec![vec![]; members.len()];
        }
        found.iter_mut().for_each(|f| f.sort_by(f64::total_cmp));
        found
    }
}
