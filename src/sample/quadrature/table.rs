//! The exponent of a clique on many points, statistic by statistic, and its moments under one eta.

use super::kernels::{
    HUGE, LANES, PIECE, copy, exponent, first_moments, fourth_moments, second_moments, second_work, squares, sweep_first,
};
use super::lattice::{TILE, Tiles};
use crate::expr::lanes::{Aligned, Pool};
use crate::family::Clique;
use std::ops::Range;

/// Points with log weights, coordinate by coordinate.
pub(super) struct Points {
    /// Coordinates, [d][n].
    pub x: Vec<Vec<f64>>,
    /// Log weights, `[n]`.
    pub log_weights: Vec<f64>,
}

/// How far below the greatest a weighted density is negligible, in nats.
const NEGLIGIBLE: f64 = 45.0;
/// The same, in nats below all the mass, of what all the points together leave out.
const LEFT_OUT: f64 = 32.0;
/// Tiles whose shares are held at a time where a table is not kept.
const STREAMED: usize = 16;
/// Pieces that are summed up in one go.
const PART: usize = 64;

/// Shares of T and of b plus log weights on points.
pub(super) struct Table {
    /// Number of points; arrays are padded to whole vectors with points without mass.
    pub n: usize,
    stride: usize,
    k: usize,
    t: Aligned,
    offset: Aligned,
    /// Points at which a share is infinite; there `t` has something huge in its place.
    overflow: Vec<u32>,
    /// How far out the nearest point lies at which a statistic is not a number though the base is: its largest coordinate.
    pub undefined: f64,
    /// The same of the base.
    pub baseless: f64,
}

impl Table {
    /// Evaluate the shares of `clique` on points.
    pub(super) fn new(clique: &Clique, points: &Points) -> Table {
        let n = points.log_weights.len();
        let mut table = Table::empty(clique, n);
        table.fill(clique, &mut clique.program().pool(), points, 0..n);
        table
    }
    /// Room for `n` points.
    pub(super) fn empty(clique: &Clique, n: usize) -> Table {
        let (k, stride) = (clique.statistics.len(), n.next_multiple_of(LANES));
        Table {
            n,
            stride,
            k,
            t: Aligned::filled(k * stride, 0.0),
            offset: Aligned::filled(stride, f64::NEG_INFINITY),
            overflow: vec![],
            undefined: f64::INFINITY,
            baseless: f64::INFINITY,
        }
    }
    /// The same along a line, where points between others at which alone a share is infinite are poles and have no mass; where
    /// the clique has planes with poles, so are all such points.
    pub(super) fn without_poles(clique: &Clique, points: &Points) -> Table {
        let mut table = Table::new(clique, points);
        let all = std::mem::take(&mut table.overflow);
        // They are ascending.
        let has = |m: u32| all.binary_search(&m).is_ok();
        let line = points.x.len() == 1;
        let beside = |m: u32| line && (m == 0 || m as usize + 1 == table.n || has(m - 1) || has(m + 1));
        let (overflow, poles): (Vec<u32>, Vec<u32>) = all.iter().partition(|m| beside(**m));
        for m in poles {
            table.offset[m as usize] = f64::NEG_INFINITY;
            (0..table.k).for_each(|s| table.t[s * table.stride + m as usize] = 0.0);
        }
        table.overflow = overflow;
        table
    }
    /// Evaluate the shares on a range of points, no more than there is room for; the rest of the room has no mass.
    pub(super) fn fill(&mut self, clique: &Clique, pool: &mut Pool, points: &Points, range: Range<usize>) {
        let (k, stride, program) = (self.k, self.stride, clique.program());
        let (w, mut outputs) = (program.lanes(), Vec::with_capacity(k));
        self.overflow.clear();
        self.offset[range.len()..].fill(f64::NEG_INFINITY);
        for start in range.clone().step_by(w) {
            let (count, at) = (w.min(range.end - start), start - range.start);
            for (j, x) in points.x.iter().enumerate() {
                let slots = program.coordinate(pool, j);
                slots[..count].copy_from_slice(&x[start..start + count]);
                slots[count..].fill(x[start + count - 1]);
            }
            program.run(pool, Clique::STATISTICS);
            let mut plain = true;
            let base = program.output(pool, Clique::STATISTICS, k);
            for ((out, base), w) in self.offset[at..at + count].iter_mut().zip(base).zip(&points.log_weights[start..]) {
                *out = base + w;
                plain &= *out < HUGE && *out > f64::NEG_INFINITY;
            }
            if k > 0 && count == w && w.is_multiple_of(LANES) {
                outputs.clear();
                outputs.extend((0..k).map(|s| program.output(pool, Clique::STATISTICS, s).as_ptr()));
                let mut fine = true;
                // `w` numbers of each output, and of each row of `t` from `at` on: a whole batch lies in the arrays.
                unsafe { copy(&outputs, w, self.t[at..].as_mut_ptr(), stride, &mut fine) };
                if !(plain & fine) {
                    (0..count).for_each(|lane| self.mend(at + lane, start + lane, points));
                }
                continue;
            }
            for s in 0..k {
                let values = program.output(pool, Clique::STATISTICS, s);
                for (out, value) in self.t[s * stride + at..][..count].iter_mut().zip(values) {
                    *out = *value;
                    plain &= value.abs() < HUGE;
                }
            }
            if !plain {
                (0..count).for_each(|lane| self.mend(at + lane, start + lane, points));
            }
        }
    }
    /// Make the numbers of point `m`, which is number `number` of `points`, such that sums over them are right: no mass where
    /// something has no value, something huge where a share is infinite.
    fn mend(&mut self, m: usize, number: usize, points: &Points) {
        let reach = points.x.iter().map(|x| x[number].abs()).fold(0.0, f64::max);
        let (k, stride) = (self.k, self.stride);
        if self.offset[m].is_nan() {
            self.baseless = self.baseless.min(reach);
            self.offset[m] = f64::NEG_INFINITY;
        }
        self.offset[m] = self.offset[m].min(HUGE);
        if self.offset[m] > f64::NEG_INFINITY && (0..k).any(|s| self.t[s * stride + m].is_nan()) {
            self.undefined = self.undefined.min(reach);
            self.offset[m] = f64::NEG_INFINITY;
        }
        if self.offset[m] == f64::NEG_INFINITY {
            (0..k).for_each(|s| self.t[s * stride + m] = 0.0);
            return;
        }
        (0..k).for_each(|s| self.t[s * stride + m] = self.t[s * stride + m].clamp(-HUGE, HUGE));
        if (0..k).any(|s| self.t[s * stride + m].abs() == HUGE) {
            self.overflow.push(m as u32);
        }
    }
    /// Sum over the points of `clique` for all rows, a few tiles at a time, without ever holding a whole table; how far out the
    /// nearest point lies at which a statistic is not a number.
    pub(super) fn stream(clique: &Clique, source: &Tiles, rows: &mut [Sweep]) -> f64 {
        let (tiles, d) = (source.count(), clique.coordinates.len());
        let most = STREAMED.min(tiles);
        let mut points = Points { x: vec![vec![0.0; most * TILE]; d], log_weights: vec![0.0; most * TILE] };
        let mut table = Table::empty(clique, most * TILE);
        let mut pool = clique.program().pool();
        let mut p = Aligned::filled(most * TILE, 0.0);
        for start in (0..tiles).step_by(STREAMED) {
            let count = most.min(tiles - start);
            (0..count).for_each(|i| source.write(start + i, i * TILE, &mut points.x, &mut points.log_weights));
            table.fill(clique, &mut pool, &points, 0..count * TILE);
            table.sweep(rows, count, &mut p);
        }
        table.undefined
    }
    /// Share `s` at all points, `[n]`.
    pub(super) fn share(&self, s: usize) -> &[f64] {
        &self.t[s * self.stride..][..self.n]
    }
    /// The log of the weighted density at point `m`; minus infinity where infinite shares leave it open.
    pub(super) fn at(&self, m: usize, eta: &[f64]) -> f64 {
        let share = |s: usize| {
            let t = self.t[s * self.stride + m];
            if t.abs() == HUGE { t * f64::INFINITY } else { t }
        };
        let sum = self.offset[m] + eta.iter().enumerate().map(|(s, e)| e * share(s)).sum::<f64>();
        if sum.is_nan() { f64::NEG_INFINITY } else { sum }
    }
    /// Logs of the weighted density at one eta of the shares, `[k]`, to `out`, padded.
    pub(super) fn exponent(&self, eta: &[f64], out: &mut Aligned) -> f64 {
        debug_assert!(eta.len() == self.k);
        if out.len() != self.stride {
            *out = Aligned::filled(self.stride, 0.0);
        }
        let mut top = f64::NEG_INFINITY;
        // The arrays have `stride` and k * stride numbers.
        unsafe {
            exponent(
                self.t.as_ptr(),
                self.offset.as_ptr(),
                eta.as_ptr(),
                self.k,
                self.stride,
                self.stride,
                out.as_mut_ptr(),
                &mut top,
            );
        }
        if self.overflow.is_empty() {
            return top;
        }
        for m in &self.overflow {
            out[*m as usize] = self.at(*m as usize, eta);
        }
        out.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
    /// The log-normaliser and the mean of the shares, `[k]`; the density is left in `work`.
    pub(super) fn mean(&self, eta: &[f64], work: &mut Work) -> (f64, Vec<f64>) {
        let top = self.exponent(eta, &mut work.p);
        work.live.clear();
        if !top.is_finite() {
            return (top, vec![f64::NAN; self.k]);
        }
        let most = |piece: &[f64]| piece.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let live = |piece: &[f64]| most(piece) > top - NEGLIGIBLE;
        work.live.extend(work.p.chunks(PIECE).enumerate().filter(|(_, piece)| live(piece)).map(|(i, _)| i as u32));
        let (mut sums, mut part) = (vec![0.0; self.k + 1], vec![0.0; self.k + 1]);
        // Sums of parts: the rounding of one long sum grows with its length.
        for live in work.live.chunks(PART) {
            // As above; `part` has k + 1 numbers, and the live pieces lie in the arrays.
            unsafe { first_moments(self.t.as_ptr(), self.k, self.stride, live, top, work.p.as_mut_ptr(), part.as_mut_ptr()) };
            sums.iter_mut().zip(&part).for_each(|(s, p)| *s += p);
        }
        work.total = sums[self.k];
        sums.truncate(self.k);
        sums.iter_mut().for_each(|s| *s /= work.total);
        (top + work.total.ln(), sums)
    }
    /// The sums of p (t_i - center_i) (t_j - center_j) over all points, [k, k], for probabilities `[n]`.
    pub(super) fn products(&self, p: &[f64], center: &[f64]) -> Vec<f64> {
        let mut work = Work { p: Aligned::filled(self.stride, 0.0), live: vec![], total: 1.0 };
        work.p[..p.len()].copy_from_slice(p);
        work.live.extend(0..self.stride.div_ceil(PIECE) as u32);
        self.covariance(&work, center)
    }
    /// The variances of the shares on the diagonal of a matrix, [k, k], from what [`Table::mean`] left.
    pub(super) fn variances(&self, work: &Work, mu: &[f64]) -> Vec<f64> {
        let (k, mut sums) = (self.k, vec![f64::NAN; self.k]);
        if !work.live.is_empty() {
            // `p` has `stride` numbers, `t` k times as many.
            unsafe {
                squares(self.t.as_ptr(), work.p.as_ptr(), &work.live, mu.as_ptr(), k, self.stride, sums.as_mut_ptr());
            }
        }
        let mut cov = vec![0.0; k * k];
        sums.iter().enumerate().for_each(|(s, sum)| cov[s * k + s] = sum / work.total);
        cov
    }
    /// The least number of points, in effect, from which the variance of a share comes.
    pub(super) fn spread(&self, work: &Work, mu: &[f64], cov: &[f64]) -> f64 {
        let mut lanes = Aligned::filled(self.k * LANES, 0.0);
        // `p` has `stride` numbers, `t` k times as many, `lanes` LANES for each share.
        unsafe {
            let (t, p) = (self.t.as_ptr(), work.p.as_ptr());
            fourth_moments(t, p, &work.live, mu.as_ptr(), self.k, self.stride, self.stride, lanes.as_mut_ptr());
        }
        let fourth = |s: usize| lanes[s * LANES..][..LANES].iter().sum::<f64>();
        let number = |s: usize| (cov[s * self.k + s] * work.total).powi(2) / fourth(s);
        (0..self.k).map(number).fold(f64::INFINITY, f64::min)
    }
    /// The covariance of the shares, [k, k], from what [`Table::mean`] left.
    pub(super) fn covariance(&self, work: &Work, mu: &[f64]) -> Vec<f64> {
        let k = self.k;
        if work.live.is_empty() {
            return vec![f64::NAN; k * k];
        }
        let (mut lanes, mut room) = (Aligned::filled(k * k * LANES, 0.0), Aligned::filled(second_work(k), 0.0));
        // `p` has `stride` numbers, `lanes` LANES for each entry.
        unsafe {
            second_moments(
                self.t.as_ptr(),
                work.p.as_ptr(),
                &work.live,
                mu.as_ptr(),
                k,
                self.stride,
                self.stride,
                room.as_mut_ptr(),
                lanes.as_mut_ptr(),
            );
        }
        let mut cov = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let sum: f64 = lanes[(i * k + j) * LANES..][..LANES].iter().sum();
                cov[i * k + j] = sum / work.total;
                cov[j * k + i] = sum / work.total;
            }
        }
        cov
    }
}

/// Sums of one eta over a table that many share.
pub(super) struct Sweep {
    eta: Vec<f64>,
    /// What is near the log-normaliser, and near the means: from a coarser table.
    shift: f64,
    center: Vec<f64>,
    /// The log of what a point has to hold for its tile to count.
    floor: f64,
    /// Sums of p, then of p (t - center), in lanes.
    sums: Aligned,
    /// Sums of p (t_i - center_i) (t_j - center_j), in lanes; empty where no covariance is wanted.
    squares: Aligned,
    /// Working memory of the squares.
    room: Aligned,
    /// Sums of (p (t - center)^2)^2, in lanes.
    fourth: Aligned,
}

impl Sweep {
    /// At one eta over `points` points or fewer, from what is near the log-normaliser and the means.
    pub(super) fn new(eta: &[f64], log_normalizer: f64, mu: &[f64], covariance: bool, points: usize) -> Sweep {
        let k = eta.len();
        Sweep {
            eta: eta.to_vec(),
            shift: log_normalizer,
            center: mu.to_vec(),
            floor: log_normalizer - LEFT_OUT - (points as f64).ln(),
            sums: Aligned::filled((k + 1) * LANES, 0.0),
            squares: Aligned::filled(if covariance { k * k * LANES } else { 0 }, 0.0),
            room: Aligned::filled(if covariance { second_work(k) } else { 0 }, 0.0),
            fourth: Aligned::filled(if covariance { k * LANES } else { 0 }, 0.0),
        }
    }
    /// The least number of points, in effect, from which the variance of a statistic comes; where covariances are not wanted, infinite.
    pub(super) fn spread(&self) -> f64 {
        let k = self.eta.len();
        let of = |lanes: &[f64], i: usize| lanes[i * LANES..][..LANES].iter().sum::<f64>();
        let number = |s: usize| of(&self.squares, s * k + s).powi(2) / of(&self.fourth, s);
        if self.squares.is_empty() { f64::INFINITY } else { (0..k).map(number).fold(f64::INFINITY, f64::min) }
    }
    /// The log-normaliser, the means, and the covariance where it was wanted.
    pub(super) fn moments(&self) -> (f64, Vec<f64>, Option<Vec<f64>>) {
        let k = self.eta.len();
        let of = |lanes: &[f64], i: usize| lanes[i * LANES..][..LANES].iter().sum::<f64>();
        let total = of(&self.sums, 0);
        let off: Vec<f64> = (0..k).map(|s| of(&self.sums, 1 + s) / total).collect();
        let cov = (!self.squares.is_empty()).then(|| {
            let entry = |i: usize, j: usize| of(&self.squares, i.max(j) * k + i.min(j)) / total - off[i] * off[j];
            (0..k * k).map(|at| entry(at / k, at % k)).collect()
        });
        (self.shift + total.ln(), self.center.iter().zip(&off).map(|(c, o)| c + o).collect(), cov)
    }
}

impl Table {
    /// Sum over the points of `tiles` tiles for all rows; `p` has room for all points.
    fn sweep(&self, rows: &mut [Sweep], tiles: usize, p: &mut Aligned) {
        let mut live: Vec<u32> = Vec::with_capacity(tiles);
        for row in rows.iter_mut() {
            live.clear();
            self.sweep_row(row, tiles, p, &mut live);
        }
    }
    /// Sum over the points of `tiles` tiles for one row. The tiles that count come to `live`, their probabilities to `p`.
    pub(super) fn sweep_row(&self, row: &mut Sweep, tiles: usize, p: &mut Aligned, live: &mut Vec<u32>) {
        let mut overflow = self.overflow.iter().map(|m| *m as usize).peekable();
        for tile in 0..tiles {
            let (start, mut top) = (tile * TILE, f64::NEG_INFINITY);
            let (t, offset, p) = (self.t[start..].as_ptr(), self.offset[start..].as_ptr(), &mut p[start..start + TILE]);
            // The arrays of the table have TILE numbers from `start` on, `stride` apart; those of a row are as long as
            // Sweep::new made them.
            unsafe {
                exponent(t, offset, row.eta.as_ptr(), self.k, self.stride, TILE, p.as_mut_ptr(), &mut top);
                while let Some(m) = overflow.next_if(|m| *m < start + TILE) {
                    p[m - start] = self.at(m, &row.eta);
                    top = p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                }
                if top < row.floor {
                    continue;
                }
                let (center, sums) = (row.center.as_ptr(), row.sums.as_mut_ptr());
                sweep_first(t, self.k, self.stride, TILE, row.shift, center, p.as_mut_ptr(), sums);
            }
            live.push(tile as u32);
        }
        if !row.squares.is_empty() {
            let (center, n, room, squares) =
                (row.center.as_ptr(), tiles * TILE, row.room.as_mut_ptr(), row.squares.as_mut_ptr());
            // As above; the live tiles lie in the arrays, and p holds their probabilities.
            unsafe {
                second_moments(self.t.as_ptr(), p.as_ptr(), live, center, self.k, self.stride, n, room, squares);
                fourth_moments(self.t.as_ptr(), p.as_ptr(), live, center, self.k, self.stride, n, row.fourth.as_mut_ptr());
            }
        }
    }
}

/// Working memory of the moments of a table.
pub(super) struct Work {
    /// The weighted density over its maximum, in the live pieces.
    p: Aligned,
    /// Pieces that are not negligible.
    live: Vec<u32>,
    /// Sum of p.
    total: f64,
}

impl Work {
    /// The weighted density over its maximum at `n` points; zero where it is negligible.
    pub(super) fn density(&self, n: usize) -> Vec<f64> {
        let mut out = vec![0.0; n];
        for piece in &self.live {
            let range = *piece as usize * PIECE..n.min((*piece as usize + 1) * PIECE);
            out[range.clone()].copy_from_slice(&self.p[range]);
        }
        out
    }
    pub(super) fn new() -> Work {
        Work { p: Aligned::filled(0, 0.0), live: vec![], total: 0.0 }
    }
}
