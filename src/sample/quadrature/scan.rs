//! Where a density has its mass: windows that hold all but a negligible part, found by zooming in.

use super::crossings::Crossings;
use super::effort::Effort;
use super::look::{Look, Seen};
use super::ridge::Ridge;
use super::row::RESOLVED;
use super::summits::Summit;
use super::window::{Chart, Window};
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::expr::lanes::Aligned;
use crate::family::{Component, Density, Existence, Family, Integrand};
use crate::num::stream::Stream;
use crate::sample::inside::seek;
use rand::Rng;
use rand_distr::StandardNormal;
use std::cell::OnceCell;
use std::rc::Rc;

/// Nodes an axis of a look, for one, two and three coordinates.
const NODES: [usize; 3] = [257, 65, 25];
/// The same over the whole axes. A mode is found where its basin is wider than a few of them.
const WHOLE: [usize; 3] = [2049, 65, 25];
/// Both where a condition restricts the support, whose parts may be small and far apart.
const DENSE: [usize; 3] = [20_001, 401, 49];
/// Density ratio, in nats below the maximum, past which a place is negligible, for one, two and three coordinates.
const DEPTH: [f64; 3] = [45.0, 38.0, 30.0];
/// Ratio of the whole window to its bulk beyond which tails count as heavy, for one, two and three coordinates: the more, the
/// dearer are nodes. For a normal density it is 4 or less.
const HEAVY: [f64; 3] = [60.0, 60.0, 6.0];

/// Finds windows over a component for one eta after the other; what was evaluated for one serves the next.
pub(super) struct Scanner<'a> {
    family: &'a Family,
    integrand: &'a Integrand,
    component: &'a Component,
    /// Nodes an axis.
    count: usize,
    depth: f64,
    /// The least part of a remembered place that is enough.
    enough: f64,
    margin: f64,
    heavy: f64,
    /// The whole axes, then places where windows were found.
    looks: Vec<Look<'a>>,
    /// Places where the condition of the support holds, once they are looked for.
    inside: OnceCell<Vec<Vec<f64>>>,
    buffer: Aligned,
}

/// What a look says of the window at one eta.
struct Narrowed {
    window: Window,
    /// The ends between which the next look can be nearer, where the charts are as they are.
    bounds: Vec<(f64, f64)>,
    shrinking: bool,
}

/// What remembered places say of a density.
enum Remembered {
    /// One is not much too wide.
    Window(Window),
    /// The one of this number is, the least of all.
    Wide(usize, Seen),
    /// None holds it.
    Nothing,
}

/// How often a window that cuts through a density is widened.
const WIDENINGS: u32 = 12;
/// Parts of a window by which it is widened along a ridge, and most of them.
const STRIDE: f64 = 0.2;
const STRIDES: u32 = 40;
/// Part of a window by which it is widened under a condition.
const TIPS: f64 = 0.1;
/// Searches for places where a condition holds.
const STARTS: usize = 16;
/// Most places that are remembered.
const REMEMBERED: usize = 12;
/// What is added to either side of a remembered place, as a part of its width, for one, two and three coordinates.
const MARGIN: [f64; 3] = [0.0, 0.0, 0.35];
/// Part of a remembered place that a density must fill for its window to be seen well enough, for one, two and three coordinates.
const FILLED: [f64; 3] = [0.45, 0.45, 0.3];

impl<'a> Scanner<'a> {
    /// For the windows of a component of `integrand`.
    pub(super) fn new(family: &'a Family, integrand: &'a Integrand, component: &'a Component) -> Scanner<'a> {
        let widest = component.widest();
        let [count, over] = match family.is_restricted() {
            true => [DENSE[widest - 1]; 2],
            false => [NODES[widest - 1], WHOLE[widest - 1]],
        };
        let whole = Look::whole(component, over);
        let buffer = Aligned::filled(0, 0.0);
        Scanner {
            family,
            integrand,
            component,
            count,
            depth: DEPTH[widest - 1],
            enough: FILLED[widest - 1],
            margin: MARGIN[widest - 1],
            heavy: HEAVY[widest - 1],
            looks: vec![whole],
            inside: OnceCell::new(),
            buffer,
        }
    }
    /// The same in coordinates that are not stretched where tails are heavy.
    pub(super) fn unstretched(self) -> Scanner<'a> {
        Scanner { heavy: f64::INFINITY, ..self }
    }
    /// The window at `eta`, `[k]`.
    ///
    /// # Errors
    /// When the density is nowhere finite, or does not decay.
    pub(super) fn window(&mut self, eta: &[f64]) -> Result<Window> {
        let mut window = self.near(eta)?;
        self.follow(&mut window, eta);
        Ok(window)
    }
    /// The same up to ridges that lead out of it, which are still to be followed where it is open.
    ///
    /// # Errors
    /// As [`Scanner::window`].
    pub(super) fn near(&mut self, eta: &[f64]) -> Result<Window> {
        let local: Vec<f64> = self.component.statistics.iter().map(|s| eta[*s]).collect();
        let mut whole = self.looks[0].seen(&local, self.depth, &[], &mut self.buffer);
        whole.summits.extend(self.inside(&local));
        self.check_whole(&whole, eta)?;
        let near = match self.remembered(&local, &whole) {
            Remembered::Window(window) => return Ok(self.with_tips(window)),
            Remembered::Wide(number, seen) => Some((number, seen)),
            Remembered::Nothing => None,
        };
        let lost = whole.lost();
        let (number, seen) = near.unwrap_or((0, whole));
        let mut narrowed = self.narrow(&self.looks[number], &seen);
        let (mut rough, mut lost) = (seen.rough(self.depth), lost | seen.lost());
        let mut top = seen.top();
        let mut summits: Vec<Summit> = seen.summits;
        let mut widenings = 0;
        for _ in 0..60 {
            let cut = self.is_cut(&narrowed.window) && self.component.axes.len() > 1 && widenings < WIDENINGS;
            if !narrowed.shrinking && !cut {
                break;
            }
            let Narrowed { mut window, bounds, shrinking } = narrowed;
            if !shrinking {
                // A look nearer by has shown that the one before had missed how far the density reaches.
                window.follow_cut(&bounds);
                widenings += 1;
            }
            let look = self.look(window, bounds);
            let seen = look.seen(&local, self.depth, &summits, &mut self.buffer);
            self.check_finite(&seen, eta)?;
            narrowed = self.narrow(&look, &seen);
            (rough, lost, top) = (seen.rough(self.depth), lost | seen.lost(), seen.top());
            if !narrowed.shrinking && seen.goes_on() {
                self.go_on(&mut narrowed.window, &local, &look, &seen);
            } else if !narrowed.shrinking && self.looks.len() <= REMEMBERED {
                self.remember(look, &narrowed);
            }
            summits = seen.summits;
        }
        if top * f64::EPSILON > RESOLVED {
            return Err(Error::numeric(format!(
                "the log density of '{}' is {top:.1e} at its greatest at eta = {eta:?}, where doubles are {:.1e} apart: where it counts is lost in rounding",
                self.family.name(),
                top * f64::EPSILON
            ))
            .hint("statistics in other units or about another centre, or an eta that makes a wider density"));
        }
        let mut window = narrowed.window;
        if self.has_ridges() && (rough || lost) {
            window.open = true;
        }
        Ok(self.with_tips(window))
    }
    /// A window with what is left of a support under a condition beyond the last nodes that are inside: its tips.
    fn with_tips(&self, mut window: Window) -> Window {
        if self.family.is_restricted() && self.component.axes.len() > 1 {
            window.spread(TIPS, &self.looks[0].bounds);
        }
        window
    }
    /// Widen a window to where the density goes on along ridges between the nodes of a look.
    fn go_on(&self, window: &mut Window, eta: &[f64], look: &Look, seen: &Seen) {
        if window.charts != look.charts {
            return;
        }
        for (axis, ends) in seen.hidden.iter().enumerate() {
            for (end, found) in ends.iter().enumerate() {
                let Some(mut place) = found.clone() else { continue };
                let (step, bounds) = (STRIDE * (window.high[axis] - window.low[axis]), look.bounds[axis]);
                window.cut[axis][end] = true;
                for _ in 0..STRIDES {
                    let t = if end == 0 { (place[axis] - step).max(bounds.0) } else { (place[axis] + step).min(bounds.1) };
                    if end == 0 {
                        window.low[axis] = window.low[axis].min(t)
                    } else {
                        window.high[axis] = window.high[axis].max(t)
                    }
                    match look.top_at(eta, axis, t, &place) {
                        Some((next, value)) if value >= seen.top() - self.depth && t != place[axis] => place = next,
                        found => {
                            window.cut[axis][end] = found.is_some_and(|(_, value)| value >= seen.top() - self.depth);
                            break;
                        }
                    }
                }
            }
        }
    }
    /// Places x where the condition of a support holds, as summits of the look at whole axes: for parts that none of its nodes is in.
    fn inside(&self, local: &[f64]) -> Vec<Summit> {
        let family = self.family;
        let free = family.support().bijector().free();
        if !family.is_restricted() || !self.integrand.is_plain() || free != family.support().dim() {
            return vec![];
        }
        let places = self.inside.get_or_init(|| {
            let (mut rng, flat) = (Stream::new(0).child("inside").rng(), vec![0.0; family.dim()]);
            let seek = |start: usize| {
                // Not from a place where the sides of a condition are equal.
                let far = f64::from(1 << (start % 4));
                let from: Vec<f64> = (0..free).map(|_| far * rng.sample::<f64, _>(StandardNormal)).collect();
                let z = seek(family, &flat, &from, &mut rng)?;
                let x = family.density().program().evaluate(Density::POINT, &z, &flat);
                Some(self.component.coordinates.iter().map(|c| x[*c]).collect())
            };
            (0..STARTS).filter_map(seek).collect()
        });
        places.iter().filter_map(|x| self.looks[0].summit_at(local, x.clone())).collect()
    }
    /// Keep a look, or where looks are dear one that is wider, into which densities like this one fit too.
    fn remember(&mut self, look: Look<'a>, narrowed: &Narrowed) {
        let mut window = narrowed.window.clone();
        if self.margin == 0.0 || window.charts != look.charts {
            self.looks.push(look);
            return;
        }
        window.spread(self.margin, &narrowed.bounds);
        self.looks.push(self.look(window, narrowed.bounds.clone()));
    }
    /// A look over a window, which others between `bounds` may follow.
    fn look(&self, window: Window, bounds: Vec<(f64, f64)>) -> Look<'a> {
        let ends = window.low.iter().zip(&window.high).zip(&self.component.axes);
        let nodes = ends.map(|((a, b), axis)| Look::between(axis, *a, *b, self.count)).collect();
        Look::new(self.component, window.charts, nodes, bounds)
    }
    /// Whether the density is still high where the window ends, other than at an end of the support.
    fn is_cut(&self, window: &Window) -> bool {
        let open = |axis: usize| self.component.axes[axis].ends().is_none() && window.cut[axis].contains(&true);
        (0..window.cut.len()).any(open)
    }
    /// Whether a density over several coordinates may have ridges that cut across them, and can be followed line by line.
    fn has_ridges(&self) -> bool {
        self.component.in_one_piece().is_some() && self.component.axes.len() > 1
    }
    /// Widen an open window to where ridges lead that the nodes of a look do not meet.
    pub(super) fn follow(&self, window: &mut Window, eta: &[f64]) {
        if !std::mem::take(&mut window.open) {
            return;
        }
        let d = window.low.len();
        let Some(clique) = self.component.in_one_piece().map(|c| &c.cliques[0]) else { return };
        let mut around = window.clone();
        around.spread(0.05, &self.looks[0].bounds);
        let far = &self.looks[0];
        for axis in 0..d {
            let order: Vec<usize> = std::iter::once(axis).chain((0..d).filter(|a| *a != axis)).collect();
            let mut widen = |ridge: Ridge, charts: &[Chart]| {
                if let Some((low, high)) = ridge.extent() {
                    let t = |t: f64| window.charts[axis].t(charts[axis].x(t));
                    let ends = self.looks[0].bounds[axis];
                    let x = |t: f64| charts[axis].x(t);
                    let end = |t: f64| self.looks[0].charts[axis].x(t);
                    if t(low) <= window.low[axis] {
                        (window.low[axis], window.cut[axis][0]) = (t(low), x(low) <= end(ends.0));
                    }
                    if t(high) >= window.high[axis] {
                        (window.high[axis], window.cut[axis][1]) = (t(high), x(high) >= end(ends.1));
                    }
                }
            };
            widen(Ridge::over(clique, far, &order, eta), &far.charts);
            // Parts of a restricted support may be too small to be met from afar.
            if self.family.is_restricted() {
                let effort = Rc::new(Effort::without_limit());
                let crossings = Rc::new(Crossings::inside(clique, &self.component.axes, &around, &order, &effort));
                widen(Ridge::inside(clique, &around, &order, eta, crossings, None), &around.charts);
            }
        }
    }
    /// What remembered places show, where they hold all of the density; `whole` is what the whole axes show.
    fn remembered(&mut self, eta: &[f64], whole: &Seen) -> Remembered {
        let mut best: Option<(f64, usize, Seen)> = None;
        for number in 1..self.looks.len() {
            if !self.holds(number, whole, whole.top()) {
                continue;
            }
            let seen = self.looks[number].seen(eta, self.depth, &whole.summits, &mut self.buffer);
            let top = seen.top().max(whole.top());
            let filled = self.filled(number, &seen, top).filter(|_| top.is_finite() && self.holds(number, whole, top));
            let Some(filled) = filled else { continue };
            // A narrow ridge is not followed by the nodes.
            if filled >= self.enough && !seen.goes_on() && !(self.has_ridges() && seen.rough(self.depth)) {
                let window = self.narrow(&self.looks[number], &seen).window;
                // What served last is tried first.
                self.looks[1..=number].rotate_right(1);
                return Remembered::Window(window);
            }
            if filled < self.enough && !seen.goes_on() && best.as_ref().is_none_or(|(most, ..)| filled > *most) {
                best = Some((filled, number, seen));
            }
        }
        best.map_or(Remembered::Nothing, |(_, number, seen)| Remembered::Wide(number, seen))
    }
    /// Whether no place outside of look `number` is high enough, by what the whole axes show.
    fn holds(&self, number: usize, whole: &Seen, top: f64) -> bool {
        let (look, far) = (&self.looks[number], &self.looks[0]);
        (0..look.nodes.len()).all(|axis| {
            let (n, chart) = (&look.nodes[axis], look.charts[axis]);
            let (from, to) = (chart.x(n[0]), chart.x(n[n.len() - 1]));
            let inside = |x: f64| (from..=to).contains(&x);
            let mut places = far.nodes[axis].iter().map(|t| far.charts[axis].x(*t)).zip(&whole.profiles[axis]);
            places.all(|(x, v)| *v < top - self.depth || inside(x))
                && whole.summits.iter().all(|s| s.value < top - self.depth || inside(s.x[axis]))
        })
    }
    /// The part of look `number` that a density seen over it fills, along the axis where it is least; nothing where it does not
    /// end inside.
    fn filled(&self, number: usize, seen: &Seen, top: f64) -> Option<f64> {
        let along = |axis: usize| {
            let deep = self.looks[number].high(seen, axis, top - self.depth, top - self.depth);
            let (first, last) = deep.iter().position(|v| *v).zip(deep.iter().rposition(|v| *v))?;
            // An end of the support is no cut; elsewhere the place has to reach beyond the density.
            let bounded = self.component.axes[axis].ends().is_some();
            (bounded || (first > 0 && last + 1 < deep.len())).then(|| (last - first + 2) as f64 / deep.len() as f64)
        };
        (0..seen.profiles.len()).map(along).try_fold(f64::INFINITY, |least, part| part.map(|p| least.min(p)))
    }
    fn check_finite(&self, seen: &Seen, eta: &[f64]) -> Result<()> {
        let top = seen.top();
        if top.is_finite() {
            return Ok(());
        }
        Err(Error::numeric(format!(
            "the density of '{}' is {top} at eta = {eta:?}: it has no finite values to integrate",
            self.family.name()
        )))
    }
    /// Refuse a density without values, or that does not decay along a whole axis.
    fn check_whole(&self, seen: &Seen, eta: &[f64]) -> Result<()> {
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
        self.check_finite(seen, eta)?;
        let top = seen.top();
        for (axis, profile) in seen.profiles.iter().enumerate().filter(|(a, _)| self.component.axes[*a].ends().is_none()) {
            let deep = |v: &f64| *v >= top - 20.0;
            // The first number of an endless range is an end like any other.
            let low = profile.first().is_some_and(deep) && !matches!(self.component.axes[axis], Axis::Integers { .. });
            if low || profile.last().is_some_and(deep) {
                return Err(improper(self.family, self.integrand, self.component, axis, low, eta));
            }
        }
        Ok(())
    }
    /// The window that what is seen over a look says.
    fn narrow(&self, look: &Look, seen: &Seen) -> Narrowed {
        // Nodes that miss a narrow density count by the best of them.
        let (top, shown) = (seen.top(), Some(seen.shown()).filter(|v| *v > f64::NEG_INFINITY).unwrap_or(f64::INFINITY));
        let (mut charts, mut bounds, mut shrinking) = (look.charts.clone(), look.bounds.clone(), false);
        let (mut ends, mut cut) = (Vec::new(), Vec::new());
        for axis in 0..seen.profiles.len() {
            let n = &look.nodes[axis];
            let extent = |depth: f64| {
                let deep = look.high(seen, axis, shown.min(top) - depth, top - depth);
                (deep.iter().position(|v| *v).unwrap_or(n.len()), deep.iter().rposition(|v| *v).unwrap_or(0))
            };
            let (first, last) = extent(self.depth);
            cut.push([first == 0, last + 1 >= n.len()]);
            let step = n.get(1).map_or(0.0, |b| b - n[0]);
            let low = if first == 0 { bounds[axis].0.max(n[0] - step) } else { n[(first - 1).min(n.len() - 1)] };
            let high = if last + 1 >= n.len() { bounds[axis].1.min(n[n.len() - 1] + step) } else { n[last + 1] };
            // The bulk of a heavy tailed density is a small part of its window: stretch the tails.
            let (a, b) = extent(2.0);
            let (bulk_low, bulk_high) = (n[a.saturating_sub(1).min(n.len() - 1)], n[(b + 1).min(n.len() - 1)]);
            let old = charts[axis];
            let (middle, half) = (0.5 * (old.x(bulk_high) + old.x(bulk_low)), 0.5 * (old.x(bulk_high) - old.x(bulk_low)));
            let stretched = match old {
                Chart::Identity => high - low > self.heavy * 2.0 * half,
                // The first of few nodes say little of the bulk; the next say more.
                Chart::Sinh { scale, .. } => self.component.widest() > 2 && half < 0.5 * scale,
                Chart::Exp { .. } => false,
            };
            if self.component.axes[axis] == Axis::Line && stretched {
                // A pole at 0 stays a number of t, and numbers near it keep their digits.
                let chart = match self.has_pole(axis) && middle.abs() <= half {
                    true => Chart::Sinh { center: 0.0, scale: half + middle.abs() },
                    false => Chart::Sinh { center: middle, scale: half },
                };
                let moved = |t: f64| chart.t(old.x(t));
                charts[axis] = chart;
                bounds[axis] = (moved(n[0]), moved(n[n.len() - 1]));
                ends.push((moved(low), moved(high)));
                shrinking = true;
                continue;
            }
            shrinking |= high - low < 0.7 * (n[n.len() - 1] - n[0]);
            ends.push((low, high));
        }
        let (low, high) = ends.into_iter().unzip();
        let summits = seen.summits.iter().filter(|s| s.value >= top - self.depth).map(|s| s.x.clone()).collect();
        // Where a condition ends the support, lines are split.
        let steep = if self.family.is_restricted() { seen.goes_on() } else { seen.steep(self.depth) };
        Narrowed { window: Window { charts, low, high, cut, summits, open: false, steep }, bounds, shrinking }
    }
}

impl Scanner<'_> {
    /// Whether a logarithm is infinite at some value of a coordinate.
    fn has_pole(&self, axis: usize) -> bool {
        self.component.cliques.iter().any(|clique| {
            let place = clique.coordinates.iter().position(|c| *c == axis);
            place.is_some_and(|place| clique.surfaces().1.iter().any(|s| s.pole && s.coordinates == [place]))
        })
    }
}

/// Beyond this infinity less infinity is no wonder.
const NEAR: f64 = 5.0;

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
