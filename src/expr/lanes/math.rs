//! Transcendental functions on lanes.
//!
//! Reductions and polynomials follow FDLIBM (Sun Microsystems, 1993: log, sin, cos, kernel coefficients) and Cephes
//! (Moshier: tanh), with a Taylor kernel for exp. Errors against libm, tested in the suite: exp, log below 2 units in
//! the last place; sin, cos below 3e-16 absolute for |x| < 1e5 (beyond that each lane goes through libm); tanh, sigmoid, expm1,
//! log1p, softplus below 5 units. NaN, infinities and subnormals as in IEEE.

#![allow(clippy::excessive_precision)] // published coefficients stand as published

use super::simd::Simd;

/// 1.5 * 2^52: adding it rounds to the nearest whole number, which then stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LN2_HI: f64 = 6.931_471_803_691_238_16e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_70e-10;

#[inline(always)]
unsafe fn horner<S: Simd>(x: S::F, coefficients: &[f64]) -> S::F {
    unsafe {
        let mut y = S::splat(coefficients[0]);
        for c in &coefficients[1..] {
            y = S::fma(y, x, S::splat(*c));
        }
        y
    }
}

/// (n, r) with x = n ln 2 + r, |r| <= ln(2) / 2; n with the magic number still added.
#[inline(always)]
unsafe fn reduce_exp<S: Simd>(x: S::F) -> (S::F, S::F) {
    unsafe {
        let magic = S::fma(x, S::splat(std::f64::consts::LOG2_E), S::splat(ROUND));
        let n = S::sub(magic, S::splat(ROUND));
        let r = S::fma(n, S::splat(-LN2_HI), x);
        (magic, S::fma(n, S::splat(-LN2_LO), r))
    }
}

/// (exp(r) - 1 - r) / r^2 for |r| <= 0.347: interpolation at Chebyshev nodes, relative error of exp 2e-17.
#[inline(always)]
unsafe fn exp_kernel<S: Simd>(r: S::F) -> S::F {
    unsafe {
        // Even and odd parts run side by side.
        let q = S::mul(r, r);
        let even = horner::<S>(
            q,
            &[
                2.762_020_159_103_154_7e-7,
                2.480_152_105_786_820_4e-5,
                1.388_888_891_736_708_1e-3,
                4.166_666_666_662_382_4e-2,
                0.5,
            ],
        );
        let odd = horner::<S>(
            q,
            &[
                2.510_047_250_569_499_6e-8,
                2.755_726_827_690_569_6e-6,
                1.984_126_986_317_155_7e-4,
                8.333_333_333_330_039e-3,
                0.166_666_666_666_666_69,
            ],
        );
        S::fma(odd, r, even)
    }
}

#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let x = S::min(S::splat(710.0), S::max(S::splat(-746.0), x));
        let (magic, r) = reduce_exp::<S>(x);
        let y = S::add(S::splat(1.0), S::fma(S::mul(r, r), exp_kernel::<S>(r), r));
        S::scale(y, magic)
    }
}

#[inline(always)]
pub(crate) unsafe fn expm1<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let small = S::fma(S::mul(x, x), exp_kernel::<S>(x), x);
        let large = S::sub(exp::<S>(x), S::splat(1.0));
        S::select(S::lt(S::abs(x), S::splat(0.346)), small, large)
    }
}

/// log of a positive normal number.
#[inline(always)]
pub(crate) unsafe fn log_normal<S: Simd>(x: S::F) -> S::F {
    unsafe {
        const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
        let t = S::uadd(S::bits(x), S::usplat(0x3ff0_0000_0000_0000 - ROOT_HALF));
        let m = S::from_bits(S::uadd(S::uand(t, S::usplat(0x000f_ffff_ffff_ffff)), S::usplat(ROOT_HALF)));
        // The exponent as a double: put it into the mantissa of 2^52.
        let e = S::from_bits(S::uor(S::shr::<52>(t), S::usplat(0x4330_0000_0000_0000)));
        let e = S::sub(e, S::splat(4_503_599_627_370_496.0 + 1023.0));
        let f = S::sub(m, S::splat(1.0));
        let s = S::div(f, S::add(S::splat(2.0), f));
        let z = S::mul(s, s);
        let w = S::mul(z, z);
        let even = &[1.531_383_769_920_937_332e-1, 2.222_219_843_214_978_396e-1, 3.999_999_999_940_941_908e-1];
        let t1 = S::mul(w, horner::<S>(w, even));
        let odd = &[
            1.479_819_860_511_658_591e-1,
            1.818_357_216_161_805_012e-1,
            2.857_142_874_366_239_149e-1,
            6.666_666_666_666_735_130e-1,
        ];
        let r = S::fma(z, horner::<S>(w, odd), t1);
        let half = S::mul(S::mul(f, f), S::splat(0.5));
        let low = S::fma(s, S::add(half, r), S::mul(e, S::splat(LN2_LO)));
        S::fma(e, S::splat(LN2_HI), S::add(S::sub(low, half), f))
    }
}

#[inline(always)]
pub(crate) unsafe fn log<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let tiny = S::lt(x, S::splat(f64::MIN_POSITIVE));
        let scaled = S::select(tiny, S::mul(x, S::splat(18_014_398_509_481_984.0)), x);
        let shift = S::select(tiny, S::splat(-54.0), S::splat(0.0));
        let y = S::fma(shift, S::splat(std::f64::consts::LN_2), log_normal::<S>(scaled));
        let y = S::select(S::eq(x, S::splat(f64::INFINITY)), x, y);
        let y = S::select(S::eq(x, S::splat(0.0)), S::splat(f64::NEG_INFINITY), y);
        // Negative numbers and NaN.
        S::select(S::le(S::splat(0.0), x), y, S::splat(f64::NAN))
    }
}

#[inline(always)]
pub(crate) unsafe fn log1p<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let u = S::add(S::splat(1.0), x);
        let lost = S::sub(x, S::sub(u, S::splat(1.0)));
        let y = S::add(log::<S>(u), S::div(lost, u));
        let y = S::select(S::eq(u, S::splat(1.0)), x, y);
        let y = S::select(S::eq(x, S::splat(f64::INFINITY)), x, y);
        S::select(S::eq(x, S::splat(-1.0)), S::splat(f64::NEG_INFINITY), y)
    }
}

/// Largest argument of the fast sine and cosine.
pub(crate) const TRIG_LIMIT: f64 = 1e5;

/// sin r for |r| <= pi / 2: r + r^3 q(r^2), interpolation at Chebyshev nodes, relative error 4e-17.
#[inline(always)]
unsafe fn sine_kernel<S: Simd>(r: S::F) -> S::F {
    unsafe {
        let z = S::mul(r, r);
        let q = horner::<S>(z, SINE);
        S::fma(S::mul(z, r), q, r)
    }
}

/// Coefficients of q, highest first.
const SINE: &[f64] = &[
    2.7312868913092307e-15,
    -7.643957622560617e-13,
    1.6058976915095007e-10,
    -2.505210761086116e-08,
    2.7557319219115013e-06,
    -0.00019841269841254795,
    0.008333333333333316,
    -0.16666666666666666,
];

/// sin x for |x| <= [`TRIG_LIMIT`]: x = n pi + r, sin x = (-1)^n sin r.
#[inline(always)]
pub(crate) unsafe fn sin<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let magic = S::fma(x, S::splat(std::f64::consts::FRAC_1_PI), S::splat(ROUND));
        let n = S::sub(magic, S::splat(ROUND));
        let r = S::fnma_exact(n, S::splat(std::f64::consts::PI), x);
        let r = S::fnma_exact(n, S::splat(1.224_646_799_147_353_2e-16), r);
        S::from_bits(S::uxor(S::bits(sine_kernel::<S>(r)), S::shl::<63>(S::bits(magic))))
    }
}

/// cos x for |x| <= [`TRIG_LIMIT`]: x = (n + 1/2) pi + r, cos x = -(-1)^n sin r.
#[inline(always)]
pub(crate) unsafe fn cos<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let magic = S::add(S::fma(x, S::splat(std::f64::consts::FRAC_1_PI), S::splat(-0.5)), S::splat(ROUND));
        let halves = S::fma(S::sub(magic, S::splat(ROUND)), S::splat(2.0), S::splat(1.0));
        let r = S::fnma_exact(halves, S::splat(std::f64::consts::FRAC_PI_2), x);
        let r = S::fnma_exact(halves, S::splat(6.123_233_995_736_766e-17), r);
        let sign = S::shl::<63>(S::uadd(S::bits(magic), S::usplat(1)));
        S::from_bits(S::uxor(S::bits(sine_kernel::<S>(r)), sign))
    }
}

/// (sin, cos) of |r| <= pi / 4.
#[inline(always)]
pub(crate) unsafe fn trig_kernel<S: Simd>(r: S::F) -> (S::F, S::F) {
    unsafe {
        let z = S::mul(r, r);
        let sine = &[
            1.589_690_995_211_550_1e-10,
            -2.505_076_025_340_686_3e-8,
            2.755_731_370_707_006_8e-6,
            -1.984_126_982_985_795e-4,
            8.333_333_333_322_49e-3,
            -1.666_666_666_666_663_2e-1,
        ];
        let cosine = &[
            -1.135_964_755_778_819_5e-11,
            2.087_572_321_298_175e-9,
            -2.755_731_435_139_066_3e-7,
            2.480_158_728_947_673e-5,
            -1.388_888_888_887_411e-3,
            4.166_666_666_666_66e-2,
        ];
        let s = S::fma(S::mul(z, r), horner::<S>(z, sine), r);
        let half = S::mul(z, S::splat(0.5));
        let w = S::sub(S::splat(1.0), half);
        let lost = S::sub(S::sub(S::splat(1.0), w), half);
        let c = S::add(w, S::fma(S::mul(z, z), horner::<S>(z, cosine), lost));
        (s, c)
    }
}

#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let a = S::abs(x);
        let z = S::mul(x, x);
        let p = horner::<S>(z, &[-9.643_991_794_250_522_4e-1, -9.928_772_310_019_185_9e1, -1.614_687_684_417_084_5e3]);
        let q = horner::<S>(z, &[1.0, 1.128_116_784_916_329_3e2, 2.235_488_390_601_004_5e3, 4.844_063_053_251_255e3]);
        let e = exp::<S>(S::add(a, a));
        let small_branch = S::lt(a, S::splat(0.625));
        // One division for both branches.
        let numerator = S::select(small_branch, S::mul(S::mul(x, z), p), S::splat(-2.0));
        let denominator = S::select(small_branch, q, S::add(e, S::splat(1.0)));
        let quotient = S::div(numerator, denominator);
        let large = S::copysign(S::add(S::splat(1.0), quotient), x);
        S::select(small_branch, S::add(x, quotient), S::select(S::eq(x, x), large, x))
    }
}

#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::neg(x))))
    }
}

#[inline(always)]
pub(crate) unsafe fn softplus<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let tail = log1p::<S>(exp::<S>(S::neg(S::abs(x))));
        S::add(S::max(S::splat(0.0), x), tail)
    }
}

#[inline(always)]
pub(crate) unsafe fn sinh<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let t = expm1::<S>(S::abs(x));
        let small = S::mul(S::splat(0.5), S::add(t, S::div(t, S::add(t, S::splat(1.0)))));
        // exp(|x|) overflows before sinh does; t / (t + 1) is NaN at infinity.
        let half = exp::<S>(S::mul(S::splat(0.5), S::abs(x)));
        let large = S::mul(S::mul(half, S::splat(0.5)), half);
        S::copysign(S::select(S::lt(S::abs(x), S::splat(40.0)), small, large), x)
    }
}

#[inline(always)]
pub(crate) unsafe fn cosh<S: Simd>(x: S::F) -> S::F {
    unsafe {
        let half = exp::<S>(S::mul(S::splat(0.5), S::abs(x)));
        let e = S::mul(half, half);
        let small = S::mul(S::splat(0.5), S::add(e, S::div(S::splat(1.0), e)));
        let large = S::mul(S::mul(half, S::splat(0.5)), half);
        S::select(S::lt(S::abs(x), S::splat(40.0)), small, large)
    }
}
