//! Lattices along the principal axes of one density, laid tile by tile from where it is high until it is negligible.
//!
//! The trapezoidal rule does not mind how its lattice lies. In coordinates in which the covariance is one, a step of a little less
//! than one suffices, and tiles are only laid where the density is: a few thousand points in three coordinates, where a grid
//! along the axes that many densities share has a hundred thousand.
//!
//! What a lattice misses is what the characteristic function has at the vectors of the dual lattice, the shortest first. A
//! body-centred cubic one has the longest of these for its number of points: it takes 0.7 times as many as a cubic one. Lattices
//! with common dual vectors would agree on something wrong, so each has a step of its own.
//!
//! The error of a trapezoidal rule falls with its step h as exp(-c/h) where the density is analytic in a strip, and faster where it
//! is entire; so the change from the first lattice to the second tells how far off the second is.
//!
//! # Source
//! Petersen and Middleton, "Sampling and reconstruction of wave-number-limited functions in N-dimensional Euclidean spaces",
//! Information and Control 5 (1962).

use super::grid::TOL_WIDE;
use super::lattice::TILE;
use super::row::{FASTEST, Pace, Row, SAFETY};
use super::rule::Line;
use super::table::{Points, Sweep, Table};
use super::window::Chart;
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Clique;
use crate::num::linalg::cholesky;

/// A density's own coordinates u, with t = center + frame u.
pub(super) struct Flood<'a> {
    clique: &'a Clique,
    charts: &'a [Chart],
    center: [f64; D],
    /// Lower triangular, [d, d].
    frame: Vec<f64>,
    /// Places u where the density is high.
    high: Vec<[f64; D]>,
}

/// Number of coordinates.
const D: usize = 3;

/// Working memory of a batch of tiles.
struct Room {
    points: Points,
    table: Table,
    pool: Pool,
    p: Aligned,
    reached: Reached,
}

/// A tile by its numbers along the axes, counted from the furthest corner, as the digits of one number to the base [`ACROSS`].
type Tile = u32;
/// Cells of a tile along each axis, with a point at a corner of each and one in its middle: small tiles leave the sea early.
const CELLS: usize = 2;
/// Points of a tile; a whole number of them makes a tile of a table.
const POINTS: usize = 2 * CELLS.pow(D as u32);

/// Part of the greatest probability of a node that makes a place high, where no node beside it has more: in each mode that the
/// nodes have seen there is one.
const HIGH: f64 = 1e-9;
/// Probability of a point, in units of one with all the mass, below which the flood ends.
const SHORE: f64 = 3e-14;
/// Probability of what the first flood has seen beyond the shore, past which the next go further out: a tail is heavy.
const SEA: f64 = 1e-12;
/// How far from its mean a statistic is taken to get beyond the shore, in standard deviations.
const FAR: f64 = 100.0;
/// Side of a cell of the first lattice, in standard deviations, and the factor from each to the next.
const STEP: f64 = 1.0;
const FINER: f64 = 0.86;
/// Most lattices, and most points of one.
const LATTICES: u32 = 8;
const MOST: usize = 1 << 17;
/// Distance to the coarse grid, in standard deviations of the means and in nats of the log-normaliser, past which a flood is lost.
const ASTRAY: f64 = 0.3;
/// Tiles that are evaluated at a time.
const BATCH: usize = 16;
/// Most tiles along each axis, half of them on either side of the middle.
const ACROSS: u32 = 64;
/// From a tile to the next along each axis.
const STRIDES: [u32; D] = [ACROSS * ACROSS, ACROSS, 1];

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
        let sizes: [usize; D] = std::array::from_fn(|a| lines[a].t.len());
        let strides = [sizes[1] * sizes[2], sizes[2], 1];
        let at = |node: [usize; D]| -> [f64; D] { std::array::from_fn(|a| lines[a].t[node[a]]) };
        // Sums about the middle of the window.
        let middle = at(sizes.map(|n| n / 2));
        let (mut total, mut sums, mut squares, mut most) = (0.0, [0.0; D], [0.0; D * D], 0.0_f64);
        for (i, slab) in p.chunks(strides[0]).enumerate() {
            for (j, row) in slab.chunks(strides[1]).enumerate() {
                for (k, p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                    let (t, p) = (at([i, j, k]), *p);
                    let off: [f64; D] = std::array::from_fn(|a| t[a] - middle[a]);
                    total += p;
                    most = most.max(p);
                    for a in 0..D {
                        sums[a] += p * off[a];
                        (0..=a).for_each(|b| squares[a * D + b] += p * off[a] * off[b]);
                    }
                }
            }
        }
        let center: [f64; D] = std::array::from_fn(|a| middle[a] + sums[a] / total);
        let mut cov = vec![0.0; D * D];
        for i in 0..D {
            (0..=i).for_each(|j| cov[i * D + j] = squares[i * D + j] / total - sums[i] / total * (sums[j] / total));
        }
        for i in 0..D {
            (0..i).for_each(|j| cov[j * D + i] = cov[i * D + j]);
        }
        let frame = cholesky(&cov, D).filter(|f| f.iter().all(|v| v.is_finite()))?;
        let own = |t: &[f64; D]| {
            let mut u = [0.0; D];
            for i in 0..D {
                let known: f64 = (0..i).map(|j| frame[i * D + j] * u[j]).sum();
                u[i] = (t[i] - center[i] - known) / frame[i * D + i];
            }
            u
        };
        let mut high = Vec::new();
        for (m, _) in p.iter().enumerate().filter(|(_, p)| **p > HIGH * most) {
            let node: [usize; D] = std::array::from_fn(|a| m / strides[a] % sizes[a]);
            let below = |n: usize| p[n] <= p[m];
            let highest =
                |a: usize| (node[a] == 0 || below(m - strides[a])) && (node[a] + 1 == sizes[a] || below(m + strides[a]));
            if (0..D).all(highest) {
                high.push(own(&at(node)));
            }
        }
        for x in summits {
            let mut t = [0.0; D];
            t.iter_mut().zip(x).zip(charts).for_each(|((t, x), chart)| *t = chart.t(*x));
            high.push(own(&t));
        }
        Some(Flood { clique, charts, center, frame, high })
    }
    /// Moments at the component's share of eta on lattices ever finer; none where they do not settle, or are not those of the coarse
    /// grid, `first`.
    pub(super) fn settle(&self, eta: &[f64], first: &Row) -> Option<Row> {
        let (mut before, mut changes, mut step, mut shore) = (first.clone(), vec![], STEP, SHORE);
        let mut room = Room {
            points: Points { x: vec![vec![0.0; BATCH * POINTS]; D], log_weights: vec![0.0; BATCH * POINTS] },
            table: Table::empty(self.clique, BATCH * POINTS),
            pool: self.clique.program().pool(),
            p: Aligned::filled(BATCH * POINTS, 0.0),
            reached: Reached::new(),
        };
        for number in 0..LATTICES {
            // The first is only compared with, and the coarse covariance is good enough for that.
            let mut sums = Sweep::new(eta, before.log_normalizer, &before.mu, number > 0, MOST);
            let sea = self.sum(step, 0.618_034 * f64::from(number), shore, &mut sums, &mut room)?;
            let (log_normalizer, mu, cov) = sums.moments();
            if !log_normalizer.is_finite() || mu.iter().any(|m| !m.is_finite()) {
                return None;
            }
            let cov = cov.unwrap_or_else(|| first.cov.clone());
            // The coarse grid is no measure, but where it says something else the flood has missed a part.
            let off = |s: usize| (mu[s] - first.mu[s]).abs() > ASTRAY * cov[s * eta.len() + s].max(0.0).sqrt();
            if (log_normalizer - first.log_normalizer).abs() > ASTRAY || (0..eta.len()).any(off) {
                return None;
            }
            let mut row = Row { log_normalizer, mu, ..before.clone() };
            if number > 0 {
                row.judge(&before, &mut changes, Pace { fastest: FASTEST[1], uneven: false });
            }
            if number == 1 {
                row.believe((SAFETY * changes[0].powf(1.0 / FINER - 1.0)).min(1.0));
            }
            row.cov = cov;
            row.doubt(FAR * sea);
            if number == 0 {
                shore *= (SEA / sea).clamp(f64::EPSILON, 1.0);
            }
            if number > 0 && row.worst <= TOL_WIDE {
                return Some(row);
            }
            (before, step) = (row, step * FINER);
        }
        None
    }
    /// Sum over a lattice with cells of the given side, each axis shifted by a part of it, as far as points are more probable than
    /// `shore`. The probability of the points that are less; none where it takes more than [`MOST`] points, or a statistic is not a
    /// number at one.
    fn sum(&self, step: f64, shift: f64, shore: f64, row: &mut Sweep, room: &mut Room) -> Option<f64> {
        let Room { points, table, pool, p, reached } = room;
        let shifts: [f64; D] = std::array::from_fn(|a| (shift + 0.414_214 * a as f64).fract());
        let log_weight: f64 = (0..D).map(|i| (self.frame[i * D + i] * step).ln()).sum::<f64>() - std::f64::consts::LN_2;
        // Cells of the points of a tile, and where the points lie from its first one.
        let within = |m: usize, a: usize| (m / 2) / CELLS.pow((D - 1 - a) as u32) % CELLS;
        let moved = |u: &[f64; D], i: usize| (0..=i).map(|j| self.frame[i * D + j] * u[j]).sum::<f64>();
        let place = |m: usize| std::array::from_fn(|a| step * (within(m, a) as f64 + 0.5 * (m % 2) as f64));
        let offsets: [Vec<f64>; D] = std::array::from_fn(|i| (0..POINTS).map(|m| moved(&place(m), i)).collect());
        // The points of a tile on each of its faces, bit by bit, with the way to the tile behind it.
        let bits = |a: usize, end: usize| (0..POINTS).filter(|m| within(*m, a) == end).fold(0, |bits, m| bits | 1 << m);
        let faces: [(u32, u16); 2 * D] = std::array::from_fn(|f| match (f / 2, f % 2) {
            (a, 0) => (STRIDES[a].wrapping_neg(), bits(a, 0)),
            (a, _) => (STRIDES[a], bits(a, CELLS - 1)),
        });
        let mut open: Vec<Tile> = vec![];
        reached.clear();
        for u in &self.high {
            let tile = |a: usize| ((u[a] / step - shifts[a]) / CELLS as f64).floor() as i32;
            reached.add(digits(std::array::from_fn(tile))?, &mut open)?;
        }
        let (mut live, mut sea) = (Vec::new(), 0.0);
        while !open.is_empty() {
            let batch = open.split_off(open.len().saturating_sub(BATCH));
            for (number, tile) in batch.iter().enumerate() {
                let numbers = numbers(*tile)?;
                let first: [f64; D] = std::array::from_fn(|a| step * (f64::from(numbers[a]) * CELLS as f64 + shifts[a]));
                let range = number * POINTS..(number + 1) * POINTS;
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
            table.fill(self.clique, pool, points, 0..batch.len() * POINTS);
            live.clear();
            table.sweep_row(row, (batch.len() * POINTS).div_ceil(TILE), p, &mut live);
            for (number, tile) in batch.iter().enumerate().filter(|(n, _)| live.contains(&((n * POINTS / TILE) as u32))) {
                let p = &p[number * POINTS..][..POINTS];
                // Most tiles are all land.
                let mut land = u16::MAX;
                if !p.iter().fold(true, |all, p| all & (*p > shore)) {
                    for (m, p) in p.iter().enumerate().filter(|(_, p)| **p <= shore) {
                        land &= !(1 << m);
                        sea += p;
                    }
                }
                for (way, face) in &faces {
                    // What is negligible all along a face is more so behind it.
                    if land & face != 0 {
                        reached.add(tile.wrapping_add(*way), &mut open)?;
                    }
                }
            }
        }
        table.undefined.is_infinite().then_some(sea)
    }
}

/// The tile with these numbers along the axes, counted from the middle; none at the edge and beyond.
fn digits(numbers: [i32; D]) -> Option<Tile> {
    let digit = |n: i32| n.checked_add_unsigned(ACROSS / 2).filter(|n| (1..ACROSS as i32 - 1).contains(n));
    numbers.into_iter().zip(STRIDES).try_fold(0, |sum, (n, stride)| Some(sum + digit(n)? as u32 * stride))
}

/// The numbers of a tile, as in [`digits`]; none at the edge, behind which other tiles do not lie.
fn numbers(tile: Tile) -> Option<[i32; D]> {
    let digits = STRIDES.map(|stride| tile / stride % ACROSS);
    digits.iter().all(|n| (1..ACROSS - 1).contains(n)).then(|| digits.map(|n| n as i32 - (ACROSS / 2) as i32))
}

/// Tiles that have been reached, a bit each.
struct Reached {
    bits: Vec<u64>,
    count: usize,
}

impl Reached {
    fn new() -> Reached {
        Reached { bits: vec![0; (ACROSS as usize).pow(D as u32) / 64], count: 0 }
    }
    fn clear(&mut self) {
        self.bits.fill(0);
        self.count = 0;
    }
    /// To `open` what has not been reached before; nothing where they are too many.
    fn add(&mut self, tile: Tile, open: &mut Vec<Tile>) -> Option<()> {
        let (word, bit) = (&mut self.bits[tile as usize / 64], 1 << (tile % 64));
        if *word & bit == 0 {
            *word |= bit;
            self.count += 1;
            open.push(tile);
        }
        (self.count * POINTS <= MOST).then_some(())
    }
}
