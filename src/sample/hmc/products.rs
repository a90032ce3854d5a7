//! Sums of products of series that lie in lanes: the rank-k updates of covariances.
#![allow(clippy::needless_range_loop)] // kernels count through several arrays of registers in step

use crate::expr::lanes::Isa;
use crate::expr::lanes::simd::Simd;

/// How many neighbouring lane vectors, all of the same row of eta, share their sums. Where it is above one, the chains of a
/// row are so many whole vectors.
pub(super) fn fold(w: usize, chains: usize) -> usize {
    let doubles = std::iter::successors(Some(1), |f| Some(2 * f));
    let together = |f: &usize| [w, chains].iter().all(|n| n % (f * Isa::detect().lanes()) == 0);
    doubles.take_while(|f| *f == 1 || together(f)).last().unwrap_or(1)
}

dispatch! {
    /// Add to `out`, [i (i + 1) / 2 + j, W / fold], the products of series i >= j of a tile, `n` series `stride` numbers
    /// apart, summed over `count` draws and over `fold` neighbouring lane vectors.
    pub(super) unsafe fn triangle = triangle_kernel(tile: *const f64, n: usize, stride: usize, count: usize, w: usize, fold: usize, out: *mut f64)
}
dispatch! {
    /// The same for the products of series i of `left` and j of `right`; `out` is [i, j, W / fold].
    pub(super) unsafe fn rectangle = rectangle_kernel(left: &Side, right: &Side, count: usize, w: usize, fold: usize, out: *mut f64)
}

/// `n` series of a tile, `stride` numbers apart.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub tile: *const f64,
    pub n: usize,
    pub stride: usize,
}

/// Rows and columns of a tile of products: twelve sums, three left and one right operand fit sixteen registers.
const ROWS: usize = 3;
const COLUMNS: usize = 4;

/// What a tile of products reads and writes. Without a width it is the lower triangle of one side with itself.
#[derive(Clone, Copy)]
struct Products {
    left: Side,
    right: Side,
    count: usize,
    w: usize,
    fold: usize,
    out: *mut f64,
    out_stride: usize,
    width: Option<usize>,
}

#[inline(always)]
unsafe fn triangle_kernel<S: Simd>(
    tile: *const f64,
    n: usize,
    stride: usize,
    count: usize,
    w: usize,
    fold: usize,
    out: *mut f64,
) {
    let side = Side { tile, n, stride };
    unsafe { products::<S>(Products { left: side, right: side, count, w, fold, out, out_stride: w / fold, width: None }) }
}

#[inline(always)]
unsafe fn rectangle_kernel<S: Simd>(left: &Side, right: &Side, count: usize, w: usize, fold: usize, out: *mut f64) {
    let (left, right, width) = (*left, *right, Some(right.n));
    unsafe { products::<S>(Products { left, right, count, w, fold, out, out_stride: w / fold, width }) }
}

#[inline(always)]
unsafe fn products<S: Simd>(p: Products) {
    unsafe {
        for i in (0..p.out_stride).step_by(S::N) {
            let mut at = p;
            (at.left.tile, at.right.tile) = (p.left.tile.add(i * p.fold), p.right.tile.add(i * p.fold));
            at.out = p.out.add(i);
            for row in (0..p.left.n).step_by(ROWS) {
                let rows = ROWS.min(p.left.n - row);
                let end = p.width.unwrap_or(row + rows);
                for column in (0..end).step_by(COLUMNS) {
                    let columns = COLUMNS.min(end - column);
                    match (rows, columns) {
                        (3, 4) => product_tile::<S, 3, 4>(at, row, column),
                        (3, 3) => product_tile::<S, 3, 3>(at, row, column),
                        (3, 2) => product_tile::<S, 3, 2>(at, row, column),
                        (3, 1) => product_tile::<S, 3, 1>(at, row, column),
                        (2, 4) => product_tile::<S, 2, 4>(at, row, column),
                        (2, 3) => product_tile::<S, 2, 3>(at, row, column),
                        (2, 2) => product_tile::<S, 2, 2>(at, row, column),
                        (2, 1) => product_tile::<S, 2, 1>(at, row, column),
                        (1, 4) => product_tile::<S, 1, 4>(at, row, column),
                        (1, 3) => product_tile::<S, 1, 3>(at, row, column),
                        (1, 2) => product_tile::<S, 1, 2>(at, row, column),
                        _ => product_tile::<S, 1, 1>(at, row, column),
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn product_tile<S: Simd, const R: usize, const C: usize>(p: Products, row: usize, column: usize) {
    unsafe {
        let mut total = [[S::splat(0.0); C]; R];
        let (left, right) = (p.left.tile.add(row * p.left.stride), p.right.tile.add(column * p.right.stride));
        for f in 0..p.fold {
            for t in 0..p.count {
                let at = t * p.w + f * S::N;
                let mut x = [S::splat(0.0); R];
                for r in 0..R {
                    x[r] = S::load(left.add(r * p.left.stride + at));
                }
                for c in 0..C {
                    let y = S::load(right.add(c * p.right.stride + at));
                    for r in 0..R {
                        total[r][c] = S::fma(x[r], y, total[r][c]);
                    }
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                let (i, j) = (row + r, column + c);
                let index = match p.width {
                    Some(width) => i * width + j,
                    None if j <= i => i * (i + 1) / 2 + j,
                    None => continue,
                };
                let to = p.out.add(index * p.out_stride);
                S::store(to, S::add(S::load(to), total[r][c]));
            }
        }
    }
}
