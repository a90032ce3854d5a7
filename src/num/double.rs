//! Double-double arithmetic: numbers of about 31 digits, and the trait under which matrix work is written once for them and
//! for doubles.
//!
//! # Source
//! Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic", ACM
//! TOMS 44 (2017), algorithms 6, 12 and 17. Their bounds hold with cancellation too.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number that small matrices may consist of.
pub trait Number:
    Copy
    + From<f64>
    + From<Double>
    + Into<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Square root; NaN below zero.
    fn sqrt(self) -> Self;
    /// Natural logarithm, rounded to a double.
    fn ln(self) -> f64;
}

/// The unevaluated sum of two doubles, the second at most half a unit in the last place of the first.
///
/// Relative errors are at most 1e-30 while no product or its rounding, 1e-16 of it, leaves the range of normal doubles.
///
/// # Example
/// ```
/// use nnef::num::double::Double;
/// let third = Double::from(1.0) / Double::from(3.0);
/// assert!(f64::from(third + third + third - Double::from(1.0)).abs() < 1e-31);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Double {
    high: f64,
    low: f64,
}

/// a + b and the rounding error of that sum.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// a b and the rounding error of that product.
fn two_prod(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

impl Double {
    /// The sum of `high` and a `low` that is smaller.
    fn renormalised(high: f64, low: f64) -> Self {
        let sum = high + low;
        Double { high: sum, low: low - (sum - high) }
    }
}

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Double { high: value, low: 0.0 }
    }
}

impl From<Double> for f64 {
    fn from(value: Double) -> Self {
        value.high
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Double { high: -self.high, low: -self.low }
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, rest) = two_sum(self.high, other.high);
        let (low, last) = two_sum(self.low, other.low);
        let sum = Double::renormalised(high, rest + low);
        Double::renormalised(sum.high, sum.low + last)
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (product, rest) = two_prod(self.high, other.high);
        let across = self.high.mul_add(other.low, self.low.mul_add(other.high, self.low * other.low));
        Double::renormalised(product, rest + across)
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Double::from(first);
        Double::renormalised(first, rest.high / other.high)
    }
}

impl Number for Double {
    fn sqrt(self) -> Self {
        let root = self.high.sqrt();
        if root == 0.0 {
            return Double::from(root);
        }
        let (square, rest) = two_prod(root, root);
        let left = self - Double { high: square, low: rest };
        Double::renormalised(root, 0.5 * left.high / root)
    }
    fn ln(self) -> f64 {
        self.high.ln() + self.low / self.high
    }
}

impl Number for f64 {
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn ln(self) -> f64 {
        f64::ln(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_agree_with_longer_arithmetic() {
        // a = 1 + 2^-70, b = 3 + 2^-60: sums and products of powers of two, exact by hand.
        let power = |n: i32| 2.0_f64.powi(n);
        let (a, b) = (Double { high: 1.0, low: power(-70) }, Double { high: 3.0, low: power(-60) });
        assert_eq!(a + b, Double { high: 4.0, low: power(-60) + power(-70) });
        assert_eq!(a - a, Double::from(0.0));
        assert_eq!(a - Double::from(1.0), Double::from(power(-70)));
        // a b = 3 + 2^-60 + 3 2^-70 + 2^-130.
        assert_eq!(a * b, Double { high: 3.0, low: power(-60) + 3.0 * power(-70) });
        for x in [2.0, 3.0, 1e-9, 7e11, 0.1] {
            let (x, y) = (Double::from(x) + Double::from(1e-17 * x), b);
            let (quotient, root) = (x / y * y - x, x.sqrt() * x.sqrt() - x);
            for error in [quotient, root] {
                assert!((error.high / x.high).abs() < 1e-30, "{x:?} {error:?}");
            }
        }
        assert_eq!(Double::from(0.0).sqrt(), Double::from(0.0));
        assert!(Double::from(-1.0).sqrt().high.is_nan());
        // ln(1 + 2^-60) = 2^-60 to 36 digits.
        assert_eq!((Double { high: 1.0, low: power(-60) }).ln(), power(-60));
    }
}
