//! Vectors of doubles behind one trait, with the instruction set chosen at run time.
//!
//! Kernels are written once, generic over `Simd`, marked `#[inline(always)]`, and instantiated inside functions that
//! enable the instruction set (see the `dispatch!` macro of the parent module). Three sets:
//! AVX-512 (8 lanes), AVX2 with FMA (4 lanes), and a portable one (4 lanes of plain Rust).

/// What the processor offers, found once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F and DQ: 8 doubles.
    Avx512,
    /// AVX2 and FMA: 4 doubles.
    Avx2,
    /// Plain Rust: what the compiler makes of it.
    Portable,
}

impl Isa {
    /// The best instruction set of this processor. `NNEF_ISA=portable|avx2|avx512` asks for a lesser one.
    pub fn detect() -> Isa {
        static FOUND: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
        *FOUND.get_or_init(|| {
            let best = Self::hardware();
            match std::env::var("NNEF_ISA").as_deref() {
                Ok("portable") => Isa::Portable,
                Ok("avx2") if best == Isa::Avx512 => Isa::Avx2,
                _ => best,
            }
        })
    }
    #[cfg(target_arch = "x86_64")]
    fn hardware() -> Isa {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("fma") {
            Isa::Avx512
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            Isa::Avx2
        } else {
            Isa::Portable
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    fn hardware() -> Isa {
        Isa::Portable
    }
    /// Doubles in a vector.
    pub fn lanes(self) -> usize {
        match self {
            Isa::Avx512 => 8,
            Isa::Avx2 | Isa::Portable => 4,
        }
    }
    /// Name for `nnef info`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "AVX-512 (8 doubles)",
            Isa::Avx2 => "AVX2 + FMA (4 doubles)",
            Isa::Portable => "portable",
        }
    }
}

/// A vector of doubles, its bits and its masks.
///
/// # Safety
/// The functions must run where the instruction set of the implementor is enabled; `load` and `store` touch `N` doubles
/// (or words) from the pointer on.
#[allow(missing_docs)] // the names are the documentation
pub unsafe trait Simd {
    /// Doubles.
    type F: Copy;
    /// Their bits.
    type U: Copy;
    /// One truth value a lane.
    type M: Copy;
    /// Number of lanes.
    const N: usize;
    unsafe fn splat(x: f64) -> Self::F;
    unsafe fn load(p: *const f64) -> Self::F;
    unsafe fn store(p: *mut f64, v: Self::F);
    unsafe fn load_bits(p: *const u64) -> Self::U;
    unsafe fn store_bits(p: *mut u64, v: Self::U);
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sqrt(a: Self::F) -> Self::F;
    unsafe fn floor(a: Self::F) -> Self::F;
    /// a * b + c, in one rounding where the hardware has it.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// c - a * b in one rounding, always (slow on the portable set).
    unsafe fn fnma_exact(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Larger of two; `b` where either is NaN.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// Smaller of two; `b` where either is NaN.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn lt(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn le(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn eq(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F;
    unsafe fn any(m: Self::M) -> bool;
    unsafe fn bits(a: Self::F) -> Self::U;
    unsafe fn from_bits(a: Self::U) -> Self::F;
    unsafe fn usplat(x: u64) -> Self::U;
    unsafe fn uadd(a: Self::U, b: Self::U) -> Self::U;
    unsafe fn usub(a: Self::U, b: Self::U) -> Self::U;
    unsafe fn uand(a: Self::U, b: Self::U) -> Self::U;
    unsafe fn uor(a: Self::U, b: Self::U) -> Self::U;
    unsafe fn uxor(a: Self::U, b: Self::U) -> Self::U;
    unsafe fn shl<const K: u32>(a: Self::U) -> Self::U;
    unsafe fn shr<const K: u32>(a: Self::U) -> Self::U;

    /// Absolute value.
    #[inline(always)]
    unsafe fn abs(a: Self::F) -> Self::F {
        unsafe { Self::from_bits(Self::uand(Self::bits(a), Self::usplat(!(1 << 63)))) }
    }
    /// Negation.
    #[inline(always)]
    unsafe fn neg(a: Self::F) -> Self::F {
        unsafe { Self::from_bits(Self::uxor(Self::bits(a), Self::usplat(1 << 63))) }
    }
    /// Magnitude of `a` with the sign of `b`.
    #[inline(always)]
    unsafe fn copysign(a: Self::F, b: Self::F) -> Self::F {
        unsafe {
            let sign = Self::uand(Self::bits(b), Self::usplat(1 << 63));
            Self::from_bits(Self::uor(Self::bits(Self::abs(a)), sign))
        }
    }
    /// Left rotation by K bits; L must be 64 - K.
    #[inline(always)]
    unsafe fn rotate<const K: u32, const L: u32>(a: Self::U) -> Self::U {
        unsafe { Self::uor(Self::shl::<K>(a), Self::shr::<L>(a)) }
    }
    /// y 2^n for the whole number n in the low bits of `magic` = n + 1.5 * 2^52, |n| < 1100; subnormal results come out.
    #[inline(always)]
    unsafe fn scale(y: Self::F, magic: Self::F) -> Self::F {
        unsafe {
            // n + 2048 is positive. Half of it, rounded down, and the rest, each as a power of two.
            let n = Self::uadd(Self::usub(Self::bits(magic), Self::usplat(0x4338_0000_0000_0000)), Self::usplat(2048));
            let half = Self::shr::<1>(n);
            let minus_one = Self::usplat(u64::MAX); // 1023 - 1024
            let first = Self::from_bits(Self::shl::<52>(Self::uadd(half, minus_one)));
            let second = Self::from_bits(Self::shl::<52>(Self::uadd(Self::usub(n, half), minus_one)));
            Self::mul(Self::mul(y, first), second)
        }
    }
    /// 1.0 where the mask holds, else 0.0.
    #[inline(always)]
    unsafe fn flag(m: Self::M) -> Self::F {
        unsafe { Self::select(m, Self::splat(1.0), Self::splat(0.0)) }
    }
}

/// The portable set: four plain doubles.
pub struct Portable;

macro_rules! each {
    ($i:ident, $e:expr) => {{
        let mut out = [Default::default(); 4];
        for $i in 0..4 {
            out[$i] = $e;
        }
        out
    }};
}

#[rustfmt::skip]
unsafe impl Simd for Portable {
    type F = [f64; 4];
    type U = [u64; 4];
    type M = [bool; 4];
    const N: usize = 4;
    #[inline(always)] unsafe fn splat(x: f64) -> Self::F { [x; 4] }
    #[inline(always)] unsafe fn load(p: *const f64) -> Self::F { unsafe { std::ptr::read_unaligned(p.cast()) } }
    #[inline(always)] unsafe fn store(p: *mut f64, v: Self::F) { unsafe { std::ptr::write_unaligned(p.cast(), v) } }
    #[inline(always)] unsafe fn load_bits(p: *const u64) -> Self::U { unsafe { std::ptr::read_unaligned(p.cast()) } }
    #[inline(always)] unsafe fn store_bits(p: *mut u64, v: Self::U) { unsafe { std::ptr::write_unaligned(p.cast(), v) } }
    #[inline(always)] unsafe fn add(a: Self::F, b: Self::F) -> Self::F { each!(i, a[i] + b[i]) }
    #[inline(always)] unsafe fn sub(a: Self::F, b: Self::F) -> Self::F { each!(i, a[i] - b[i]) }
    #[inline(always)] unsafe fn mul(a: Self::F, b: Self::F) -> Self::F { each!(i, a[i] * b[i]) }
    #[inline(always)] unsafe fn div(a: Self::F, b: Self::F) -> Self::F { each!(i, a[i] / b[i]) }
    #[inline(always)] unsafe fn sqrt(a: Self::F) -> Self::F { each!(i, a[i].sqrt()) }
    #[inline(always)] unsafe fn floor(a: Self::F) -> Self::F { each!(i, a[i].floor()) }
    #[inline(always)] unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F { each!(i, a[i] * b[i] + c[i]) }
    #[inline(always)] unsafe fn fnma_exact(a: Self::F, b: Self::F, c: Self::F) -> Self::F { each!(i, (-a[i]).mul_add(b[i], c[i])) }
    #[inline(always)] unsafe fn max(a: Self::F, b: Self::F) -> Self::F { each!(i, if a[i] > b[i] { a[i] } else { b[i] }) }
    #[inline(always)] unsafe fn min(a: Self::F, b: Self::F) -> Self::F { each!(i, if a[i] < b[i] { a[i] } else { b[i] }) }
    #[inline(always)] unsafe fn lt(a: Self::F, b: Self::F) -> Self::M { each!(i, a[i] < b[i]) }
    #[inline(always)] unsafe fn le(a: Self::F, b: Self::F) -> Self::M { each!(i, a[i] <= b[i]) }
    #[inline(always)] unsafe fn eq(a: Self::F, b: Self::F) -> Self::M { each!(i, a[i] == b[i]) }
    #[inline(always)] unsafe fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { each!(i, if m[i] { a[i] } else { b[i] }) }
    #[inline(always)] unsafe fn any(m: Self::M) -> bool { m[0] | m[1] | m[2] | m[3] }
    #[inline(always)] unsafe fn bits(a: Self::F) -> Self::U { each!(i, a[i].to_bits()) }
    #[inline(always)] unsafe fn from_bits(a: Self::U) -> Self::F { each!(i, f64::from_bits(a[i])) }
    #[inline(always)] unsafe fn usplat(x: u64) -> Self::U { [x; 4] }
    #[inline(always)] unsafe fn uadd(a: Self::U, b: Self::U) -> Self::U { each!(i, a[i].wrapping_add(b[i])) }
    #[inline(always)] unsafe fn usub(a: Self::U, b: Self::U) -> Self::U { each!(i, a[i].wrapping_sub(b[i])) }
    #[inline(always)] unsafe fn uand(a: Self::U, b: Self::U) -> Self::U { each!(i, a[i] & b[i]) }
    #[inline(always)] unsafe fn uor(a: Self::U, b: Self::U) -> Self::U { each!(i, a[i] | b[i]) }
    #[inline(always)] unsafe fn uxor(a: Self::U, b: Self::U) -> Self::U { each!(i, a[i] ^ b[i]) }
    #[inline(always)] unsafe fn shl<const K: u32>(a: Self::U) -> Self::U { each!(i, a[i] << K) }
    #[inline(always)] unsafe fn shr<const K: u32>(a: Self::U) -> Self::U { each!(i, a[i] >> K) }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// AVX-512: eight doubles.
    pub struct Avx512;

    #[rustfmt::skip]
    unsafe impl Simd for Avx512 {
        type F = __m512d;
        type U = __m512i;
        type M = __mmask8;
        const N: usize = 8;
        #[inline(always)] unsafe fn splat(x: f64) -> Self::F { unsafe { _mm512_set1_pd(x) } }
        #[inline(always)] unsafe fn load(p: *const f64) -> Self::F { unsafe { _mm512_loadu_pd(p) } }
        #[inline(always)] unsafe fn store(p: *mut f64, v: Self::F) { unsafe { _mm512_storeu_pd(p, v) } }
        #[inline(always)] unsafe fn load_bits(p: *const u64) -> Self::U { unsafe { _mm512_loadu_si512(p.cast()) } }
        #[inline(always)] unsafe fn store_bits(p: *mut u64, v: Self::U) { unsafe { _mm512_storeu_si512(p.cast(), v) } }
        #[inline(always)] unsafe fn add(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_add_pd(a, b) } }
        #[inline(always)] unsafe fn sub(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_sub_pd(a, b) } }
        #[inline(always)] unsafe fn mul(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_mul_pd(a, b) } }
        #[inline(always)] unsafe fn div(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_div_pd(a, b) } }
        #[inline(always)] unsafe fn sqrt(a: Self::F) -> Self::F { unsafe { _mm512_sqrt_pd(a) } }
        #[inline(always)] unsafe fn floor(a: Self::F) -> Self::F { unsafe { _mm512_roundscale_pd::<0x09>(a) } }
        #[inline(always)] unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F { unsafe { _mm512_fmadd_pd(a, b, c) } }
        #[inline(always)] unsafe fn fnma_exact(a: Self::F, b: Self::F, c: Self::F) -> Self::F { unsafe { _mm512_fnmadd_pd(a, b, c) } }
        #[inline(always)] unsafe fn max(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_max_pd(a, b) } }
        #[inline(always)] unsafe fn min(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_min_pd(a, b) } }
        #[inline(always)] unsafe fn lt(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) } }
        #[inline(always)] unsafe fn le(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b) } }
        #[inline(always)] unsafe fn eq(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b) } }
        #[inline(always)] unsafe fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { unsafe { _mm512_mask_blend_pd(m, b, a) } }
        #[inline(always)] unsafe fn any(m: Self::M) -> bool { m != 0 }
        #[inline(always)] unsafe fn bits(a: Self::F) -> Self::U { unsafe { _mm512_castpd_si512(a) } }
        #[inline(always)] unsafe fn from_bits(a: Self::U) -> Self::F { unsafe { _mm512_castsi512_pd(a) } }
        #[inline(always)] unsafe fn usplat(x: u64) -> Self::U { unsafe { _mm512_set1_epi64(x as i64) } }
        #[inline(always)] unsafe fn uadd(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm512_add_epi64(a, b) } }
        #[inline(always)] unsafe fn usub(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm512_sub_epi64(a, b) } }
        #[inline(always)] unsafe fn uand(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm512_and_si512(a, b) } }
        #[inline(always)] unsafe fn uor(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm512_or_si512(a, b) } }
        #[inline(always)] unsafe fn uxor(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm512_xor_si512(a, b) } }
        #[inline(always)] unsafe fn shl<const K: u32>(a: Self::U) -> Self::U { unsafe { _mm512_slli_epi64::<K>(a) } }
        #[inline(always)] unsafe fn shr<const K: u32>(a: Self::U) -> Self::U { unsafe { _mm512_srli_epi64::<K>(a) } }
        #[inline(always)] unsafe fn scale(y: Self::F, magic: Self::F) -> Self::F { unsafe { _mm512_scalef_pd(y, _mm512_sub_pd(magic, _mm512_set1_pd(6_755_399_441_055_744.0))) } }
    }

    /// AVX2 with FMA: four doubles.
    pub struct Avx2;

    #[rustfmt::skip]
    unsafe impl Simd for Avx2 {
        type F = __m256d;
        type U = __m256i;
        type M = __m256d;
        const N: usize = 4;
        #[inline(always)] unsafe fn splat(x: f64) -> Self::F { unsafe { _mm256_set1_pd(x) } }
        #[inline(always)] unsafe fn load(p: *const f64) -> Self::F { unsafe { _mm256_loadu_pd(p) } }
        #[inline(always)] unsafe fn store(p: *mut f64, v: Self::F) { unsafe { _mm256_storeu_pd(p, v) } }
        #[inline(always)] unsafe fn load_bits(p: *const u64) -> Self::U { unsafe { _mm256_loadu_si256(p.cast()) } }
        #[inline(always)] unsafe fn store_bits(p: *mut u64, v: Self::U) { unsafe { _mm256_storeu_si256(p.cast(), v) } }
        #[inline(always)] unsafe fn add(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_add_pd(a, b) } }
        #[inline(always)] unsafe fn sub(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_sub_pd(a, b) } }
        #[inline(always)] unsafe fn mul(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_mul_pd(a, b) } }
        #[inline(always)] unsafe fn div(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_div_pd(a, b) } }
        #[inline(always)] unsafe fn sqrt(a: Self::F) -> Self::F { unsafe { _mm256_sqrt_pd(a) } }
        #[inline(always)] unsafe fn floor(a: Self::F) -> Self::F { unsafe { _mm256_floor_pd(a) } }
        #[inline(always)] unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F { unsafe { _mm256_fmadd_pd(a, b, c) } }
        #[inline(always)] unsafe fn fnma_exact(a: Self::F, b: Self::F, c: Self::F) -> Self::F { unsafe { _mm256_fnmadd_pd(a, b, c) } }
        #[inline(always)] unsafe fn max(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_max_pd(a, b) } }
        #[inline(always)] unsafe fn min(a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_min_pd(a, b) } }
        #[inline(always)] unsafe fn lt(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm256_cmp_pd::<_CMP_LT_OQ>(a, b) } }
        #[inline(always)] unsafe fn le(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm256_cmp_pd::<_CMP_LE_OQ>(a, b) } }
        #[inline(always)] unsafe fn eq(a: Self::F, b: Self::F) -> Self::M { unsafe { _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b) } }
        #[inline(always)] unsafe fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { unsafe { _mm256_blendv_pd(b, a, m) } }
        #[inline(always)] unsafe fn any(m: Self::M) -> bool { unsafe { _mm256_movemask_pd(m) != 0 } }
        #[inline(always)] unsafe fn bits(a: Self::F) -> Self::U { unsafe { _mm256_castpd_si256(a) } }
        #[inline(always)] unsafe fn from_bits(a: Self::U) -> Self::F { unsafe { _mm256_castsi256_pd(a) } }
        #[inline(always)] unsafe fn usplat(x: u64) -> Self::U { unsafe { _mm256_set1_epi64x(x as i64) } }
        #[inline(always)] unsafe fn uadd(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm256_add_epi64(a, b) } }
        #[inline(always)] unsafe fn usub(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm256_sub_epi64(a, b) } }
        #[inline(always)] unsafe fn uand(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm256_and_si256(a, b) } }
        #[inline(always)] unsafe fn uor(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm256_or_si256(a, b) } }
        #[inline(always)] unsafe fn uxor(a: Self::U, b: Self::U) -> Self::U { unsafe { _mm256_xor_si256(a, b) } }
        #[inline(always)] unsafe fn shl<const K: u32>(a: Self::U) -> Self::U { unsafe { _mm256_sll_epi64(a, _mm_cvtsi32_si128(K as i32)) } }
        #[inline(always)] unsafe fn shr<const K: u32>(a: Self::U) -> Self::U { unsafe { _mm256_srl_epi64(a, _mm_cvtsi32_si128(K as i32)) } }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};
