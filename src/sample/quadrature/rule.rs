//! Rules on the axes of a grid: nodes and weights, their combinations, and where kinks cut an axis.

use super::table::Points;
use super::window::{Chart, Window};
use crate::expr::{NodeId, Program};
use crate::family::Clique;

/// Nodes of an axis, as t and as x, and their log weights.
pub(super) struct Line {
    pub t: Vec<f64>,
    pub x: Vec<f64>,
    pub log_weights: Vec<f64>,
}

impl Line {
    /// Nodes t with weights, of a coordinate with a chart.
    pub(super) fn new(t: Vec<f64>, weights: &[f64], chart: Chart) -> Line {
        let log_weights = t.iter().zip(weights).map(|(t, w)| w.ln() + chart.log_jacobian(*t)).collect();
        Line { x: t.iter().map(|t| chart.x(*t)).collect(), t, log_weights }
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
    const LOOKS: usize = 4001;
    let Some(place) = clique.coordinates.iter().position(|c| *c == axis) else { return vec![] };
    let (graph, surfaces) = clique.surfaces();
    let arguments: Vec<NodeId> = surfaces.iter().filter(|s| s.coordinates == [place]).map(|s| s.argument).collect();
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
        for i in 1..LOOKS {
            if value(i - 1) == 0.0 {
                cuts.push(at(i - 1));
            } else if value(i - 1) * value(i) < 0.0 {
                let positive = value(i - 1) > 0.0;
                cuts.push(section(
                    &|a, b, n| values(a, b, n).chunks(width).map(|v| v[s]).collect(),
                    at(i - 1),
                    at(i),
                    positive,
                ));
            }
        }
    }
    cuts
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
