//! Sums over the points of a table, in vectors: arrays are [statistic][n], `stride` numbers apart.
#![allow(clippy::needless_range_loop, clippy::too_many_arguments)] // kernels count through several arrays of registers in step

use super::lattice::TILE;
use crate::expr::lanes::math;
use crate::expr::lanes::simd::Simd;

/// Numbers of an array are summed in this many: the widest vector.
pub(super) const LANES: usize = 8;
/// Points that are left out together where all of them are negligible: a tile of a lattice.
pub(super) const PIECE: usize = TILE;

dispatch! {
    /// out = offset + eta . t, with the greatest.
    pub(super) unsafe fn exponent = exponent_kernel(t: *const f64, offset: *const f64, eta: *const f64, k: usize, stride: usize, n: usize, out: *mut f64, top: &mut f64)
}
dispatch! {
    /// p = exp(p - top); the sums of p t, then of p.
    pub(super) unsafe fn first_moments = first_kernel(t: *const f64, k: usize, n: usize, live: &[u32], top: f64, p: *mut f64, sums: *mut f64)
}
dispatch! {
    /// The sums of p (t - mu)^2 over the live pieces.
    pub(super) unsafe fn squares = squares_kernel(t: *const f64, p: *const f64, live: &[u32], mu: *const f64, k: usize, n: usize, sums: *mut f64)
}
dispatch! {
    /// p = exp(p - shift); add the sums of p, then of p (t - center), in lanes.
    pub(super) unsafe fn sweep_first = sweep_kernel(t: *const f64, k: usize, stride: usize, n: usize, shift: f64, center: *const f64, p: *mut f64, lanes: *mut f64)
}
dispatch! {
    /// The sums of p (t_i - mu_i) (t_j - mu_j) for j <= i, in lanes; `work` has room for [`second_work`] numbers.
    pub(super) unsafe fn second_moments = second_kernel(t: *const f64, p: *const f64, live: &[u32], mu: *const f64, k: usize, stride: usize, n: usize, work: *mut f64, lanes: *mut f64)
}
dispatch! {
    /// Add the sums of (p (t - mu)^2)^2 over the live pieces, in lanes.
    pub(super) unsafe fn fourth_moments = fourth_kernel(t: *const f64, p: *const f64, live: &[u32], mu: *const f64, k: usize, stride: usize, n: usize, lanes: *mut f64)
}
dispatch! {
    /// out = from, row by row, for a number of values each that is a multiple of eight; whether all are less than [`HUGE`] in size.
    pub(super) unsafe fn copy = copy_kernel(from: &[*const f64], n: usize, out: *mut f64, stride: usize, plain: &mut bool)
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

/// Stands for what overflows.
pub(super) const HUGE: f64 = 1e300;

#[inline(always)]
unsafe fn copy_kernel<S: Simd>(from: &[*const f64], n: usize, out: *mut f64, stride: usize, plain: &mut bool) {
    unsafe {
        // Times this what is huge is infinite, and that times nothing is not a number.
        let (scale, nothing) = (S::splat(f64::MAX / HUGE * 1.001), S::splat(0.0));
        let mut wild = [nothing; 2];
        for (s, from) in from.iter().enumerate() {
            let out = out.add(s * stride);
            for (i, m) in (0..n).step_by(S::N).enumerate() {
                let v = S::load(from.add(m));
                S::store(out.add(m), v);
                wild[i % 2] = S::fma(S::mul(v, scale), nothing, wild[i % 2]);
            }
        }
        let all = S::add(wild[0], wild[1]);
        *plain = each::<S>(all)[..S::N].iter().all(|v| *v == 0.0);
    }
}

#[inline(always)]
unsafe fn exponent_kernel<S: Simd>(
    t: *const f64,
    offset: *const f64,
    eta: *const f64,
    k: usize,
    stride: usize,
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
                let (e, t) = (S::splat(*eta.add(s)), t.add(s * stride + m));
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
        // Not the zeros past the end of a short vector.
        *top = each::<S>(most)[..S::N].iter().copied().fold(f64::NEG_INFINITY, f64::max);
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

#[inline(always)]
unsafe fn squares_kernel<S: Simd>(
    t: *const f64,
    p: *const f64,
    live: &[u32],
    mu: *const f64,
    k: usize,
    n: usize,
    sums: *mut f64,
) {
    unsafe {
        for s in 0..k {
            let (t, mu) = (t.add(s * n), S::splat(*mu.add(s)));
            let mut parts = [S::splat(0.0); 4];
            for piece in live {
                for (i, m) in points_of(*piece, n).step_by(S::N).enumerate() {
                    let off = S::sub(S::load(t.add(m)), mu);
                    parts[i % 4] = S::fma(S::mul(S::load(p.add(m)), off), off, parts[i % 4]);
                }
            }
            let sum = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
            *sums.add(s) = each::<S>(sum).iter().sum();
        }
    }
}

#[inline(always)]
unsafe fn sweep_kernel<S: Simd>(
    t: *const f64,
    k: usize,
    stride: usize,
    n: usize,
    shift: f64,
    center: *const f64,
    p: *mut f64,
    lanes: *mut f64,
) {
    unsafe {
        let shift = S::splat(shift);
        let mut total = S::load(lanes);
        for m in (0..n).step_by(S::N) {
            let value = math::exp::<S>(S::sub(S::load(p.add(m)), shift));
            S::store(p.add(m), value);
            total = S::add(total, value);
        }
        S::store(lanes, total);
        for s in 0..k {
            let (t, c, out) = (t.add(s * stride), S::splat(*center.add(s)), lanes.add((1 + s) * LANES));
            let mut parts = [S::load(out), S::splat(0.0), S::splat(0.0), S::splat(0.0)];
            for (i, m) in (0..n).step_by(S::N).enumerate() {
                parts[i % 4] = S::fma(S::load(p.add(m)), S::sub(S::load(t.add(m)), c), parts[i % 4]);
            }
            S::store(out, S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3])));
        }
    }
}

#[inline(always)]
unsafe fn fourth_kernel<S: Simd>(
    t: *const f64,
    p: *const f64,
    live: &[u32],
    mu: *const f64,
    k: usize,
    stride: usize,
    n: usize,
    lanes: *mut f64,
) {
    unsafe {
        for s in 0..k {
            let (t, mu, out) = (t.add(s * stride), S::splat(*mu.add(s)), lanes.add(s * LANES));
            let mut parts = [S::load(out), S::splat(0.0)];
            for piece in live {
                for (i, m) in points_of(*piece, n).step_by(S::N).enumerate() {
                    let off = S::sub(S::load(t.add(m)), mu);
                    let part = S::mul(S::mul(S::load(p.add(m)), off), off);
                    parts[i % 2] = S::fma(part, part, parts[i % 2]);
                }
            }
            S::store(out, S::add(parts[0], parts[1]));
        }
    }
}

/// Rows and columns of second moments that are summed together: with their factors they fill sixteen registers.
const ROWS: usize = 4;
const COLUMNS: usize = 2;
/// Pieces whose deviations are held at a time.
const HELD: usize = 2;

/// Numbers of working memory that second moments of `k` statistics take.
pub(super) fn second_work(k: usize) -> usize {
    2 * k * HELD * PIECE
}

#[inline(always)]
unsafe fn second_kernel<S: Simd>(
    t: *const f64,
    p: *const f64,
    live: &[u32],
    mu: *const f64,
    k: usize,
    stride: usize,
    n: usize,
    work: *mut f64,
    lanes: *mut f64,
) {
    unsafe {
        const ROOM: usize = HELD * PIECE;
        let (plain, weighted) = (work, work.add(k * ROOM));
        for bunch in live.chunks(HELD) {
            // Deviations from the means, as they are and with their weights.
            let mut held = 0;
            for m in bunch.iter().flat_map(|piece| points_of(*piece, n).step_by(S::N)) {
                let weight = S::load(p.add(m));
                for s in 0..k {
                    let off = S::sub(S::load(t.add(s * stride + m)), S::splat(*mu.add(s)));
                    S::store(plain.add(s * ROOM + held), off);
                    S::store(weighted.add(s * ROOM + held), S::mul(weight, off));
                }
                held += S::N;
            }
            for i0 in (0..k).step_by(ROWS) {
                // Past the last statistic the last is repeated, and its sums are not kept: half a bunch of rows where that is enough.
                match k - i0 {
                    1 | 2 => block::<S, { ROWS / 2 }>(plain, weighted, held, (i0, k), lanes),
                    _ => block::<S, ROWS>(plain, weighted, held, (i0, k), lanes),
                }
            }
        }
    }
}

/// Second moments of the rows from `i0` on with all up to them.
#[inline(always)]
unsafe fn block<S: Simd, const R: usize>(
    plain: *const f64,
    weighted: *const f64,
    held: usize,
    (i0, k): (usize, usize),
    lanes: *mut f64,
) {
    unsafe {
        const ROOM: usize = HELD * PIECE;
        let at = |first: usize, a: usize| (first + a).min(k - 1) * ROOM;
        for j0 in (0..k.min(i0 + R)).step_by(COLUMNS) {
            let mut sums = [[S::splat(0.0); COLUMNS]; R];
            for m in (0..held).step_by(S::N) {
                let mut right = [S::splat(0.0); COLUMNS];
                for b in 0..COLUMNS {
                    right[b] = S::load(plain.add(at(j0, b) + m));
                }
                for a in 0..R {
                    let left = S::load(weighted.add(at(i0, a) + m));
                    for b in 0..COLUMNS {
                        sums[a][b] = S::fma(left, right[b], sums[a][b]);
                    }
                }
            }
            for a in 0..R.min(k - i0) {
                for b in 0..COLUMNS.min(k - j0) {
                    let out = lanes.add(((i0 + a) * k + j0 + b) * LANES);
                    S::store(out, S::add(S::load(out), sums[a][b]));
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
