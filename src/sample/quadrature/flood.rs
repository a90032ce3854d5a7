//! A lattice along the principal axes of one density, laid tile by tile from where it is high until it is negligible.
//!
//! The trapezoidal rule does not mind how its lattice lies. In coordinates in which the covariance is one, a step of a little less
//! than one suffices, and tiles are only laid where the density is: a few thousand points in three coordinates, where a grid
//! along the axes that many densities share has a hundred thousand.

use super::grid::{FASTEST, Row, TOL_WIDE};
use super::lattice::{TILE, side};
use super::rule::Line;
use super::scan::advance;
use super::table::{Points, Sweep, Table};
use super::window::Chart;
use crate::expr::lanes::Aligned;
use crate::family::Clique;
use crate::num::linalg::cholesky;
use std::collections::HashSet;

/// A density's own coordinates u, with t = center + frame u.
pub(super) struct Flood<'a> {
    clique: &'a Clique,
    charts: &'a [Chart],
    center: Vec<f64>,
    /// Lower triangular, [d, d].
    frame: Vec<f64>,
    /// Places u where the density is high.
    high: Vec<Vec<f64>>,
}

/// A tile by its number along each axis.
type Tile = [i32; 3];

/// Part of the greatest probability of a node that makes a place high: in each mode that the nodes have seen there is one.
const HIGH: f64 = 1e-9;
/// Probability of a point, in units of one with all the mass, below which the flood ends.
const SHORE: f64 = 3e-14;
/// Step of the first lattice, in standard deviations, and the factor from each to the next.
const STEP: f64 = 0.9;
const FINER: f64 = 0.8;
/// Most lattices, and most points of one.
const LATTICES: u32 = 6;
const MOST: usize = 1 << 17;
/// Distance to the coarse grid, in standard deviations of the means and in nats of the log-normaliser, past which a flood is lost.
const ASTRAY: f64 = 0.3;
/// Tiles that are evaluated at a time.
const BATCH: usize = 16;

impl<'a> Flood<'a> {
    /// From the probabilities `p` of the combinations of nodes of lines, last fastest, and maxima at places x that they missed;
    /// none where they are too few to tell the covariance.
    pub(super) fn new(
        clique: &'a Clique,
        charts: &'a [Chart],
        lines: &[Line],
        p: &[f64],
        summits: &[Vec<f64>],
    ) -> Option<Flood<'a>> {
        let d = lines.len();
        // Sums over each axis and each pair of axes, from the probabilities of their nodes.
        let places: Vec<([f64; 3], f64)> =
            combinations(lines).zip(p).filter(|(_, p)| **p > 0.0).map(|(t, p)| (t, *p)).collect();
        let (mut total, mut center, mut most) = (0.0, vec![0.0; d], 0.0_f64);
        for (t, p) in &places {
            total += p;
            most = most.max(*p);
            (0..d).for_each(|a| center[a] += p * t[a]);
        }
        center.iter_mut().for_each(|c| *c /= total);
        let mut cov = vec![0.0; d * d];
        for (t, p) in &places {
            for i in 0..d {
                (0..=i).for_each(|j| cov[i * d + j] += p / total * (t[i] - center[i]) * (t[j] - center[j]));
            }
        }
        for i in 0..d {
            (0..i).for_each(|j| cov[j * d + i] = cov[i * d + j]);
        }
        let frame = cholesky(&cov, d).filter(|f| f.iter().all(|v| v.is_finite()))?;
        let own = |t: [f64; 3]| {
            let mut u = vec![0.0; d];
            for i in 0..d {
                let known: f64 = (0..i).map(|j| frame[i * d + j] * u[j]).sum();
                u[i] = (t[i] - center[i] - known) / frame[i * d + i];
            }
            u
        };
        let mut high: Vec<Vec<f64>> = places.iter().filter(|(_, p)| *p > HIGH * most).map(|(t, _)| own(*t)).collect();
        for x in summits {
            let mut t = [0.0; 3];
            t.iter_mut().zip(x).zip(charts).for_each(|((t, x), chart)| *t = chart.t(*x));
            high.push(own(t));
        }
        Some(Flood { clique, charts, center, frame, high })
    }
    /// Moments at the component's share of eta on lattices ever finer; none where they do not settle, or are not those of the coarse
    /// grid, `first`.
    pub(super) fn settle(&self, eta: &[f64], first: &Row) -> Option<Row> {
        let (mut before, mut changes, mut step) = (first.clone(), vec![], STEP);
        for number in 0..LATTICES {
            let mut sums = Sweep::new(eta, before.log_normalizer, &before.mu, true, MOST);
            self.sum(step, 0.618_034 * f64::from(number), &mut sums)?;
            let (log_normalizer, mu, cov) = sums.moments();
            let cov = cov.filter(|_| log_normalizer.is_finite() && mu.iter().all(|m| m.is_finite()))?;
            // The coarse grid is no measure, but where it says something else the flood has missed a part.
            let off = |s: usize| (mu[s] - first.mu[s]).abs() > ASTRAY * cov[s * eta.len() + s].max(0.0).sqrt();
            if (log_normalizer - first.log_normalizer).abs() > ASTRAY || (0..eta.len()).any(off) {
                return None;
            }
            let mut row = Row { log_normalizer, mu, ..before.clone() };
            if number > 0 {
                row.judge(&before, &mut changes, FASTEST[1]);
            }
            row.cov = cov;
            if number > 0 && row.worst <= TOL_WIDE {
                return Some(row);
            }
            (before, step) = (row, step * FINER);
        }
        None
    }
    /// Sum over a lattice of the given step, each axis shifted by a part of it; none where it takes more than [`MOST`] points, or a
    /// statistic is not a number at one.
    fn sum(&self, step: f64, shift: f64, row: &mut Sweep) -> Option<()> {
        let (d, side) = (self.center.len(), side(self.center.len()) as i32);
        let shifts: Vec<f64> = (0..d).map(|a| (shift + 0.414_214 * a as f64).fract()).collect();
        let log_weight: f64 = (0..d).map(|i| (self.frame[i * d + i] * step).ln()).sum();
        // Where the points of a tile lie from its first one.
        let within = |m: usize, a: usize| (m as i32 / side.pow((d - 1 - a) as u32) % side) as usize;
        let moved = |u: &[f64], i: usize| (0..=i).map(|j| self.frame[i * d + j] * u[j]).sum::<f64>();
        let offsets: Vec<Vec<f64>> = (0..d)
            .map(|i| {
                let offset = |m: usize| moved(&(0..d).map(|a| step * within(m, a) as f64).collect::<Vec<f64>>(), i);
                (0..TILE).map(offset).collect()
            })
            .collect();
        // The points of a tile on each of its faces, with the axis and the way out.
        let faces: Vec<(usize, i32, Vec<usize>)> = (0..d)
            .flat_map(|a| [(a, -1, 0), (a, 1, side as usize - 1)])
            .map(|(a, way, end)| (a, way, (0..TILE).filter(|m| within(*m, a) == end).collect()))
            .collect();
        let mut points = Points { x: vec![vec![0.0; BATCH * TILE]; d], log_weights: vec![0.0; BATCH * TILE] };
        let mut table = Table::empty(self.clique, BATCH * TILE);
        let (mut pool, mut p) = (self.clique.program().pool(), Aligned::filled(BATCH * TILE, 0.0));
        let (mut seen, mut open): (HashSet<Tile>, Vec<Tile>) = Default::default();
        let mut reach = |tile: Tile, open: &mut Vec<Tile>| {
            if seen.insert(tile) {
                open.push(tile);
            }
            seen.len() * TILE <= MOST
        };
        for u in &self.high {
            let mut tile = [0; 3];
            (0..d).for_each(|a| tile[a] = ((u[a] / step - shifts[a]) / f64::from(side)).floor() as i32);
            reach(tile, &mut open);
        }
        let mut live = Vec::new();
        while !open.is_empty() {
            let batch = open.split_off(open.len().saturating_sub(BATCH));
            for (number, tile) in batch.iter().enumerate() {
                let first: Vec<f64> = (0..d).map(|a| step * (f64::from(tile[a]) * f64::from(side) + shifts[a])).collect();
                let range = number * TILE..(number + 1) * TILE;
                points.log_weights[range.clone()].fill(log_weight);
                let weights = &mut points.log_weights[range.clone()];
                for (a, (x, offsets)) in points.x.iter_mut().zip(&offsets).enumerate() {
                    let (from, chart) = (self.center[a] + moved(&first, a), self.charts[a]);
                    let places = x[range.clone()].iter_mut().zip(weights.iter_mut()).zip(offsets);
                    if chart == Chart::Identity {
                        places.for_each(|((x, _), offset)| *x = from + offset);
                        continue;
                    }
                    for ((x, w), offset) in places {
                        let t = from + offset;
                        (*x, *w) = (chart.x(t), *w + chart.log_jacobian(t));
                    }
                }
            }
            table.fill(self.clique, &mut pool, &points, 0..batch.len() * TILE);
            live.clear();
            table.sweep_row(row, batch.len(), &mut p, &mut live);
            for number in &live {
                let (tile, p) = (batch[*number as usize], &p[*number as usize * TILE..][..TILE]);
                for (a, way, face) in &faces {
                    // What is negligible all along a face is more so behind it.
                    if face.iter().any(|m| p[*m] > SHORE) {
                        let mut next = tile;
                        next[*a] += way;
                        if !reach(next, &mut open) {
                            return None;
                        }
                    }
                }
            }
        }
        table.undefined.is_infinite().then_some(())
    }
}

/// All combinations of the nodes of at most three lines, last fastest.
fn combinations(lines: &[Line]) -> impl Iterator<Item = [f64; 3]> {
    let mut index = vec![0; lines.len()];
    let total: usize = lines.iter().map(|l| l.t.len()).product();
    (0..total).map(move |_| {
        let mut t = [0.0; 3];
        t.iter_mut().zip(lines).zip(&index).for_each(|((t, line), i)| *t = line.t[*i]);
        advance(&mut index, |a| lines[a].t.len());
        t
    })
}
