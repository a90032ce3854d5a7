//! Quadrature rules on an interval: nodes and weights.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Nodes and weights on [-1, 1].
pub type Rule = (Vec<f64>, Vec<f64>);

/// Most numbers of nodes that are remembered.
const REMEMBERED: usize = 512;

/// [`gauss_legendre`], made once for each number of nodes: a rule costs the square of it, and panels ask for the same few ever
/// again. All threads share them.
pub fn shared_gauss_legendre(n: usize) -> Arc<Rule> {
    static RULES: OnceLock<Mutex<HashMap<usize, Arc<Rule>>>> = OnceLock::new();
    let rules = || RULES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(rule) = rules().get(&n) {
        return rule.clone();
    }
    // Made outside of the lock: others need not wait.
    let rule = Arc::new(gauss_legendre(n));
    let mut known = rules();
    if known.len() < REMEMBERED {
        known.insert(n, rule.clone());
    }
    rule
}

/// Nodes and weights of the `n`-point Gauss-Legendre rule on [-1, 1], exact for polynomials of degree 2n - 1.
///
/// Newton's method on the Legendre recurrence from Tricomi's initial guess; full double precision to n of a thousand.
///
/// # Example
/// ```
/// let (x, w) = nnef::num::quad::gauss_legendre(5);
/// let integral: f64 = x.iter().zip(&w).map(|(x, w)| w * x.powi(8)).sum();
/// assert!((integral - 2.0 / 9.0).abs() < 1e-14);
/// ```
pub fn gauss_legendre(n: usize) -> Rule {
    let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
    let count = n as f64;
    for i in 0..n.div_ceil(2) {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (count + 0.5)).cos();
        let mut derivative = 0.0;
        for _ in 0..100 {
            let (mut p, mut before) = (1.0, 0.0);
            for k in 0..n {
                let k = k as f64;
                (p, before) = (((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0), p);
            }
            derivative = count * (x * p - before) / (x * x - 1.0);
            let step = p / derivative;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        if 2 * i + 1 == n {
            x = 0.0;
            let mut even = 1.0; // P_{n-1}(0), from which P_n'(0) = n P_{n-1}(0)
            for k in (2..n).step_by(2) {
                even *= -((k - 1) as f64) / k as f64;
            }
            derivative = count * even;
        }
        let weight = 2.0 / ((1.0 - x * x) * derivative * derivative);
        (nodes[i], nodes[n - 1 - i]) = (-x, x);
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    (nodes, weights)
}

/// Farthest argument of the double exponential rule: its last node lies 1e-275 from the end.
const REACH: f64 = 6.0;

/// The lower half of the double exponential rule on [-1, 1] with `n` nodes: distances from -1, ascending, and weights. The
/// upper half mirrors it. It converges exponentially where an integrand is singular at the ends.
///
/// # Source
/// Takahasi and Mori, "Double exponential formulas for numerical integration", Publications of RIMS 9 (1974).
///
/// # Example
/// ```
/// // The integral of (1 + x)^(-1/2) over the lower half, in distances from the end.
/// let integral: f64 = nnef::num::quad::tanh_sinh(200).iter().map(|(d, w)| w / d.sqrt()).sum();
/// let upper: f64 = nnef::num::quad::tanh_sinh(200).iter().map(|(d, w)| w / (2.0 - d).sqrt()).sum();
/// assert!((integral + upper - 8.0_f64.sqrt()).abs() < 1e-13);
/// ```
pub fn tanh_sinh(n: usize) -> Vec<(f64, f64)> {
    let step = 2.0 * REACH / n.max(2) as f64;
    let node = |i: usize| {
        // Half steps, so that no node lies in the middle.
        let t = REACH - step * (i as f64 + 0.5);
        let distance = 2.0 / (1.0 + (std::f64::consts::PI * t.sinh()).exp());
        (distance, step * 0.5 * std::f64::consts::PI * t.cosh() * distance * (2.0 - distance))
    };
    (0..n.max(2) / 2).map(node).collect()
}
