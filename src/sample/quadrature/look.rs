//! A component on a tensor of nodes, and what that shows of the density at one eta.

use super::forest::{Cells, Forest};
use super::others::others;
use super::rule::{Line, tensor};
use super::summits::{Climber, Summit};
use super::table::Table;
use super::window::Chart;
use crate::domain::Axis;
use crate::expr::lanes::Aligned;
use crate::family::{Clique, Component};
use std::f64::consts::PI;

/// The component on a tensor of nodes.
pub(super) struct Look<'a> {
    component: &'a Component,
    pub charts: Vec<Chart>,
    pub nodes: Vec<Vec<f64>>,
    pub bounds: Vec<(f64, f64)>,
    pub tables: Vec<Table>,
    forest: Forest<'a>,
    /// Whether it is over the whole axes.
    whole: bool,
}

/// Second difference of a profile, in nats, past which its nodes are too far apart.
const ROUGH: f64 = 6.0;
/// How far below the greatest density, in nats, a place still counts for what grids have to resolve.
const COUNTS: f64 = 20.0;

/// How far below the greatest density, in nats, nodes miss it.
const LOST: f64 = 10.0;

/// What a look shows at one eta.
pub(super) struct Seen {
    /// For each coordinate the maximum, over the others, of log density plus log-Jacobian at each of its nodes.
    pub profiles: Vec<Vec<f64>>,
    /// Maxima between the nodes.
    pub summits: Vec<Summit>,
    /// For each coordinate a place t below and above where the nodes show the end of the density, where it goes on: along a
    /// ridge between them.
    pub hidden: Vec<[Option<Vec<f64>>; 2]>,
}

impl Seen {
    /// Whether nodes that count jump up and down, as they do along a ridge that is narrower than their distance.
    pub(super) fn rough(&self, depth: f64) -> bool {
        self.lost() || self.jumps(depth) || self.goes_on()
    }
    /// Whether the density goes on somewhere between the nodes.
    pub(super) fn goes_on(&self) -> bool {
        self.hidden.iter().flatten().any(Option::is_some)
    }
    /// Whether nodes that count do not show how the density goes from one to the next.
    pub(super) fn steep(&self, depth: f64) -> bool {
        self.jumps(depth.min(COUNTS)) || self.goes_on()
    }
    /// Whether the nodes miss the density, so that their profiles are those of its flanks.
    pub(super) fn lost(&self) -> bool {
        self.shown() < self.top() - LOST
    }
    fn jumps(&self, depth: f64) -> bool {
        let level = self.top() - depth;
        let bends = |w: &[f64]| w[1] >= level && (2.0 * w[1] - w[0] - w[2]).abs() > ROUGH;
        self.profiles.iter().any(|profile| profile.windows(3).any(bends))
    }
    /// The greatest log density.
    pub(super) fn top(&self) -> f64 {
        self.summits.iter().map(|s| s.value).fold(self.shown(), f64::max)
    }
    /// The greatest log density at the nodes.
    pub(super) fn shown(&self) -> f64 {
        self.profiles.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl<'a> Look<'a> {
    pub(super) fn new(component: &'a Component, charts: Vec<Chart>, nodes: Vec<Vec<f64>>, bounds: Vec<(f64, f64)>) -> Look<'a> {
        let line = |(n, c): (&Vec<f64>, &Chart)| Line::new(n.clone(), &vec![1.0; n.len()], *c);
        let lines: Vec<Line> = nodes.iter().zip(&charts).map(line).collect();
        let counts: Vec<usize> = nodes.iter().map(Vec::len).collect();
        let table = |c: &Clique| match nodes.len() == 1 || c.surfaces().1.iter().any(|s| s.pole) {
            true => Table::without_poles(c, &tensor(c, &lines)),
            false => Table::new(c, &tensor(c, &lines)),
        };
        let tables = component.cliques.iter().map(table).collect();
        let places = component.cliques.iter().map(|_| Cells::Tensor).collect();
        Look { component, charts, nodes, bounds, tables, forest: Forest::new(component, &counts, places), whole: false }
    }
    /// The whole axes, about `count` nodes each.
    pub(super) fn whole(component: &'a Component, count: usize) -> Look<'a> {
        let chart = |a: &Axis| match *a {
            Axis::HalfLine { from } => Chart::Exp { from },
            Axis::Line | Axis::Segment { .. } | Axis::Circle | Axis::Integers { .. } => Chart::Identity,
        };
        let along = |a: &Axis| match *a {
            Axis::Line => even(-20.0, 20.0, count).into_iter().map(f64::sinh).collect(),
            Axis::HalfLine { .. } => logarithms(count),
            Axis::Segment { from, to } => middles(from, to, count),
            Axis::Circle => middles(-PI, PI, count),
            Axis::Integers { from, to } => integers(from, to, count),
        };
        let charts = component.axes.iter().map(chart).collect();
        let nodes: Vec<Vec<f64>> = component.axes.iter().map(along).collect();
        let ends = |(a, n): (&Axis, &Vec<f64>)| a.ends().unwrap_or((n[0], n[n.len() - 1]));
        let bounds = component.axes.iter().zip(&nodes).map(ends).collect();
        Look { whole: true, ..Look::new(component, charts, nodes, bounds) }
    }
    /// At the component's share of eta; of what is within `depth` nats of the greatest. `known` are summits seen before.
    pub(super) fn seen(&self, eta: &[f64], depth: f64, known: &[Summit], buffer: &mut Aligned) -> Seen {
        let counts: Vec<usize> = self.nodes.iter().map(Vec::len).collect();
        let (profiles, tables) = self.forest.profiles(&self.tables, eta, &counts, buffer);
        let climber = Climber::new(self.component, &self.charts, &self.nodes, eta);
        // Nearer looks know what the whole axes have shown.
        let tensor = (self.whole && self.component.is_one_clique() && counts.len() > 1).then(|| &tables[0][..]);
        let place = |axis, node| self.forest.place(&tables, &counts, axis, node);
        let mut summits = climber.summits(&profiles, tensor, depth, known, place);
        if let (Some(values), 2 | 3) = (tensor, counts.len()) {
            summits.extend(self.others(eta, values, &summits));
        }
        let mut seen = Seen { profiles, summits, hidden: vec![] };
        if counts.len() > 1 && !self.whole {
            seen.hidden = self.hidden(&climber, &seen, &tables, &counts, depth);
        }
        seen
    }
    /// Where the nodes show the density to end, and it goes on between them: where it is so narrow there across that they may miss
    /// it, it is climbed to its top.
    fn hidden(
        &self,
        climber: &Climber,
        seen: &Seen,
        tables: &[Vec<f64>],
        counts: &[usize],
        depth: f64,
    ) -> Vec<[Option<Vec<f64>>; 2]> {
        let level = seen.top() - depth;
        let narrow = |axis: usize, place: &[usize]| {
            self.component.cliques.iter().zip(tables).filter(|(c, _)| c.coordinates.contains(&axis)).any(|(clique, table)| {
                let sizes: Vec<usize> = clique.coordinates.iter().map(|c| counts[*c]).collect();
                let stride = |a: usize| sizes[a + 1..].iter().product::<usize>();
                let at: usize = clique.coordinates.iter().enumerate().map(|(a, c)| place[*c] * stride(a)).sum();
                clique.coordinates.iter().enumerate().filter(|(_, c)| **c != axis).any(|(a, c)| {
                    let inner = place[*c] > 0 && place[*c] + 1 < counts[*c];
                    // Not a number where all of it is nothing.
                    inner && 2.0 * table[at] - table[at - stride(a)] - table[at + stride(a)] > ROUGH
                })
            })
        };
        let beyond = |axis: usize, node: Option<usize>| {
            let node = node.filter(|n| *n < counts[axis])?;
            let place = self.forest.place(tables, counts, axis, node);
            if !narrow(axis, &place) {
                return None;
            }
            let t = place.iter().zip(&self.nodes).map(|(i, n)| n[*i]).collect();
            climber.across(t, axis).filter(|(_, value)| *value >= level).map(|(place, _)| place)
        };
        let ends = |(axis, profile): (usize, &Vec<f64>)| {
            let first = profile.iter().position(|v| *v >= level).and_then(|i| i.checked_sub(1));
            let last = profile.iter().rposition(|v| *v >= level).map(|i| i + 1);
            let line = self.component.axes[axis].ends().is_none();
            [first, last].map(|node| if line { beyond(axis, node) } else { None })
        };
        seen.profiles.iter().enumerate().map(ends).collect()
    }
    /// The top of the density at the component's share of eta where coordinate `axis` is at t, climbed from a place.
    pub(super) fn top_at(&self, eta: &[f64], axis: usize, t: f64, from: &[f64]) -> Option<(Vec<f64>, f64)> {
        let mut place = from.to_vec();
        place[axis] = t;
        Climber::new(self.component, &self.charts, &self.nodes, eta).across(place, axis)
    }
    /// A place x as a summit.
    pub(super) fn summit_at(&self, eta: &[f64], x: Vec<f64>) -> Option<Summit> {
        Climber::new(self.component, &self.charts, &self.nodes, eta).here(&Summit::at(x, 0.0))
    }
    /// Modes over two or three coordinates of which no node tells.
    fn others(&self, eta: &[f64], values: &[f64], known: &[Summit]) -> Vec<Summit> {
        let inside = |s: &Summit| std::array::from_fn(|a| self.charts.get(a).map_or(0.0, |c| c.t(s.x[a])));
        let known: Vec<[f64; 3]> = known.iter().map(inside).collect();
        let x = |t: [f64; 3]| t.iter().zip(&self.charts).map(|(t, c)| c.x(*t)).collect();
        let nodes: Vec<Vec<f64>> = self.nodes.iter().cloned().chain([vec![0.0]]).take(3).collect();
        let found = others(&self.component.cliques[0], &self.charts, &nodes, eta, values, &known);
        found.into_iter().map(|(t, value)| Summit::at(x(t), value)).collect()
    }
    /// Whether log density of at least `level` is seen at each node of an axis, or of at least `summit` at a summit beside it.
    pub(super) fn high(&self, seen: &Seen, axis: usize, level: f64, summit: f64) -> Vec<bool> {
        let mut high: Vec<bool> = seen.profiles[axis].iter().map(|v| *v >= level).collect();
        for s in seen.summits.iter().filter(|s| s.value >= summit) {
            let t = self.charts[axis].t(s.x[axis]);
            let after = self.nodes[axis].partition_point(|n| *n < t);
            [after.saturating_sub(1), after.min(high.len() - 1)].into_iter().for_each(|i| high[i] = true);
        }
        high
    }
    /// `count` nodes between two ends of an axis.
    pub(super) fn between(axis: &Axis, a: f64, b: f64, count: usize) -> Vec<f64> {
        match axis {
            Axis::Integers { .. } => whole(even(a, b, count)),
            axis if axis.ends().is_some() => middles(a, b, count),
            _ => even(a, b, count),
        }
    }
}

/// Logarithms of positive numbers, most of them within e^30 of one.
fn logarithms(count: usize) -> Vec<f64> {
    let (far, near) = (count / 8, count / 8 * 6 + count % 8);
    let mut all = even(-600.0, -30.0, far + 1);
    all.pop();
    all.extend(even(-30.0, 30.0, near));
    all.extend(even(30.0, 60.0, far + 1).into_iter().skip(1));
    all
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
