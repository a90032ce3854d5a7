//! Real roots of polynomials in one variable, with their multiplicity as far as the coefficients tell it.
//!
//! Coefficients are rounded numbers: those of x^2 - 0.6 x + 0.09 are not quite those of a square. Between two neighbouring
//! critical points a polynomial has one root at most, which its signs tell. At a critical point where it is within the
//! rounding of its coefficients it has a multiple root; a little above that, nobody can tell. Values are computed in 31
//! digits, so that roots near each other are found apart where the coefficients have them apart.

use crate::num::double::Double;

/// Parts of the terms at a critical point, in units of [`f64::EPSILON`]: up to the first a polynomial is zero there, and above
/// the second it is not.
const ZERO: f64 = 1.0;
const CLEAR: f64 = 16.0;
/// The same for derivatives at roots, whose places are rounded too.
const DERIVATIVE: f64 = 64.0;

/// A real root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Root {
    pub at: f64,
    /// How far off it may be by the rounding of the coefficients.
    pub error: f64,
    /// Whether it surely is a root, and its multiplicity is known.
    pub sure: bool,
}

/// The value at x, in 31 digits where terms cancel, and the sum of the sizes of the terms.
fn value(c: &[f64], x: f64) -> (f64, f64) {
    let (v, size) = c.iter().rev().fold((0.0, 0.0), |(v, size): (f64, f64), c| (v * x + c, size * x.abs() + c.abs()));
    if v.abs() > 1e-12 * size {
        return (v, size);
    }
    let at = Double::from(x);
    (f64::from(c.iter().rev().fold(Double::from(0.0), |v, c| v * at + Double::from(*c))), size)
}

/// Coefficients of sum c_k x^k in powers of x - at; those within rounding of 0 are 0.
pub(super) fn shifted(c: &[f64], at: f64) -> Vec<f64> {
    let mut taylor = Vec::with_capacity(c.len());
    let mut slope = c.to_vec();
    let mut factorial = 1.0;
    for k in 0..c.len() {
        let (v, size) = value(&slope, at);
        taylor.push(if v.abs() <= DERIVATIVE * f64::EPSILON * size { 0.0 } else { v / factorial });
        slope = derivative(&slope);
        factorial *= k as f64 + 1.0;
    }
    taylor
}

fn derivative(c: &[f64]) -> Vec<f64> {
    c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect()
}

/// Real roots of sum c_k x^k, ascending; `None` for the polynomial 0. `slack` is how far off c_0 may be beyond its rounding.
pub(super) fn roots(c: &[f64], slack: f64) -> Option<Vec<Root>> {
    let last = c.iter().rposition(|c| *c != 0.0)?;
    let first = c.iter().position(|c| *c != 0.0)?;
    let mut found = of_others(&c[first..=last], if first == 0 { slack } else { 0.0 });
    if first > 0 {
        found.push(Root { at: 0.0, error: slack / c[first].abs(), sure: first == 1 || slack == 0.0 });
        found.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
    Some(found)
}

/// Those of a polynomial whose first and last coefficients are not 0.
fn of_others(c: &[f64], slack: f64) -> Vec<Root> {
    let n = c.len() - 1;
    match n {
        0 => return vec![],
        1 => {
            let at = -c[0] / c[1];
            return vec![Root { at, error: slack / c[1].abs(), sure: true }];
        }
        _ => {}
    }
    let bound = 1.0 + c[..n].iter().map(|v| (v / c[n]).abs()).fold(0.0, f64::max);
    let critical: Vec<f64> = roots(&derivative(c), 0.0).unwrap_or_default().iter().map(|r| r.at).collect();
    let mut knots = vec![-bound];
    knots.extend(critical.into_iter().filter(|x| x.abs() < bound));
    knots.push(bound);
    // At each critical point whether the polynomial is zero there, and whether that is known.
    let last = knots.len() - 1;
    let flat = |(i, x): (usize, &f64)| {
        let (v, size) = value(c, *x);
        let within = |part: f64, times: f64| i > 0 && i < last && v.abs() <= part * f64::EPSILON * size + times * slack;
        (within(CLEAR, 4.0), within(ZERO, 1.0))
    };
    let zeros: Vec<(bool, bool)> = knots.iter().enumerate().map(flat).collect();
    let mut found = Vec::new();
    for i in 0..last {
        if zeros[i].0 {
            // Two critical points in a row: one root of higher order, or several.
            let alone = !zeros[i - 1].0 && !zeros[i + 1].0;
            found.push(root(c, knots[i], slack, zeros[i].1 && alone));
        }
        let (mut a, mut b) = (knots[i], knots[i + 1]);
        let up = value(c, a).0 > 0.0;
        if zeros[i].0 || zeros[i + 1].0 || up == (value(c, b).0 > 0.0) {
            continue;
        }
        let mut m = 0.5 * (a + b);
        while m > a && m < b {
            if (value(c, m).0 > 0.0) == up {
                a = m
            } else {
                b = m
            }
            m = 0.5 * (a + b);
        }
        found.push(root(c, m, slack, true));
    }
    found
}

/// A root with the bound on its error: where the leading Taylor term is as large as the rounding.
fn root(c: &[f64], at: f64, slack: f64, sure: bool) -> Root {
    let noise = CLEAR * f64::EPSILON * value(c, at).1 + slack;
    let taylor = shifted(c, at);
    let error = taylor
        .iter()
        .enumerate()
        .skip(1)
        .find(|t| *t.1 != 0.0)
        .map_or(f64::INFINITY, |(k, t)| (noise / t.abs()).powf(1.0 / k as f64));
    Root { at, error, sure }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn places(c: &[f64]) -> Vec<f64> {
        roots(c, 0.0).unwrap().iter().filter(|r| r.sure).map(|r| r.at).collect()
    }

    #[test]
    fn squares_that_were_written_out_are_double_roots() {
        for (c, at) in [([0.09, -0.6, 1.0], 0.3), ([0.01, -0.2, 1.0], 0.1), ([1.5129, -2.46, 1.0], 1.23)] {
            let found = roots(&c, 0.0).unwrap();
            assert!(found.len() == 1 && found[0].sure && (found[0].at - at).abs() < 1e-15, "{found:?}");
            let taylor = shifted(&c, found[0].at);
            assert!(taylor[0] == 0.0 && taylor[1] == 0.0 && taylor[2] == 1.0, "{taylor:?}");
        }
        // (x - 0.3)^3, and x^3 (x + 1).
        let found = roots(&[-0.027, 0.27, -0.9, 1.0], 0.0).unwrap();
        assert!(found.len() == 1 && found[0].sure, "{found:?}");
        assert_eq!(shifted(&[-0.027, 0.27, -0.9, 1.0], found[0].at)[..3], [0.0; 3]);
        assert_eq!(places(&[0.0, 0.0, 0.0, 1.0, 1.0]), [-1.0, 0.0]);
    }

    #[test]
    fn roots_near_each_other_are_told_apart_or_left_open() {
        for d in [1e-3, 1e-5, 3e-7] {
            let found = places(&[1.0 - d * d, -2.0, 1.0]);
            assert!(found.len() == 2 && ((found[1] - found[0]) / (2.0 * d) - 1.0).abs() < 0.02, "{d} {found:?}");
            assert_eq!(places(&[1.0 + d * d, -2.0, 1.0]).len(), 0);
        }
        for c in [1.0 - 3e-15, 1.0 + 3e-15] {
            assert!(roots(&[c, -2.0, 1.0], 0.0).unwrap().iter().all(|r| !r.sure));
        }
    }
}
