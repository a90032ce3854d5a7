//! The exponent of a clique on many points, statistic by statistic, and its moments under one eta.
#![allow(clippy::needless_range_loop)] // kernels count through several arrays of registers in step

use crate::expr::lanes::simd::Simd;
use crate::expr::lanes::{Aligned, math};
use crate::family::Clique;

/// Points with log weights, coordinate by coordinate.
pub(super) struct Points {
    /// Coordinates, [d][n].
    pub x: Vec<Vec<f64>>,
    /// Log weights, `[n]`.
    pub log_weights: Vec<f64>,
}

/// Numbers of an array are summed in this many: the widest vector.
const LANES: usize = 8;
/// Points that are handled while their statistics are in the cache.
const CHUNK: usize = 512;
/// Points that are left out together where all of them are negligible.
const PIECE: usize = 64;
/// How far below the greatest a weighted density is negligible, in nats.
const NEGLIGIBLE: f64 = 45.0;
/// Stands for what overflows.
const HUGE: f64 = 1e300;

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
        let (n, k, program) = (points.log_weights.len(), clique.statistics.len(), clique.program());
        let stride = n.next_multiple_of(LANES);
        let (mut t, mut offset) = (Aligned::filled(k * stride, 0.0), Aligned::filled(stride, f64::NEG_INFINITY));
        let (mut undefined, mut baseless) = (f64::INFINITY, f64::INFINITY);
        let reach = |m: usize| points.x.iter().map(|x| x[m].abs()).fold(0.0, f64::max);
        let (w, mut pool) = (program.lanes(), program.pool());
        for start in (0..n).step_by(w) {
            let count = w.min(n - start);
            for (j, x) in points.x.iter().enumerate() {
                let slots = program.coordinate(&mut pool, j);
                slots[..count].copy_from_slice(&x[start..start + count]);
                slots[count..].fill(x[start + count - 1]);
            }
            program.run(&mut pool, Clique::STATISTICS);
            let base = program.output(&pool, Clique::STATISTICS, k);
            for lane in 0..count {
                let sum = base[lane] + points.log_weights[start + lane];
                if sum.is_nan() {
                    baseless = baseless.min(reach(start + lane));
                }
                offset[start + lane] = if sum.is_nan() { f64::NEG_INFINITY } else { sum.min(HUGE) };
            }
            for s in 0..k {
                let values = program.output(&pool, Clique::STATISTICS, s);
                for (lane, value) in values.iter().copied().enumerate().take(count) {
                    if offset[start + lane] == f64::NEG_INFINITY {
                        continue;
                    }
                    if value.is_nan() {
                        undefined = undefined.min(reach(start + lane));
                        offset[start + lane] = f64::NEG_INFINITY;
                    } else {
                        t[s * stride + start + lane] = value.clamp(-HUGE, HUGE);
                    }
                }
            }
        }
        let overflow = |m: &u32| (0..k).any(|s| t[s * stride + *m as usize].abs() == HUGE);
        let overflow = (0..n as u32).filter(|m| offset[*m as usize] > f64::NEG_INFINITY && overflow(m)).collect();
        // A point that lost its mass at a later statistic keeps none of the values of the earlier ones.
        for m in (0..n).filter(|m| offset[*m] == f64::NEG_INFINITY) {
            (0..k).for_each(|s| t[s * stride + m] = 0.0);
        }
        Table { n, stride, k, t, offset, overflow, undefined, baseless }
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
            exponent(self.t.as_ptr(), self.offset.as_ptr(), eta.as_ptr(), self.k, self.stride, out.as_mut_ptr(), &mut top);
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
        let mut sums = vec![0.0; self.k + 1];
        // As above; `sums` has k + 1 numbers, and the live pieces lie in the arrays.
        unsafe { first_moments(self.t.as_ptr(), self.k, self.stride, &work.live, top, work.p.as_mut_ptr(), sums.as_mut_ptr()) };
        work.total = sums[self.k];
        sums.truncate(self.k);
        sums.iter_mut().for_each(|s| *s /= work.total);
        (top + work.total.ln(), sums)
    }
    /// The covariance of the shares, [k, k], from what [`Table::mean`] left.
    pub(super) fn covariance(&self, work: &Work, mu: &[f64]) -> Vec<f64> {
        let k = self.k;
        if work.live.is_empty() {
            return vec![f64::NAN; k * k];
        }
        let mut lanes = Aligned::filled(k * k * LANES, 0.0);
        // `p` has `stride` numbers, `lanes` LANES for each entry.
        unsafe {
            second_moments(self.t.as_ptr(), work.p.as_ptr(), &work.live, mu.as_ptr(), k, self.stride, lanes.as_mut_ptr());
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
    pub(super) fn new() -> Work {
        Work { p: Aligned::filled(0, 0.0), live: vec![], total: 0.0 }
    }
}

dispatch! {
    /// out = offset + eta . t, with the greatest.
    unsafe fn exponent = exponent_kernel(t: *const f64, offset: *const f64, eta: *const f64, k: usize, n: usize, out: *mut f64, top: &mut f64)
}
dispatch! {
    /// p = exp(p - top); the sums of p t, then of p.
    unsafe fn first_moments = first_kernel(t: *const f64, k: usize, n: usize, live: &[u32], top: f64, p: *mut f64, sums: *mut f64)
}
dispatch! {
    /// The sums of p (t_i - mu_i) (t_j - mu_j) for j <= i, in lanes.
    unsafe fn second_moments = second_kernel(t: *const f64, p: *const f64, live: &[u32], mu: *const f64, k: usize, n: usize, lanes: *mut f64)
}
dispatch! {
    /// x = exp(x) in place, for a number of values that is a multiple of eight.
    pub(super) unsafe fn exponentials = exponentials_kernel(x: *mut f64, n: usize)
}

#[inline(always)]
unsafe fn exponentials_kernel<S: Simd>(x: *mut f64, n: usize) {
    unsafe {
        for m in (0..n).step_by(S::N) {
            S::store(x.add(m), math::exp::<S>(S::load(x.add(m))));
        }
    }
}

#[inline(always)]
unsafe fn exponent_kernel<S: Simd>(
    t: *const f64,
    offset: *const f64,
    eta: *const f64,
    k: usize,
    n: usize,
    out: *mut f64,
    top: &mut f64,
) {
    unsafe {
        const TOGETHER: usize = 4;
        let mut most = S::splat(f64::NEG_INFINITY);
        let mut m = 0;
        while m < n {
            // Whole bunches of vectors while they last, then the rest one by one.
            let bunch = if m + TOGETHER * S::N <= n { TOGETHER } else { 1 };
            let mut sums = [S::splat(0.0); TOGETHER];
            for b in 0..bunch {
                sums[b] = S::load(offset.add(m + b * S::N));
            }
            for s in 0..k {
                let (e, t) = (S::splat(*eta.add(s)), t.add(s * n + m));
                for b in 0..bunch {
                    sums[b] = S::fma(e, S::load(t.add(b * S::N)), sums[b]);
                }
            }
            for b in 0..bunch {
                S::store(out.add(m + b * S::N), sums[b]);
                most = S::max(sums[b], most);
            }
            m += bunch * S::N;
        }
        *top = each::<S>(most).iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }
}

/// The points of a piece.
#[inline(always)]
fn points_of(piece: u32, n: usize) -> std::ops::Range<usize> {
    let start = piece as usize * PIECE;
    start..n.min(start + PIECE)
}

#[inline(always)]
unsafe fn first_kernel<S: Simd>(t: *const f64, k: usize, n: usize, live: &[u32], top: f64, p: *mut f64, sums: *mut f64) {
    unsafe {
        let top = S::splat(top);
        let mut total = S::splat(0.0);
        for piece in live {
            for m in points_of(*piece, n).step_by(S::N) {
                let value = math::exp::<S>(S::sub(S::load(p.add(m)), top));
                S::store(p.add(m), value);
                total = S::add(total, value);
            }
        }
        *sums.add(k) = each::<S>(total).iter().sum();
        for s in 0..k {
            let mut parts = [S::splat(0.0); 4];
            let t = t.add(s * n);
            for piece in live {
                for (i, m) in points_of(*piece, n).step_by(S::N).enumerate() {
                    parts[i % 4] = S::fma(S::load(p.add(m)), S::load(t.add(m)), parts[i % 4]);
                }
            }
            let sum = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
            *sums.add(s) = each::<S>(sum).iter().sum();
        }
    }
}

/// Rows and columns of a tile of second moments.
const TILE: usize = 4;

#[inline(always)]
unsafe fn second_kernel<S: Simd>(
    t: *const f64,
    p: *const f64,
    live: &[u32],
    mu: *const f64,
    k: usize,
    n: usize,
    lanes: *mut f64,
) {
    unsafe {
        for bunch in live.chunks(CHUNK / PIECE) {
            for i0 in (0..k).step_by(TILE) {
                for j0 in (0..=i0).step_by(TILE) {
                    // Past the last statistic the last is repeated, and its sums are not kept.
                    let at = |first: usize, a: usize| (first + a).min(k - 1);
                    let mut sums = [[S::splat(0.0); TILE]; TILE];
                    let (mut center_i, mut center_j) = ([S::splat(0.0); TILE], [S::splat(0.0); TILE]);
                    for a in 0..TILE {
                        center_i[a] = S::splat(*mu.add(at(i0, a)));
                        center_j[a] = S::splat(*mu.add(at(j0, a)));
                    }
                    for m in bunch.iter().flat_map(|piece| points_of(*piece, n).step_by(S::N)) {
                        let weight = S::load(p.add(m));
                        let (mut left, mut right) = ([S::splat(0.0); TILE], [S::splat(0.0); TILE]);
                        for a in 0..TILE {
                            left[a] = S::mul(weight, S::sub(S::load(t.add(at(i0, a) * n + m)), center_i[a]));
                            right[a] = S::sub(S::load(t.add(at(j0, a) * n + m)), center_j[a]);
                        }
                        for a in 0..TILE {
                            for b in 0..TILE {
                                sums[a][b] = S::fma(left[a], right[b], sums[a][b]);
                            }
                        }
                    }
                    for a in 0..TILE.min(k - i0) {
                        for b in 0..TILE.min(k - j0) {
                            let out = lanes.add(((i0 + a) * k + j0 + b) * LANES);
                            S::store(out, S::add(S::load(out), sums[a][b]));
                        }
                    }
                }
            }
        }
    }
}

/// The numbers of a vector; zero past its end.
#[inline(always)]
unsafe fn each<S: Simd>(v: S::F) -> [f64; LANES] {
    let mut out = [0.0; LANES];
    let mut full = [0.0; 2 * LANES];
    unsafe { S::store(full.as_mut_ptr(), v) };
    out[..S::N].copy_from_slice(&full[..S::N]);
    out
}
