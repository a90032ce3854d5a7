//! Special functions that the standard library lacks.
//!
//! `erf`, `erfc` and `lgamma` come from the `libm` crate (a translation of musl, about one ulp). Differences and
//! logarithms that would cancel have functions of their own.

mod bessel;
mod gamma;
mod normal;

pub use bessel::{bessel_ratio, bessel_ratio_derivative, log_bessel_i_scaled, log_vmf_normalizer, one_minus_bessel_ratio};
pub use gamma::{
    digamma, digamma_delta, digamma_minus_log, lgamma, lgamma_delta, log_beta, polygamma, trigamma, trigamma_delta,
};
pub use normal::{TruncatedTail, erfcx, log_ndtr, mills, quadratic_box, truncated_tail};

/// Error function.
pub fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// Complementary error function, accurate where erf is close to 1.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// log(sum(exp(values))) without overflow; -infinity for an empty slice.
///
/// # Example
/// ```
/// let l = nnef::num::special::log_sum_exp(&[1000.0, 1000.0]);
/// assert!((l - 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
/// ```
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return top;
    }
    top + values.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

/// log(1 + exp(x)) without overflow.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 1 / (1 + exp(-x)).
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// Quantile of the standard normal distribution, p in (0, 1).
///
/// # Source
/// Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988); the
/// lower-precision variant refined by one Halley step on [`erfc`], about 1e-15 relative.
pub fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p == 0.0 {
            f64::NEG_INFINITY
        } else if p == 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let q = p - 0.5;
    let x = if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        q * (((5.910_937_472e1 * r + 1.592_911_320_2e2) * r + 5.043_427_143_8e1) * r + 3.387_132_717_9)
            / (((6.718_756_363_2e1 * r + 7.875_775_766_4e1) * r + 1.789_516_946_9e1) * r + 1.0)
    } else {
        let r = (-(p.min(1.0 - p)).ln()).sqrt();
        let tail = if r <= 5.0 {
            let r = r - 1.6;
            (((1.702_382_110_3e-1 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r + 1.423_437_277_7)
                / ((1.202_113_297_5e-1 * r + 7.370_016_425_0e-1) * r + 1.0)
        } else {
            let r = r - 5.0;
            (((1.733_720_399_7e-2 * r + 4.286_829_433_7e-1) * r + 3.081_226_386_0) * r + 6.657_905_115_0)
                / ((1.225_820_263_5e-2 * r + 2.419_789_422_5e-1) * r + 1.0)
        };
        tail.copysign(q)
    };
    let error = 0.5 * erfc(-x / std::f64::consts::SQRT_2) - p;
    let u = error * (2.0 * std::f64::consts::PI).sqrt() * (0.5 * x * x).exp();
    x - u / (1.0 + 0.5 * x * u)
}
