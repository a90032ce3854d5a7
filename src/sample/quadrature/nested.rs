//! Points for integrands with kinks or jumps on surfaces that cut across the axes: |x0 - x1|, or the edge of a disk.
//!
//! Coordinates are integrated one inside the other. The innermost line is split where it meets the surfaces; a line further
//! out is split where the pattern of the lines inside it changes: where surfaces meet, touch a line, or leave the window.
//! There the inner integral may have a square root, which nodes that crowd at the ends of a panel like cosines resolve.

use super::crossings::Crossings;
use super::effort::Effort;
use super::ridge::Ridge;
use super::table::Points;
use super::window::Window;
use crate::domain::Axis;
use crate::family::Clique;
use crate::num::quad::shared_gauss_legendre;
use std::cell::OnceCell;
use std::f64::consts::PI;
use std::rc::Rc;

/// The lines of a clique in a window, one coordinate inside the other.
pub(super) struct Nested<'a> {
    window: &'a Window,
    axes: &'a [Axis],
    /// Coordinates from the outermost to the innermost.
    order: Vec<usize>,
    crossings: Rc<Crossings<'a>>,
    /// Where the density of one eta counts; without it the rule is for any.
    ridge: Option<Ridge<'a>>,
}

/// Nodes of the shortest panel.
const AT_LEAST: usize = 4;

impl<'a> Nested<'a> {
    /// Whether a clique needs this rule.
    pub(super) fn applies(clique: &Clique) -> bool {
        clique.surfaces().1.iter().any(|s| s.coordinates.len() > 1)
    }
    /// For any eta.
    pub(super) fn new(clique: &Clique, axes: &'a [Axis], window: &'a Window, effort: &Rc<Effort>) -> Nested<'a> {
        let whole = |a: &usize| !matches!(axes[*a], Axis::Integers { .. });
        let mut order: Vec<usize> = (0..axes.len()).collect();
        order.sort_by_key(whole);
        let crossings = Rc::new(Crossings::inside(clique, axes, window, &order, effort));
        Nested { window, axes, order, crossings, ridge: None }
    }
    /// Only where the density of one `eta`, `[k]`, counts, with coordinates from the outermost to the innermost in a given order.
    /// `level` keeps the log density that does.
    pub(super) fn along(
        clique: &'a Clique,
        axes: &'a [Axis],
        window: &'a Window,
        order: &'a [usize],
        eta: &[f64],
        level: &OnceCell<f64>,
        effort: &Rc<Effort>,
    ) -> Nested<'a> {
        let crossings = Rc::new(Crossings::inside(clique, axes, window, order, effort));
        let ridge = Ridge::inside(clique, window, order, eta, crossings.clone(), level.get().copied());
        level.get_or_init(|| ridge.level());
        Nested { window, axes, order: order.to_vec(), crossings, ridge: Some(ridge) }
    }
    /// Whether some of the surfaces are curved.
    pub(super) fn is_curved(&self) -> bool {
        !self.crossings.smooth_at_cuts()
    }
    /// Points with `n` nodes for the width of the window, and some more for each panel; nothing where they are more than `most`,
    /// or take too much work.
    pub(super) fn points(&self, n: usize, most: usize) -> Option<Points> {
        let d = self.axes.len();
        let mut points = Points { x: vec![vec![]; d], log_weights: vec![] };
        self.descend(&mut Vec::new(), 0.0, (n, most), &mut points);
        (points.log_weights.len() <= most && !self.crossings.effort().is_spent()).then_some(points)
    }
    fn descend(&self, prefix: &mut Vec<f64>, log_weight: f64, (n, most): (usize, usize), points: &mut Points) {
        if points.log_weights.len() > most || self.crossings.effort().is_spent() {
            return;
        }
        let level = prefix.len();
        let (axis, chart) = (self.order[level], self.window.charts[self.order[level]]);
        let innermost = level + 1 == self.order.len();
        for (t, weight) in self.nodes(prefix, n) {
            let here = log_weight + weight.ln() + chart.log_jacobian(t);
            if innermost {
                points.log_weights.push(here);
            } else {
                prefix.push(t);
                self.descend(prefix, here, (n, most), points);
                prefix.pop();
            }
            points.x[axis].resize(points.log_weights.len(), chart.x(t));
        }
    }
    /// Nodes and weights of the line behind `prefix`.
    fn nodes(&self, prefix: &[f64], n: usize) -> Vec<(f64, f64)> {
        let axis = self.order[prefix.len()];
        let (low, high) = (self.window.low[axis], self.window.high[axis]);
        if matches!(self.axes[axis], Axis::Integers { .. }) {
            return (0..=(high - low).round() as usize).map(|i| (low + i as f64, 1.0)).collect();
        }
        let innermost = prefix.len() + 1 == self.order.len();
        let runs = self.ridge.as_ref().map_or_else(|| vec![(low, high)], |r| r.runs(prefix));
        let smooth = self.crossings.none(prefix) || self.crossings.smooth_at_cuts();
        let cuts = if runs.is_empty() { vec![] } else { self.crossings.cuts(prefix) };
        let mut out = Vec::new();
        // The shortest panel too gets more from level to level, or what it lacks would never show.
        let least = AT_LEAST + if self.ridge.is_some() { n / 2 } else { n / 12 };
        for (from, to) in runs {
            let inside = cuts.iter().copied().filter(|t| from < *t && *t < to);
            let mut ends: Vec<f64> = inside.chain([from, to]).collect();
            ends.sort_by(f64::total_cmp);
            ends.dedup_by(|a, b| (*a - *b).abs() <= 1e-14 * (high - low).min(to - from));
            for panel in ends.windows(2) {
                let (middle, half) = (0.5 * (panel[0] + panel[1]), 0.5 * (panel[1] - panel[0]));
                let rule = shared_gauss_legendre(rounded(least + (2.0 * half / (to - from) * n as f64).ceil() as usize));
                out.extend(rule.0.iter().zip(&rule.1).map(|(x, w)| match innermost || smooth {
                    true => (middle + half * x, half * w),
                    false => {
                        let angle = 0.5 * PI * (x + 1.0);
                        (middle - half * angle.cos(), half * 0.5 * PI * angle.sin() * w)
                    }
                }));
            }
        }
        out
    }
}

/// A number of nodes of which there are few: an eighth more at most.
fn rounded(n: usize) -> usize {
    n.next_multiple_of((n / 16).next_power_of_two())
}
