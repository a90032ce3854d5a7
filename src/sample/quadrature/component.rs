//! Rows of eta over one component: windows, grids that similar rows share, and a second look at what did not settle.

use super::QuadratureOptions;
use super::effort::Effort;
use super::grid::Grid;
use super::nested::Nested;
use super::row::{RESOLVED, Row, TOL_WIDE};
use super::scan::Scanner;
use super::window::{Chart, Window};
use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::family::{Component, Family, Integrand};
use crate::num::observe::Monitor;
use rayon::prelude::*;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows whose windows differ by more than this factor in some coordinate get grids of their own, in cliques of one, two and
/// three coordinates: the more, the dearer are nodes.
const SHARED: [f64; 3] = [2.5, 2.2, 1.6];

/// What windows over three coordinates may leave out, which are less deep than others, in standard deviations and nats: a funnel
/// half of this.
const SHALLOW: f64 = 2e-9;
/// Mass beyond a window for which it is worth widening.
const BEYOND: f64 = 1e-9;
/// Most nodes of a grid that rows share, in cliques of one, two and three coordinates: what needs more has ridges. Not so where
/// surfaces cut through three coordinates: there lines are dearer.
const TOGETHER: [usize; 3] = [usize::MAX, 1 << 17, 1 << 20];

/// Moments over component `number` of the integrand for rows of eta, each `[k]`. The work of lines is added to `work`.
///
/// # Errors
/// When a density does not decay or is not resolved, or the user interrupts.
pub(super) fn rows(
    family: &Family,
    integrand: &Integrand,
    number: usize,
    etas: &[&[f64]],
    options: &QuadratureOptions,
    monitor: &Monitor,
    work: &AtomicU64,
) -> Result<Vec<Row>> {
    let component = &integrand.components()[number];
    let mut scanner = Scanner::new(family, integrand, component);
    let window = |eta: &&[f64]| {
        monitor.check()?;
        scanner.near(eta)
    };
    let mut windows: Vec<Window> = etas.iter().map(window).collect::<Result<_>>()?;
    let local = |i: usize| component.statistics.iter().map(|s| etas[i][*s]).collect::<Vec<f64>>();
    let mut results: Vec<Option<Row>> = vec![None; etas.len()];
    for (i, (window, result)) in windows.iter_mut().zip(&mut results).enumerate().filter(|(_, (w, _))| w.open) {
        monitor.check()?;
        *result = Grid::new(component, window.clone(), &Rc::new(Effort::of(1))).by_modes(&local(i), options);
        if result.is_none() {
            scanner.follow(window, etas[i]);
        }
    }
    let widest = component.widest();
    let pending = (0..etas.len()).filter(|i| results[*i].is_none());
    let groups = groups(&windows, pending, SHARED[widest - 1]);
    let dear = widest > 2 && component.cliques.iter().any(Nested::applies);
    let together = if dear { usize::MAX } else { TOGETHER[widest - 1] };
    let shared = QuadratureOptions { max_nodes: options.max_nodes.min(together), ..options.clone() };
    let integrate = |group: &Vec<usize>| {
        let effort = Rc::new(Effort::of(group.len()));
        let grid = Grid::new(component, union(&windows, group), &effort);
        let members: Vec<Vec<f64>> = group.iter().map(|i| local(*i)).collect();
        let cut: Vec<&Window> = group.iter().map(|i| &windows[*i]).collect();
        let rows = grid.integrate(&members, &cut, &shared);
        work.fetch_add(effort.taken(), Ordering::Relaxed);
        (rows, effort.left())
    };
    let found: Vec<(Vec<Row>, u64)> = groups.par_iter().map(integrate).collect();
    // What is left of the work of rows that had the best grid that there is for them.
    let mut left: Vec<Option<u64>> = vec![None; etas.len()];
    for (group, (rows, unspent)) in groups.iter().zip(found) {
        if let ([i], true) = (&group[..], shared == *options) {
            left[*i] = Some(unspent);
        }
        group.iter().zip(rows).for_each(|(i, row)| results[*i] = Some(row));
    }
    let smooth = smooth_twin(family, component);
    let settle = |(i, row): (usize, Option<Row>)| {
        let row = row.ok_or_else(|| Error::numeric("a row was not integrated"))?;
        let effort = Rc::new(left[i].map_or_else(|| Effort::of(1), Effort::left_of));
        let problem = Problem { family, integrand, eta: etas[i], local: local(i), options, monitor, effort: effort.clone() };
        let settled = problem.settle(row, left[i].is_some(), component, windows[i].clone(), smooth);
        work.fetch_add(effort.taken(), Ordering::Relaxed);
        settled
    };
    results.into_par_iter().enumerate().map(settle).collect()
}

/// The same coordinates unconstrained, where the component has segments: densities that are singular at their ends converge there.
fn smooth_twin<'a>(family: &'a Family, component: &Component) -> Option<(&'a Integrand, &'a Component)> {
    let segments = component.axes.iter().any(|a| matches!(a, Axis::Segment { .. }));
    let whole = family.unconstrained_integrand().filter(|_| segments)?;
    let same = |c: &&Component| {
        c.coordinates == component.coordinates
            && c.statistics == component.statistics
            && c.cliques.iter().all(|c| c.coordinates.len() <= 3)
    };
    whole.components().iter().find(same).map(|c| (whole, c))
}

/// One eta over one component.
struct Problem<'a> {
    family: &'a Family,
    integrand: &'a Integrand,
    eta: &'a [f64],
    local: Vec<f64>,
    options: &'a QuadratureOptions,
    monitor: &'a Monitor,
    effort: Rc<Effort>,
}

impl Problem<'_> {
    fn integrate(&self, component: &Component, window: &Window) -> Option<Row> {
        Grid::new(component, window.clone(), &self.effort)
            .integrate(std::slice::from_ref(&self.local), &[window], self.options)
            .pop()
    }
    /// Whether a nearer look may tell more.
    fn doubts(&self, row: &Row) -> bool {
        row.worst > self.options.tol.max(TOL_WIDE).max(row.grain(&self.local)) || row.worst.is_nan()
    }
    /// Line by line, with one coordinate after the other as the innermost, until it converges.
    fn along_ridges(&self, row: &mut Row, component: &Component, window: &Window) {
        let d = component.axes.len();
        let Some(component) = component.in_one_piece().filter(|_| d > 1) else { return };
        // Lines tell nothing of what lies beyond a window that cuts through the density.
        if (0..d).any(|a| component.axes[a].ends().is_none() && window.cut[a].contains(&true)) {
            return;
        }
        for inner in (0..d).rev() {
            if self.monitor.cancelled() {
                return;
            }
            let order = (0..d).filter(|a| *a != inner).chain([inner]).collect();
            let grid = Grid::along(component, window.clone(), self.eta, order, &self.effort);
            let found = grid.integrate(std::slice::from_ref(&self.local), &[window], self.options).pop();
            if let Some(again) = found.filter(|a| a.worst < row.worst || row.worst.is_nan()) {
                *row = again;
            }
            if !self.doubts(row) {
                break;
            }
        }
    }
    /// Look again at what did not converge; refuse what does not. `alone` is a row that had a grid of its own.
    fn settle(
        &self,
        mut row: Row,
        mut alone: bool,
        component: &Component,
        window_of_row: Window,
        smooth: Option<(&Integrand, &Component)>,
    ) -> Result<Row> {
        let (family, eta) = (self.family, self.eta);
        let (mut over, mut wider) = (component, window_of_row);
        let doubtful = |row: &Row| self.doubts(row);
        // Where a density is singular at the ends of its segments, lines are far dearer than coordinates on the whole line; where
        // surfaces cut through them it is the other way round.
        let cut = component.cliques.iter().any(Nested::applies);
        if cut && doubtful(&row) {
            self.along_ridges(&mut row, over, &wider);
        }
        let mut refused = None;
        if let Some((integrand, twin)) = smooth.filter(|_| doubtful(&row)) {
            match Scanner::new(family, integrand, twin).window(eta) {
                Ok(whole) => {
                    let better = |a: &Row| a.worst < row.worst || row.worst.is_nan() || a.tail.iter().any(|t| !t.is_finite());
                    if let Some(again) = self.integrate(twin, &whole).filter(better) {
                        (row, over, wider, alone) = (again, twin, whole, true);
                    }
                }
                Err(e) => refused = Some(e),
            }
        }
        if !cut && doubtful(&row) {
            self.along_ridges(&mut row, over, &wider);
        }
        // Ridges may be straighter in coordinates that are not stretched.
        if doubtful(&row)
            && component.widest() > 2
            && wider.charts.iter().any(|c| matches!(c, Chart::Sinh { .. }))
            && let Ok(plain) = Scanner::new(family, self.integrand, component).unstretched().window(eta)
        {
            self.along_ridges(&mut row, component, &plain);
        }
        if doubtful(&row)
            && !alone
            && let Some(again) = self.integrate(over, &wider).filter(|a| a.worst < row.worst || row.worst.is_nan())
        {
            row = again;
        }
        self.monitor.check()?;
        if let Some(e) = refused.filter(|_| doubtful(&row)) {
            return Err(e);
        }
        if row.undefined {
            return Err(Error::domain(format!(
                "a statistic of '{}' is not a number on part of its support, within the reach of the density at eta = {eta:?}",
                family.name()
            ))
            .hint("choose another support, or restrict it with where:"));
        }
        if !row.mu.iter().all(|m| m.is_finite() && m.abs() < 1e280) {
            return Err(Error::numeric(format!("quadrature of '{}' gives {:?} at eta = {eta:?}", family.name(), row.mu))
                .hint("a statistic is infinite or NaN where the density has mass"));
        }
        // A window that cuts through the density is doubled a few times before the density is blamed.
        for _ in 0..4 {
            if row.tail.iter().all(|t| t.is_finite()) && row.beyond <= BEYOND {
                break;
            }
            wider.widen();
            match self.integrate(over, &wider) {
                Some(again) if again.beyond <= row.beyond || row.beyond.is_nan() => row = again,
                _ => break,
            }
        }
        if row.tail.iter().any(|t| !t.is_finite()) {
            return Err(Error::domain(format!(
                "the density of '{}' does not decay at an end of its support at eta = {eta:?}: it has no finite integral, or its tail is too heavy to integrate",
                family.name()
            ))
            .hint("choose an eta region in which the tails decay faster"));
        }
        row.error.iter_mut().zip(&row.tail).for_each(|(e, t)| *e += t);
        row.log_error += row.beyond;
        if component.widest() > 2 {
            row.claim_at_least(SHALLOW);
        }
        let worst = row.worst_in_sd().max(row.log_error).max(row.grain(&self.local));
        if worst > RESOLVED {
            return Err(Error::numeric(format!(
                "quadrature does not resolve the density of '{}' at eta = {eta:?}: its error may be {worst:.2} standard deviations",
                family.name()
            ))
            .hint("method: \"hmc\" samples it; or the density has no finite integral"));
        }
        Ok(row)
    }
}

/// The rows of `pending` that share a grid: consecutive ones with equal charts and similar windows.
fn groups(windows: &[Window], pending: impl Iterator<Item = usize>, shared: f64) -> Vec<Vec<usize>> {
    let mut found: Vec<(Vec<usize>, Window)> = Vec::new();
    for (i, w) in pending.map(|i| (i, &windows[i])) {
        let joined = |(members, all): &(Vec<usize>, Window)| {
            let both = all.union(w);
            let similar = |m: &Window| (0..w.low.len()).all(|a| both.high[a] - both.low[a] <= shared * (m.high[a] - m.low[a]));
            (all.charts == w.charts && similar(w) && members.iter().all(|m| similar(&windows[*m]))).then_some(both)
        };
        match found.iter().enumerate().find_map(|(g, group)| joined(group).map(|both| (g, both))) {
            Some((g, both)) => {
                found[g].0.push(i);
                found[g].1 = both;
            }
            None => found.push((vec![i], w.clone())),
        }
    }
    found.into_iter().map(|(members, _)| members).collect()
}

fn union(windows: &[Window], members: &[usize]) -> Window {
    members[1..].iter().fold(windows[members[0]].clone(), |all, m| all.union(&windows[*m]))
}
