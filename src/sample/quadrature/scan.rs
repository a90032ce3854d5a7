//! Where a density has its mass: windows that hold all but a negligible part, found by zooming in.

use super::forest::Forest;
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::family::{Clique, Component, Existence, Family, Integrand};
use std::f64::consts::PI;

/// How a coordinate x is written as a function of the integration variable t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Chart {
    /// x = t.
    Identity,
    /// x = center + scale sinh(t): for heavy tails.
    Sinh { center: f64, scale: f64 },
    /// x = from + exp(t).
    Exp { from: f64 },
}

impl Chart {
    pub(super) fn x(self, t: f64) -> f64 {
        match self {
            Chart::Identity => t,
            Chart::Sinh { center, scale } => center + scale * t.sinh(),
            Chart::Exp { from } => from + t.exp(),
        }
    }
    pub(super) fn t(self, x: f64) -> f64 {
        match self {
            Chart::Identity => x,
            Chart::Sinh { center, scale } => ((x - center) / scale).asinh(),
            Chart::Exp { from } => (x - from).ln(),
        }
    }
    /// log |dx/dt|.
    pub(super) fn log_jacobian(self, t: f64) -> f64 {
        match self {
            Chart::Identity => 0.0,
            Chart::Sinh { scale, .. } => scale.ln() + t.cosh().ln(),
            Chart::Exp { .. } => t,
        }
    }
}

/// The window of one eta: for each coordinate a chart and an interval of t.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub charts: Vec<Chart>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    /// For each coordinate whether the density is still noticeable where the window ends, below and above.
    pub cut: Vec<[bool; 2]>,
}

impl Window {
    /// The smallest window that holds two with equal charts.
    pub(super) fn union(&self, other: &Window) -> Window {
        let mut all = self.clone();
        for axis in 0..all.low.len() {
            all.low[axis] = all.low[axis].min(other.low[axis]);
            all.high[axis] = all.high[axis].max(other.high[axis]);
        }
        all
    }
    /// Twice as wide in t about its middle, within what doubles can hold; segments stay.
    pub(super) fn widen(&mut self) {
        for axis in 0..self.charts.len() {
            let (low, high) = (self.low[axis], self.high[axis]);
            let half = 0.5 * (high - low);
            let limit = match self.charts[axis] {
                Chart::Identity => f64::INFINITY,
                Chart::Sinh { .. } => 40.0,
                Chart::Exp { .. } => 680.0,
            };
            (self.low[axis], self.high[axis]) = ((low - half).max(-limit), (high + half).min(limit));
        }
    }
}

/// Nodes an axis for one, two and three coordinates.
const NODES: [usize; 3] = [257, 65, 25];
/// The same where a condition restricts the support, whose parts may be small and far apart.
const DENSE: [usize; 3] = [20_001, 401, 49];
/// Density ratio, in nats below the maximum, past which a place is negligible, for one, two and three coordinates.
const DEPTH: [f64; 3] = [45.0, 40.0, 34.0];
/// Ratio of the whole window to its bulk beyond which tails count as heavy.
const HEAVY: f64 = 60.0;

/// The window of `family` at `eta`, over the coordinates of a component of `integrand`.
///
/// # Errors
/// When the density is nowhere finite, or does not decay.
pub(super) fn window(family: &Family, integrand: &Integrand, component: &Component, eta: &[f64]) -> Result<Window> {
    let axes = &component.axes;
    let d = axes.len();
    let widest = component.cliques.iter().map(|c| c.coordinates.len()).max().unwrap_or(1).min(NODES.len());
    let count = if family.is_restricted() { DENSE[widest - 1] } else { NODES[widest - 1] };
    let mut charts: Vec<Chart> = axes
        .iter()
        .map(|a| match *a {
            Axis::Line => Chart::Identity,
            Axis::HalfLine { from } => Chart::Exp { from },
            Axis::Segment { .. } | Axis::Circle | Axis::Integers { .. } => Chart::Identity,
        })
        .collect();
    // First look: the whole axis.
    let mut nodes: Vec<Vec<f64>> = axes
        .iter()
        .map(|a| match *a {
            Axis::Line => even(-20.0, 20.0, count).into_iter().map(f64::sinh).collect(),
            Axis::HalfLine { .. } => even(-600.0, 60.0, count),
            Axis::Segment { from, to } => middles(from, to, count),
            Axis::Circle => middles(-PI, PI, count),
            Axis::Integers { from, to } => integers(from, to, count),
        })
        .collect();
    let mut bounds: Vec<(f64, f64)> =
        axes.iter().zip(&nodes).map(|(a, n)| a.ends().unwrap_or((n[0], n[n.len() - 1]))).collect();
    for round in 0..60 {
        let (profiles, undefined) = look(component, &charts, &nodes, eta);
        if undefined && !family.is_restricted() {
            return Err(Error::numeric(format!(
                "a statistic or the base of '{}' is not a number on part of its support, at eta = {eta:?}",
                family.name()
            ))
            .hint("choose another support, or restrict it with where:"));
        }
        let top = profiles.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        if !top.is_finite() {
            return Err(Error::numeric(format!(
                "the density of '{}' is {top} at eta = {eta:?}: it has no finite values to integrate",
                family.name()
            )));
        }
        let mut shrinking = false;
        let (mut next, mut cut) = (Vec::new(), Vec::new());
        for axis in 0..d {
            let n = &nodes[axis];
            let extent = |depth: f64| {
                let deep = |v: &f64| *v >= top - depth;
                let (profile, end) = (&profiles[axis], n.len());
                (profile.iter().position(deep).unwrap_or(end), profile.iter().rposition(deep).unwrap_or(0))
            };
            let (first, last) = extent(DEPTH[widest - 1]);
            cut.push([first == 0, last + 1 >= n.len()]);
            if round == 0 && axes[axis].ends().is_none() {
                let (a, b) = extent(20.0);
                // The first number of an endless range is an end like any other.
                let low = a == 0 && !matches!(axes[axis], Axis::Integers { .. });
                if low || b == n.len() - 1 {
                    return Err(improper(family, integrand, component, axis, low, eta));
                }
            }
            let step = n.get(1).map_or(0.0, |b| b - n[0]);
            let low = if first == 0 { bounds[axis].0.max(n[0] - step) } else { n[first - 1] };
            let high = if last + 1 >= n.len() { bounds[axis].1.min(n[n.len() - 1] + step) } else { n[last + 1] };
            // The bulk of a heavy tailed density is a small part of its window: stretch the tails.
            let (a, b) = extent(2.0);
            let (bulk_low, bulk_high) = (n[a.saturating_sub(1)], n[(b + 1).min(n.len() - 1)]);
            if axes[axis] == Axis::Line && charts[axis] == Chart::Identity && high - low > HEAVY * (bulk_high - bulk_low) {
                let chart = Chart::Sinh { center: 0.5 * (bulk_low + bulk_high), scale: 0.5 * (bulk_high - bulk_low) };
                charts[axis] = chart;
                bounds[axis] = (chart.t(n[0]), chart.t(n[n.len() - 1]));
                next.push((chart.t(low), chart.t(high)));
                shrinking = true;
                continue;
            }
            shrinking |= high - low < 0.7 * (n[n.len() - 1] - n[0]);
            next.push((low, high));
        }
        if !shrinking || round == 59 {
            let (low, high) = next.into_iter().unzip();
            return Ok(Window { charts, low, high, cut });
        }
        nodes = next
            .iter()
            .zip(axes)
            .map(|((a, b), axis)| match axis {
                Axis::Integers { .. } => whole(even(*a, *b, count)),
                axis if axis.ends().is_some() => middles(*a, *b, count),
                _ => even(*a, *b, count),
            })
            .collect();
    }
    Err(Error::numeric(format!("no window holds the mass of '{}' at eta = {eta:?}", family.name())))
}

fn improper(family: &Family, integrand: &Integrand, component: &Component, axis: usize, low: bool, eta: &[f64]) -> Error {
    let number = component.coordinates[axis];
    let name = if integrand.is_plain() { format!("x[{number}]") } else { format!("coordinate {number} of its chart") };
    let place = match (component.axes[axis], low) {
        (Axis::HalfLine { from }, true) => format!("as {name} approaches {from}"),
        (_, true) => format!("as {name} goes to minus infinity"),
        (_, false) => format!("as {name} goes to infinity"),
    };
    if matches!(family.existence(eta), Existence::Proper) || family.closed_form().is_some_and(|c| c.natural(eta).is_ok()) {
        return Error::numeric(format!(
            "the density of '{}' decays too slowly {place} at eta = {eta:?} to be integrated on a grid",
            family.name()
        ))
        .hint("it has a finite integral: method: \"hmc\" samples it, and named families have closed forms");
    }
    Error::domain(format!(
        "the density of '{}' does not decay {place} at eta = {eta:?}: it has no finite integral",
        family.name()
    ))
    .hint("choose an eta region in which the fastest growing statistic has a negative coefficient")
}

/// For each coordinate the maximum, over the others, of log density plus log-Jacobian at each of its nodes; and whether the
/// density is not a number somewhere near.
fn look(component: &Component, charts: &[Chart], nodes: &[Vec<f64>], eta: &[f64]) -> (Vec<Vec<f64>>, bool) {
    let lines: Vec<Vec<(f64, f64)>> =
        nodes.iter().zip(charts).map(|(n, c)| n.iter().map(|t| (c.x(*t), c.log_jacobian(*t))).collect()).collect();
    let counts: Vec<usize> = nodes.iter().map(Vec::len).collect();
    let mut undefined = false;
    let tables = component.cliques.iter().map(|c| values(c, &lines, eta, &mut undefined)).collect();
    (Forest::new(component, &counts).profiles(tables, &counts), undefined)
}

/// Beyond this infinity less infinity is no wonder.
const NEAR: f64 = 5.0;

/// The share of a clique in log density plus log-Jacobian on the tensor of nodes, last coordinate fastest.
fn values(clique: &Clique, lines: &[Vec<(f64, f64)>], eta: &[f64], undefined: &mut bool) -> Vec<f64> {
    let own: Vec<&Vec<(f64, f64)>> = clique.coordinates.iter().map(|c| &lines[*c]).collect();
    let (d, total) = (own.len(), own.iter().map(|l| l.len()).product());
    let (mut points, mut measure) = (Vec::with_capacity(total * d), Vec::with_capacity(total));
    let mut index = vec![0; d];
    for _ in 0..total {
        points.extend((0..d).map(|a| own[a][index[a]].0));
        measure.push(clique.owned().map(|a| own[a][index[a]].1).sum::<f64>());
        advance(&mut index, |a| own[a].len());
    }
    let values = clique.program().evaluate(Clique::LOG_DENSITY, &points, eta);
    *undefined |= values.iter().zip(points.chunks(d)).any(|(v, x)| v.is_nan() && x.iter().all(|x| x.abs() < NEAR));
    let finite = |(v, j): (f64, f64)| if v.is_nan() { f64::NEG_INFINITY } else { v + j };
    values.into_iter().zip(measure).map(finite).collect()
}

/// The next index of a tensor with `size(a)` entries along axis `a`, last axis fastest.
pub(super) fn advance(index: &mut [usize], size: impl Fn(usize) -> usize) {
    for axis in (0..index.len()).rev() {
        index[axis] += 1;
        if index[axis] < size(axis) {
            return;
        }
        index[axis] = 0;
    }
}

/// The whole numbers nearest to ascending values, each once.
fn whole(values: Vec<f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = values.into_iter().map(f64::round).collect();
    numbers.dedup();
    numbers
}

/// Whole numbers of a range: all of a short one, else `count` of them ever further apart, up to 1e15 in an endless one.
fn integers(from: f64, to: f64, count: usize) -> Vec<f64> {
    if to - from < 4096.0 {
        return whole(even(from, to, (to - from) as usize + 1));
    }
    let reach = (to - from).min(1e15);
    whole(even(0.0, reach.ln_1p(), 4 * count).into_iter().map(|t| from + t.exp_m1()).collect())
}

fn even(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| a + (b - a) * i as f64 / (n.max(2) - 1) as f64).collect()
}

fn middles(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| a + (b - a) * (i as f64 + 0.5) / n as f64).collect()
}
