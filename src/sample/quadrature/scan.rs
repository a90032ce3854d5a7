//! Where a density has its mass: windows that hold all but a negligible part, found by zooming in.

use super::forest::{Cells, Forest};
use super::rule::{Line, tensor};
use super::table::Table;
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::expr::lanes::Aligned;
use crate::family::{Component, Existence, Family, Integrand};
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
    /// The window of some of its coordinates.
    pub(super) fn of(&self, coordinates: &[usize]) -> Window {
        let pick = |values: &[f64]| coordinates.iter().map(|c| values[*c]).collect();
        Window {
            charts: coordinates.iter().map(|c| self.charts[*c]).collect(),
            low: pick(&self.low),
            high: pick(&self.high),
            cut: coordinates.iter().map(|c| self.cut[*c]).collect(),
        }
    }
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
const DEPTH: [f64; 3] = [45.0, 38.0, 30.0];
/// Ratio of the whole window to its bulk beyond which tails count as heavy.
const HEAVY: f64 = 60.0;

/// Finds windows over a component for one eta after the other; what was evaluated for one serves the next.
pub(super) struct Scanner<'a> {
    family: &'a Family,
    integrand: &'a Integrand,
    component: &'a Component,
    /// Nodes an axis.
    count: usize,
    depth: f64,
    /// The whole axes, then places where windows were found.
    looks: Vec<Look<'a>>,
    buffer: Aligned,
}

/// The component on a tensor of nodes.
struct Look<'a> {
    charts: Vec<Chart>,
    nodes: Vec<Vec<f64>>,
    bounds: Vec<(f64, f64)>,
    tables: Vec<Table>,
    forest: Forest<'a>,
}

/// What a look says of the window at one eta.
struct Narrowed {
    window: Window,
    /// The ends between which the next look can be nearer, where the charts are as they are.
    bounds: Vec<(f64, f64)>,
    shrinking: bool,
}

/// Most places that are remembered.
const REMEMBERED: usize = 12;
/// Part of a remembered place that a density must fill for its window to be seen well enough.
const FILLED: f64 = 0.45;

impl<'a> Scanner<'a> {
    /// For the windows of a component of `integrand`.
    pub(super) fn new(family: &'a Family, integrand: &'a Integrand, component: &'a Component) -> Scanner<'a> {
        let widest = component.cliques.iter().map(|c| c.coordinates.len()).max().unwrap_or(1).min(NODES.len());
        let count = if family.is_restricted() { DENSE[widest - 1] } else { NODES[widest - 1] };
        let charts: Vec<Chart> = component
            .axes
            .iter()
            .map(|a| match *a {
                Axis::HalfLine { from } => Chart::Exp { from },
                Axis::Line | Axis::Segment { .. } | Axis::Circle | Axis::Integers { .. } => Chart::Identity,
            })
            .collect();
        let nodes: Vec<Vec<f64>> = component
            .axes
            .iter()
            .map(|a| match *a {
                Axis::Line => even(-20.0, 20.0, count).into_iter().map(f64::sinh).collect(),
                Axis::HalfLine { .. } => even(-600.0, 60.0, count),
                Axis::Segment { from, to } => middles(from, to, count),
                Axis::Circle => middles(-PI, PI, count),
                Axis::Integers { from, to } => integers(from, to, count),
            })
            .collect();
        let ends = |(a, n): (&Axis, &Vec<f64>)| a.ends().unwrap_or((n[0], n[n.len() - 1]));
        let bounds = component.axes.iter().zip(&nodes).map(ends).collect();
        let whole = Look::new(component, charts, nodes, bounds);
        let buffer = Aligned::filled(0, 0.0);
        Scanner { family, integrand, component, count, depth: DEPTH[widest - 1], looks: vec![whole], buffer }
    }
    /// The window at `eta`, `[k]`.
    ///
    /// # Errors
    /// When the density is nowhere finite, or does not decay.
    pub(super) fn window(&mut self, eta: &[f64]) -> Result<Window> {
        let local: Vec<f64> = self.component.statistics.iter().map(|s| eta[*s]).collect();
        let profiles = self.looks[0].profiles(&local, &mut self.buffer);
        self.check_whole(&profiles, eta)?;
        let mut narrowed = self.narrow(&self.looks[0], &profiles);
        if let Some(window) = self.remembered(&local, &profiles) {
            return Ok(window);
        }
        for _ in 0..60 {
            if !narrowed.shrinking {
                break;
            }
            let Narrowed { window, bounds, .. } = narrowed;
            let ends = window.low.iter().zip(&window.high).zip(&self.component.axes);
            let nodes = ends
                .map(|((a, b), axis)| match axis {
                    Axis::Integers { .. } => whole(even(*a, *b, self.count)),
                    axis if axis.ends().is_some() => middles(*a, *b, self.count),
                    _ => even(*a, *b, self.count),
                })
                .collect();
            let look = Look::new(self.component, window.charts, nodes, bounds);
            let profiles = look.profiles(&local, &mut self.buffer);
            self.check_finite(&profiles, eta)?;
            narrowed = self.narrow(&look, &profiles);
            if !narrowed.shrinking && self.looks.len() <= REMEMBERED {
                self.looks.push(look);
            }
        }
        Ok(narrowed.window)
    }
    /// The window seen from a remembered place, where one holds all of the density and is not much too wide; `whole` are the
    /// profiles over the whole axes.
    fn remembered(&mut self, eta: &[f64], whole: &[Vec<f64>]) -> Option<Window> {
        for number in 1..self.looks.len() {
            if !self.holds(number, whole, greatest(whole)) {
                continue;
            }
            let profiles = self.looks[number].profiles(eta, &mut self.buffer);
            let top = greatest(&profiles).max(greatest(whole));
            if top.is_finite() && self.fits(number, &profiles, top) && self.holds(number, whole, top) {
                let window = self.narrow(&self.looks[number], &profiles).window;
                // What served last is tried first.
                self.looks[1..=number].rotate_right(1);
                return Some(window);
            }
        }
        None
    }
    /// Whether no place outside of look `number` is deep enough, `whole` being the profiles over the whole axes.
    fn holds(&self, number: usize, whole: &[Vec<f64>], top: f64) -> bool {
        let (look, far) = (&self.looks[number], &self.looks[0]);
        (0..whole.len()).all(|axis| {
            let (n, chart) = (&look.nodes[axis], look.charts[axis]);
            let (from, to) = (chart.x(n[0]), chart.x(n[n.len() - 1]));
            let mut places = far.nodes[axis].iter().map(|t| far.charts[axis].x(*t)).zip(&whole[axis]);
            places.all(|(x, v)| (from..=to).contains(&x) || *v < top - self.depth)
        })
    }
    /// Whether a density with these profiles over look `number` ends inside of it, and fills enough of it.
    fn fits(&self, number: usize, profiles: &[Vec<f64>], top: f64) -> bool {
        let deep = |v: &f64| *v >= top - self.depth;
        profiles.iter().enumerate().all(|(axis, profile)| {
            let Some((first, last)) = profile.iter().position(deep).zip(profile.iter().rposition(deep)) else { return false };
            let n = self.looks[number].nodes[axis].len();
            // An end of the support is no cut; elsewhere the place has to reach beyond the density.
            let bounded = self.component.axes[axis].ends().is_some();
            (bounded || (first > 0 && last + 1 < n)) && (last - first + 2) as f64 >= FILLED * n as f64
        })
    }
    fn check_finite(&self, profiles: &[Vec<f64>], eta: &[f64]) -> Result<()> {
        let top = greatest(profiles);
        if top.is_finite() {
            return Ok(());
        }
        Err(Error::numeric(format!(
            "the density of '{}' is {top} at eta = {eta:?}: it has no finite values to integrate",
            self.family.name()
        )))
    }
    /// Refuse a density without values, or that does not decay along a whole axis.
    fn check_whole(&self, profiles: &[Vec<f64>], eta: &[f64]) -> Result<()> {
        let look = &self.looks[0];
        let nearest =
            look.tables.iter().map(|t| t.undefined.min(if self.family.is_restricted() { f64::INFINITY } else { t.baseless }));
        if nearest.fold(f64::INFINITY, f64::min) < NEAR {
            return Err(Error::domain(format!(
                "a statistic or the base of '{}' is not a number on part of its support, at eta = {eta:?}",
                self.family.name()
            ))
            .hint("choose another support, or restrict it with where:"));
        }
        self.check_finite(profiles, eta)?;
        let top = greatest(profiles);
        for (axis, profile) in profiles.iter().enumerate().filter(|(a, _)| self.component.axes[*a].ends().is_none()) {
            let deep = |v: &f64| *v >= top - 20.0;
            // The first number of an endless range is an end like any other.
            let low = profile.first().is_some_and(deep) && !matches!(self.component.axes[axis], Axis::Integers { .. });
            if low || profile.last().is_some_and(deep) {
                return Err(improper(self.family, self.integrand, self.component, axis, low, eta));
            }
        }
        Ok(())
    }
    /// The window that the profiles over a look say.
    fn narrow(&self, look: &Look, profiles: &[Vec<f64>]) -> Narrowed {
        let top = greatest(profiles);
        let (mut charts, mut bounds, mut shrinking) = (look.charts.clone(), look.bounds.clone(), false);
        let (mut ends, mut cut) = (Vec::new(), Vec::new());
        for axis in 0..profiles.len() {
            let n = &look.nodes[axis];
            let extent = |depth: f64| {
                let deep = |v: &f64| *v >= top - depth;
                let (profile, end) = (&profiles[axis], n.len());
                (profile.iter().position(deep).unwrap_or(end), profile.iter().rposition(deep).unwrap_or(0))
            };
            let (first, last) = extent(self.depth);
            cut.push([first == 0, last + 1 >= n.len()]);
            let step = n.get(1).map_or(0.0, |b| b - n[0]);
            let low = if first == 0 { bounds[axis].0.max(n[0] - step) } else { n[(first - 1).min(n.len() - 1)] };
            let high = if last + 1 >= n.len() { bounds[axis].1.min(n[n.len() - 1] + step) } else { n[last + 1] };
            // The bulk of a heavy tailed density is a small part of its window: stretch the tails.
            let (a, b) = extent(2.0);
            let (bulk_low, bulk_high) = (n[a.saturating_sub(1).min(n.len() - 1)], n[(b + 1).min(n.len() - 1)]);
            let line = self.component.axes[axis] == Axis::Line && charts[axis] == Chart::Identity;
            if line && high - low > HEAVY * (bulk_high - bulk_low) {
                let chart = Chart::Sinh { center: 0.5 * (bulk_low + bulk_high), scale: 0.5 * (bulk_high - bulk_low) };
                charts[axis] = chart;
                bounds[axis] = (chart.t(n[0]), chart.t(n[n.len() - 1]));
                ends.push((chart.t(low), chart.t(high)));
                shrinking = true;
                continue;
            }
            shrinking |= high - low < 0.7 * (n[n.len() - 1] - n[0]);
            ends.push((low, high));
        }
        let (low, high) = ends.into_iter().unzip();
        Narrowed { window: Window { charts, low, high, cut }, bounds, shrinking }
    }
}

fn greatest(profiles: &[Vec<f64>]) -> f64 {
    profiles.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Beyond this infinity less infinity is no wonder.
const NEAR: f64 = 5.0;

impl<'a> Look<'a> {
    fn new(component: &'a Component, charts: Vec<Chart>, nodes: Vec<Vec<f64>>, bounds: Vec<(f64, f64)>) -> Look<'a> {
        let line = |(n, c): (&Vec<f64>, &Chart)| Line::new(n.clone(), &vec![1.0; n.len()], *c);
        let lines: Vec<Line> = nodes.iter().zip(&charts).map(line).collect();
        let counts: Vec<usize> = nodes.iter().map(Vec::len).collect();
        let tables = component.cliques.iter().map(|c| Table::new(c, &tensor(c, &lines))).collect();
        let places = component.cliques.iter().map(|_| Cells::Tensor).collect();
        Look { charts, nodes, bounds, tables, forest: Forest::new(component, &counts, places) }
    }
    /// For each coordinate the maximum, over the others, of log density plus log-Jacobian at each of its nodes.
    fn profiles(&self, eta: &[f64], buffer: &mut Aligned) -> Vec<Vec<f64>> {
        let counts: Vec<usize> = self.nodes.iter().map(Vec::len).collect();
        self.forest.profiles(&self.tables, eta, &counts, buffer)
    }
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
