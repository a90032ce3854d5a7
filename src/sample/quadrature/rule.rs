//! Rules on the axes of a grid: nodes and weights, their combinations, and where kinks cut an axis.

use super::table::{Points, Table};
use super::window::{Chart, Window};
use crate::expr::{NodeId, Program};
use crate::family::Clique;
use crate::num::quad::tanh_sinh;

/// Nodes of an axis, as t and as x, and their log weights.
pub(super) struct Line {
    pub t: Vec<f64>,
    pub x: Vec<f64>,
    pub log_weights: Vec<f64>,
    chart: Chart,
}

impl Line {
    /// Nodes t with weights, of a coordinate with a chart.
    pub(super) fn new(t: Vec<f64>, weights: &[f64], chart: Chart) -> Line {
        let log_weights = t.iter().zip(weights).map(|(t, w)| w.ln() + chart.log_jacobian(*t)).collect();
        Line { x: t.iter().map(|t| chart.x(*t)).collect(), t, log_weights, chart }
    }
    /// The logarithm of the weight of node `i` in t.
    pub(super) fn log_weight(&self, i: usize) -> f64 {
        self.log_weights[i] - self.chart.log_jacobian(self.t[i])
    }
}

/// All combinations of the nodes of a clique's coordinates, last fastest; weights of the coordinates that it owns.
pub(super) fn tensor(clique: &Clique, lines: &[Line]) -> Points {
    let own: Vec<&Line> = clique.coordinates.iter().map(|c| &lines[*c]).collect();
    let total: usize = own.iter().map(|l| l.x.len()).product();
    let spread = |axis: usize, values: &[f64]| {
        let stride: usize = own[axis + 1..].iter().map(|l| l.x.len()).product();
        let mut out = Vec::with_capacity(total);
        while out.len() < total {
            values.iter().for_each(|v| out.extend(std::iter::repeat_n(*v, stride)));
        }
        out
    };
    let mut log_weights = vec![0.0; total];
    for axis in clique.owned() {
        let stride: usize = own[axis + 1..].iter().map(|l| l.x.len()).product();
        for block in log_weights.chunks_mut(stride * own[axis].x.len()) {
            let slabs = block.chunks_mut(stride).zip(&own[axis].log_weights);
            slabs.for_each(|(slab, w)| slab.iter_mut().for_each(|o| *o += w));
        }
    }
    Points { x: own.iter().enumerate().map(|(axis, l)| spread(axis, &l.x)).collect(), log_weights }
}

/// Where surfaces of a clique that depend on coordinate `axis` of the component alone cut the window, as values of t.
pub(super) fn kinks(clique: &Clique, axis: usize, window: &Window) -> Vec<f64> {
    cuts(clique, axis, window, false)
}

/// Of these the ones at which logarithms are infinite.
pub(super) fn poles(clique: &Clique, axis: usize, window: &Window) -> Vec<f64> {
    cuts(clique, axis, window, true)
}

fn cuts(clique: &Clique, axis: usize, window: &Window, only_poles: bool) -> Vec<f64> {
    const LOOKS: usize = 4001;
    let Some(place) = clique.coordinates.iter().position(|c| *c == axis) else { return vec![] };
    let (graph, surfaces) = clique.surfaces();
    let here = surfaces.iter().filter(|s| s.coordinates == [place] && (s.pole || !only_poles));
    let arguments: Vec<NodeId> = here.map(|s| s.argument).collect();
    if arguments.is_empty() {
        return vec![];
    }
    let (low, high, chart, d) = (window.low[axis], window.high[axis], window.charts[axis], clique.coordinates.len());
    let program = Program::compile(graph, d, &[&arguments]);
    let values = |a: f64, b: f64, n: usize| {
        let mut points = vec![0.5; n * d];
        (0..n).for_each(|i| points[i * d + place] = chart.x(a + (b - a) * i as f64 / (n - 1) as f64));
        program.evaluate(0, &points, &[])
    };
    let (looks, width) = (values(low, high, LOOKS), arguments.len());
    let at = |i: usize| low + (high - low) * i as f64 / (LOOKS - 1) as f64;
    let mut cuts = Vec::new();
    for s in 0..width {
        let value = |i: usize| looks[i * width + s];
        let along = |a, b, n| values(a, b, n).chunks(width).map(|v| v[s]).collect::<Vec<f64>>();
        let mut root = |a: f64, b: f64, positive: bool| {
            let root = section(&along, a, b, positive);
            // The number at which it is nothing, where there is one.
            let exact = [root, root.next_up(), root.next_down(), 0.0].into_iter().find(|t| along(*t, *t, 2)[0] == 0.0);
            cuts.push(exact.filter(|t| (a..=b).contains(t)).unwrap_or(root));
        };
        for i in 1..LOOKS {
            if value(i - 1) == 0.0 {
                root(at(i - 1), at(i - 1), true);
            } else if value(i - 1) * value(i) < 0.0 {
                root(at(i - 1), at(i), value(i - 1) > 0.0);
            } else if i + 1 < LOOKS && turns(value(i - 1), value(i), value(i + 1)) {
                // Two roots may hide where a value comes near to zero and turns.
                hidden(&along, at(i - 1), at(i + 1), &mut root);
            }
        }
    }
    cuts
}

/// Whether three values of one sign come nearest to zero in the middle.
pub(super) fn turns(before: f64, here: f64, after: f64) -> bool {
    (here > 0.0) == (after > 0.0) && (here > 0.0) == (before > 0.0) && here.abs() < before.abs() && here.abs() <= after.abs()
}

/// Most looks for two roots, each nearer.
const ROUNDS: usize = 4;

/// Roots where a value comes near to zero between a and b, looked for ever nearer to where it does.
pub(super) fn hidden(
    along: &dyn Fn(f64, f64, usize) -> Vec<f64>,
    mut a: f64,
    mut b: f64,
    root: &mut dyn FnMut(f64, f64, bool),
) {
    let mut nearest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (values, step) = (along(a, b, SECTION + 1), (b - a) / SECTION as f64);
        let at = |i: usize| a + step * i as f64;
        let changes: Vec<usize> = (1..=SECTION).filter(|i| (values[i - 1] > 0.0) != (values[*i] > 0.0)).collect();
        changes.iter().for_each(|i| root(at(i - 1), at(*i), values[i - 1] > 0.0));
        let least = (0..=SECTION).min_by(|i, j| values[*i].abs().total_cmp(&values[*j].abs())).unwrap_or(0);
        if !changes.is_empty() || values[least].abs() > 0.9 * nearest {
            break;
        }
        nearest = values[least].abs();
        (a, b) = (at(least.saturating_sub(1)), at((least + 1).min(SECTION)));
    }
}

/// Parts of the width of a window at which statistics are looked at beside a cut.
const BESIDE: [f64; 3] = [1e-3, 1e-6, 1e-9];
/// Change from each to the next, as a part of the one before, past which a statistic is singular: a logarithm has 1, a root of
/// order four a fifth, a kink a thousandth.
const SINGULAR: f64 = 0.1;

/// Whether a statistic or the base is singular, as log |t - cut| is, where the only coordinate of a clique has the value `cut`.
pub(super) fn is_pole(clique: &Clique, cut: f64, window: &Window) -> bool {
    let (low, high, chart) = (window.low[0], window.high[0], window.charts[0]);
    let sides = [-1.0, 1.0].map(|side| BESIDE.map(|part| cut + side * part * (high - low)));
    let inside = |side: &&[f64; 3]| side.iter().all(|t| low < *t && *t < high);
    sides.iter().filter(inside).any(|side| {
        let x = vec![side.iter().map(|t| chart.x(*t)).collect()];
        let table = Table::new(clique, &Points { x, log_weights: vec![0.0; side.len()] });
        let none = vec![0.0; clique.statistics.len()];
        let base = [0, 1, 2].map(|m| table.at(m, &none));
        let shares = (0..none.len()).map(|s| [0, 1, 2].map(|m| table.share(s)[m]));
        shares.chain([base]).any(|[far, near, nearest]| {
            let (before, change) = ((near - far).abs(), (nearest - near).abs());
            change > SINGULAR * before && change > 1e-6 * (1.0 + near.abs())
        })
    })
}

/// The least distance from a pole at which statistics are numbers: a square underflows before what is squared.
pub(super) fn least(clique: &Clique, pole: f64, window: &Window) -> f64 {
    let (chart, tiny) = (window.charts[0], pole + 1e-200);
    let table = Table::new(clique, &Points { x: vec![vec![chart.x(tiny)]], log_weights: vec![0.0] });
    let none = vec![0.0; clique.statistics.len()];
    let beyond = |v: f64| v.is_nan() || v.abs() > 1e250;
    let infinite = (0..none.len()).any(|s| beyond(table.share(s)[0])) || beyond(table.at(0, &none));
    if infinite && chart.x(pole) == 0.0 { LEAST } else { 0.0 }
}

/// A distance whose square is a number.
pub(super) const LEAST: f64 = 1e-150;

/// Least distance of a node x from a pole in units of the distance of numbers there: what is nearer is not told from the pole.
const APART: f64 = 64.0;

/// Nodes and weights of a panel from `a` to `b` with a singular end, ascending, `n` at most, none nearer to it than `least`.
///
/// # Source
/// Takahasi and Mori, "Double exponential formulas for numerical integration", Publications of RIMS 9 (1974).
pub(super) fn between_poles(a: f64, b: f64, n: usize, chart: Chart, least: f64) -> Vec<(f64, f64)> {
    let (half, rule) = (0.5 * (b - a), tanh_sinh(n));
    let center = if let Chart::Sinh { center, .. } = chart { center } else { 0.0 };
    let from = |end: f64, inward: f64| {
        let pole = chart.x(end);
        let apart = least.max(APART * f64::EPSILON * pole.abs().max(center.abs()));
        let nodes = rule.iter().map(move |(d, w)| (end + inward * half * d, half * w));
        nodes.filter(move |(t, _)| (chart.x(*t) - pole).abs() > apart)
    };
    let upper: Vec<(f64, f64)> = from(b, -1.0).collect();
    from(a, 1.0).chain(upper.into_iter().rev()).collect()
}

/// Points into which an interval that holds a root is cut at a time.
const SECTION: usize = 32;

/// The root between a and b of what has the given sign at a and another at b; `along(a, b, n)` are its values at n points.
pub(super) fn section(along: &dyn Fn(f64, f64, usize) -> Vec<f64>, mut a: f64, mut b: f64, positive: bool) -> f64 {
    for _ in 0..14 {
        let values = along(a, b, SECTION + 1);
        let step = (b - a) / SECTION as f64;
        let i = (1..=SECTION).find(|i| (values[*i] > 0.0) != positive).unwrap_or(SECTION);
        (a, b) = (a + step * (i - 1) as f64, if i == SECTION { b } else { a + step * i as f64 });
        if b - a <= f64::EPSILON * a.abs().max(b.abs()) {
            break;
        }
    }
    0.5 * (a + b)
}
