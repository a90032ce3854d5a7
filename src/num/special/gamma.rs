//! The gamma family: log gamma, beta and polygamma functions, and their differences without cancellation.
//!
//! One method: the recurrence raises the argument to 10 or more, where the asymptotic (Stirling) series, with the
//! Bernoulli numbers up to B16, has converged. A difference f(x + d) - f(x) is a sum of differences of like terms, each
//! in factored form. Arguments that are not positive are NaN unless stated; so is every function of a NaN.

use std::f64::consts::PI;

/// Where the asymptotic series begin.
const LARGE: f64 = 10.0;
/// log gamma(x) = (x - 1/2) log x - x + log(2 pi) / 2 + u S(u^2), u = 1 / x: coefficients B2k / (2k (2k - 1)), k = 1, ..., 8.
const LGAMMA: [f64; 8] =
    [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0, -3617.0 / 122_400.0];
/// psi(x) = log x - u / 2 - S(u^2): coefficients B2k / 2k after a zero.
const DIGAMMA: [f64; 9] =
    [0.0, 1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0, -3617.0 / 8160.0];
/// psi'(x) = u S(u^2) + u^2 / 2: coefficients B2k after a one.
const TRIGAMMA: [f64; 9] =
    [1.0, 1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0, -3617.0 / 510.0];
/// The zero of psi, as a sum of two numbers.
const ZERO: (f64, f64) = (1.461_632_144_968_362_2, 9.549_995_429_965_697e-17);

/// The polynomial with coefficients c, lowest degree first.
fn poly(c: &[f64], r: f64) -> f64 {
    c.iter().rev().fold(0.0, |p, c| p * r + c)
}

/// The divided difference (poly(s) - poly(r)) / (s - r).
fn poly_delta(c: &[f64], r: f64, s: f64) -> f64 {
    c.iter().rev().fold((0.0, 0.0), |(p, d), c| (p * r + c, d * s + p)).1
}

/// Adds one to x and y until both are at least `LARGE`, and up the terms at the values passed.
fn raise(x: f64, y: f64, term: impl Fn(f64, f64) -> f64) -> (f64, f64, f64) {
    let n = (LARGE - x.min(y)).ceil().clamp(0.0, LARGE);
    let sum = (0..n as u32).map(f64::from).map(|k| term(x + k, y + k)).sum();
    (x + n, y + n, sum)
}

/// log(y / x) where y = x + d.
fn log_ratio(x: f64, y: f64, d: f64) -> f64 {
    let ratio = y / x;
    if d.abs() <= 0.5 * x {
        (d / x).ln_1p()
    } else if ratio.is_normal() {
        ratio.ln()
    } else {
        y.ln() - x.ln()
    }
}

/// 1 / x - 1 / y where y = x + d.
fn inverse_delta(x: f64, y: f64, d: f64) -> f64 {
    d / x.max(y) / x.min(y)
}

/// The Stirling series at x less that at y = x + d.
fn stirling_delta(x: f64, y: f64, d: f64) -> f64 {
    let (u, v) = (1.0 / x, 1.0 / y);
    inverse_delta(x, y, d) * (poly(&LGAMMA, v * v) + u * (u + v) * poly_delta(&LGAMMA, u * u, v * v))
}

/// Logarithm of the absolute value of the gamma function.
///
/// From the `libm` crate (a translation of musl): relative error below 1e-15 for every x > 0, the zeros 1 and 2 included.
///
/// # Example
/// ```
/// assert!((nnef::num::special::lgamma(5.0) - 24.0_f64.ln()).abs() < 1e-15);
/// ```
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// log gamma(x + d) - log gamma(x), for x > 0 and x + d > 0, without the cancellation of the two.
///
/// With y = x + d of at least 10: (x - 1/2) log(y / x) + d (log y - 1) + the difference of the Stirling series, three terms
/// of one sign. Below that, minus the sum of log((y + k) / (x + k)). As accurate as d is; the relative error is above 1e-14
/// only about the zeros, where gamma(x) = gamma(x + d).
///
/// # Example
/// ```
/// let half = nnef::num::special::lgamma_delta(1e6, 0.5);
/// assert!((half - 6.907_755_153_982_137).abs() < 1e-14);
/// ```
pub fn lgamma_delta(x: f64, d: f64) -> f64 {
    let y = x + d;
    if !(x > 0.0 && y > 0.0) {
        return f64::NAN;
    }
    let (x, y, recurrence) = raise(x, y, |x, y| log_ratio(x, y, d));
    // (x - 1/2) log(y / x) as a multiple of d, for d / x may underflow.
    let slope = if d.abs() < 1e-17 * x { 1.0 } else { x / d * log_ratio(x, y, d) };
    let main = d * ((1.0 - 0.5 / x) * slope + (y.ln() - 1.0));
    if d == 0.0 { 0.0 } else { main - stirling_delta(x, y, d) - recurrence }
}

/// Logarithm of the beta function, log gamma(a) + log gamma(b) - log gamma(a + b), for a, b > 0.
///
/// Both at least 10: the Stirling series of the three, the logarithms gathered into terms of one sign. Both below 2: the
/// definition, which keeps the relative accuracy about the zero (1, 1). Otherwise [`lgamma`] of the smaller less a
/// [`lgamma_delta`]. Relative error below 1e-14 but about the other zeros, where beta(a, b) = 1.
///
/// # Source
/// DiDonato and Morris, "Algorithm 708: Significant digit computation of the incomplete beta function ratios", ACM TOMS
/// 18 (1992), for the case of large a and b.
///
/// # Example
/// ```
/// assert!((nnef::num::special::log_beta(2.0, 3.0) + 12.0_f64.ln()).abs() < 1e-14);
/// ```
pub fn log_beta(a: f64, b: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    let (a, b) = (a.min(b), a.max(b));
    if a >= LARGE {
        let corrections = poly(&LGAMMA, 1.0 / (a * a)) / a + stirling_delta(b, a + b, a);
        0.5 * ((2.0 * PI).ln() - b.ln()) - (a - 0.5) * (b / a).ln_1p() - b * (a / b).ln_1p() + corrections
    } else if b < 2.0 {
        // a + b is sum + rest exactly.
        let sum = a + b;
        lgamma(a) + lgamma(b) - (lgamma(sum) + (a - (sum - b)) * digamma(sum))
    } else {
        lgamma(a) - lgamma_delta(b, a)
    }
}

/// psi(y) - psi(x) where y = x + d, all of them positive.
fn digamma_between(x: f64, y: f64, d: f64) -> f64 {
    let (x, y, recurrence) = raise(x, y, |x, y| inverse_delta(x, y, d));
    let (u, v) = (1.0 / x, 1.0 / y);
    let series = inverse_delta(x, y, d) * (0.5 + (u + v) * poly_delta(&DIGAMMA, u * u, v * v));
    recurrence + log_ratio(x, y, d) + series
}

/// Derivative of [`lgamma`], for every real x but the poles 0, -1, -2, ... (where it is NaN).
///
/// From 10 on the asymptotic series (Abramowitz and Stegun 6.3.18); below, the difference from the zero 1.4616, which keeps
/// the relative error below 1e-15 there too; for x < 0 the reflection formula.
///
/// # Example
/// ```
/// assert!((nnef::num::special::digamma(1.0) + 0.577_215_664_901_532_9).abs() < 1e-15);
/// ```
pub fn digamma(x: f64) -> f64 {
    if x >= LARGE {
        x.ln() + digamma_minus_log(x)
    } else if x > 0.0 {
        digamma_between(ZERO.0, x, (x - ZERO.0) - ZERO.1)
    } else if x.is_nan() || x == x.floor() {
        f64::NAN
    } else {
        // psi(1 - x) - psi(x) = pi cot(pi x)
        digamma(1.0 - x) - PI / (PI * (x - x.round())).tan()
    }
}

/// psi(x + d) - psi(x) for x > 0 and x + d > 0, without cancellation: relative error below 1e-15.
///
/// # Example
/// ```
/// let delta = nnef::num::special::digamma_delta(3.0, 2.0);
/// assert!((delta - (1.0 / 3.0 + 1.0 / 4.0)).abs() < 1e-15);
/// ```
pub fn digamma_delta(x: f64, d: f64) -> f64 {
    if x > 0.0 && x + d > 0.0 { digamma_between(x, x + d, d) } else { f64::NAN }
}

/// psi(x) - log x for x > 0, without cancellation: relative error below 1e-15.
///
/// The asymptotic series from 10 on; below, minus the sum of 1 / (x + k) - log(1 + 1 / (x + k)).
///
/// # Example
/// ```
/// assert!((nnef::num::special::digamma_minus_log(1e9) + 0.5e-9).abs() < 1e-18);
/// ```
pub fn digamma_minus_log(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (x, _, recurrence) = raise(x, x, |x, _| 1.0 / x - (1.0 / x).ln_1p());
    let u = 1.0 / x;
    -0.5 * u - poly(&DIGAMMA, u * u) - recurrence
}

/// Derivative of [`digamma`], for every real x but the poles 0, -1, -2, ... (where it is NaN): relative error below 1e-15
/// for x > 0.
///
/// # Example
/// ```
/// let pi = std::f64::consts::PI;
/// assert!((nnef::num::special::trigamma(1.0) - pi * pi / 6.0).abs() < 1e-15);
/// ```
pub fn trigamma(x: f64) -> f64 {
    if x > 0.0 {
        polygamma(1, x)
    } else if x.is_nan() || x == x.floor() {
        f64::NAN
    } else {
        (PI / (PI * (x - x.round())).sin()).powi(2) - trigamma(1.0 - x)
    }
}

/// psi'(x) - psi'(x + d) for x > 0 and x + d > 0, without cancellation: relative error below 1e-15.
///
/// # Example
/// ```
/// let delta = nnef::num::special::trigamma_delta(3.0, 2.0);
/// assert!((delta - (1.0 / 9.0 + 1.0 / 16.0)).abs() < 1e-15);
/// ```
pub fn trigamma_delta(x: f64, d: f64) -> f64 {
    let y = x + d;
    if !(x > 0.0 && y > 0.0) {
        return f64::NAN;
    }
    let (x, y, recurrence) = raise(x, y, |x, y| inverse_delta(x, y, d) * (1.0 / x + 1.0 / y));
    let (u, v) = (1.0 / x, 1.0 / y);
    let slope = poly(&TRIGAMMA, v * v) + (u + v) * (0.5 + u * poly_delta(&TRIGAMMA, u * u, v * v));
    recurrence + inverse_delta(x, y, d) * slope
}

/// The n-th derivative of [`digamma`] for n = 1, ..., 20 and x > 0; NaN for other n.
///
/// Recurrence up to 12 + 2 n, then the asymptotic series (Abramowitz and Stegun 6.4.11); relative error below 1e-14.
///
/// # Example
/// ```
/// let zeta3 = 1.202_056_903_159_594_3;
/// assert!((nnef::num::special::polygamma(2, 1.0) + 2.0 * zeta3).abs() < 1e-14);
/// ```
pub fn polygamma(n: u32, x: f64) -> f64 {
    if !(1..=20).contains(&n) || x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (order, power) = (f64::from(n), n as i32);
    let shift = (12.0 + 2.0 * order - x).ceil().max(0.0);
    let recurrence: f64 = (0..shift as u32).map(|k| (1.0 / (x + f64::from(k))).powi(power + 1)).sum();
    let u = 1.0 / (x + shift);
    // (2k + n - 1)! / ((2k)! (n - 1)!) u^2k B2k
    let (mut series, mut c, mut j) = (1.0 + 0.5 * order * u, 0.5 * order * (order + 1.0) * u * u, 2.0);
    for b in TRIGAMMA.iter().skip(1) {
        series += b * c;
        c *= u * u * (j + order) * (j + order + 1.0) / ((j + 1.0) * (j + 2.0));
        j += 2.0;
    }
    let factorial: f64 = (1..n).map(f64::from).product();
    let sign = if n.is_multiple_of(2) { -1.0 } else { 1.0 };
    sign * factorial * (order * recurrence + series * u.powi(power))
}
