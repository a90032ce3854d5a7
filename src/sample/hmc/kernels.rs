//! Lane kernels of HMC: momentum refresh, leapfrog, accept. Arrays are [m, W] or `[W]`; `w` is a multiple of 16.

use crate::expr::lanes::math;
use crate::expr::lanes::run;
use crate::expr::lanes::simd::Simd;
use crate::expr::tape::Entry;

/// Pointers into one block of W chains with m coordinates.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    /// Number of chains W.
    pub w: usize,
    /// Number of unconstrained coordinates m.
    pub m: usize,
    /// The pool of the program: coordinates first, gradient at `offsets`.
    pub pool: *mut f64,
    /// Momentum, [m, W].
    pub momentum: *mut f64,
    /// Position at the start of the trajectory, [m, W].
    pub start: *mut f64,
    /// Gradient at the current state, [m, W].
    pub gradient: *mut f64,
    /// Diagonal of the inverse mass, [m, W].
    pub inverse_mass: *const f64,
    /// Square root of the diagonal of the mass, [m, W].
    pub root_mass: *const f64,
    /// The second normal of a pair, kept for the next refresh where m is odd, `[W]`.
    pub spare: *mut f64,
    /// Log density at the current state, `[W]`.
    pub value: *mut f64,
    /// Kinetic energy at the start, `[W]`.
    pub kinetic: *mut f64,
    /// Step size of this trajectory, `[W]`.
    pub step: *mut f64,
    /// Number of leapfrogs, `[W]`.
    pub steps: *const f64,
    /// Whether all chains take the same number of leapfrogs.
    pub together: bool,
    /// Step size times inverse mass, [m, W]; made at the start of a trajectory.
    pub drift: *mut f64,
    /// Uniform variate of the accept step, `[W]`.
    pub uniform: *mut f64,
    /// Acceptance probability of the last trajectory, `[W]`.
    pub acceptance: *mut f64,
    /// 1 where the last trajectory diverged, `[W]`.
    pub diverged: *mut f64,
    /// Whether the support is cut off by a condition: a trajectory that ends beyond is refused, and is no divergence.
    pub walls: bool,
    /// Where the trajectory ended before it was accepted or not, [m, W], with its velocity, [m, W]; null where nobody asks.
    pub end: *mut f64,
    pub velocity: *mut f64,
}

/// Energy error beyond which a trajectory counts as divergent (Stan's value).
const DIVERGENCE: f64 = -1000.0;

dispatch! {
    /// Draw momenta with the mass in `root_mass`, a jittered step and the accept variate from the generators
    /// `state`, [4, W]. Where m is odd, `spare` says whether the last coordinate takes the kept normal or makes a pair.
    pub(super) unsafe fn refresh = refresh_kernel(l: &Lanes, state: *mut u64, base_step: *const f64, jitter: f64, spare: bool)
}
dispatch! {
    /// A whole trajectory from the present state, of as many leapfrogs as the longest chain takes, and the Metropolis step.
    /// `gradient` and `both` are the entries of the gradient, and of value and gradient.
    pub(super) unsafe fn trajectory = trajectory_kernel(l: &Lanes, gradient: &Entry, both: &Entry, leapfrogs: usize)
}
dispatch! {
    /// Add to `sum` and `square`, [rows, W], the entries at `offsets` of the pool less `shift`, [rows, W], and their squares.
    pub(super) unsafe fn accumulate = accumulate_kernel(pool: *const f64, w: usize, offsets: &[u32], shift: *const f64, sum: *mut f64, square: *mut f64)
}

#[inline(always)]
unsafe fn next<S: Simd>(state: *mut u64, w: usize, i: usize) -> S::U {
    unsafe {
        let (p0, p1, p2, p3) = (state.add(i), state.add(w + i), state.add(2 * w + i), state.add(3 * w + i));
        let (s0, s1, s2, s3) = (S::load_bits(p0), S::load_bits(p1), S::load_bits(p2), S::load_bits(p3));
        let out = S::uadd(S::rotate::<23, 41>(S::uadd(s0, s3)), s0);
        let t = S::shl::<17>(s1);
        let s2 = S::uxor(s2, s0);
        let s3 = S::uxor(s3, s1);
        let s1 = S::uxor(s1, s2);
        let s0 = S::uxor(s0, s3);
        let s2 = S::uxor(s2, t);
        S::store_bits(p0, s0);
        S::store_bits(p1, s1);
        S::store_bits(p2, s2);
        S::store_bits(p3, S::rotate::<45, 19>(s3));
        out
    }
}

/// Uniform on (0, 1) from the upper 52 bits: the middle of each of 2^52 cells.
#[inline(always)]
unsafe fn uniform<S: Simd>(bits: S::U) -> S::F {
    unsafe {
        let one_to_two = S::from_bits(S::uor(S::shr::<12>(bits), S::usplat(0x3ff0_0000_0000_0000)));
        S::sub(one_to_two, S::splat(1.0 - 0.5 * f64::EPSILON))
    }
}

/// Two independent standard normals (Box and Muller 1958).
#[inline(always)]
unsafe fn normals<S: Simd>(state: *mut u64, w: usize, i: usize) -> (S::F, S::F) {
    unsafe {
        let u = uniform::<S>(next::<S>(state, w, i));
        let v = uniform::<S>(next::<S>(state, w, i));
        let radius = S::sqrt(S::mul(S::splat(-2.0), math::log_normal::<S>(u)));
        // Angle 2 pi v: quadrant q of 4 v, and the rest in [-1/2, 1/2] of a quarter turn.
        let turns = S::mul(v, S::splat(4.0));
        let magic = S::add(turns, S::splat(6_755_399_441_055_744.0));
        let rest = S::sub(turns, S::sub(magic, S::splat(6_755_399_441_055_744.0)));
        let (s, c) = math::trig_kernel::<S>(S::mul(rest, S::splat(std::f64::consts::FRAC_PI_2)));
        let q = S::bits(magic);
        let swap = S::eq(S::from_bits(S::uand(q, S::usplat(1))), S::splat(0.0));
        let (sine, cosine) = (S::select(swap, s, c), S::select(swap, c, s));
        let sine = S::from_bits(S::uxor(S::bits(sine), S::shl::<62>(S::uand(q, S::usplat(2)))));
        let cosine = S::from_bits(S::uxor(S::bits(cosine), S::shl::<62>(S::uand(S::uadd(q, S::usplat(1)), S::usplat(2)))));
        (S::mul(radius, cosine), S::mul(radius, sine))
    }
}

#[inline(always)]
unsafe fn refresh_kernel<S: Simd>(l: &Lanes, state: *mut u64, base_step: *const f64, jitter: f64, spare: bool) {
    unsafe {
        let l = *l;
        for i in (0..l.w).step_by(S::N) {
            let put = |j: usize, normal: S::F| {
                let at = j * l.w + i;
                S::store(l.momentum.add(at), S::mul(normal, S::load(l.root_mass.add(at))));
            };
            for j in (1..l.m).step_by(2) {
                let (a, b) = normals::<S>(state, l.w, i);
                put(j - 1, a);
                put(j, b);
            }
            if l.m % 2 == 1 {
                if spare {
                    put(l.m - 1, S::load(l.spare.add(i)));
                } else {
                    let (a, b) = normals::<S>(state, l.w, i);
                    put(l.m - 1, a);
                    S::store(l.spare.add(i), b);
                }
            }
            let step = S::load(base_step.add(i));
            let step = if jitter > 0.0 {
                // Uniform on [1 - 2 jitter / 3, 1 + jitter / 3] times the base.
                let u = uniform::<S>(next::<S>(state, l.w, i));
                S::mul(step, S::fma(u, S::splat(jitter), S::splat(1.0 - jitter * (2.0 / 3.0))))
            } else {
                step
            };
            S::store(l.step.add(i), step);
            S::store(l.uniform.add(i), uniform::<S>(next::<S>(state, l.w, i)));
        }
    }
}

#[inline(always)]
unsafe fn trajectory_kernel<S: Simd>(l: &Lanes, gradient: &Entry, both: &Entry, leapfrogs: usize) {
    unsafe {
        first_kernel::<S>(l);
        for done in 1..=leapfrogs {
            let entry = if done == leapfrogs { both } else { gradient };
            // Through the dispatcher: one copy of the interpreter for each instruction set, whose closures then inline.
            run::run(entry, l.pool, l.w);
            if done < leapfrogs {
                middle_kernel::<S>(l, &entry.outputs, done as f64);
            }
        }
        last_kernel::<S>(l, &both.outputs);
    }
}

/// First half kick and drift, from the current state.
#[inline(always)]
unsafe fn first_kernel<S: Simd>(l: &Lanes) {
    unsafe {
        let l = *l;
        for i in (0..l.w).step_by(S::N) {
            let step = S::load(l.step.add(i));
            let half = S::mul(step, S::splat(0.5));
            let mut kinetic = S::splat(0.0);
            for j in 0..l.m {
                let at = j * l.w + i;
                let (p, v, z) = (S::load(l.momentum.add(at)), S::load(l.inverse_mass.add(at)), S::load(l.pool.add(at)));
                kinetic = S::fma(S::mul(v, p), p, kinetic);
                S::store(l.start.add(at), z);
                let p = S::fma(half, S::load(l.gradient.add(at)), p);
                let drift = S::mul(step, v);
                S::store(l.drift.add(at), drift);
                S::store(l.momentum.add(at), p);
                S::store(l.pool.add(at), S::fma(drift, p, z));
            }
            S::store(l.kinetic.add(i), S::mul(kinetic, S::splat(0.5)));
        }
    }
}

/// Full kick with the gradient at `offsets`, then drift, as leapfrog number `done` + 1.
#[inline(always)]
unsafe fn middle_kernel<S: Simd>(l: &Lanes, offsets: &[u32], done: f64) {
    unsafe {
        let l = *l;
        if l.together {
            for i in (0..l.w).step_by(S::N) {
                let step = S::load(l.step.add(i));
                for j in 0..l.m {
                    let at = j * l.w + i;
                    let g = S::load(l.pool.add(*offsets.get_unchecked(j) as usize + i));
                    let p = S::fma(step, g, S::load(l.momentum.add(at)));
                    S::store(l.momentum.add(at), p);
                    S::store(l.pool.add(at), S::fma(S::load(l.drift.add(at)), p, S::load(l.pool.add(at))));
                }
            }
            return;
        }
        for i in (0..l.w).step_by(S::N) {
            let (step, steps) = (S::load(l.step.add(i)), S::load(l.steps.add(i)));
            // A chain whose trajectory is over moves no further; its last half kick comes with everyone's, from the same
            // entry, so that it does not depend on its neighbours' lengths to the last digit.
            let kick = S::select(S::lt(S::splat(done), steps), step, S::splat(0.0));
            for j in 0..l.m {
                let at = j * l.w + i;
                let g = S::load(l.pool.add(*offsets.get_unchecked(j) as usize + i));
                let p = S::fma(kick, g, S::load(l.momentum.add(at)));
                S::store(l.momentum.add(at), p);
                let v = S::mul(kick, S::load(l.inverse_mass.add(at)));
                S::store(l.pool.add(at), S::fma(v, p, S::load(l.pool.add(at))));
            }
        }
    }
}

/// Last half kick and the Metropolis step; `offsets` lists value and gradient.
#[inline(always)]
unsafe fn last_kernel<S: Simd>(l: &Lanes, offsets: &[u32]) {
    unsafe {
        let l = *l;
        for i in (0..l.w).step_by(S::N) {
            let half = S::mul(S::load(l.step.add(i)), S::splat(0.5));
            let mut kinetic = S::splat(0.0);
            for j in 0..l.m {
                let at = j * l.w + i;
                let g = S::load(l.pool.add(*offsets.get_unchecked(j + 1) as usize + i));
                let p = S::fma(half, g, S::load(l.momentum.add(at)));
                let velocity = S::mul(S::load(l.inverse_mass.add(at)), p);
                kinetic = S::fma(velocity, p, kinetic);
                if !l.end.is_null() {
                    S::store(l.end.add(at), S::load(l.pool.add(at)));
                    S::store(l.velocity.add(at), velocity);
                }
            }
            let value = S::load(l.pool.add(*offsets.get_unchecked(0) as usize + i));
            let old = S::load(l.value.add(i));
            let energy = S::add(S::sub(value, old), S::fma(S::splat(-0.5), kinetic, S::load(l.kinetic.add(i))));
            // NaN compares false: it neither survives nor is accepted.
            let alive = S::lt(S::splat(DIVERGENCE), energy);
            let probability = S::select(alive, math::exp::<S>(S::min(S::splat(0.0), energy)), S::splat(0.0));
            let accept = S::lt(S::load(l.uniform.add(i)), probability);
            S::store(l.acceptance.add(i), probability);
            let lost = S::select(alive, S::splat(0.0), S::splat(1.0));
            let beyond = S::eq(value, S::splat(f64::NEG_INFINITY));
            S::store(l.diverged.add(i), if l.walls { S::select(beyond, S::splat(0.0), lost) } else { lost });
            S::store(l.value.add(i), S::select(accept, value, old));
            for j in 0..l.m {
                let at = j * l.w + i;
                let g = S::load(l.pool.add(*offsets.get_unchecked(j + 1) as usize + i));
                S::store(l.gradient.add(at), S::select(accept, g, S::load(l.gradient.add(at))));
                S::store(l.pool.add(at), S::select(accept, S::load(l.pool.add(at)), S::load(l.start.add(at))));
            }
        }
    }
}

#[inline(always)]
unsafe fn accumulate_kernel<S: Simd>(
    pool: *const f64,
    w: usize,
    offsets: &[u32],
    shift: *const f64,
    sum: *mut f64,
    square: *mut f64,
) {
    unsafe {
        for (r, offset) in offsets.iter().enumerate() {
            for i in (0..w).step_by(S::N) {
                let at = r * w + i;
                let x = S::sub(S::load(pool.add(*offset as usize + i)), S::load(shift.add(at)));
                S::store(sum.add(at), S::add(S::load(sum.add(at)), x));
                S::store(square.add(at), S::fma(x, x, S::load(square.add(at))));
            }
        }
    }
}
