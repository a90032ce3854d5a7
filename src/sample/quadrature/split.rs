//! Pairs in a chain whose kinks cut across both axes, such as |x0 - x1|: one line is split where the kink meets it, at points
//! between the nodes, where messages are interpolated.

use super::crossings::Crossings;
use super::effort::Effort;
use super::forest::Cells;
use super::nested::Nested;
use super::rule::Line;
use super::table::Points;
use super::view::View;
use super::window::Window;
use crate::domain::Axis;
use crate::family::{Clique, Component};
use crate::num::quad::shared_gauss_legendre;
use std::rc::Rc;

/// Panels into which axes with such kinks are divided.
pub(super) const PARTS: usize = 4;
/// Nodes of the shortest piece of a panel.
const AT_LEAST: usize = 4;

/// Whether a clique of a chain or tree needs split lines.
pub(super) fn applies(component: &Component, clique: &Clique) -> bool {
    let whole = |c: &usize| matches!(component.axes[*c], Axis::Integers { .. });
    !component.is_one_clique()
        && clique.coordinates.len() == 2
        && !clique.coordinates.iter().any(whole)
        && Nested::applies(clique)
}

/// The points of a clique, and where they lie. `n` is the number of nodes of a panel.
pub(super) fn lines(
    component: &Component,
    clique: &Clique,
    window: &Window,
    lines: &[Line],
    panels: &[Option<Vec<f64>>],
    n: usize,
) -> (Points, Cells) {
    let outer = clique.separator.first().copied().unwrap_or(0);
    let inner = 1 - outer;
    let own = window.of(&clique.coordinates);
    let axes: Vec<Axis> = clique.coordinates.iter().map(|c| component.axes[*c]).collect();
    let crossings = Crossings::inside(clique, &axes, &own, &[outer, inner], &Rc::new(Effort::without_limit()));
    let (line, chart) = (&lines[clique.coordinates[outer]], own.charts[inner]);
    let ends = panels[clique.coordinates[inner]].clone().unwrap_or_else(|| vec![own.low[inner], own.high[inner]]);
    let basis = Basis::new(n);
    let mut points = Points { x: vec![vec![], vec![]], log_weights: vec![] };
    let (mut first, mut weights) = (vec![], vec![]);
    let mut node = Vec::new();
    for (j, t) in line.t.iter().enumerate() {
        let cuts = crossings.cuts(&[*t]);
        let beside = if clique.separator.is_empty() { line.log_weights[j] } else { 0.0 };
        for (number, panel) in ends.windows(2).enumerate() {
            let width = panel[1] - panel[0];
            let mut pieces = vec![panel[0]];
            pieces.extend(cuts.iter().filter(|c| **c > panel[0] + 1e-13 * width && **c < panel[1] - 1e-13 * width));
            pieces.push(panel[1]);
            for piece in pieces.windows(2) {
                let (middle, half) = (0.5 * (piece[0] + piece[1]), 0.5 * (piece[1] - piece[0]));
                let count = if pieces.len() == 2 { n } else { AT_LEAST + (n as f64 * 2.0 * half / width).ceil() as usize };
                let rule = shared_gauss_legendre(count);
                for (x, w) in rule.0.iter().zip(&rule.1) {
                    let t = middle + half * x;
                    points.x[outer].push(line.x[j]);
                    points.x[inner].push(chart.x(t));
                    points.log_weights.push((half * w).ln() + chart.log_jacobian(t) + beside);
                    node.push(j as u32);
                    first.push((number * n) as u32);
                    weights.extend(basis.at(2.0 * (t - panel[0]) / width - 1.0));
                }
            }
        }
    }
    (points, Cells::Lines { outer, node, between: View::Sums { first, weights, width: n } })
}

/// The polynomials that are one at one Gauss-Legendre node and zero at the others.
struct Basis {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl Basis {
    /// Barycentric weights of the nodes: (-1)^i sqrt((1 - x_i^2) w_i).
    ///
    /// # Source
    /// Wang and Xiang, "On the convergence rates of Legendre approximation", Math. Comp. 81 (2012), theorem 3.1.
    fn new(n: usize) -> Basis {
        let (nodes, w) = &*shared_gauss_legendre(n);
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let weights = nodes.iter().zip(w).enumerate().map(|(i, (x, w))| sign(i) * ((1.0 - x * x) * w).sqrt()).collect();
        Basis { nodes: nodes.clone(), weights }
    }
    fn at(&self, x: f64) -> Vec<f64> {
        if let Some(hit) = self.nodes.iter().position(|n| (n - x).abs() < 1e-15) {
            return (0..self.nodes.len()).map(|i| f64::from(u8::from(i == hit))).collect();
        }
        let terms: Vec<f64> = self.nodes.iter().zip(&self.weights).map(|(n, w)| w / (x - n)).collect();
        let total: f64 = terms.iter().sum();
        terms.iter().map(|t| t / total).collect()
    }
}
