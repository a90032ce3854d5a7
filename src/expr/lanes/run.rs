//! The kernel that runs an entry of a program on a block of lanes.
#![allow(clippy::needless_range_loop)] // kernels count through several arrays of registers in step

use super::math;
use super::simd::Simd;
use crate::expr::op::Op;
use crate::expr::tape::{Code, Entry, Instruction, TILE};

// Macros, not functions of closures: a closure has no instruction set of its own, and where it is called twice the
// compiler keeps it out of line, at a tenth of the speed.

/// dst = f(a), two vectors at a time.
macro_rules! map1 {
    ($ins:ident, $pool:ident, $lanes:ident, |$x:ident| $f:expr) => {{
        let (dst, a) = ($pool.add($ins.dst as usize), $pool.add($ins.a as usize));
        for i in (0..$lanes).step_by(2 * S::N) {
            let first = {
                let $x = S::load(a.add(i));
                $f
            };
            let second = {
                let $x = S::load(a.add(i + S::N));
                $f
            };
            S::store(dst.add(i), first);
            S::store(dst.add(i + S::N), second);
        }
    }};
}

/// dst = f(a, b).
macro_rules! map2 {
    ($ins:ident, $pool:ident, $lanes:ident, |$x:ident, $y:ident| $f:expr) => {{
        let (dst, a, b) = ($pool.add($ins.dst as usize), $pool.add($ins.a as usize), $pool.add($ins.b as usize));
        for i in (0..$lanes).step_by(2 * S::N) {
            let first = {
                let ($x, $y) = (S::load(a.add(i)), S::load(b.add(i)));
                $f
            };
            let second = {
                let ($x, $y) = (S::load(a.add(i + S::N)), S::load(b.add(i + S::N)));
                $f
            };
            S::store(dst.add(i), first);
            S::store(dst.add(i + S::N), second);
        }
    }};
}

/// dst = f(a, b, c).
macro_rules! map3 {
    ($ins:ident, $pool:ident, $lanes:ident, |$x:ident, $y:ident, $z:ident| $f:expr) => {{
        let (dst, a) = ($pool.add($ins.dst as usize), $pool.add($ins.a as usize));
        let (b, c) = ($pool.add($ins.b as usize), $pool.add($ins.c as usize));
        for i in (0..$lanes).step_by(S::N) {
            let ($x, $y, $z) = (S::load(a.add(i)), S::load(b.add(i)), S::load(c.add(i)));
            S::store(dst.add(i), $f);
        }
    }};
}

/// dst = f(a); where a lane is beyond the limit of the fast functions, the canonical value instead.
macro_rules! trig {
    ($op:ident, $ins:ident, $pool:ident, $lanes:ident, |$x:ident| $f:expr) => {{
        let (dst, a) = ($pool.add($ins.dst as usize), $pool.add($ins.a as usize));
        let mut widest = S::splat(0.0);
        for i in (0..$lanes).step_by(2 * S::N) {
            let (one, two) = (S::load(a.add(i)), S::load(a.add(i + S::N)));
            // Nested so that a NaN, which max drops on its left, hides no wide lane.
            widest = S::max(S::abs(one), S::max(S::abs(two), widest));
            let first = {
                let $x = one;
                $f
            };
            let second = {
                let $x = two;
                $f
            };
            S::store(dst.add(i), first);
            S::store(dst.add(i + S::N), second);
        }
        if S::any(S::lt(S::splat(math::TRIG_LIMIT), widest)) {
            scalar($op, $ins, $pool, $lanes);
        }
    }};
}

dispatch! {
    /// Run `entry` on `lanes` lanes (a multiple of 16) of `pool`.
    ///
    /// # Safety
    /// All offsets of `entry` plus `lanes` must lie inside the pool.
    pub(crate) unsafe fn run = kernel(entry: &Entry, pool: *mut f64, lanes: usize)
}

#[inline(always)]
unsafe fn kernel<S: Simd>(entry: &Entry, pool: *mut f64, lanes: usize) {
    unsafe {
        for ins in &entry.code {
            match ins.code {
                Code::Apply(op) => apply::<S>(op, ins, pool, lanes),
                Code::Fma => map3!(ins, pool, lanes, |a, b, c| S::fma(a, b, c)),
                Code::Dot => match (ins.b, ins.c) {
                    (2, 1) => short_dot::<S, 2>(ins, &entry.terms, pool, lanes),
                    (3, 1) => short_dot::<S, 3>(ins, &entry.terms, pool, lanes),
                    (4, 1) => short_dot::<S, 4>(ins, &entry.terms, pool, lanes),
                    _ => dot::<S>(ins, &entry.terms, pool, lanes),
                },
                Code::Affine => affine::<S>(ins, entry, pool, lanes),
                Code::Rows => match ins.c {
                    5 => rows::<S, 5>(ins, &entry.terms, pool, lanes),
                    4 => rows::<S, 4>(ins, &entry.terms, pool, lanes),
                    3 => rows::<S, 3>(ins, &entry.terms, pool, lanes),
                    _ => rows::<S, 2>(ins, &entry.terms, pool, lanes),
                },
            }
        }
    }
}

#[inline(always)]
unsafe fn apply<S: Simd>(op: Op, ins: &Instruction, pool: *mut f64, lanes: usize) {
    unsafe {
        let zero = S::splat(0.0);
        match op {
            Op::Add => map2!(ins, pool, lanes, |a, b| S::add(a, b)),
            Op::Sub => map2!(ins, pool, lanes, |a, b| S::sub(a, b)),
            Op::Mul => map2!(ins, pool, lanes, |a, b| S::mul(a, b)),
            Op::Div => map2!(ins, pool, lanes, |a, b| S::div(a, b)),
            Op::Min => map2!(ins, pool, lanes, |a, b| S::select(S::lt(b, a), b, a)),
            Op::Max => map2!(ins, pool, lanes, |a, b| S::select(S::lt(a, b), b, a)),
            Op::Neg => map1!(ins, pool, lanes, |a| S::neg(a)),
            Op::Abs => map1!(ins, pool, lanes, |a| S::abs(a)),
            Op::Sign => map1!(ins, pool, lanes, |a| {
                let unit = S::copysign(S::splat(1.0), a);
                S::select(S::lt(zero, S::abs(a)), unit, S::select(S::eq(a, a), zero, a))
            }),
            Op::Floor => map1!(ins, pool, lanes, |a| S::floor(a)),
            Op::Sqrt => map1!(ins, pool, lanes, |a| S::sqrt(a)),
            Op::Exp => map1!(ins, pool, lanes, |a| math::exp::<S>(a)),
            Op::Expm1 => map1!(ins, pool, lanes, |a| math::expm1::<S>(a)),
            Op::Log => map1!(ins, pool, lanes, |a| math::log::<S>(a)),
            Op::Log1p => map1!(ins, pool, lanes, |a| math::log1p::<S>(a)),
            Op::Sin => trig!(op, ins, pool, lanes, |x| math::sin::<S>(x)),
            Op::Cos => trig!(op, ins, pool, lanes, |x| math::cos::<S>(x)),
            Op::Tan => trig!(op, ins, pool, lanes, |x| S::div(math::sin::<S>(x), math::cos::<S>(x))),
            Op::Sinh => map1!(ins, pool, lanes, |a| math::sinh::<S>(a)),
            Op::Cosh => map1!(ins, pool, lanes, |a| math::cosh::<S>(a)),
            Op::Tanh => map1!(ins, pool, lanes, |a| math::tanh::<S>(a)),
            Op::Sigmoid => map1!(ins, pool, lanes, |a| math::sigmoid::<S>(a)),
            Op::Softplus => map1!(ins, pool, lanes, |a| math::softplus::<S>(a)),
            Op::Relu => map1!(ins, pool, lanes, |a| S::select(S::le(a, zero), zero, a)),
            Op::Less => map2!(ins, pool, lanes, |a, b| S::flag(S::lt(a, b))),
            Op::LessEqual => map2!(ins, pool, lanes, |a, b| S::flag(S::le(a, b))),
            Op::Equal => map2!(ins, pool, lanes, |a, b| S::flag(S::eq(a, b))),
            Op::And => map2!(ins, pool, lanes, |a, b| {
                S::select(S::eq(a, zero), zero, S::select(S::eq(b, zero), zero, S::splat(1.0)))
            }),
            Op::Or => map2!(ins, pool, lanes, |a, b| {
                S::select(S::eq(a, zero), S::select(S::eq(b, zero), zero, S::splat(1.0)), S::splat(1.0))
            }),
            Op::Not => map1!(ins, pool, lanes, |a| S::flag(S::eq(a, zero))),
            Op::Select => map3!(ins, pool, lanes, |c, a, b| S::select(S::eq(c, zero), b, a)),
            Op::Pow
            | Op::Atan2
            | Op::ExpQuotient
            | Op::Cbrt
            | Op::Asin
            | Op::Acos
            | Op::Atan
            | Op::Erf
            | Op::Erfc
            | Op::Lgamma
            | Op::Digamma
            | Op::Trigamma
            | Op::Polygamma => scalar(op, ins, pool, lanes),
        }
    }
}

/// Lane by lane through the canonical value.
#[inline(never)]
unsafe fn scalar(op: Op, ins: &Instruction, pool: *mut f64, lanes: usize) {
    unsafe {
        let value = op.info().value;
        for i in 0..lanes {
            let at = |offset: u32| *pool.add(offset as usize + i);
            *pool.add(ins.dst as usize + i) = value([at(ins.a), at(ins.b), at(ins.c)]);
        }
    }
}

#[inline(always)]
unsafe fn dot<S: Simd>(ins: &Instruction, terms: &[u32], pool: *mut f64, lanes: usize) {
    unsafe {
        let terms = terms.as_ptr().add(ins.a as usize);
        let (pairs, plain) = (ins.b as usize, ins.c as usize);
        let dst = pool.add(ins.dst as usize);
        for i in (0..lanes).step_by(2 * S::N) {
            let (mut s, mut t) = (S::splat(0.0), S::splat(0.0));
            for p in 0..plain {
                let a = pool.add(*terms.add(2 * pairs + p) as usize + i);
                (s, t) = (S::add(s, S::load(a)), S::add(t, S::load(a.add(S::N))));
            }
            for p in 0..pairs {
                let (a, b) = (pool.add(*terms.add(2 * p) as usize + i), pool.add(*terms.add(2 * p + 1) as usize + i));
                s = S::fma(S::load(a), S::load(b), s);
                t = S::fma(S::load(a.add(S::N)), S::load(b.add(S::N)), t);
            }
            S::store(dst.add(i), s);
            S::store(dst.add(i + S::N), t);
        }
    }
}

/// P products and one plain term: the offsets stay in registers.
#[inline(always)]
unsafe fn short_dot<S: Simd, const P: usize>(ins: &Instruction, terms: &[u32], pool: *mut f64, lanes: usize) {
    unsafe {
        let terms = terms.as_ptr().add(ins.a as usize);
        let mut left = [pool; P];
        let mut right = [pool; P];
        for p in 0..P {
            (left[p], right[p]) = (pool.add(*terms.add(2 * p) as usize), pool.add(*terms.add(2 * p + 1) as usize));
        }
        let (plain, dst) = (pool.add(*terms.add(2 * P) as usize), pool.add(ins.dst as usize));
        for i in (0..lanes).step_by(S::N) {
            let mut s = S::load(plain.add(i));
            for p in 0..P {
                s = S::fma(S::load(left[p].add(i)), S::load(right[p].add(i)), s);
            }
            S::store(dst.add(i), s);
        }
    }
}

#[inline(always)]
unsafe fn rows<S: Simd, const R: usize>(ins: &Instruction, terms: &[u32], pool: *mut f64, lanes: usize) {
    unsafe {
        let head = terms.as_ptr().add(ins.a as usize);
        let body = head.add(2 * R);
        for i in (0..lanes).step_by(2 * S::N) {
            let mut s = [S::splat(0.0); R];
            let mut t = s;
            for r in 0..R {
                let init = pool.add(*head.add(2 * r + 1) as usize + i);
                (s[r], t[r]) = (S::load(init), S::load(init.add(S::N)));
            }
            let mut term = body;
            for _ in 0..ins.b {
                let right = pool.add(*term as usize + i);
                let (x, y) = (S::load(right), S::load(right.add(S::N)));
                for r in 0..R {
                    let left = pool.add(*term.add(1 + r) as usize + i);
                    s[r] = S::fma(S::load(left), x, s[r]);
                    t[r] = S::fma(S::load(left.add(S::N)), y, t[r]);
                }
                term = term.add(1 + R);
            }
            for r in 0..R {
                let dst = pool.add(*head.add(2 * r) as usize + i);
                S::store(dst, s[r]);
                S::store(dst.add(S::N), t[r]);
            }
        }
    }
}

/// Outputs of an affine map, TILE at a time; the numbers lie in the order in which they are read.
#[inline(always)]
unsafe fn affine<S: Simd>(ins: &Instruction, entry: &Entry, pool: *mut f64, lanes: usize) {
    unsafe {
        let (inputs, outputs) = (ins.b as usize, ins.c as usize);
        let from = entry.terms.as_ptr().add(ins.a as usize);
        let to = from.add(inputs);
        let mut numbers = entry.weights.as_ptr().add(ins.dst as usize);
        for first in (0..outputs).step_by(TILE) {
            let size = TILE.min(outputs - first);
            match size {
                4 => affine_tile::<S, 4>(from, inputs, to.add(first), numbers, pool, lanes),
                3 => affine_tile::<S, 3>(from, inputs, to.add(first), numbers, pool, lanes),
                2 => affine_tile::<S, 2>(from, inputs, to.add(first), numbers, pool, lanes),
                _ => affine_tile::<S, 1>(from, inputs, to.add(first), numbers, pool, lanes),
            }
            numbers = numbers.add(size * (inputs + 1));
        }
    }
}

#[inline(always)]
unsafe fn affine_tile<S: Simd, const R: usize>(
    from: *const u32,
    inputs: usize,
    to: *const u32,
    numbers: *const f64,
    pool: *mut f64,
    lanes: usize,
) {
    unsafe {
        for i in (0..lanes).step_by(2 * S::N) {
            let mut s = [S::splat(0.0); R];
            for r in 0..R {
                s[r] = S::splat(*numbers.add(r));
            }
            let mut t = s;
            let mut weight = numbers.add(R);
            for input in 0..inputs {
                let x = pool.add(*from.add(input) as usize + i);
                let (x, y) = (S::load(x), S::load(x.add(S::N)));
                for r in 0..R {
                    let w = S::splat(*weight.add(r));
                    s[r] = S::fma(w, x, s[r]);
                    t[r] = S::fma(w, y, t[r]);
                }
                weight = weight.add(R);
            }
            for r in 0..R {
                let dst = pool.add(*to.add(r) as usize + i);
                S::store(dst, s[r]);
                S::store(dst.add(S::N), t[r]);
            }
        }
    }
}
