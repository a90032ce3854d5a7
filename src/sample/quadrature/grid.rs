//! The grid of a component: rules by axis, refined until mu stands still.

use super::QuadratureOptions;
use super::coarse::Coarse;
use super::effort::Effort;
use super::forest::{Cells, Forest};
use super::lattice;
use super::level::{Fresh, Level};
use super::nested::Nested;
use super::row::{FASTEST, Pace, Row, TOL_WIDE, floor};
use super::rule::{LEAST, Line, between_poles, is_pole, kinks, least, poles, tensor};
use super::split;
use super::table::{Points, Work};
use super::window::{Chart, Window};
use crate::domain::Axis;
use crate::family::{Clique, Component};
use crate::num::quad::shared_gauss_legendre;
use std::cell::OnceCell;
use std::rc::Rc;

/// A component in a window.
pub(super) struct Grid<'a> {
    component: &'a Component,
    window: Window,
    /// Ends of the Gauss-Legendre panels of each axis, or nothing for the trapezoidal rule.
    panels: Vec<Option<Vec<f64>>>,
    /// Of the ends of the panels of each axis those at which a statistic is singular.
    poles: Vec<Vec<f64>>,
    /// The least distance of nodes from them.
    least: f64,
    /// The eta along whose ridges lines are laid, and the coordinates from the outermost to the innermost.
    ridge: Option<(&'a [f64], Vec<usize>)>,
    /// The log density that counts along ridges, once it is known.
    counts: OnceCell<f64>,
    /// The work that lines may take where they are split one by one.
    effort: Rc<Effort>,
}

/// Nodes of the trapezoidal rule at the first level, in cliques of one, two and three coordinates.
const FIRST: [usize; 3] = [40, 28, 20];
/// Nodes of a Gauss-Legendre panel at the first level.
const PANEL: usize = 12;
/// Times as many nodes in a panel with a singular end, in cliques of one, two and three coordinates.
const SINGULAR: [usize; 3] = [4, 4, 2];
/// Nodes for the width of the window at the first level where lines are split one by one.
const SPLIT: usize = 24;
/// Most numbers in the tables of a level.
const MOST_NUMBERS: usize = 1 << 25;
/// Growth of the nodes of an axis from level to level in several coordinates.
const GROWTH: f64 = 1.5;
/// Part of what they would grow by that the points of lines split one by one do.
const AT_LEAST: f64 = 0.85;
/// Longest Gauss-Legendre rule: they cost their square to make, and what they do not resolve is singular.
const LONGEST: usize = 768;
/// What lies at the outermost nodes, in units of all mass and of standard deviations, that counts as nothing.
const NOTHING: f64 = 1e-16;
/// Decay over a sixteenth of a window past which it counts as none.
const SLOW: f64 = 0.95;
/// Mass of a ball that lines miss where it closes is a fifth of this.
const TIPS: f64 = 5e-7;
/// Refinement from which on changes do not fall as they do where a density is smooth.
const LATE: u32 = 4;
/// Most refinements.
const LEVELS: u32 = 16;

impl<'a> Grid<'a> {
    pub(super) fn new(component: &'a Component, window: Window, effort: &Rc<Effort>) -> Self {
        let axes = &component.axes;
        let oblique =
            |axis: &usize| component.cliques.iter().any(|c| split::applies(component, c) && c.coordinates.contains(axis));
        let panels: Vec<Option<Vec<f64>>> = (0..axes.len())
            .map(|axis| {
                let (low, high) = (window.low[axis], window.high[axis]);
                let mut cuts: Vec<f64> = component.cliques.iter().flat_map(|c| kinks(c, axis, &window)).collect();
                let plain = axes[axis].ends().is_some() && window.charts[axis] == Chart::Identity;
                let whole = matches!(axes[axis], Axis::Integers { .. });
                if oblique(&axis) {
                    cuts.extend((1..split::PARTS).map(|i| low + (high - low) * i as f64 / split::PARTS as f64));
                }
                (!whole && (plain || !cuts.is_empty())).then(|| {
                    cuts.push(low);
                    cuts.push(high);
                    cuts.sort_by(f64::total_cmp);
                    cuts.dedup_by(|a, b| (*a - *b).abs() <= 1e-13 * (high - low));
                    cuts
                })
            })
            .collect();
        let poles: Vec<Vec<f64>> = match &panels[..] {
            [Some(cuts)] => {
                let inner = &cuts[1..cuts.len() - 1];
                vec![inner.iter().copied().filter(|cut| is_pole(&component.cliques[0], *cut, &window)).collect()]
            }
            _ => {
                let on = |axis| component.cliques.iter().flat_map(|c| poles(c, axis, &window)).collect();
                (0..axes.len()).map(on).collect()
            }
        };
        let least = match &poles[..] {
            [on] => on.iter().map(|p| least(&component.cliques[0], *p, &window)).fold(0.0, f64::max),
            _ => LEAST,
        };
        Grid { component, window, panels, poles, least, ridge: None, counts: OnceCell::new(), effort: effort.clone() }
    }
    /// For the density of one `eta`, `[k]`, alone: one line after the other, each where the density counts. `order` are the
    /// coordinates of the only clique from the outermost to the innermost.
    pub(super) fn along(
        component: &'a Component,
        window: Window,
        eta: &'a [f64],
        order: Vec<usize>,
        effort: &Rc<Effort>,
    ) -> Self {
        let panels = vec![None; order.len()];
        Grid {
            component,
            window,
            panels,
            poles: vec![vec![]; order.len()],
            least: LEAST,
            ridge: Some((eta, order)),
            counts: OnceCell::new(),
            effort: effort.clone(),
        }
    }
    /// Whether surfaces cut across the axes, so that lines are split one by one.
    fn nested(&self) -> bool {
        self.ridge.is_some() || (self.component.is_one_clique() && Nested::applies(&self.component.cliques[0]))
    }
    /// Nodes of an axis with `n` in the trapezoidal rule, or the corresponding number in each panel.
    fn line(&self, axis: usize, level: u32) -> Line {
        let (low, high, chart) = (self.window.low[axis], self.window.high[axis], self.window.charts[axis]);
        let (mut nodes, mut weights) = (Vec::new(), Vec::new());
        match &self.panels[axis] {
            None if matches!(self.component.axes[axis], Axis::Integers { .. }) => {
                let n = (high - low).round() as usize + 1;
                nodes.extend((0..n).map(|i| low + i as f64));
                weights.extend(std::iter::repeat_n(1.0, n));
            }
            None => {
                let n = self.count(FIRST[self.component.widest() - 1], level);
                let n = if level > 0 && self.panels.len() > 1 {
                    n.next_multiple_of(lattice::side(self.component.widest()))
                } else {
                    n
                };
                let step = (high - low) / n as f64;
                // Each axis and level has a shift of its own: nested grids would meet a narrow diagonal ridge at every level,
                // or never, and agree on something wrong.
                let shift = (0.5 + 0.618_034 * f64::from(level) + 0.414_214 * axis as f64).fract();
                nodes.extend((0..n).map(|i| low + step * (i as f64 + shift)));
                weights.extend(std::iter::repeat_n(step, n));
            }
            Some(cuts) => {
                let rule = shared_gauss_legendre(self.count(PANEL, level));
                let (x, w) = &*rule;
                for ends in cuts.windows(2) {
                    if ends.iter().any(|end| self.poles[axis].contains(end)) {
                        let n = SINGULAR[self.component.widest() - 1] * self.count(PANEL, level);
                        let panel = between_poles(ends[0], ends[1], n, chart, self.least);
                        nodes.extend(panel.iter().map(|(t, _)| t));
                        weights.extend(panel.iter().map(|(_, w)| w));
                        continue;
                    }
                    let (middle, half) = (0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0]));
                    nodes.extend(x.iter().map(|x| middle + half * x));
                    weights.extend(w.iter().map(|w| half * w));
                }
            }
        }
        Line::new(nodes, &weights, chart)
    }
    /// Doubled from level to level on a line, else half as many more.
    fn count(&self, first: usize, level: u32) -> usize {
        if self.panels.len() == 1 { first << level } else { (first as f64 * GROWTH.powi(level as i32)).round() as usize }
    }
    /// Nothing where it would have more points than `most`, or take more work than there is; `before` is the one before.
    fn level(&self, level: u32, before: Option<&Level>, most: usize) -> Option<Level<'a>> {
        let most = most.min(MOST_NUMBERS / (self.component.statistics.len() + 1));
        let longest = self.count(PANEL, level) > LONGEST;
        if longest && (self.nested() || self.panels.iter().any(Option::is_some)) {
            return None;
        }
        let cliques = &self.component.cliques;
        if self.nested() {
            let (clique, axes, window) = (&cliques[0], &self.component.axes[..], &self.window);
            let (n, d, start) = (self.count(SPLIT, level), self.panels.len() as i32, self.effort.left());
            let grown = |before: &Level| before.size() as f64 * GROWTH.powi(d) * AT_LEAST > most as f64;
            let longer = |before: &Level| before.work as f64 * GROWTH > start as f64;
            if level > 0 && n.pow(d as u32) > most || before.is_some_and(|b| grown(b) || longer(b)) {
                return None;
            }
            let nested = match &self.ridge {
                None => Nested::new(clique, axes, window, &self.effort),
                Some((eta, order)) => Nested::along(clique, axes, window, order, eta, &self.counts, &self.effort),
            };
            let points = nested.points(n, if level > 0 { most } else { usize::MAX })?;
            let (points, work) = (OnceCell::from(vec![points]), start - self.effort.left());
            let open = clique.surfaces().1.iter().any(|s| s.jumps && s.coordinates.len() > 1);
            let tips = open && nested.is_curved() && d > 2;
            return Some(Level { points, work, tips, ..Level::new(self.component, vec![], vec![]) });
        }
        let lines: Vec<Line> = (0..self.panels.len()).map(|axis| self.line(axis, level)).collect();
        let counts: Vec<usize> = lines.iter().map(|l| l.x.len()).collect();
        let size = |c: &Clique| c.coordinates.iter().map(|c| counts[*c]).product::<usize>();
        if level > 0 && cliques.iter().map(size).sum::<usize>() > most {
            return None;
        }
        if self.component.is_one_clique() {
            return Some(Level::new(self.component, lines, counts));
        }
        let n = self.count(PANEL, level);
        let (points, places): (Vec<Points>, Vec<Cells>) = cliques
            .iter()
            .map(|c| match split::applies(self.component, c) {
                true => split::lines(self.component, c, &self.window, &lines, &self.panels, n),
                false => (tensor(c, &lines), Cells::Tensor),
            })
            .unzip();
        let forest = Some(Forest::new(self.component, &counts, places));
        Some(Level { points: OnceCell::from(points), forest, ..Level::new(self.component, vec![], counts) })
    }
    /// Moments of rows of the component's share of eta. `cut` are the windows of the rows.
    pub(super) fn integrate(&self, etas: &[Vec<f64>], cut: &[&Window], options: &QuadratureOptions) -> Vec<Row> {
        let axes = &self.component.axes;
        // Rules on panels may converge by powers only, where a density is singular at an end.
        let exponential = self.panels.iter().all(Option::is_none);
        let wide = self.component.widest() > 2 || (self.component.widest() > 1 && exponential);
        let tol = if wide { options.tol.max(TOL_WIDE) } else { options.tol };
        // On a line the next level costs little.
        let fastest = FASTEST[usize::from(axes.len() > 1)];
        // A sum over whole numbers is not refined.
        let summed = axes.iter().all(|a| matches!(a, Axis::Integers { .. }));
        let mut rows: Vec<Option<Row>> = vec![None; etas.len()];
        let mut changes: Vec<Vec<f64>> = vec![vec![]; etas.len()];
        let mut pending: Vec<usize> = (0..etas.len()).collect();
        let mut fresh = Fresh { work: Work::new(), sums: None };
        let mut finest: Option<Level> = None;
        for number in 0..LEVELS {
            if pending.is_empty() {
                break;
            }
            let Some(level) = self.level(number, finest.as_ref(), options.max_nodes) else { break };
            let swept = level.sweep(&pending, etas, &rows, number, number >= 2 || self.nested());
            let (read_once, mut swept) = (!swept.is_empty(), swept.into_iter());
            pending.retain(|i| {
                let (mut row, cov) = swept.next().unwrap_or_else(|| (level.mean(&etas[*i], &mut fresh), None));
                match &rows[*i] {
                    _ if summed => {
                        row.error = row.mu.iter().map(|m| floor(*m)).collect();
                        (row.worst, row.log_error) = (0.0, 0.0);
                    }
                    Some(before) => {
                        let steep = cut[*i].steep && !self.nested();
                        row.judge(before, &mut changes[*i], Pace { fastest, uneven: self.nested(), steep });
                        if number >= LATE && !self.nested() {
                            row.distrust(&changes[*i]);
                        }
                    }
                    None => {}
                }
                let unsettled = |row: &Row| row.worst > tol.max(row.grain(&etas[*i])) || row.worst.is_nan();
                let mut more = unsettled(&row);
                // Where nodes may miss most of what there is, so do variances.
                let doubtful = self.nested() || cut[*i].steep && !summed;
                // The first variances give the unit of the errors, the last covariance is the result.
                let looked = cov.is_some();
                match cov {
                    Some(cov) => row.cov = cov,
                    None if number == 0 || !more || doubtful => {
                        // What swept means leave is not enough.
                        if read_once {
                            level.mean(&etas[*i], &mut fresh);
                        }
                        if more { level.variances(&mut row, &fresh) } else { level.covariance(&mut row, &fresh) }
                    }
                    None => {}
                }
                if let (Some(before), true) = (&rows[*i], doubtful) {
                    row.waver(before);
                    more |= unsettled(&row);
                }
                if !more && !summed && level.is_thin(&mut row, looked, &fresh) {
                    row.doubt(1.0);
                    more = true;
                }
                let flooded = (number == 0 && more && self.floods())
                    .then(|| self.coarse(&level, &fresh.work.density(level.size()), cut[*i]).flood(&etas[*i], &row));
                let flooded = flooded.flatten();
                // A flood does not mind where the window ends.
                let more = more && flooded.is_none();
                if !more && level.tips {
                    row.admit(TIPS);
                }
                let inside = flooded.is_some();
                let mut row = flooded.unwrap_or(row);
                if !more && (!inside || cut[*i].is_cut()) {
                    self.add_tails(&level, &etas[*i], &mut row, cut[*i]);
                }
                if !more {
                    self.add_poles(&level, &etas[*i], &mut row);
                }
                rows[*i] = Some(row);
                more
            });
            finest = Some(level);
        }
        if let Some(level) = finest {
            for i in pending {
                if let Some(row) = &mut rows[i] {
                    level.mean(&etas[i], &mut fresh);
                    level.covariance(row, &fresh);
                    row.distrust(&changes[i]);
                    if level.is_thin(row, false, &fresh) {
                        row.doubt(1.0);
                    }
                    self.add_tails(&level, &etas[i], row, cut[i]);
                    self.add_poles(&level, &etas[i], row);
                }
            }
        }
        rows.into_iter().zip(etas).map(|(row, eta)| row.unwrap_or_else(|| Row::unknown(eta.len()))).collect()
    }
    fn coarse<'b>(&'b self, level: &'b Level, density: &'b [f64], window: &'b Window) -> Coarse<'b> {
        let (clique, charts) = (&self.component.cliques[0], &self.window.charts[..]);
        Coarse { clique, charts, lines: &level.lines, table: &level.tables()[0], p: density, summits: &window.summits }
    }
    /// Moments at one share of eta mode by mode; none where that does not apply, or fails.
    pub(super) fn by_modes(&self, eta: &[f64], options: &QuadratureOptions) -> Option<Row> {
        if !self.floods() {
            return None;
        }
        let level = self.level(0, None, options.max_nodes)?;
        let mut fresh = Fresh { work: Work::new(), sums: None };
        level.mean(eta, &mut fresh);
        let mut row = self.coarse(&level, &fresh.work.density(level.size()), &self.window).by_modes(eta)?;
        if self.window.is_cut() {
            self.add_tails(&level, eta, &mut row, &self.window);
        }
        Some(row)
    }
    /// Add to the errors what lies nearer to poles than the nearest nodes, from the decay over some nodes before them.
    fn add_poles(&self, level: &Level, eta: &[f64], row: &mut Row) {
        const BACK: usize = 4;
        let on = |axis: usize| self.poles[axis].iter().map(move |pole| (axis, pole));
        for (axis, pole) in (0..level.lines.len()).flat_map(on) {
            let t = &level.lines[axis].t;
            let after = t.partition_point(|t| t < pole);
            for (last, before) in [(after.checked_sub(1), after.checked_sub(1 + BACK)), (Some(after), Some(after + BACK))] {
                let (Some(last), Some(before)) = (last, before.filter(|b| *b < t.len())) else { continue };
                let ((mass, far), (inner, _)) =
                    (level.slab(self.component, axis, last, eta, row), level.slab(self.component, axis, before, eta, row));
                let decay = (mass / inner).powf(1.0 / BACK as f64).min(SLOW);
                let beyond = if mass > 0.0 { 3.0 * mass * decay / (1.0 - decay) } else { 0.0 };
                row.log_error += beyond;
                row.tail.iter_mut().zip(&far).for_each(|(tail, far)| *tail += beyond * far);
            }
        }
    }
    /// Whether densities are laid out each in its own coordinates: smooth ones over three whole lines.
    fn floods(&self) -> bool {
        let line = |a: &Axis| matches!(a, Axis::Line | Axis::HalfLine { .. });
        self.panels.len() == 3
            && self.component.is_one_clique()
            && !self.nested()
            && self.panels.iter().all(Option::is_none)
            && self.component.axes.iter().all(line)
    }
    /// Add what lies beyond the outermost nodes of the unbounded axes, from the decay over the last sixteenth of the window: its mass,
    /// and for each statistic that times its distance from the mean. Looked at in components of one clique, and where the density
    /// is still noticeable at the end of the row's window.
    fn add_tails(&self, level: &Level, eta: &[f64], row: &mut Row, window: &Window) {
        let line = |a: usize| matches!(self.component.axes[a], Axis::Line | Axis::HalfLine { .. });
        let open = |a: usize| line(a) && !level.counts.is_empty();
        let cut = |a: usize| window.cut[a].contains(&true);
        for axis in (0..self.panels.len()).filter(|a| open(*a) && (cut(*a) || self.component.is_one_clique() && line(*a))) {
            let edge =
                matches!(self.component.axes[axis], Axis::HalfLine { .. }) && self.window.charts[axis] == Chart::Identity;
            for up in [false, true] {
                if edge && !up {
                    continue;
                }
                let (last, before, steps) = self.outermost(level, axis, up);
                let (mass, far) = level.slab(self.component, axis, last, eta, row);
                let sd = |s: usize| row.cov[s * eta.len() + s].max(0.0).sqrt();
                // Negligible whatever the decay.
                let all = far.iter().enumerate().map(|(s, f)| mass * f / sd(s).max(f64::MIN_POSITIVE)).fold(mass, f64::max);
                if all < NOTHING || all.is_nan() {
                    continue;
                }
                let (inner, nearer) = level.slab(self.component, axis, before, eta, row);
                // A rule on panels has other weights further inside.
                let weight = level.lines.get(axis).map_or(0.0, |l| l.log_weight(last) - l.log_weight(before));
                // A mean that does not exist where the density does is known by other means.
                let beyond = |last: f64, before: f64, all: bool| match last / before / weight.exp() {
                    decay if decay < SLOW => last / (1.0 - decay.powf(1.0 / steps)),
                    _ if cut(axis) && all => f64::INFINITY,
                    _ => last / (1.0 - SLOW.powf(1.0 / steps)),
                };
                row.beyond += 2.0 * beyond(mass, inner, true);
                for (tail, (far, nearer)) in row.tail.iter_mut().zip(far.iter().zip(&nearer)) {
                    *tail += 2.0 * if *far > 0.0 { beyond(mass * far, inner * nearer, false) } else { 0.0 };
                }
            }
        }
    }
    /// The outermost node of an axis, one a sixteenth of the window before it, and how many steps lie between.
    fn outermost(&self, level: &Level, axis: usize, up: bool) -> (usize, usize, f64) {
        let n = level.counts[axis];
        let last = if up { n - 1 } else { 0 };
        match (level.lines.get(axis), &self.panels[axis]) {
            (Some(line), Some(_)) => {
                let part = (self.window.high[axis] - self.window.low[axis]) / 16.0;
                let apart = |i: &usize| (line.t[*i] - line.t[last]).abs() >= part;
                let before = if up { (0..n).rfind(apart) } else { (0..n).find(apart) }.unwrap_or(n - 1 - last);
                (last, before, (line.t[before] - line.t[last]).abs() / line.log_weight(last).exp())
            }
            _ => {
                let span = (n / 16).max(1);
                (last, if up { last - span } else { span }, span as f64)
            }
        }
    }
}
