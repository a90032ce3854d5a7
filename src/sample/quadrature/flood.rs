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

use super::coarse::Coarse;
use super::lattice::TILE;
use super::row::{FASTEST, LEAST_SPREAD, Pace, Row, SAFETY, TOL_WIDE};
use super::table::{Points, Sweep, Table};
use super::window::Chart;
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Clique;

/// Lattices over a density.
pub(super) struct Flood<'a> {
    pub clique: &'a Clique,
    pub charts: &'a [Chart],
    /// What is flooded by itself.
    pub basins: Vec<Basin>,
    /// Nodes of a grid that does not measure the density but tells whether something lies elsewhere.
    pub elsewhere: Option<Vec<Node>>,
}

/// A node t of a grid, the logarithm of its mass, and the part of that which no basin holds.
pub(super) struct Node {
    pub t: [f64; D],
    pub mass: f64,
    pub left: f64,
}

/// Coordinates u of a part of a density, with t = center + frame u.
pub(super) struct Basin {
    pub center: [f64; D],
    /// Lower triangular, [d, d].
    pub frame: Vec<f64>,
    /// Places t where the density is high.
    pub high: Vec<[f64; D]>,
    /// The log density at the center, which tells the share of one basin from those of others.
    pub top: f64,
}

impl Basin {
    pub(super) fn own(&self, t: &[f64; D]) -> [f64; D] {
        let mut u = [0.0; D];
        for i in 0..D {
            let known: f64 = (0..i).map(|j| self.frame[i * D + j] * u[j]).sum();
            u[i] = (t[i] - self.center[i] - known) / self.frame[i * D + i];
        }
        u
    }
}

/// Number of coordinates.
pub(super) const D: usize = 3;

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

/// Probability of a point, in units of one with all the mass, below which the flood ends.
const SHORE: f64 = 3e-14;
/// Probability of what the first flood has seen beyond the shore, past which the next go further out: a tail is heavy.
const SEA: f64 = 1e-12;
/// How far from its mean a statistic is taken to get beyond the shore, in standard deviations.
const FAR: f64 = 100.0;
/// Side of a cell of the first lattice, in standard deviations, and the factor from each to the next. A first one that is coarser still
/// costs less, but tells less of the second: the error of wells apart was ten times what was claimed.
const STEP: f64 = 1.0;
const FINER: f64 = 0.86;
/// Most lattices, and most points of one.
const LATTICES: u32 = 8;
const MOST: usize = 1 << 17;
/// Distance to the coarse grid, in standard deviations of the means and in nats of the log-normaliser, past which a flood is lost.
const ASTRAY: f64 = 0.3;
/// Part of the mass of a node that rounding leaves of none.
const HELD: f64 = 1e-12;
/// What is so many nats below the greatest adds nothing to a sum of doubles.
const NEGLIGIBLE: f64 = 40.0;
/// Probability outside of all basins by the nodes of a grid, past which a flood is lost.
const MISSED: f64 = 1e-11;
/// Tiles that are evaluated at a time.
const BATCH: usize = 16;
/// Most tiles along each axis, half of them on either side of the middle.
const ACROSS: u32 = 64;
/// From a tile to the next along each axis.
const STRIDES: [u32; D] = [ACROSS * ACROSS, ACROSS, 1];

impl<'a> Flood<'a> {
    /// All of the density of a grid as one basin.
    pub(super) fn whole(grid: &Coarse<'a>, basin: Basin) -> Flood<'a> {
        Flood { clique: grid.clique, charts: grid.charts, basins: vec![basin], elsewhere: None }
    }
    /// Moments at the component's share of eta on lattices ever finer; none where they do not settle, or the coarse grid, whose row
    /// is `first`, says something else.
    pub(super) fn settle(&mut self, eta: &[f64], first: &Row) -> Option<Row> {
        let (mut before, mut changes) = (first.clone(), vec![]);
        let mut mesh = Mesh { step: STEP, shift: 0.0, shore: SHORE };
        let mut room = Room {
            points: Points { x: vec![vec![0.0; BATCH * POINTS]; D], log_weights: vec![0.0; BATCH * POINTS] },
            table: Table::empty(self.clique, BATCH * POINTS),
            pool: self.clique.program().pool(),
            p: Aligned::filled(BATCH * POINTS, 0.0),
            reached: Reached::new(),
        };
        for number in 0..LATTICES {
            mesh.shift = 0.618_034 * f64::from(number);
            // The first is only compared with, and the covariance of a grid that measures the density is good enough for that.
            let measured = number == 0 && self.elsewhere.is_none();
            let mut sums = Sweep::new(eta, before.log_normalizer, &before.mu, !measured, MOST);
            let mut sea = self.flow(&mesh, number == 0, &mut sums, &mut room)?;
            let (log_normalizer, mu, cov) = sums.moments();
            let seen = sums.spread() >= LEAST_SPREAD[D - 1];
            if !log_normalizer.is_finite() || mu.iter().any(|m| !m.is_finite()) {
                return None;
            }
            let cov = cov.unwrap_or_else(|| first.cov.clone());
            match &self.elsewhere {
                Some(nodes) => {
                    let missed: f64 =
                        nodes.iter().filter(|n| n.left > HELD).map(|n| n.left * (n.mass - log_normalizer).exp()).sum();
                    if missed.is_nan() || missed > MISSED {
                        return None;
                    }
                    sea += missed;
                }
                // The coarse grid is no measure, but where it says something else the flood has missed a part.
                None => {
                    let off = |s: usize| (mu[s] - first.mu[s]).abs() > ASTRAY * cov[s * eta.len() + s].max(0.0).sqrt();
                    if (log_normalizer - first.log_normalizer).abs() > ASTRAY || (0..eta.len()).any(off) {
                        return None;
                    }
                }
            }
            let mut row = Row { log_normalizer, mu, ..before.clone() };
            if number > 0 {
                row.judge(&before, &mut changes, Pace { fastest: FASTEST[1], uneven: false, steep: false });
            }
            if number == 1 {
                row.believe((SAFETY * changes[0].powf(1.0 / FINER - 1.0)).min(1.0));
            }
            row.cov = cov;
            row.doubt(FAR * sea);
            if number == 0 {
                mesh.shore *= (SEA / sea).clamp(f64::EPSILON, 1.0);
            }
            if number > 0 && seen && row.worst <= TOL_WIDE.max(row.grain(eta)) {
                return Some(row);
            }
            (before, mesh.step) = (row, mesh.step * FINER);
        }
        None
    }
    /// Sum over all basins, each with its share of the density; the probability of the points beyond the shore. The `first` lattice
    /// takes what it reaches from what is elsewhere.
    fn flow(&mut self, mesh: &Mesh, first: bool, row: &mut Sweep, room: &mut Room) -> Option<f64> {
        let mut sea = 0.0;
        for (number, basin) in self.basins.iter().enumerate() {
            sea += mesh.sum(self.clique, self.charts, &self.basins, number, row, room)?;
            for node in self.elsewhere.iter_mut().filter(|_| first).flatten() {
                if mesh.tile(&basin.own(&node.t)).is_some_and(|tile| room.reached.has(tile)) {
                    node.left -= share(&self.basins, number, &node.t).exp();
                }
            }
        }
        Some(sea)
    }
}

/// The logarithm of the share of basin `number` at t: its part of the mixture of normal densities that the basins would be.
fn share(basins: &[Basin], number: usize, t: &[f64; D]) -> f64 {
    if basins.len() < 2 {
        return 0.0;
    }
    let log = |basin: &Basin| basin.top - 0.5 * basin.own(t).iter().map(|u| u * u).sum::<f64>();
    let own = log(&basins[number]);
    let (mut most, mut sum) = (0.0_f64, 1.0);
    for over in basins.iter().enumerate().filter(|(k, _)| *k != number).map(|(_, basin)| log(basin) - own) {
        if over > most {
            (most, sum) = (over, sum * (most - over).exp() + 1.0);
        } else if over > most - NEGLIGIBLE {
            sum += (over - most).exp();
        }
    }
    -(most + f64::ln(sum))
}

/// Lattices of one step in the coordinates of any basin.
struct Mesh {
    /// Side of a cell.
    step: f64,
    /// Each axis is shifted by a part of a cell that follows from this.
    shift: f64,
    /// Probability of a point below which it lies in the sea.
    shore: f64,
}

impl Mesh {
    fn shifts(&self) -> [f64; D] {
        std::array::from_fn(|a| (self.shift + 0.414_214 * a as f64).fract())
    }
    /// The tile in which a place u lies.
    fn tile(&self, u: &[f64; D]) -> Option<Tile> {
        let shifts = self.shifts();
        digits(std::array::from_fn(|a| ((u[a] / self.step - shifts[a]) / CELLS as f64).floor() as i32))
    }
    /// Sum over the share of one basin as far as points are more probable than the shore. The probability of the points that are less; none
    /// where it takes more than [`MOST`] points, or a statistic is not a number at one.
    fn sum(
        &self,
        clique: &Clique,
        charts: &[Chart],
        basins: &[Basin],
        basin_number: usize,
        row: &mut Sweep,
        room: &mut Room,
    ) -> Option<f64> {
        let Room { points, table, pool, p, reached } = room;
        let (step, shore, shifts) = (self.step, self.shore, self.shifts());
        let (alone, basin) = (basins.len() == 1, &basins[basin_number]);
        let Basin { center, frame, high, .. } = basin;
        let log_weight: f64 = (0..D).map(|i| (frame[i * D + i] * step).ln()).sum::<f64>() - std::f64::consts::LN_2;
        // Cells of the points of a tile, and where the points lie from its first one.
        let within = |m: usize, a: usize| (m / 2) / CELLS.pow((D - 1 - a) as u32) % CELLS;
        let moved = |u: &[f64; D], i: usize| (0..=i).map(|j| frame[i * D + j] * u[j]).sum::<f64>();
        let place = |m: usize| std::array::from_fn(|a| step * (within(m, a) as f64 + 0.5 * (m % 2) as f64));
        let offsets: [Vec<f64>; D] = std::array::from_fn(|i| (0..POINTS).map(|m| moved(&place(m), i)).collect());
        // The faces of a tile: from a point on it to the one before it, and the way to the tile behind it.
        let faces: [(usize, bool, u32); 2 * D] = std::array::from_fn(|f| match (f / 2, f % 2) {
            (a, 0) => (2 * CELLS.pow((D - 1 - a) as u32), false, STRIDES[a].wrapping_neg()),
            (a, _) => (2 * CELLS.pow((D - 1 - a) as u32), true, STRIDES[a]),
        });
        let mut open: Vec<Tile> = vec![];
        reached.clear();
        for t in high {
            reached.add(self.tile(&basin.own(t))?, &mut open)?;
        }
        let (mut live, mut sea) = (Vec::new(), 0.0);
        while !open.is_empty() {
            let batch = open.split_off(open.len().saturating_sub(BATCH));
            for (number, tile) in batch.iter().enumerate() {
                let numbers = numbers(*tile)?;
                let first: [f64; D] = std::array::from_fn(|a| step * (f64::from(numbers[a]) * CELLS as f64 + shifts[a]));
                let range = number * POINTS..(number + 1) * POINTS;
                points.log_weights[range.clone()].fill(log_weight);
                if !alone {
                    let first: [f64; D] = std::array::from_fn(|a| center[a] + moved(&first, a));
                    for (m, w) in points.log_weights[range.clone()].iter_mut().enumerate() {
                        *w += share(basins, basin_number, &std::array::from_fn(|a| first[a] + offsets[a][m]));
                    }
                }
                let weights = &mut points.log_weights[range.clone()];
                for (a, (x, offsets)) in points.x.iter_mut().zip(&offsets).enumerate() {
                    let (from, chart) = (center[a] + moved(&first, a), charts[a]);
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
            table.fill(clique, pool, points, 0..batch.len() * POINTS);
            live.clear();
            table.sweep_row(row, (batch.len() * POINTS).div_ceil(TILE), p, &mut live);
            for (number, tile) in batch.iter().enumerate().filter(|(n, _)| live.contains(&((n * POINTS / TILE) as u32))) {
                let p = &p[number * POINTS..][..POINTS];
                let (least, most) = p.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), p| (a.min(*p), b.max(*p)));
                if least <= shore {
                    sea += p.iter().fold(0.0, |sea, p| sea + if *p > shore { 0.0 } else { *p });
                }
                // Around most tiles is land.
                let inland = least * least > shore * most;
                for (stride, up, way) in &faces {
                    let next = tile.wrapping_add(*way);
                    if reached.has(next) {
                        continue;
                    }
                    match if inland { None } else { behind(p, *stride, *up, shore) } {
                        None => reached.add(next, &mut open)?,
                        Some(more) => sea += more,
                    }
                }
            }
        }
        table.undefined.is_infinite().then_some(sea)
    }
}

/// What the points behind a face of a tile have, where all of them are in the sea by how the density falls towards the face; points
/// on the face and those before them are `stride` apart.
fn behind(p: &[f64], stride: usize, up: bool, shore: f64) -> Option<f64> {
    let (mut land, mut sum) = (false, 0.0);
    for both in p.chunks_exact(2 * stride) {
        let (low, high) = both.split_at(stride);
        let (last, before) = if up { (high, low) } else { (low, high) };
        for (last, before) in last.iter().zip(before) {
            land |= (*last > shore) & (last * last > shore * before);
            sum += last * (last / before.max(*last).max(f64::MIN_POSITIVE));
        }
    }
    (!land).then_some(sum)
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
    fn has(&self, tile: Tile) -> bool {
        self.bits[tile as usize / 64] & (1 << (tile % 64)) != 0
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
