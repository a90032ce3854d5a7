//! The tolerance vocabulary: the only place that decides whether two numbers agree.
//!
//! Absolute plus relative, NaN never passes, and the levels have names. Statistical tests use [`stat`] and state their
//! false-alarm rate.

/// An absolute and a relative part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Absolute part, in the units of the values.
    pub absolute: f64,
    /// Relative part, a fraction of the larger magnitude.
    pub relative: f64,
}

/// A few roundings apart: the same formula, another order.
pub const ROUND: Tolerance = Tolerance { absolute: 1e-13, relative: 1e-13 };
/// Two ways of computing one number in double precision.
pub const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10 };
/// A finite difference of a smooth function.
pub const DIFFERENCE: Tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
/// Single precision.
pub const SINGLE: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-4 };

/// Tolerance of a statistical test: `sigmas` standard errors `se`.
/// Four sigmas give a false alarm in 16,000 tests.
pub fn stat(sigmas: f64, se: f64) -> Tolerance {
    Tolerance { absolute: sigmas * se, relative: 0.0 }
}

/// Whether `a` and `b` agree. Equal infinities agree; NaN agrees with nothing.
///
/// # Example
/// ```
/// use nnef::num::close::{close, EXACT};
/// assert!(close(1.0, 1.0 + 1e-12, EXACT));
/// assert!(!close(f64::NAN, f64::NAN, EXACT));
/// ```
pub fn close(a: f64, b: f64, tolerance: Tolerance) -> bool {
    a == b || (a - b).abs() <= tolerance.absolute + tolerance.relative * a.abs().max(b.abs())
}

/// Whether two slices agree, entry by entry; slices of different length do not.
pub fn close_all(a: &[f64], b: &[f64], tolerance: Tolerance) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b, tolerance))
}
