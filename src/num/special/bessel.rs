//! Modified Bessel functions of the first kind: logarithms, the ratio of neighbouring orders and its derivative.
//!
//! One method for every order nu > -1 and every x >= 0 (both finite; NaN otherwise). The order is raised to mu >= 30, where
//! the logarithm of the uniform (Debye) expansion has converged. The way back is the stable recurrence for
//! g_nu = I_{nu+1}(x) / (x I_nu(x)), which has positive terms only: g_nu = 1 / (2 (nu + 1) + x^2 g_{nu+1}). The error bounds
//! are for nu >= 0.
//!
//! With w = sqrt(1 + (x / mu)^2), p = 1 / w and D_k the terms of the logarithm of sum_k U_k(p) / mu^k,
//! log(gamma(mu + 1) (2 / x)^mu I_mu(x)) = mu (w - 1 - log((1 + w) / 2)) - log(w) / 2 + sum_k (D_k(p) - D_k(1)) / mu^k,
//! whose terms all vanish with x. Its derivative is the ratio x g.
//!
//! # Source
//! Abramowitz and Stegun 9.7.7. The recurrence 9.3.10 of U_k, put in terms of E_k = D_k', is
//! E_{k+1} = ((p^2 (1 - p^2) E_k)' + p^2 (1 - p^2) sum_{i+j=k} E_i E_j) / 2, E_1 = (1 - 5 p^2) / 8.

use std::f64::consts::{LN_2, PI};

/// Where the expansion begins.
const LARGE: f64 = 30.0;
/// Its number of terms: the next is below 1e-17 at `LARGE`.
const TERMS: usize = 12;
/// Coefficients e_kj of E_k(p) = p^(k-1) sum_j e_kj p^2j, j = 0 ... k, in row k - 1.
const E: [[f64; TERMS + 1]; TERMS] = {
    let mut e = [[0.0; TERMS + 1]; TERMS];
    (e[0][0], e[0][1]) = (0.125, -0.625);
    let mut k = 1;
    while k < TERMS {
        let mut j = 0;
        while j <= k {
            let degree = (k - 1 + 2 * j) as f64;
            e[k][j] += 0.5 * (degree + 2.0) * e[k - 1][j];
            e[k][j + 1] -= 0.5 * (degree + 4.0) * e[k - 1][j];
            j += 1;
        }
        // The product of E_i and E_{k-i}: term a of the one times term b of the other.
        let mut i = 1;
        while i < k {
            let mut a = 0;
            while a <= i {
                let mut b = 0;
                while b <= k - i {
                    let product = 0.5 * e[i - 1][a] * e[k - i - 1][b];
                    e[k][a + b] += product;
                    e[k][a + b + 1] -= product;
                    b += 1;
                }
                a += 1;
            }
            i += 1;
        }
        k += 1;
    }
    e
};

/// The expansion at one order.
struct Debye {
    /// I_{mu+1}(x) / (x I_mu(x)).
    g: f64,
    /// Derivative of the ratio x g.
    slope: f64,
    /// log(gamma(mu + 1) (2 / x)^mu I_mu(x)).
    normalizer: f64,
    /// log(exp(-x) I_mu(x)), for x of the size of mu or larger.
    scaled: f64,
}

fn debye(mu: f64, x: f64) -> Debye {
    let z = x / mu;
    let w = z.hypot(1.0);
    let p = 1.0 / w;
    // w - 1 and 1 - p^2
    let (rise, t) = (z * (z / (1.0 + w)), (z / w) * (z / w));
    // sum_k D_k(p) / mu^k, the same less its value at p = 1, then G = 1 / 2 + p sum_k E_k / mu^k and (p^2 G)' / p.
    let (mut sum, mut difference, mut g, mut dg) = (0.0, 0.0, 0.5, 1.0);
    // mu^-k, p^k and p^k - 1
    let (mut scale, mut power, mut power_minus) = (1.0, 1.0, 0.0);
    for (k, row) in E.iter().enumerate() {
        scale /= mu;
        power *= p;
        power_minus = p * (power_minus - rise);
        // Polynomials in p^2: D_k / p^k and its divided difference between p^2 and 1; E_k / p^(k-1); (p^3 E_k)' / p^(k+1).
        let (mut d, mut dd, mut e, mut de) = (0.0, 0.0, 0.0, 0.0);
        for (j, c) in row.iter().enumerate().take(k + 2).rev() {
            let degree = (k + 1 + 2 * j) as f64;
            dd += d;
            d = d * p * p + c / degree;
            e = e * p * p + c;
            de = de * p * p + c * (degree + 2.0);
        }
        sum += scale * power * d;
        difference += scale * (power_minus * d - t * dd);
        g += scale * power * e;
        dg += scale * power * de;
    }
    Debye {
        g: (1.0 / (1.0 + w) - p * p * g / mu) / mu,
        slope: (p / (1.0 + w) - p * p * (g - t * dg) / mu) / mu,
        normalizer: mu * (rise - (0.5 * rise).ln_1p()) - 0.5 * rise.ln_1p() + difference,
        scaled: mu * (1.0 / (w + z) - ((1.0 + 1.0 / (w + z)) / z).ln_1p()) - 0.5 * (2.0 * PI * mu * w).ln() + sum,
    }
}

/// The expansion at the raised order mu, but g and slope carried back to nu. For every order n = mu - 1, ..., nu on the way
/// `visit` is passed f and g_n = 1 / (2 (n + 1) (1 + f)).
fn descend(nu: f64, x: f64, mut visit: impl FnMut(f64, f64)) -> Debye {
    if !(nu > -1.0 && x >= 0.0 && nu.is_finite() && x.is_finite()) {
        return Debye { g: f64::NAN, slope: f64::NAN, normalizer: f64::NAN, scaled: f64::NAN };
    }
    let steps = (LARGE - nu).ceil().max(0.0);
    let mut at = debye(nu + steps, x);
    // x^2 slope less its limit nu + 1/2 for large x
    let mut excess = x * (x * at.slope) - (nu + steps + 0.5);
    for k in (0..steps as u32).rev() {
        let order = nu + f64::from(k);
        let f = x * (x * at.g) / (2.0 * (order + 1.0));
        at.g = 0.5 / ((order + 1.0) * (1.0 + f));
        at.slope = at.g * at.g * (2.0 * (order + 1.0) - x * (x * at.slope));
        if x > LARGE {
            // The same recurrence, with the limits taken out.
            let half = order + 0.5;
            excess = -half * (2.0 * half * at.g + at.slope) - (x * at.g) * (x * at.g) * excess;
            at.slope = (half + excess) / x / x;
        }
        visit(f, at.g);
    }
    at
}

/// log(exp(-x) I_nu(x)) for nu > -1 and x >= 0: absolute error below 1e-14, relative where the value is above 1.
///
/// # Example
/// ```
/// // I_{1/2}(x) = sqrt(2 / (pi x)) sinh(x)
/// let value = nnef::num::special::log_bessel_i_scaled(0.5, 1e3);
/// assert!((value + 0.5 * (2e3 * std::f64::consts::PI).ln()).abs() < 1e-14);
/// ```
pub fn log_bessel_i_scaled(nu: f64, x: f64) -> f64 {
    if x < nu.max(LARGE) {
        let power = if nu == 0.0 { 0.0 } else { nu * (x.ln() - LN_2) - libm::lgamma(nu + 1.0) };
        return log_vmf_normalizer(nu, x) - x + power;
    }
    let mut logs = 0.0;
    let scaled = descend(nu, x, |_, g| logs += (x * g).ln()).scaled;
    scaled - logs
}

/// log(gamma(nu + 1) (2 / kappa)^nu I_nu(kappa)) for nu > -1 and kappa >= 0: the log normaliser of the von Mises-Fisher
/// distribution on the sphere in 2 nu + 2 dimensions, relative to the uniform one. It begins as kappa^2 / (4 (nu + 1));
/// relative error below 1e-15 for all kappa.
///
/// # Example
/// ```
/// // On the sphere in three dimensions it is log(sinh(kappa) / kappa).
/// assert!((nnef::num::special::log_vmf_normalizer(0.5, 2.0) - (2.0_f64.sinh() / 2.0).ln()).abs() < 1e-15);
/// ```
pub fn log_vmf_normalizer(nu: f64, kappa: f64) -> f64 {
    let mut logs = 0.0;
    let normalizer = descend(nu, kappa, |f, _| logs += f.ln_1p()).normalizer;
    logs + normalizer
}

/// The ratio I_{nu+1}(x) / I_nu(x) for nu > -1 and x >= 0, relative error below 2e-15: the mean resultant length of the
/// von Mises-Fisher distribution, and the derivative of [`log_vmf_normalizer`].
///
/// # Example
/// ```
/// let coth = |x: f64| 1.0 / x.tanh();
/// assert!((nnef::num::special::bessel_ratio(0.5, 2.0) - (coth(2.0) - 0.5)).abs() < 1e-15);
/// ```
pub fn bessel_ratio(nu: f64, x: f64) -> f64 {
    x * descend(nu, x, |_, _| ()).g
}

/// 1 - [`bessel_ratio`], relative error below 1e-15: (A' + (2 nu + 1) A / x) / (1 + A) with A the ratio, all positive for
/// nu > -1/2.
///
/// # Example
/// ```
/// assert!((nnef::num::special::one_minus_bessel_ratio(0.5, 1e6) - 1e-6).abs() < 1e-20);
/// ```
pub fn one_minus_bessel_ratio(nu: f64, x: f64) -> f64 {
    let at = descend(nu, x, |_, _| ());
    (at.slope + (2.0 * nu + 1.0) * at.g) / (1.0 + x * at.g)
}

/// Derivative in x of [`bessel_ratio`], 1 - A^2 - (2 nu + 1) A / x with A the ratio: by the derivative of the recurrence and
/// of the expansion, relative error below 1e-13.
///
/// # Example
/// ```
/// // A = coth(x) - 1 / x has the derivative 1 / x^2 - 1 / sinh(x)^2.
/// assert!((nnef::num::special::bessel_ratio_derivative(0.5, 1e6) - 1e-12).abs() < 1e-25);
/// ```
pub fn bessel_ratio_derivative(nu: f64, x: f64) -> f64 {
    descend(nu, x, |_, _| ()).slope
}
