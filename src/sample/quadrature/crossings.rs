//! Where lines meet the surfaces of a clique, and where the pattern of what they meet changes.

use super::effort::Effort;
use super::planes::Planes;
use super::rule::{hidden, section, turns};
use super::window::{Chart, Window};
use crate::domain::Axis;
use crate::expr::lanes::Pool;
use crate::expr::{NodeId, Program};
use crate::family::Clique;
use std::cell::RefCell;
use std::rc::Rc;

/// The surfaces of a clique between ends.
pub(super) struct Crossings<'a> {
    charts: &'a [Chart],
    ends: Vec<(f64, f64)>,
    /// Coordinates from the outermost to the innermost.
    order: Vec<usize>,
    /// For each place in `order` the surfaces that end there: they touch its coordinate and none further inside.
    ending: Vec<Vec<usize>>,
    /// All that there is to know, where all surfaces are affine.
    planes: Option<Planes>,
    program: Program,
    pool: RefCell<Pool>,
    looks: usize,
    /// The places x of the looks along each coordinate, [d][looks].
    places: Vec<Vec<f64>>,
    effort: Rc<Effort>,
}

/// What a line meets: surfaces by number, or a change of the pattern inside, with what lies between them.
type Pattern = Vec<usize>;
/// Stands in a pattern for a change further inside.
const CHANGE: usize = usize::MAX;
/// Points along a line for one, two and three coordinates.
const LOOKS: [usize; 3] = [512, 129, 49];
/// What lies nearer to each other than this part of a window has no order.
const HAIR: f64 = 1e-7;
/// Most patterns looked at in a search along one line.
const BUDGET: usize = 2000;

impl<'a> Crossings<'a> {
    /// Inside a window over `axes`; `order` are the coordinates from the outermost to the innermost.
    pub(super) fn inside(
        clique: &Clique,
        axes: &[Axis],
        window: &'a Window,
        order: &[usize],
        effort: &Rc<Effort>,
    ) -> Crossings<'a> {
        let ends = window.low.iter().copied().zip(window.high.iter().copied()).collect();
        // All that is left between a surface and an end of the support lies at that end, however low the density is there.
        let ended = |axis: &Axis| matches!(axis, Axis::HalfLine { .. }) || axis.ends().is_some();
        let noticeable: Vec<[bool; 2]> = axes.iter().zip(&window.cut).map(|(a, cut)| cut.map(|c| c || ended(a))).collect();
        Crossings::new(clique, &window.charts, ends, &noticeable, order, effort)
    }
    /// Between the ends of each coordinate, of which some are `noticeable`, below and above.
    pub(super) fn new(
        clique: &Clique,
        charts: &'a [Chart],
        ends: Vec<(f64, f64)>,
        noticeable: &[[bool; 2]],
        order: &[usize],
        effort: &Rc<Effort>,
    ) -> Crossings<'a> {
        let (graph, surfaces) = clique.surfaces();
        let d = charts.len();
        let place = |j: &usize| order.iter().position(|o| o == j).unwrap_or(0);
        let last = |s: usize| surfaces[s].coordinates.iter().map(place).max().unwrap_or(0);
        let ending = (0..d).map(|level| (0..surfaces.len()).filter(|s| last(*s) == level).collect()).collect();
        let arguments: Vec<NodeId> = surfaces.iter().map(|s| s.argument).collect();
        let program = Program::compile(graph, d, &[&arguments]);
        let pool = RefCell::new(program.pool());
        let looks = LOOKS[d.min(LOOKS.len()) - 1];
        let in_x: Vec<(f64, f64)> = charts.iter().zip(&ends).map(|(c, (low, high))| (c.x(*low), c.x(*high))).collect();
        let planes = Planes::new(graph, &arguments, order, &in_x, noticeable);
        let evenly =
            |(chart, (low, high)): (&Chart, &(f64, f64))| (0..looks).map(|i| chart.x(between(*low, *high, i, looks))).collect();
        let places = charts.iter().zip(&ends).map(evenly).collect();
        Crossings { charts, ends, order: order.to_vec(), ending, planes, program, pool, looks, places, effort: effort.clone() }
    }
    /// The work that may be taken.
    pub(super) fn effort(&self) -> &Effort {
        &self.effort
    }
    /// Whether what lines give is smooth between cuts as far as their ends, and not only inside.
    pub(super) fn smooth_at_cuts(&self) -> bool {
        self.planes.is_some()
    }
    /// Whether no surface cuts the line behind `prefix`, or changes what is further inside.
    pub(super) fn none(&self, prefix: &[f64]) -> bool {
        self.ending[prefix.len()..].iter().all(Vec::is_empty)
    }
    /// Where the line behind `prefix` is to be split, ascending.
    pub(super) fn cuts(&self, prefix: &[f64]) -> Vec<f64> {
        match &self.planes {
            _ if self.none(prefix) => vec![],
            Some(planes) => self.plane_cuts(planes, prefix),
            None => self.meets(prefix, true).into_iter().map(|(t, _)| t).collect(),
        }
    }
    fn plane_cuts(&self, planes: &Planes, prefix: &[f64]) -> Vec<f64> {
        let chart = |place: usize| self.charts[self.order[place]];
        let point: Vec<f64> = prefix.iter().enumerate().map(|(place, t)| chart(place).x(*t)).collect();
        planes.cuts(&point).into_iter().map(|x| chart(prefix.len()).t(x)).collect()
    }
    /// Places along the innermost line behind `prefix`, about one in each part into which surfaces split it.
    pub(super) fn parts(&self, prefix: &[f64]) -> Vec<f64> {
        let (low, high) = self.ends[self.order[prefix.len()]];
        let roots = match &self.planes {
            Some(planes) => self.plane_cuts(planes, prefix),
            None => self.roots(prefix, low, high, false).into_iter().map(|(t, _)| t).collect(),
        };
        let mut ends: Vec<f64> = roots.into_iter().chain([low, high]).collect();
        ends.sort_by(f64::total_cmp);
        ends.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect()
    }
    /// Where the line behind `prefix` meets something, ascending; without `exact` only the order is right, and what lies
    /// within a hair of each other comes in the order of its numbers.
    fn meets(&self, prefix: &[f64], exact: bool) -> Vec<(f64, usize)> {
        let level = prefix.len();
        let axis = self.order[level];
        let (low, high) = self.ends[axis];
        let mut found = self.roots(prefix, low, high, exact);
        if level + 1 < self.order.len() && self.ending[level + 1..].iter().any(|e| !e.is_empty()) {
            let at = |i: usize| low + (high - low) * i as f64 / (self.looks - 1) as f64;
            let inside = |t: f64| {
                let deeper: Vec<f64> = prefix.iter().copied().chain([t]).collect();
                self.meets(&deeper, false).into_iter().map(|(_, s)| s).collect::<Pattern>()
            };
            let resolution = if exact { 1e-15 } else { 0.1 * HAIR } * (high - low);
            let mut search = Search { pattern: &inside, resolution, budget: BUDGET, effort: &self.effort, found: &mut found };
            let mut before = inside(at(0));
            for i in 1..self.looks {
                if self.effort.is_spent() {
                    return found;
                }
                let after = inside(at(i));
                search.changes((at(i - 1), &before), (at(i), &after));
                before = after;
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !exact {
            let near = |a: &(f64, usize), b: &(f64, usize)| b.0 - a.0 <= HAIR * (high - low);
            found.chunk_by_mut(near).for_each(|bunch| bunch.sort_by_key(|(_, s)| *s));
            found.dedup_by(|b, a| a.1 == CHANGE && b.1 == CHANGE && near(a, b));
        }
        found
    }
    /// The roots of the surfaces that end at this line.
    fn roots(&self, prefix: &[f64], low: f64, high: f64, exact: bool) -> Vec<(f64, usize)> {
        if self.ending[prefix.len()].is_empty() {
            return vec![];
        }
        let (values, width) = (self.along(prefix, &self.places[self.order[prefix.len()]]), self.width());
        let step = (high - low) / (self.looks - 1) as f64;
        let at = |i: usize| low + step * i as f64;
        // Cells in which a surface changes its sign.
        let mut cells: Vec<(usize, usize, bool)> = Vec::new();
        let mut found = Vec::new();
        for s in &self.ending[prefix.len()] {
            let value = |i: usize| values[i * width + s];
            for i in 1..self.looks {
                if (value(i - 1) > 0.0) != (value(i) > 0.0) {
                    cells.push((i - 1, *s, value(i - 1) > 0.0));
                } else if i + 1 < self.looks && turns(value(i - 1), value(i), value(i + 1)) {
                    // Two roots may hide where a value comes near to zero and turns.
                    self.hidden(prefix, *s, (at(i - 1), at(i + 1)), &mut found);
                }
            }
        }
        let outer = prefix.len() + 1 < self.order.len();
        let crowded =
            exact || outer || !found.is_empty() || cells.iter().enumerate().any(|(n, c)| cells[..n].iter().any(|o| o.0 == c.0));
        let place = |(i, s, positive): (usize, usize, bool)| match crowded {
            true => (self.root(prefix, s, at(i), at(i + 1), positive), s),
            false => (at(i), s),
        };
        found.extend(cells.into_iter().map(place));
        found
    }
    /// Two roots where a surface comes near to zero between a and b.
    fn hidden(&self, prefix: &[f64], s: usize, (a, b): (f64, f64), found: &mut Vec<(f64, usize)>) {
        let along = |a, b, n| self.values(prefix, s, a, b, n);
        hidden(&along, a, b, &mut |a, b, positive| found.push((section(&along, a, b, positive), s)));
    }
    /// Surface `s` at `n` points from a to b.
    fn values(&self, prefix: &[f64], s: usize, a: f64, b: f64, n: usize) -> Vec<f64> {
        self.between(prefix, a, b, n).into_iter().skip(s).step_by(self.width()).collect()
    }
    /// The root of surface `s` between a and b, where its sign is as given at a and another at b.
    fn root(&self, prefix: &[f64], s: usize, a: f64, b: f64, positive: bool) -> f64 {
        section(&|a, b, n| self.values(prefix, s, a, b, n), a, b, positive)
    }
    /// Number of surfaces.
    fn width(&self) -> usize {
        self.ending.iter().map(Vec::len).sum()
    }
    /// The arguments of all surfaces at `n` points from a to b of the line behind `prefix`, [n, surfaces].
    fn between(&self, prefix: &[f64], a: f64, b: f64, n: usize) -> Vec<f64> {
        let chart = self.charts[self.order[prefix.len()]];
        let x: Vec<f64> = (0..n).map(|i| chart.x(between(a, b, i, n))).collect();
        self.along(prefix, &x)
    }
    /// The same at places `x` of that line; coordinates further inside, which do not matter, are at the low end.
    fn along(&self, prefix: &[f64], x: &[f64]) -> Vec<f64> {
        let (program, width, n) = (&self.program, self.width(), x.len());
        let (w, mut pool, mut out) = (program.lanes(), self.pool.borrow_mut(), vec![0.0; n * width]);
        self.effort.take(program, 0, n);
        for (place, axis) in self.order.iter().enumerate().filter(|(place, _)| *place != prefix.len()) {
            let x = prefix.get(place).map_or(self.places[*axis][0], |t| self.charts[*axis].x(*t));
            program.coordinate(&mut pool, *axis).fill(x);
        }
        for (start, x) in x.chunks(w).enumerate().map(|(number, x)| (number * w, x)) {
            let slots = program.coordinate(&mut pool, self.order[prefix.len()]);
            slots[..x.len()].copy_from_slice(x);
            slots[x.len()..].fill(x[x.len() - 1]);
            program.run(&mut pool, 0);
            for s in 0..width {
                let values = program.output(&pool, 0, s);
                (0..x.len()).for_each(|lane| out[(start + lane) * width + s] = values[lane]);
            }
        }
        out
    }
}

/// Place `i` of `n` from a to b, both included.
fn between(a: f64, b: f64, i: usize, n: usize) -> f64 {
    if i + 1 == n { b } else { a + (b - a) / (n - 1) as f64 * i as f64 }
}

/// A search for the places where a pattern changes.
struct Search<'a> {
    pattern: &'a dyn Fn(f64) -> Pattern,
    resolution: f64,
    /// Patterns that may still be looked at.
    budget: usize,
    effort: &'a Effort,
    found: &'a mut Vec<(f64, usize)>,
}

impl Search<'_> {
    /// All changes between two places, by bisection.
    fn changes(&mut self, (a, at_a): (f64, &Pattern), (b, at_b): (f64, &Pattern)) {
        if at_a == at_b {
            return;
        }
        let middle = 0.5 * (a + b);
        if b - a <= self.resolution || middle <= a || middle >= b || self.budget == 0 || self.effort.is_spent() {
            self.found.push((middle, CHANGE));
            return;
        }
        self.budget -= 1;
        let between = (self.pattern)(middle);
        self.changes((a, at_a), (middle, &between));
        self.changes((middle, &between), (b, at_b));
    }
}
