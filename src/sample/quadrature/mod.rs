//! Moments by quadrature on a grid shared by many eta.
//!
//! T and b are evaluated once on the nodes; for each eta, L = T eta + b + log w, A = logsumexp(L), p = softmax(L),
//! mu = p T, Cov = T' diag(p) T - mu mu'. The trapezoidal rule on unbounded axes (it converges exponentially for smooth
//! densities), Gauss-Legendre panels on segments and on axes with kinks, split at the kinks. Nodes are doubled until mu
//! stands still; the last change is the error estimate.
//!
//! # Source
//! Trefethen and Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56 (2014).

mod scan;

use crate::domain::Axis;
use crate::error::{Error, Result};
use crate::expr::Graph;
use crate::expr::kinks::Surface;
use crate::family::{Family, Integrand, Moments, check_batch};
use crate::num::quad::gauss_legendre;
use scan::{Chart, Window, advance, window};

/// Options of [`quadrature`].
#[derive(Debug, Clone, PartialEq)]
pub struct QuadratureOptions {
    /// Change of mu between two resolutions, in standard deviations of each statistic, at which refinement stops.
    pub tol: f64,
    /// Most nodes of a grid.
    pub max_nodes: usize,
}

impl Default for QuadratureOptions {
    fn default() -> Self {
        QuadratureOptions { tol: 1e-11, max_nodes: 1 << 20 }
    }
}

/// Whether quadrature can handle a family at all: a product of up to three intervals.
pub(in crate::sample) fn applies(family: &Family) -> bool {
    family.integrand().is_some_and(|i| i.axes().len() <= 3)
}

/// Largest error estimate, in standard deviations, with which a row is given out.
const RESOLVED: f64 = 0.02;

/// Rows whose windows differ by more than this factor in some coordinate get grids of their own.
const SHARED: f64 = 2.5;

/// Moments of the rows `eta`, [n, k], with covariance and log-normaliser. `mcse` holds the error estimates.
///
/// # Errors
/// When the support is not a product of up to three intervals, or a density does not decay.
pub fn quadrature(family: &Family, eta: &[f64], options: &QuadratureOptions) -> Result<Moments> {
    let k = family.dim();
    let n = check_batch(eta, k)?;
    let integrand = family.integrand().filter(|i| i.axes().len() <= 3).ok_or_else(|| {
        Error::domain(format!(
            "quadrature needs a support with up to three axes, the family '{}' has {}",
            family.name(),
            family.support()
        ))
        .hint("method: \"hmc\" samples any continuous support")
    })?;
    let axes = integrand.axes();
    let rows: Vec<&[f64]> = eta.chunks(k).collect();
    let windows: Vec<Window> = rows.iter().map(|e| window(family, integrand, e)).collect::<Result<_>>()?;
    let mut results: Vec<Option<Row>> = vec![None; n];
    for group in groups(&windows) {
        let grid = Grid::new(integrand, k, union(&windows, &group));
        let members: Vec<&[f64]> = group.iter().map(|i| rows[*i]).collect();
        for (i, row) in group.iter().zip(grid.integrate(&members, options)) {
            results[*i] = Some(row);
        }
    }
    // Densities that are singular at the ends of a segment converge in unconstrained coordinates.
    let segments = axes.iter().any(|a| matches!(a, Axis::Segment { .. }));
    let unconstrained = family.unconstrained_integrand().filter(|u| segments && u.axes().len() <= 3);
    let mut out = Moments { cov_tt: Some(vec![]), log_normalizer: Some(vec![]), ..Moments::default() };
    for (i, row) in results.into_iter().enumerate() {
        let mut row = row.ok_or_else(|| Error::numeric("a row was not integrated"))?;
        let (mut over, mut wider) = (integrand, windows[i].clone());
        if let Some(z) = unconstrained.filter(|_| row.worst > options.tol.max(1e-9) || row.worst.is_nan()) {
            let whole = window(family, z, rows[i])?;
            let again = Grid::new(z, k, whole.clone()).integrate(&[rows[i]], options);
            let better = |a: &Row| a.worst < row.worst || row.worst.is_nan() || a.tail.iter().any(|t| !t.is_finite());
            if let Some(again) = again.into_iter().find(better) {
                (row, over, wider) = (again, z, whole);
            }
        }
        if row.undefined {
            return Err(Error::numeric(format!(
                "a statistic of '{}' is not a number on part of its support, within the reach of the density at eta = {:?}",
                family.name(),
                rows[i]
            ))
            .hint("choose another support, or restrict it with where:"));
        }
        if !row.mu.iter().all(|m| m.is_finite()) {
            return Err(Error::numeric(format!("quadrature of '{}' gives {:?} at eta = {:?}", family.name(), row.mu, rows[i]))
                .hint("a statistic is infinite or NaN where the density has mass"));
        }
        // A window that cuts through the density is doubled a few times before the density is blamed.
        for _ in 0..4 {
            if row.tail.iter().all(|t| t.is_finite()) {
                break;
            }
            wider.widen();
            let again = Grid::new(over, k, wider.clone()).integrate(&[rows[i]], options);
            row = again.into_iter().next().unwrap_or(row);
        }
        if row.tail.iter().any(|t| !t.is_finite()) {
            return Err(Error::domain(format!(
                "the density of '{}' does not decay at an end of its support at eta = {:?}: it has no finite integral, or its tail is too heavy to integrate",
                family.name(),
                rows[i]
            ))
            .hint("choose an eta region in which the tails decay faster"));
        }
        row.error.iter_mut().zip(&row.tail).for_each(|(e, t)| *e += t);
        let worst = (0..k)
            .map(|s| row.error[s] / row.cov[s * k + s].sqrt())
            .fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
        if worst > RESOLVED {
            return Err(Error::numeric(format!(
                "quadrature does not resolve the density of '{}' at eta = {:?}: its error may be {worst:.2} standard deviations",
                family.name(),
                rows[i]
            ))
            .hint("method: \"hmc\" samples it; or the density has no finite integral"));
        }
        let ess = (0..k).map(|s| row.cov[s * k + s] / row.error[s].powi(2)).fold(f64::INFINITY, f64::min);
        out.ess.push(ess.min(options.tol.powi(-2)));
        out.mu_t.extend(row.mu);
        out.mcse.extend(row.error);
        out.cov_tt.iter_mut().for_each(|c| c.extend(&row.cov));
        out.log_normalizer.iter_mut().for_each(|a| a.push(row.log_normalizer));
        out.rhat.push(1.0);
        out.divergences.push(0);
        out.method.push("quadrature");
        out.gate.push("");
    }
    Ok(out)
}

#[derive(Debug, Clone)]
struct Row {
    mu: Vec<f64>,
    cov: Vec<f64>,
    log_normalizer: f64,
    error: Vec<f64>,
    /// Largest error in standard deviations.
    worst: f64,
    /// Whether a statistic is NaN at a node.
    undefined: bool,
    /// What the mass beyond the window may add to each statistic, `[k]`; infinite where the density does not decay.
    tail: Vec<f64>,
}

/// Rows that share a grid: consecutive ones with equal charts and similar windows.
fn groups(windows: &[Window]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (i, w) in windows.iter().enumerate() {
        let fits = |g: &&mut Vec<usize>| {
            let members: Vec<usize> = g.iter().copied().chain([i]).collect();
            let all = union(windows, &members);
            let similar = |m: &usize| {
                (0..w.low.len()).all(|a| all.high[a] - all.low[a] <= SHARED * (windows[*m].high[a] - windows[*m].low[a]))
            };
            windows[g[0]].charts == w.charts && members.iter().all(similar)
        };
        match found.iter_mut().find(fits) {
            Some(group) => group.push(i),
            None => found.push(vec![i]),
        }
    }
    found
}

fn union(windows: &[Window], members: &[usize]) -> Window {
    let mut all = windows[members[0]].clone();
    for m in members {
        for axis in 0..all.low.len() {
            all.low[axis] = all.low[axis].min(windows[*m].low[axis]);
            all.high[axis] = all.high[axis].max(windows[*m].high[axis]);
        }
    }
    all
}

struct Grid<'a> {
    integrand: &'a Integrand,
    /// Number of statistics.
    k: usize,
    window: Window,
    /// Ends of the Gauss-Legendre panels of each axis, or nothing for the trapezoidal rule.
    panels: Vec<Option<Vec<f64>>>,
}

impl<'a> Grid<'a> {
    fn new(integrand: &'a Integrand, k: usize, window: Window) -> Self {
        let (axes, (graph, surfaces)) = (integrand.axes(), integrand.surfaces());
        let panels = (0..axes.len())
            .map(|axis| {
                let (low, high) = (window.low[axis], window.high[axis]);
                let mut cuts = kinks(graph, surfaces, axis, axes.len(), &window);
                let plain = axes[axis].ends().is_some() && window.charts[axis] == Chart::Identity;
                let whole = matches!(axes[axis], Axis::Integers { .. });
                (!whole && (plain || !cuts.is_empty())).then(|| {
                    cuts.push(low);
                    cuts.push(high);
                    cuts.sort_by(f64::total_cmp);
                    cuts.dedup_by(|a, b| (*a - *b).abs() <= 1e-13 * (high - low));
                    cuts
                })
            })
            .collect();
        Grid { integrand, k, window, panels }
    }
    /// Nodes t and log weights of an axis at a level of refinement.
    fn axis(&self, axis: usize, level: u32) -> (Vec<f64>, Vec<f64>) {
        let (low, high, chart) = (self.window.low[axis], self.window.high[axis], self.window.charts[axis]);
        let (mut nodes, mut weights) = (Vec::new(), Vec::new());
        match &self.panels[axis] {
            None if matches!(self.integrand.axes()[axis], Axis::Integers { .. }) => {
                let n = (high - low).round() as usize + 1;
                nodes.extend((0..n).map(|i| low + i as f64));
                weights.extend(std::iter::repeat_n(1.0, n));
            }
            None => {
                let n = 40usize << level;
                let step = (high - low) / n as f64;
                // Each axis and level has a shift of its own: nested grids would meet a narrow diagonal ridge at every level,
                // or never, and agree on something wrong.
                let shift = (0.5 + 0.618_034 * f64::from(level) + 0.414_214 * axis as f64).fract();
                nodes.extend((0..n).map(|i| low + step * (i as f64 + shift)));
                weights.extend(std::iter::repeat_n(step, n));
            }
            Some(cuts) => {
                let (x, w) = gauss_legendre(12usize << level);
                for ends in cuts.windows(2) {
                    let (middle, half) = (0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0]));
                    nodes.extend(x.iter().map(|x| middle + half * x));
                    weights.extend(w.iter().map(|w| half * w));
                }
            }
        }
        let log_weights = nodes.iter().zip(&weights).map(|(t, w)| w.ln() + chart.log_jacobian(*t)).collect();
        (nodes.iter().map(|t| chart.x(*t)).collect(), log_weights)
    }
    fn integrate(&self, etas: &[&[f64]], options: &QuadratureOptions) -> Vec<Row> {
        let d = self.panels.len();
        let mut rows: Vec<Option<Row>> = vec![None; etas.len()];
        let mut pending: Vec<usize> = (0..etas.len()).collect();
        for level in 0.. {
            let (nodes, weights): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (0..d).map(|a| self.axis(a, level)).unzip();
            let total: usize = nodes.iter().map(Vec::len).product();
            // Long Gauss-Legendre rules cost their square to make, and what they do not resolve is singular.
            let deepest = if self.panels.iter().any(Option::is_some) { 6 } else { 12 };
            if pending.is_empty() || (level > 0 && total > options.max_nodes) || level > deepest {
                break;
            }
            let (t, offset) = self.tabulate(&nodes, &weights, total);
            // Far out infinity less infinity is no wonder; nearer, and inside the support, it is a statistic without a value.
            let near = nodes.iter().flatten().all(|x| x.abs() < 1e30);
            let undefined =
                near && t.chunks(self.k).zip(&offset).any(|(t, o)| *o > f64::NEG_INFINITY && t.iter().any(|v| v.is_nan()));
            // A sum over whole numbers is not refined.
            let summed = (0..d).all(|a| matches!(self.integrand.axes()[a], Axis::Integers { .. }));
            pending.retain(|i| {
                let mut row = moments(&t, &offset, etas[*i]);
                let k = etas[*i].len();
                if let Some(before) = &rows[*i] {
                    let sd = |s: usize| row.cov[s * k + s].max(0.0).sqrt();
                    row.error = (0..k)
                        .map(|s| (row.mu[s] - before.mu[s]).abs().max(1e-15 * row.mu[s].abs()).max(f64::MIN_POSITIVE))
                        .collect();
                    row.worst = (0..k)
                        .map(|s| row.error[s] / sd(s))
                        .fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
                }
                row.undefined = undefined;
                if summed {
                    row.error = row.mu.iter().map(|m| (1e-15 * m.abs()).max(f64::MIN_POSITIVE)).collect();
                    row.worst = 0.0;
                }
                let more = row.worst > options.tol;
                row.tail = self.tail(&t, &offset, &nodes, etas[*i], &row);
                rows[*i] = Some(row);
                more
            });
        }
        rows.into_iter().flatten().collect()
    }
    /// Mass beyond the outermost nodes of the unbounded axes, from the decay over the last sixteenth of the window, times the distance
    /// of T there from its mean.
    fn tail(&self, t: &[f64], offset: &[f64], nodes: &[Vec<f64>], eta: &[f64], row: &Row) -> Vec<f64> {
        let k = eta.len();
        let mut out = vec![0.0; k];
        let whole = |a: &usize| matches!(self.integrand.axes()[*a], Axis::Integers { .. });
        for axis in (0..nodes.len()).filter(|a| self.panels[*a].is_none() && !whole(a)) {
            let (n, stride) = (nodes[axis].len(), nodes[axis + 1..].iter().map(Vec::len).product::<usize>());
            let span = (n / 16).max(1);
            for (last, before) in [(0, span), (n - 1, n - 1 - span)] {
                let (mut mass, mut inner, mut far) = (0.0, 0.0, vec![0.0f64; k]);
                for (i, values) in t.chunks(k).enumerate() {
                    let at = i / stride % n;
                    if at != last && at != before {
                        continue;
                    }
                    let l = offset[i] + values.iter().zip(eta).map(|(t, e)| t * e).sum::<f64>() - row.log_normalizer;
                    let p = if l.is_nan() { 0.0 } else { l.exp() };
                    if at == before {
                        inner += p;
                    } else if p > 0.0 {
                        mass += p;
                        far.iter_mut().zip(values).zip(&row.mu).for_each(|((f, t), m)| *f = f.max((t - m).abs()));
                    }
                }
                // Negligible whatever the decay.
                if mass < 1e-16 {
                    continue;
                }
                let decay = mass / inner;
                let beyond = if decay < 0.95 { mass / (1.0 - decay.powf(1.0 / span as f64)) } else { f64::INFINITY };
                out.iter_mut().zip(&far).for_each(|(o, f)| *o += 2.0 * beyond * f);
            }
        }
        out
    }
    /// T, [total, k], and b plus log weights, `[total]`, on the tensor grid.
    fn tabulate(&self, nodes: &[Vec<f64>], weights: &[Vec<f64>], total: usize) -> (Vec<f64>, Vec<f64>) {
        let (d, k) = (nodes.len(), self.k);
        let mut points = Vec::with_capacity(total * d);
        let mut offset = Vec::with_capacity(total);
        let mut index = vec![0; d];
        for _ in 0..total {
            points.extend((0..d).map(|a| nodes[a][index[a]]));
            offset.push((0..d).map(|a| weights[a][index[a]]).sum());
            advance(&mut index, nodes);
        }
        let table = self.integrand.program().evaluate(Integrand::STATISTICS, &points, &vec![0.0; k]);
        let mut t = Vec::with_capacity(total * k);
        for (row, offset) in table.chunks(k + 1).zip(&mut offset) {
            t.extend_from_slice(&row[..k]);
            *offset += row[k];
        }
        (t, offset)
    }
}

/// Moments of one eta from T, [total, k], and the log weights of the nodes.
fn moments(t: &[f64], offset: &[f64], eta: &[f64]) -> Row {
    let k = eta.len();
    let log_p: Vec<f64> = t
        .chunks(k)
        .zip(offset)
        .map(|(t, o)| {
            let l = o + t.iter().zip(eta).map(|(t, e)| t * e).sum::<f64>();
            // Infinity times zero far out: no mass there.
            if l.is_nan() { f64::NEG_INFINITY } else { l }
        })
        .collect();
    let top = log_p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut total, mut mu) = (0.0, vec![0.0; k]);
    let p: Vec<f64> = log_p
        .iter()
        .zip(t.chunks(k))
        .map(|(l, t)| {
            let p = (l - top).exp();
            if p > 0.0 {
                total += p;
                mu.iter_mut().zip(t).for_each(|(m, t)| *m += p * t);
            }
            p
        })
        .collect();
    mu.iter_mut().for_each(|m| *m /= total);
    let mut cov = vec![0.0; k * k];
    let mut centered = vec![0.0; k];
    for (p, t) in p.iter().zip(t.chunks(k)).filter(|(p, _)| **p > 1e-18) {
        centered.iter_mut().zip(t).zip(&mu).for_each(|((c, t), m)| *c = t - m);
        for i in 0..k {
            let scaled = p / total * centered[i];
            for j in 0..=i {
                cov[i * k + j] += scaled * centered[j];
            }
        }
    }
    for i in 0..k {
        for j in 0..i {
            cov[j * k + i] = cov[i * k + j];
        }
    }
    Row {
        mu,
        cov,
        log_normalizer: top + total.ln(),
        error: vec![f64::INFINITY; k],
        worst: f64::INFINITY,
        undefined: false,
        tail: vec![0.0; k],
    }
}

/// Where the surfaces that depend on coordinate `axis` alone cut the window, as values of t.
fn kinks(graph: &Graph, surfaces: &[Surface], axis: usize, d: usize, window: &Window) -> Vec<f64> {
    const LOOKS: usize = 4000;
    let (low, high, chart) = (window.low[axis], window.high[axis], window.charts[axis]);
    let mut cuts = Vec::new();
    for surface in surfaces.iter().filter(|s| s.coordinates == [axis]) {
        let value = |t: f64| {
            let mut x = vec![0.5; d];
            x[axis] = chart.x(t);
            graph.evaluate(&[surface.argument], &x, &[])[0]
        };
        let at = |i: usize| low + (high - low) * i as f64 / LOOKS as f64;
        let mut before = value(low);
        for i in 1..=LOOKS {
            let after = value(at(i));
            if before == 0.0 {
                cuts.push(at(i - 1));
            } else if before * after < 0.0 {
                cuts.push(bisect(&value, at(i - 1), at(i), before));
            }
            before = after;
        }
    }
    cuts
}

fn bisect(f: &dyn Fn(f64) -> f64, mut a: f64, mut b: f64, at_a: f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (a + b);
        if middle <= a || middle >= b {
            break;
        }
        let value = f(middle);
        if value == 0.0 {
            return middle;
        }
        if (value > 0.0) == (at_a > 0.0) { a = middle } else { b = middle }
    }
    0.5 * (a + b)
}
