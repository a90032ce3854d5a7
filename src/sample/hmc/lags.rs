//! Products of series at lags, summed in lanes as the draws come, on a pyramid of coarser and coarser series.
//!
//! The effective sample size needs the autocovariance up to the lag where it vanishes. The first level has the draws
//! themselves and [`LAGS`] lags; each next level has the means of [`COARSER`] values of the one below, so that as many lags
//! reach four times as far. The variance of the mean of all draws is the same on every level (the method of batch means), so
//! the finest level on which the initial sequence ends answers.
#![allow(clippy::needless_range_loop)] // kernels count through several arrays of registers in step

use crate::expr::lanes::Aligned;
use crate::expr::lanes::simd::Simd;

/// Draws that are summed together; a multiple of [`COARSER`].
pub(super) const TILE: usize = 16;
/// Lags 0, 1, ... whose products are summed.
const LAGS: usize = 8;
/// Values of a level that make one of the next.
const COARSER: usize = 4;
/// A level with fewer values in each half of a chain is not made.
const SHORTEST: usize = 12;
/// Values that a statistic has in a window: those before the tile, then the tile.
const WINDOW: usize = LAGS + TILE;

/// One level: the open tile of its series, and sums over what came before. All in lanes.
pub(super) struct Level {
    statistics: usize,
    w: usize,
    /// Values in each half of a chain.
    half: usize,
    /// Values of the present half that have been summed.
    seen: usize,
    /// Values in the open tile that came from the level below.
    filled: usize,
    /// [statistic][WINDOW, W]; before the first value of a half lie zeros.
    window: Aligned,
    /// The first values of the present half, [statistic][LAGS, W].
    head: Aligned,
    /// Sums of products of the present half about 0, [statistic][LAGS, W].
    raw: Aligned,
    /// Sums of products of the finished halves about their means, [statistic][LAGS, W].
    sums: Aligned,
    /// Means of the halves (sums until a half is finished), [2][statistic, W].
    means: Aligned,
}

impl Level {
    /// The levels for halves of `half` draws.
    pub(super) fn pyramid(statistics: usize, half: usize, w: usize) -> Vec<Level> {
        let zeros = |n: usize| Aligned::filled(statistics * n * w, 0.0);
        let level = |half: usize| Level {
            statistics,
            w,
            half,
            seen: 0,
            filled: 0,
            window: zeros(WINDOW),
            head: zeros(LAGS),
            raw: zeros(LAGS),
            sums: zeros(LAGS),
            means: zeros(2),
        };
        let lengths = std::iter::successors(Some(half), |h| Some(h / COARSER).filter(|h| *h >= SHORTEST));
        lengths.map(level).collect()
    }
    /// Number of lags.
    pub(super) fn lags() -> usize {
        LAGS
    }
    /// Values in each half of a chain.
    pub(super) fn length(&self) -> usize {
        self.half
    }
    /// Where draw `t` of the tile goes, and the distance from statistic to statistic.
    pub(super) fn place(&mut self, t: usize) -> (*mut f64, usize) {
        let at = (LAGS + t.min(TILE - 1)) * self.w;
        (self.window[at..].as_mut_ptr(), WINDOW * self.w)
    }
    /// The tile, and the distance from statistic to statistic.
    pub(super) fn tile(&self) -> (*const f64, usize) {
        (self.window[LAGS * self.w..].as_ptr(), WINDOW * self.w)
    }
    /// Value `t` of the tile of statistic `s`, `[W]`.
    pub(super) fn value(&self, s: usize, t: usize) -> &[f64] {
        &self.window[(s * WINDOW + LAGS + t) * self.w..][..self.w]
    }
    /// Value `t` of the tile of statistic `s`, `[W]`.
    pub(super) fn value_mut(&mut self, s: usize, t: usize) -> &mut [f64] {
        &mut self.window[(s * WINDOW + LAGS + t) * self.w..][..self.w]
    }
    /// Mean of statistic `s` over a finished half, `[W]`.
    pub(super) fn mean(&self, part: usize, s: usize) -> &[f64] {
        &self.means[(part * self.statistics + s) * self.w..][..self.w]
    }
    /// Sum of the products of statistic `s` at a lag over the finished halves, about their means, `[W]`.
    pub(super) fn lag(&self, s: usize, lag: usize) -> &[f64] {
        &self.sums[(s * LAGS + lag) * self.w..][..self.w]
    }
    /// Sum the `count` values in the tile of the first level, and hand their means up; `last` says that they end half `part`.
    pub(super) fn close(levels: &mut [Level], count: usize, last: bool, part: usize) {
        let Some((level, above)) = levels.split_first_mut() else { return };
        let count = count.min(level.half - level.seen);
        if let Some(next) = above.first_mut() {
            // What does not fill the last value of the half is left out.
            let groups = (count / COARSER).min(TILE - next.filled);
            // The tile has groups * COARSER values, and the one above room for groups more.
            unsafe {
                let (from, stride) = level.tile();
                let (to, _) = next.place(next.filled);
                coarsen(from, level.statistics, stride, groups, level.w, to);
            }
            next.filled += groups;
        }
        level.sum(count, part);
        (level.seen, level.filled) = (level.seen + count, 0);
        if last {
            level.finish(part);
        }
        if let Some(next) = above.first().map(|l| l.filled).filter(|f| last || *f == TILE) {
            Level::close(above, next, last, part);
        }
    }
    fn sum(&mut self, count: usize, part: usize) {
        let before = self.seen;
        for s in 0..self.statistics {
            for t in before..LAGS.min(before + count) {
                let from = (s * WINDOW + LAGS + t - before) * self.w;
                let value = &self.window[from..from + self.w];
                self.head[(s * LAGS + t) * self.w..][..self.w].copy_from_slice(value);
            }
        }
        // The window has LAGS + TILE >= LAGS + count values a statistic, the sums LAGS, the means one.
        unsafe {
            let (window, raw) = (self.window.as_mut_ptr(), self.raw.as_mut_ptr());
            let means = self.means.as_mut_ptr().add(part * self.statistics * self.w);
            lag_products(window, self.statistics, count, self.w, raw, means);
        }
    }
    /// Centre the sums of the half, add them to those of the finished halves, and begin anew.
    fn finish(&mut self, part: usize) {
        // All arrays have the lengths of Level::pyramid.
        unsafe { center(self, part) };
        self.window.fill(0.0);
        self.raw.fill(0.0);
        self.seen = 0;
    }
}

dispatch! {
    /// Add to `raw`, [n][LAGS, W], the products of each of the `count` values of a tile with those before it, and to `total`,
    /// [n, W], the values. Then move the last LAGS values before the tile.
    unsafe fn lag_products = lag_kernel(window: *mut f64, n: usize, count: usize, w: usize, raw: *mut f64, total: *mut f64)
}
dispatch! {
    /// The means of `groups` times COARSER successive values of each of `n` statistics.
    unsafe fn coarsen = coarsen_kernel(from: *const f64, n: usize, stride: usize, groups: usize, w: usize, to: *mut f64)
}
dispatch! {
    /// Add to `level.sums` the raw sums of half `part` about its means, which replace its totals.
    unsafe fn center = center_kernel(level: &mut Level, part: usize)
}

#[inline(always)]
unsafe fn lag_kernel<S: Simd>(window: *mut f64, n: usize, count: usize, w: usize, raw: *mut f64, total: *mut f64) {
    unsafe {
        for s in 0..n {
            for i in (0..w).step_by(S::N) {
                let window = window.add(s * WINDOW * w + i);
                let raw = raw.add(s * LAGS * w + i);
                let mut sums = [S::splat(0.0); LAGS];
                for k in 0..LAGS {
                    sums[k] = S::load(raw.add(k * w));
                }
                let mut sum = S::load(total.add(s * w + i));
                for t in 0..count {
                    let now = window.add((LAGS + t) * w);
                    let x = S::load(now);
                    sum = S::add(sum, x);
                    for k in 0..LAGS {
                        sums[k] = S::fma(x, S::load(now.sub(k * w)), sums[k]);
                    }
                }
                for k in 0..LAGS {
                    S::store(raw.add(k * w), sums[k]);
                    S::store(window.add(k * w), S::load(window.add((count + k) * w)));
                }
                S::store(total.add(s * w + i), sum);
            }
        }
    }
}

#[inline(always)]
unsafe fn coarsen_kernel<S: Simd>(from: *const f64, n: usize, stride: usize, groups: usize, w: usize, to: *mut f64) {
    unsafe {
        for s in 0..n {
            for g in 0..groups {
                for i in (0..w).step_by(S::N) {
                    let from = from.add(s * stride + g * COARSER * w + i);
                    let mut sum = S::load(from);
                    for t in 1..COARSER {
                        sum = S::add(sum, S::load(from.add(t * w)));
                    }
                    S::store(to.add(s * stride + g * w + i), S::mul(sum, S::splat(1.0 / COARSER as f64)));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn center_kernel<S: Simd>(level: &mut Level, part: usize) {
    unsafe {
        let (w, n) = (level.w, level.half as f64);
        let lags = LAGS.min(level.half);
        for s in 0..level.statistics {
            for i in (0..w).step_by(S::N) {
                let mean_at = level.means.as_mut_ptr().add((part * level.statistics + s) * w + i);
                let total = S::load(mean_at);
                let mean = S::div(total, S::splat(n));
                let twice = S::add(total, total);
                let (mut first, mut last) = (S::splat(0.0), S::splat(0.0));
                for k in 0..lags {
                    // Products of t and t + k: without the last k values on the left, the first k on the right.
                    let at = (s * LAGS + k) * w + i;
                    let ends = S::sub(twice, S::add(first, last));
                    let square = S::mul(S::splat(n - k as f64), mean);
                    let correction = S::mul(mean, S::sub(square, ends));
                    let sums = level.sums.as_mut_ptr().add(at);
                    let raw = S::load(level.raw.as_ptr().add(at));
                    S::store(sums, S::add(S::load(sums), S::add(raw, correction)));
                    first = S::add(first, S::load(level.head.as_ptr().add(at)));
                    last = S::add(last, S::load(level.window.as_ptr().add((s * WINDOW + LAGS - 1 - k) * w + i)));
                }
                S::store(mean_at, mean);
            }
        }
    }
}
