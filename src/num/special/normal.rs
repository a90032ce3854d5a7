//! Tails of the normal distribution, and exponentials of a quadratic on a box. NaN in, NaN out.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// exp(scale * x^2) with the rounding error of the square put back.
fn exp_square(scale: f64, x: f64) -> f64 {
    let y = scale * x;
    let square = y * x;
    if square.abs() < 1e4 { square.exp() * (1.0 + y.mul_add(x, -square)) } else { square.exp() }
}

/// 1 - Phi(x) for x > 0.
fn upper_tail(x: f64) -> f64 {
    0.5 * exp_square(-0.5, x) * erfcx(x * FRAC_1_SQRT_2)
}

/// Scaled complementary error function, exp(x^2) erfc(x); infinite below -26.6.
///
/// The product up to 10, then the asymptotic series (Abramowitz and Stegun 7.1.23); relative error below 1e-15.
///
/// # Example
/// ```
/// assert!((nnef::num::special::erfcx(1.0) - 0.427_583_576_155_807).abs() < 1e-15);
/// ```
pub fn erfcx(x: f64) -> f64 {
    if x < 10.0 {
        return exp_square(1.0, x) * libm::erfc(x);
    }
    let r = 0.5 / (x * x);
    let series = (1..15).rev().fold(1.0, |s, k| 1.0 - f64::from(2 * k - 1) * r * s);
    series / (x * PI.sqrt())
}

/// Logarithm of the standard normal distribution function: relative error below 1e-15 for all x.
///
/// # Example
/// ```
/// assert!((nnef::num::special::log_ndtr(-40.0) + 804.608_442_013_753_8).abs() < 1e-12);
/// ```
pub fn log_ndtr(x: f64) -> f64 {
    if x < 0.0 { (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x } else { (-upper_tail(x)).ln_1p() }
}

/// The inverse Mills ratio phi(x) / (1 - Phi(x)) of the standard normal: the mean of z given z > x. Relative error below
/// 1e-15 for all x.
///
/// # Example
/// ```
/// assert!((nnef::num::special::mills(0.0) - 0.797_884_560_802_865_4).abs() < 1e-15);
/// ```
pub fn mills(x: f64) -> f64 {
    if x > 1e9 {
        x
    } else if x > 0.0 {
        (2.0 / PI).sqrt() / erfcx(x * FRAC_1_SQRT_2)
    } else {
        exp_square(-0.5, x) / ((2.0 * PI).sqrt() * (1.0 - upper_tail(-x)))
    }
}

/// The standard normal z given z > c, through its excess u = z - c. See [`truncated_tail`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruncatedTail {
    /// log(1 - Phi(c))
    pub log_mass: f64,
    /// E u
    pub mean: f64,
    /// E u^2
    pub second: f64,
    /// Var u
    pub variance: f64,
    /// Cov(u, u^2)
    pub covariance: f64,
    /// Var u^2
    pub variance_of_square: f64,
}

/// Moments of the standard normal truncated to z > c, of the excess u = z - c, without cancellation for any c.
///
/// Below c = 1.5 the cumulants of u: with h = [`mills`] and m = h - c they are m, 1 - h m, h (m^2 - k2) and
/// -h (m^3 - 3 m k2 + k3). Above, the ratios E u^n / E u^(n-1) = n / (c + the next ratio), a continued fraction, and the
/// variances as E u^2 - (E u)^2, which lose no more than a digit, for u is nearly exponential. Relative error below 3e-14.
///
/// # Example
/// ```
/// // Far out u is exponential with rate c.
/// let tail = nnef::num::special::truncated_tail(1e6);
/// assert!((tail.mean * 1e6 - 1.0).abs() < 1e-11 && (tail.variance * 1e12 - 1.0).abs() < 1e-11);
/// ```
pub fn truncated_tail(c: f64) -> TruncatedTail {
    let log_mass = log_ndtr(-c);
    if c < 1.5 {
        let c = c.max(-1e100);
        let h = mills(c);
        let m = h - c;
        let k2 = 1.0 - h * m;
        let k3 = h * (m * m - k2);
        let k4 = -h * (m * (m * m - 3.0 * k2) + k3);
        let variance_of_square = k4 + 4.0 * m * k3 + 2.0 * k2 * k2 + 4.0 * m * m * k2;
        let (second, covariance) = (k2 + m * m, k3 + 2.0 * m * k2);
        return TruncatedTail { log_mass, mean: m, second, variance: k2, covariance, variance_of_square };
    }
    let terms = (30.0 + 240.0 / (c * c)) as u32;
    let start = 2.0 * f64::from(terms) / (c + (c * c + 4.0 * f64::from(terms)).sqrt());
    let ratio = |from: u32| (from..terms).rev().fold(start, |next, n| f64::from(n) / (c + next));
    let r4 = ratio(4);
    let r3 = 3.0 / (c + r4);
    let r2 = 2.0 / (c + r3);
    let m = 1.0 / (c + r2);
    let second = m * r2;
    TruncatedTail {
        log_mass,
        mean: m,
        second,
        variance: m * (r2 - m),
        covariance: second * (r3 - m),
        variance_of_square: second * (r3 * r4 - second),
    }
}

/// Nodes and weights of the 20-point Gauss-Legendre rule on [-1, 1], the positive half.
const GAUSS: [(f64, f64); 10] = [
    (0.993_128_599_185_095, 0.017_614_007_139_152_118),
    (0.963_971_927_277_913_8, 0.040_601_429_800_386_94),
    (0.912_234_428_251_326, 0.062_672_048_334_109_07),
    (0.839_116_971_822_218_8, 0.083_276_741_576_704_75),
    (0.746_331_906_460_150_8, 0.101_930_119_817_240_44),
    (0.636_053_680_726_515, 0.118_194_531_961_518_41),
    (0.510_867_001_950_827_1, 0.131_688_638_449_176_64),
    (0.373_706_088_715_419_55, 0.142_096_109_318_382_04),
    (0.227_785_851_141_645_07, 0.149_172_986_472_603_74),
    (0.076_526_521_133_497_32, 0.152_753_387_130_725_84),
];
/// Ends of the panels, which are finer towards the peak.
const PANELS: [(f64, f64); 4] = [(0.0, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0)];
/// What falls this far (in log density) below the peak is left out.
const DROP: f64 = 50.0;

/// The mean of x under exp(b x + c x^2) on [lo, hi], where that varies little: its distance from the middle m keeps its digits,
/// also where it is tiny, because the density at m + y less that at m - y is exp(...) expm1(2 y (b + 2 c m)).
fn nearly_flat(b: f64, c: f64, lo: f64, hi: f64) -> Option<f64> {
    let (m, half) = (0.5 * (lo + hi), 0.5 * (hi - lo));
    let slope = 2.0f64.mul_add(c * m, b);
    if half * slope.abs() + half * half * c.abs() > 0.25 {
        return None;
    }
    let (mut mass, mut apart) = (0.0, 0.0);
    for (node, weight) in GAUSS {
        let y = half * node;
        let below = (c * y * y - slope * y).exp();
        let more = (2.0 * y * slope).exp_m1();
        mass += weight * below * (2.0 + more);
        apart += weight * y * below * more;
    }
    Some(m + apart / mass)
}

/// The density proportional to exp(b x + c x^2) on [lo, hi]: the log of its integral, the mean of (x, x^2) and their
/// covariance. NaN unless the arguments are finite and lo < hi; |lo| and |hi| up to 1e70.
///
/// The box is cut at the stationary point into at most two monotone pieces. Each is integrated from its peak p outwards,
/// until the density has fallen by e^-50, by four panels of Gauss-Legendre; x and x^2 enter as x - p0 and x^2 - p0^2, p0 the
/// highest peak, and the covariance is taken about the mean. So nothing cancels, whatever the sign and size of b and c.
///
/// # Example
/// ```
/// let (log_normalizer, mean, cov) = nnef::num::special::quadratic_box(0.0, 0.0, -1.0, 1.0);
/// assert!((log_normalizer - 2.0_f64.ln()).abs() < 1e-15 && mean[0].abs() < 1e-15 && (mean[1] - 1.0 / 3.0).abs() < 1e-15);
/// assert!((cov[0][0] - 1.0 / 3.0).abs() < 1e-15 && cov[0][1].abs() < 1e-15 && (cov[1][1] - 4.0 / 45.0).abs() < 1e-15);
/// ```
pub fn quadratic_box(b: f64, c: f64, lo: f64, hi: f64) -> (f64, [f64; 2], [[f64; 2]; 2]) {
    if !(b.is_finite() && c.is_finite() && lo.is_finite() && hi.is_finite() && lo < hi) {
        return (f64::NAN, [f64::NAN; 2], [[f64::NAN; 2]; 2]);
    }
    // log density at p less that at q
    let rise = |p: f64, q: f64| (p - q) * c.mul_add(p + q, b);
    let stationary = -0.5 * b / c;
    // Pieces: the peak, the way from it (+1 or -1) and the length.
    let pieces = if !(lo < stationary && stationary < hi) {
        let down = rise(hi, lo) >= 0.0;
        [if down { (hi, -1.0, hi - lo) } else { (lo, 1.0, hi - lo) }, (lo, 1.0, 0.0)]
    } else if c < 0.0 {
        [(stationary, 1.0, hi - stationary), (stationary, -1.0, stationary - lo)]
    } else if rise(hi, lo) >= 0.0 {
        [(hi, -1.0, hi - stationary), (lo, 1.0, stationary - lo)]
    } else {
        [(lo, 1.0, stationary - lo), (hi, -1.0, hi - stationary)]
    };
    let p0 = pieces[0].0;
    // (weight, x - p0, x^2 - p0^2)
    let mut nodes = Vec::with_capacity(160);
    for (p, way, length) in pieces {
        // At the distance s from the peak the log density is less by a s - c s^2.
        let a = -way * (2.0 * c).mul_add(p, b);
        let reach = 1.0 - 4.0 * DROP * (c / a / a);
        let end = if a > 0.0 && reach >= 0.0 && reach.is_finite() {
            2.0 * DROP / a / (1.0 + reach.sqrt())
        } else if c < 0.0 {
            2.0 * DROP / (a + (a * a - 4.0 * DROP * c).sqrt())
        } else {
            length
        };
        let end = end.min(length);
        let height = rise(p, p0).exp();
        let (offset, offset2) = (p - p0, (p - p0) * (p + p0));
        for (from, to) in PANELS {
            let (middle, half) = (0.5 * end * (from + to), 0.5 * end * (to - from));
            for (node, weight) in GAUSS {
                for s in [middle - half * node, middle + half * node] {
                    let density = height * (s * (c * s - a)).exp();
                    nodes.push((half * weight * density, offset + way * s, offset2 + way * s * (2.0 * p + way * s)));
                }
            }
        }
    }
    let mass: f64 = nodes.iter().map(|n| n.0).sum();
    let mean = |f: &dyn Fn(f64, f64) -> f64| nodes.iter().map(|&(w, y, q)| w * f(y, q)).sum::<f64>() / mass;
    let (y0, q0) = (mean(&|y, _| y), mean(&|_, q| q));
    let covariance = mean(&|y, q| (y - y0) * (q - q0));
    let mean_x = nearly_flat(b, c, lo, hi).unwrap_or(p0 + y0);
    (
        p0 * c.mul_add(p0, b) + mass.ln(),
        [mean_x, p0 * p0 + q0],
        [[mean(&|y, _| (y - y0) * (y - y0)), covariance], [covariance, mean(&|_, q| (q - q0) * (q - q0))]],
    )
}
