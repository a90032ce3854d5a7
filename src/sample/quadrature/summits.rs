//! Maxima of a density between the nodes of a look: a mode may be much narrower than the distance of the nodes.
//!
//! A profile over nodes has a local maximum in the basin of every mode that is wider than a few nodes, however far below the
//! mode, unless the flanks of others hide it; over all nodes of several coordinates it has one in any case. From there the mode
//! is climbed, coordinate by coordinate, in the component's own coordinates.

use super::table::{Points, Table};
use super::window::Chart;
use crate::domain::Axis;
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Component;
use std::cell::RefCell;

/// A place where the density is higher than around it.
#[derive(Debug, Clone)]
pub(super) struct Summit {
    /// Coordinates x of the component.
    pub x: Vec<f64>,
    /// The log density with the log-Jacobian of the charts in use.
    pub value: f64,
    /// The coordinate along which it was seen.
    axis: usize,
}

impl Summit {
    /// At a place that was not seen along a coordinate.
    pub(super) fn at(x: Vec<f64>, value: f64) -> Summit {
        Summit { x, value, axis: 0 }
    }
}

/// Second difference of a profile, in nats, below which its nodes show all there is.
const SHOWN: f64 = 12.0;
/// Most climbs over one look.
const CLIMBS: usize = 32;
/// Points a step along one coordinate.
const POINTS: usize = 16;
/// Most passes over the coordinates.
const PASSES: usize = 60;
/// Gain of two passes, in nats, below which a climb ends, where it falls no further than this to the places beside it.
const LEVEL: f64 = 0.02;
const FLAT: f64 = 0.2;

/// Climbs the density of a component at one eta.
pub(super) struct Climber<'a> {
    component: &'a Component,
    charts: &'a [Chart],
    nodes: &'a [Vec<f64>],
    eta: &'a [f64],
    /// Working memory of the programs of the cliques, once something is climbed.
    pools: RefCell<Vec<Pool>>,
}

impl<'a> Climber<'a> {
    /// Over a look with these charts and nodes at the component's share of eta.
    pub(super) fn new(component: &'a Component, charts: &'a [Chart], nodes: &'a [Vec<f64>], eta: &'a [f64]) -> Climber<'a> {
        Climber { component, charts, nodes, eta, pools: RefCell::default() }
    }
    /// Summits that the profiles over the nodes hint at, or the `tensor` of the log density at all nodes, within `depth` of the
    /// greatest or not far from it. `place` gives the nodes of the greatest density at a node of an axis.
    pub(super) fn summits(
        &self,
        profiles: &[Vec<f64>],
        tensor: Option<&[f64]>,
        depth: f64,
        known: &[Summit],
        place: impl Fn(usize, usize) -> Vec<usize>,
    ) -> Vec<Summit> {
        let mut found: Vec<Summit> = known.iter().filter_map(|s| self.here(s)).collect();
        let top = profiles.iter().flatten().copied().chain(found.iter().map(|s| s.value)).fold(f64::NEG_INFINITY, f64::max);
        // Each with the part of the way to the nodes beside it within which a known summit is the one that it hints at.
        let mut hints: Vec<(f64, usize, Vec<usize>, f64)> = Vec::new();
        for (axis, profile) in profiles.iter().enumerate() {
            for i in 1..profile.len().saturating_sub(1) {
                let (before, v, after) = (profile[i - 1], profile[i], profile[i + 1]);
                let bend = 2.0 * v - before - after;
                if v.is_finite() && v >= before && v >= after && bend > SHOWN && v + bend >= top - depth {
                    hints.push((v + 0.125 * bend.min(1e300), axis, place(axis, i), 1.0));
                }
            }
        }
        if let Some(values) = tensor {
            hints.extend(self.hidden(values, top - depth));
        }
        hints.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, axis, at, part) in hints.into_iter().take(CLIMBS) {
            let near = |s: &Summit| {
                self.nodes.iter().enumerate().all(|(a, n)| {
                    let t = self.charts[a].t(s.x[a]);
                    let (below, here, above) = (n[at[a].saturating_sub(1)], n[at[a]], n[(at[a] + 1).min(n.len() - 1)]);
                    here - part * (here - below) <= t && t <= here + part * (above - here)
                })
            };
            if found.iter().any(near) {
                continue;
            }
            let t: Vec<f64> = at.iter().zip(self.nodes).map(|(i, n)| n[*i]).collect();
            let around = |a: usize| {
                let n = &self.nodes[a];
                (n[at[a].saturating_sub(1)], n[(at[a] + 1).min(n.len() - 1)])
            };
            let widths = (0..t.len()).map(|a| (around(a).1 - t[a]).max(t[a] - around(a).0)).collect();
            // The coordinate along which it was seen stays between the nodes beside it, which are lower; others go where they
            // like.
            let mut limits = self.ends();
            limits[axis] = around(axis);
            found.extend(self.climb(t, widths, axis, &limits, None));
        }
        self.combine(&mut found, depth);
        found
    }
    /// Nodes beside which none has more that may hide a summit of at least `level`: how high that may be, the axis along which the
    /// density bends most, and the node.
    fn hidden(&self, values: &[f64], level: f64) -> Vec<(f64, usize, Vec<usize>, f64)> {
        let sizes: Vec<usize> = self.nodes.iter().map(Vec::len).collect();
        let stride = |axis: usize| sizes[axis + 1..].iter().product::<usize>();
        let hint = |node: Vec<usize>| {
            let at: usize = node.iter().enumerate().map(|(a, i)| i * stride(a)).sum();
            let inner = |a: &usize| node[*a] > 0 && node[*a] + 1 < sizes[*a];
            let bend = |a: usize| (2.0 * values[at] - values[at - stride(a)] - values[at + stride(a)]).min(1e300);
            let bends: Vec<(usize, f64)> = (0..sizes.len()).filter(inner).map(|a| (a, bend(a))).collect();
            let (axis, most) = bends.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
            let all: f64 = bends.iter().map(|b| b.1).sum();
            (most > SHOWN && values[at] + all >= level).then(|| (values[at] + 0.125 * all, axis, node, 0.5))
        };
        peaks(&sizes, values).into_iter().filter_map(hint).collect()
    }
    fn ends(&self) -> Vec<(f64, f64)> {
        self.nodes.iter().map(|n| (n[0], n[n.len() - 1])).collect()
    }
    /// Summits too low by themselves may be high where other coordinates are at other summits.
    fn combine(&self, found: &mut [Summit], depth: f64) {
        if self.nodes.len() < 2 || found.len() < 2 {
            return;
        }
        let top = found.iter().map(|s| s.value).fold(f64::NEG_INFINITY, f64::max);
        let mut pools: Vec<Vec<f64>> = vec![vec![]; self.nodes.len()];
        for (axis, pool) in pools.iter_mut().enumerate() {
            pool.extend(found.iter().map(|s| self.charts[axis].t(s.x[axis])));
            pool.sort_by(f64::total_cmp);
            pool.dedup();
        }
        for s in found.iter_mut().filter(|s| s.value < top - depth) {
            let t: Vec<f64> = s.x.iter().zip(self.charts).map(|(x, c)| c.t(*x)).collect();
            let widths = self.nodes.iter().map(|n| (n[n.len() - 1] - n[0]) / n.len() as f64).collect();
            if let Some(better) = self.climb(t, widths, s.axis, &self.ends(), Some(&pools)) {
                *s = better;
            }
        }
    }
    /// A summit seen from another look, where its place is in this one.
    pub(super) fn here(&self, s: &Summit) -> Option<Summit> {
        let t: Vec<f64> = s.x.iter().zip(self.charts).map(|(x, c)| c.t(*x)).collect();
        let inside = |(t, n): (&f64, &Vec<f64>)| n[0] <= *t && *t <= n[n.len() - 1];
        if !t.iter().zip(self.nodes).all(inside) {
            return None;
        }
        let value = self.values(&t, 0, &[t[0]])[0];
        value.is_finite().then(|| Summit { value, ..s.clone() })
    }
    /// Up from `t` with coordinate `axis` as it is: the place and the log density there.
    pub(super) fn across(&self, t: Vec<f64>, axis: usize) -> Option<(Vec<f64>, f64)> {
        let step = |n: &Vec<f64>| (n[n.len() - 1] - n[0]) / (n.len() - 1) as f64;
        let (widths, mut limits) = (self.nodes.iter().map(step).collect(), self.ends());
        limits[axis] = (t[axis], t[axis]);
        let top = self.climb(t, widths, axis, &limits, None)?;
        Some((top.x.iter().zip(self.charts).map(|(x, c)| c.t(*x)).collect(), top.value))
    }
    /// Up from `t` between limits. With `pools` the coordinate `axis` stays, and others may jump to the values of their pools.
    fn climb(
        &self,
        mut t: Vec<f64>,
        mut widths: Vec<f64>,
        axis: usize,
        limits: &[(f64, f64)],
        pools: Option<&[Vec<f64>]>,
    ) -> Option<Summit> {
        let d = t.len();
        let mut value = self.values(&t, 0, &[t[0]])[0];
        let mut last = f64::INFINITY;
        for _ in 0..PASSES {
            let (before, from, mut fall) = (value, t.clone(), 0.0_f64);
            for a in (0..d).filter(|a| pools.is_none() || *a != axis) {
                let (low, high) = limits[a];
                let whole = matches!(self.component.axes[a], Axis::Integers { .. });
                let step = |i: usize| {
                    let at = (t[a] + widths[a] * (2.0 * (i as f64 + 0.5) / POINTS as f64 - 1.0) * 16.0 / 15.0).clamp(low, high);
                    if whole { at.round() } else { at }
                };
                let pool = pools.map_or(&[][..], |p| &p[a]);
                let places: Vec<f64> = (0..POINTS).map(step).chain(pool.iter().copied()).collect();
                let values = self.values(&t, a, &places);
                let (i, best) =
                    values.iter().copied().enumerate().fold((0, f64::NEG_INFINITY), |m, v| if v.1 > m.1 { v } else { m });
                let spacing = 2.2 * widths[a] / POINTS as f64;
                if best > value {
                    (value, t[a]) = (best, places[i]);
                    if i > 0 && i + 1 < POINTS {
                        widths[a] *= 0.35;
                    }
                } else {
                    widths[a] *= 0.25;
                }
                // How far the density falls to the places beside the best.
                let beside = |(at, v): (&f64, &f64)| if (at - t[a]).abs() < spacing { value - v } else { 0.0 };
                fall = places.iter().zip(&values).map(beside).fold(fall, f64::max);
            }
            // Once more the way of the whole pass: along ridges single coordinates lead nowhere.
            for far in [1.0, 4.0, 16.0] {
                let further: Vec<f64> = (0..d)
                    .map(|a| {
                        let at = (t[a] + far * (t[a] - from[a])).clamp(limits[a].0, limits[a].1);
                        if matches!(self.component.axes[a], Axis::Integers { .. }) { at.round() } else { at }
                    })
                    .collect();
                let there = self.values(&further, 0, &[further[0]])[0];
                if d < 2 || there.is_nan() || there <= value {
                    break;
                }
                (value, t) = (there, further);
            }
            let gain = value - before;
            if gain + last < LEVEL && fall < FLAT {
                break;
            }
            last = gain;
        }
        let x = t.iter().zip(self.charts).map(|(t, c)| c.x(*t)).collect();
        value.is_finite().then_some(Summit { x, value, axis })
    }
    /// The log density with the log-Jacobian where coordinate `axis` takes the values `places` and the others are as in `t`;
    /// up to what does not depend on the coordinate it is the same for all.
    fn values(&self, t: &[f64], axis: usize, places: &[f64]) -> Vec<f64> {
        let mut total = vec![0.0; places.len()];
        let mut buffer = Aligned::filled(0, 0.0);
        let mut pools = self.pools.borrow_mut();
        if pools.is_empty() {
            pools.extend(self.component.cliques.iter().map(|c| c.program().pool()));
        }
        for (clique, pool) in self.component.cliques.iter().zip(pools.iter_mut()) {
            let mut log_weights = vec![0.0; places.len()];
            let owned: Vec<usize> = clique.owned().map(|i| clique.coordinates[i]).collect();
            let coordinate = |c: &usize| -> Vec<f64> {
                let at = |n: usize| if *c == axis { places[n] } else { t[*c] };
                (0..places.len()).map(at).collect()
            };
            let mut x = Vec::new();
            for c in &clique.coordinates {
                let along = coordinate(c);
                if owned.contains(c) {
                    log_weights.iter_mut().zip(&along).for_each(|(w, t)| *w += self.charts[*c].log_jacobian(*t));
                }
                x.push(along.into_iter().map(|t| self.charts[*c].x(t)).collect());
            }
            let mut table = Table::empty(clique, places.len());
            table.fill(clique, pool, &Points { x, log_weights }, 0..places.len());
            let local: Vec<f64> = clique.statistics.iter().map(|s| self.eta[*s]).collect();
            table.exponent(&local, &mut buffer);
            total.iter_mut().zip(&buffer[..]).for_each(|(sum, v)| *sum += if v.is_nan() { f64::NEG_INFINITY } else { *v });
        }
        total
    }
}

/// The combinations of nodes, last fastest, beside which none along any axis has more.
pub(super) fn peaks(sizes: &[usize], values: &[f64]) -> Vec<Vec<usize>> {
    let Some((first, inner)) = sizes.split_first() else { return vec![] };
    let slab = inner.iter().product::<usize>();
    let (mut found, mut high) = (Vec::new(), vec![false; slab]);
    let at = |i: usize| &values[i * slab..][..slab];
    for i in 0..*first {
        // Most are not even the highest along the first axis.
        let (here, before, after) = (at(i), at(i.saturating_sub(1)), at((i + 1).min(first - 1)));
        for (((high, v), b), a) in high.iter_mut().zip(here).zip(before).zip(after) {
            *high = ((b <= v) | b.is_nan()) & ((a <= v) | a.is_nan());
        }
        for (m, v) in here.iter().enumerate().filter(|(m, v)| high[*m] && v.is_finite()) {
            let (mut stride, mut node) = (1, vec![0; sizes.len()]);
            node[0] = i;
            let lower = (1..sizes.len()).rev().all(|axis| {
                let (number, below) = (m / stride % sizes[axis], stride);
                node[axis] = number;
                stride *= sizes[axis];
                !(number > 0 && here[m - below] > *v || number + 1 < sizes[axis] && here[m + below] > *v)
            });
            if lower {
                found.push(node);
            }
        }
    }
    found
}
