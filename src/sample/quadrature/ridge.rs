//! Where a density is high along one line after the other: narrow ridges, curved or oblique, whose box is nearly empty.

use super::crossings::Crossings;
use super::effort::Effort;
use super::look::Look;
use super::window::{Chart, Window};
use crate::expr::Program;
use crate::expr::lanes::Pool;
use crate::family::Clique;
use std::cell::RefCell;
use std::rc::Rc;

/// Nats below the greatest density past which a place is negligible.
const DEPTH: f64 = 40.0;
/// Points along a line with none, one, or two coordinates further inside.
const LOOKS: [usize; 3] = [65, 49, 33];
/// Points of a look between two others.
const SECTION: usize = 16;
/// Most looks at one maximum, or at one end of a run.
const ROUNDS: usize = 12;
/// Most places an axis over all of a look.
const FAR: usize = 101;
/// The outermost places along a line lie this part of it from its ends.
const EDGE: f64 = 1e-6;
/// Fall to the places beside a maximum, in nats, at which it is found.
const FLAT: f64 = 0.2;
/// Rounding of the log density at its top, in nats, from which on places that count are not told from others: whatever is found
/// line by line is noise, and there is no end to it.
const NOISE: f64 = 1.0;
/// Of so many places a glance takes one.
const GLANCE: usize = 4;
/// Second difference, in nats, below which points show all there is.
const SHOWN: f64 = 1.0;

/// The density of a clique at one eta, along lines of coordinates in a given order.
pub(super) struct Ridge<'a> {
    charts: &'a [Chart],
    /// For each coordinate the ends between which it is looked at, and the places where.
    ends: Vec<(f64, f64)>,
    places: Vec<Places>,
    order: &'a [usize],
    /// The surfaces that split lines.
    crossings: Rc<Crossings<'a>>,
    program: &'a Program,
    pool: RefCell<Pool>,
    /// The log density that counts.
    level: f64,
}

/// Places along a coordinate.
struct Places {
    t: Vec<f64>,
    x: Vec<f64>,
    log_jacobian: Vec<f64>,
}

impl Places {
    fn new(chart: Chart, t: Vec<f64>) -> Places {
        let (x, log_jacobian) = t.iter().map(|t| (chart.x(*t), chart.log_jacobian(*t))).unzip();
        Places { t, x, log_jacobian }
    }
    /// One in `every`.
    fn some(&self, every: usize) -> Places {
        let pick = |v: &[f64]| v.iter().step_by(every).copied().collect();
        Places { t: pick(&self.t), x: pick(&self.x), log_jacobian: pick(&self.log_jacobian) }
    }
}

impl<'a> Ridge<'a> {
    /// Of `clique` in a window at the whole `eta`, whose surfaces there are known; `order` are the coordinates from the outermost
    /// to the innermost. `level` is the log density that counts, where it is known from before.
    pub(super) fn inside(
        clique: &'a Clique,
        window: &'a Window,
        order: &'a [usize],
        eta: &[f64],
        crossings: Rc<Crossings<'a>>,
        level: Option<f64>,
    ) -> Ridge<'a> {
        let ends: Vec<(f64, f64)> = window.low.iter().copied().zip(window.high.iter().copied()).collect();
        let evenly = |(axis, (low, high)): (usize, &(f64, f64))| {
            let further = order.iter().rev().position(|a| *a == axis).unwrap_or(0);
            let n = LOOKS[further.min(LOOKS.len() - 1)];
            (0..n).map(|i| low + (high - low) * (i as f64 + 0.5) / n as f64).collect()
        };
        let places = ends.iter().enumerate().map(evenly).collect();
        Ridge::new(clique, &window.charts, (ends, places), order, eta, crossings, level)
    }
    /// Of `clique` over all of a look at the whole `eta`, at no more than [`FAR`] places an axis.
    pub(super) fn over(clique: &'a Clique, look: &'a Look, order: &'a [usize], eta: &[f64]) -> Ridge<'a> {
        let some = |n: &Vec<f64>| n.iter().step_by(n.len().div_ceil(FAR)).copied().collect();
        let (effort, closed) = (Rc::new(Effort::without_limit()), vec![[false; 2]; look.charts.len()]);
        let crossings = Rc::new(Crossings::new(clique, &look.charts, look.bounds.clone(), &closed, order, &effort));
        let places = look.nodes.iter().map(some).collect();
        Ridge::new(clique, &look.charts, (look.bounds.clone(), places), order, eta, crossings, None)
    }
    fn new(
        clique: &'a Clique,
        charts: &'a [Chart],
        (ends, places): (Vec<(f64, f64)>, Vec<Vec<f64>>),
        order: &'a [usize],
        eta: &[f64],
        crossings: Rc<Crossings<'a>>,
        level: Option<f64>,
    ) -> Ridge<'a> {
        let program = clique.program();
        let (mut pool, hoisted) = (program.pool(), program.hoist(eta));
        (0..program.lanes()).for_each(|lane| program.set_hoisted(&mut pool, lane, &hoisted));
        // A support may be all but cut off at its ends.
        let places = places.into_iter().zip(&ends).zip(charts).map(|((places, (low, high)), chart)| {
            let near = EDGE * (high - low);
            let between = |t: &f64| *t > low + near && *t < high - near;
            Places::new(
                *chart,
                std::iter::once(low + near).chain(places.into_iter().filter(between)).chain([high - near]).collect(),
            )
        });
        let places = places.collect();
        let mut ridge =
            Ridge { charts, ends, places, order, crossings, program, pool: RefCell::new(pool), level: f64::NEG_INFINITY };
        ridge.level = level.unwrap_or_else(|| {
            let glance = ridge.glance(&[]);
            if hidden(glance) { glance } else { ridge.greatest(&[]) - DEPTH }
        });
        ridge
    }
    /// The log density that counts.
    pub(super) fn level(&self) -> f64 {
        self.level
    }
    /// The ends of all parts of the outermost coordinate in which the density counts; none where it is nowhere finite.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        let runs = self.runs(&[]);
        Some((runs.first()?.0, runs.last()?.1))
    }
    /// The parts of the line behind `prefix`, ascending, in which the density counts; none where its logarithm is so large that
    /// rounding hides them, or where no place has any.
    pub(super) fn runs(&self, prefix: &[f64]) -> Vec<(f64, f64)> {
        if hidden(self.level) || self.level == f64::NEG_INFINITY {
            return vec![];
        }
        let seen = self.seen(prefix);
        let axis = self.order[prefix.len()];
        let (low, high) = self.ends[axis];
        let mut found: Vec<(f64, f64)> = Vec::new();
        let mut i = 0;
        while i < seen.len() {
            if seen[i].1 < self.level {
                i += 1;
                continue;
            }
            let first = i;
            while i + 1 < seen.len() && seen[i + 1].1 >= self.level {
                i += 1;
            }
            let from = if first == 0 { low } else { self.end(prefix, seen[first].0, seen[first - 1].0) };
            let to = if i + 1 == seen.len() { high } else { self.end(prefix, seen[i].0, seen[i + 1].0) };
            found.push((from, to));
            i += 1;
        }
        found
    }
    /// A lower bound of the greatest log density behind `prefix`, from few places.
    fn glance(&self, prefix: &[f64]) -> f64 {
        let places = self.places[self.order[prefix.len()]].some(GLANCE);
        let values = match prefix.len() + 1 == self.order.len() {
            true => self.on_line(prefix, &places),
            false => places.t.iter().map(|t| self.glance(&[prefix, &[*t]].concat())).collect(),
        };
        values.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }
    /// The greatest log density behind `prefix`.
    fn greatest(&self, prefix: &[f64]) -> f64 {
        self.seen(prefix).into_iter().map(|(_, v)| v).fold(f64::NEG_INFINITY, f64::max)
    }
    /// Places along the line behind `prefix`, ascending, with the greatest log density there: evenly, and where it is greater
    /// between them.
    fn seen(&self, prefix: &[f64]) -> Vec<(f64, f64)> {
        let axis = self.order[prefix.len()];
        let (low, high) = self.ends[axis];
        let known = &self.places[axis];
        let values = match prefix.len() + 1 == self.order.len() {
            true => self.on_line(prefix, known),
            false => self.along(prefix, &known.t),
        };
        let mut seen: Vec<(f64, f64)> = known.t.iter().copied().zip(values).collect();
        if prefix.len() + 1 == self.order.len() && !self.crossings.none(prefix) {
            // A condition may hold in a small part only.
            let parts = self.crossings.parts(prefix);
            let values = self.along(prefix, &parts);
            seen.extend(parts.into_iter().zip(values));
            seen.sort_by(|a, b| a.0.total_cmp(&b.0));
            seen.dedup_by_key(|s| s.0);
        }
        let n = seen.len();
        for i in 0..n {
            let at = |j: usize| if j < n { seen[j].1 } else { f64::NEG_INFINITY };
            let (before, v, after) = (if i == 0 { f64::NEG_INFINITY } else { at(i - 1) }, at(i), at(i + 1));
            let bend = 2.0 * v - before - after;
            if v.is_finite() && v >= before && v >= after && bend > SHOWN && v + bend >= self.level {
                let beside = if i == 0 { low } else { seen[i - 1].0 };
                let after = if i + 1 < n { seen[i + 1].0 } else { high };
                let summit = self.summit(prefix, (beside, after), seen[i]);
                seen.push(summit);
            }
        }
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        seen
    }
    /// The greatest value between two places, of which `top` is known.
    fn summit(&self, prefix: &[f64], (low, high): (f64, f64), mut top: (f64, f64)) -> (f64, f64) {
        let (mut a, mut b) = (low, high);
        for _ in 0..ROUNDS {
            let step = (b - a) / (SECTION + 1) as f64;
            let places: Vec<f64> = (1..=SECTION).map(|i| a + step * i as f64).collect();
            let values = self.along(prefix, &places);
            for (t, v) in places.iter().zip(&values) {
                if *v > top.1 {
                    top = (*t, *v);
                }
            }
            // How far the density falls to the places beside the top.
            let beside = |(t, v): (&f64, &f64)| if (t - top.0).abs() < 1.5 * step { top.1 - v } else { 0.0 };
            let fall = places.iter().zip(&values).map(beside).fold(0.0, f64::max);
            (a, b) = ((top.0 - step).max(low), (top.0 + step).min(high));
            if fall < FLAT || step <= 1e-14 * (low.abs() + high.abs()) {
                break;
            }
        }
        top
    }
    /// Where the density between a place where it counts and one where it does not falls too low, no more than a tenth of the way
    /// further out.
    fn end(&self, prefix: &[f64], high: f64, low: f64) -> f64 {
        let (mut inner, mut outer) = (high, low);
        for _ in 0..ROUNDS {
            let step = (outer - inner) / (SECTION + 1) as f64;
            let places: Vec<f64> = (1..=SECTION).map(|i| inner + step * i as f64).collect();
            let last = self.along(prefix, &places).iter().rposition(|v| *v >= self.level);
            (inner, outer) = match last {
                Some(i) => (places[i], if i + 1 == SECTION { outer } else { places[i + 1] }),
                None => (inner, places[0]),
            };
            if (outer - inner).abs() <= 0.1 * (inner - high).abs() {
                break;
            }
        }
        outer
    }
    /// The greatest log density with the log-Jacobian, over what is further inside, at places along the line behind `prefix`.
    fn along(&self, prefix: &[f64], places: &[f64]) -> Vec<f64> {
        if self.crossings.effort().is_spent() {
            return vec![f64::NEG_INFINITY; places.len()];
        }
        if prefix.len() + 1 < self.order.len() {
            let deeper = |t: &f64| self.greatest(&[prefix, &[*t]].concat());
            return places.iter().map(deeper).collect();
        }
        self.on_line(prefix, &Places::new(self.charts[self.order[prefix.len()]], places.to_vec()))
    }
    /// The log density with the log-Jacobian along the innermost line behind `prefix`.
    fn on_line(&self, prefix: &[f64], places: &Places) -> Vec<f64> {
        let (program, mut pool, n) = (self.program, self.pool.borrow_mut(), places.t.len());
        self.crossings.effort().take(program, Clique::LOG_DENSITY, n);
        let axis = self.order[prefix.len()];
        let mut fixed = 0.0;
        for (axis, t) in self.order.iter().zip(prefix) {
            program.coordinate(&mut pool, *axis).fill(self.charts[*axis].x(*t));
            fixed += self.charts[*axis].log_jacobian(*t);
        }
        let w = program.lanes();
        let mut out = Vec::with_capacity(n);
        for (x, log_jacobian) in places.x.chunks(w).zip(places.log_jacobian.chunks(w)) {
            let slots = program.coordinate(&mut pool, axis);
            slots[..x.len()].copy_from_slice(x);
            slots[x.len()..].fill(x[x.len() - 1]);
            program.run(&mut pool, Clique::LOG_DENSITY);
            let values = program.output(&pool, Clique::LOG_DENSITY, 0);
            let density = |(v, j): (&f64, &f64)| if v.is_nan() { f64::NEG_INFINITY } else { v + fixed + j };
            out.extend(values.iter().zip(log_jacobian).map(density));
        }
        out
    }
}

/// Whether the greatest log density, of which `bound` is a lower bound, is rounded by more than [`NOISE`].
fn hidden(bound: f64) -> bool {
    bound * f64::EPSILON > NOISE
}
