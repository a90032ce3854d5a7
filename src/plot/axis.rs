//! [`Axis`]: from numbers of any size to numbers that the plotting crate draws well, and the labels of its ticks.
//!
//! The crate clips a logarithmic axis at 1e-10 and collapses a linear one whose span is below 2e-16, so an axis is
//! scaled by a power of ten, which its tick labels undo.

/// Smallest share of the largest value that a logarithmic axis reaches down to.
const DEEPEST: f64 = 1e-30;

/// The range of an axis in drawn units, value / 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    exponent: i32,
    pub log: bool,
}

impl Axis {
    /// A linear axis over the finite values, with a margin; [0, 1] where there is none.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values.filter(|v| v.is_finite()));
        if low > high {
            return Axis { low: 0.0, high: 1.0, exponent: 0, log: false };
        }
        let size = low.abs().max(high.abs());
        let exponent = if size == 0.0 || (1e-3..1e5).contains(&size) { 0 } else { size.log10().floor() as i32 };
        let (low, high) = (scaled(low, exponent), scaled(high, exponent));
        let size = low.abs().max(high.abs());
        let margin = match high - low {
            span if span > 1e-9 * size => 0.04 * span,
            _ if size == 0.0 => 1.0,
            _ => 0.1 * size, // constant
        };
        Axis { low: low - margin, high: high + margin, exponent, log: false }
    }
    /// A logarithmic axis over the positive finite values, with a margin; [0.1, 1] where there is none.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values.filter(|v| v.is_finite() && *v > 0.0));
        if low > high {
            return Axis { low: 0.1, high: 1.0, exponent: 0, log: true };
        }
        let low = low.max(high * DEEPEST);
        let exponent = low.log10().floor() as i32;
        let (low, high) = (scaled(low, exponent), scaled(high, exponent));
        let margin = (high / low).powf(0.04).max(1.1);
        let (low, high) = (low / margin, high * margin);
        // Two ticks at least: a narrow range is widened to cover one power of ten or a factor of two.
        if high / low < 2.5 {
            Axis { low: low / 1.5, high: high * 1.5, exponent, log: true }
        } else {
            Axis { low, high, exponent, log: true }
        }
    }
    /// The same axis from zero up, for counts.
    pub(super) fn starting_at_zero(self) -> Self {
        Axis { low: 0.0, ..self }
    }
    /// Whether `v` can be drawn on this axis.
    pub(super) fn shows(&self, v: f64) -> bool {
        v.is_finite() && (!self.log || scaled(v, self.exponent) >= 0.5 * self.low)
    }
    /// `v` in drawn units.
    pub(super) fn map(&self, v: f64) -> f64 {
        scaled(v, self.exponent)
    }
    /// Where `v`, in drawn units, lies between the ends, 0 to 1.
    pub(super) fn fraction(&self, v: f64) -> f64 {
        if self.log { (v / self.low).ln() / (self.high / self.low).ln() } else { (v - self.low) / (self.high - self.low) }
    }
    /// The label of a tick at `v`, in drawn units.
    pub(super) fn label(&self, v: f64) -> String {
        if self.log {
            return self.log_label(v);
        }
        let span = self.high - self.low;
        let decimals = (2 - span.log10().floor() as i32).clamp(0, 14) as usize;
        if v.abs() < 1e-9 * span {
            return "0".to_string();
        }
        let (mut mantissa, mut exponent) = (v, self.exponent);
        if exponent == 0 {
            return trim(format!("{mantissa:.decimals$}"));
        }
        while mantissa.abs() < 0.999_999 && decimals < 14 {
            mantissa *= 10.0;
            exponent -= 1;
        }
        if mantissa.abs() >= 9.999_999 {
            mantissa /= 10.0;
            exponent += 1;
        }
        format!("{}e{exponent}", trim(format!("{mantissa:.*}", decimals + 1)))
    }
    fn log_label(&self, v: f64) -> String {
        let power = (v.log10() + 1e-9).floor();
        let (leading, exponent) = ((v / 10_f64.powf(power)).round(), power as i32 + self.exponent);
        match exponent {
            -3..=4 => trim(format!("{:.*}", (-exponent).max(0) as usize, leading * 10_f64.powi(exponent))),
            _ => format!("{leading:.0}e{exponent}"),
        }
    }
}

/// v / 10^exponent, also where 10^exponent overflows.
fn scaled(v: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    v * 10_f64.powi(-half) * 10_f64.powi(half - exponent)
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

fn trim(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn labels_undo_the_scale() {
        let axis = Axis::linear([0.0, 5e-20].into_iter());
        assert_eq!(axis.label(axis.map(2.5e-20)), "2.5e-20");
        assert_eq!(axis.label(axis.map(5e-21)), "5e-21");
        assert_eq!(Axis::linear([0.0, 1.0].into_iter()).label(0.25), "0.25");
        assert_eq!(Axis::linear([1e4, 1e4 + 1e-3].into_iter()).label(1e4 + 2e-4), "10000.0002");
        let axis = Axis::logarithmic([1e-17, 1e-9].into_iter());
        assert_eq!(axis.label(axis.map(1e-12)), "1e-12");
        assert_eq!(axis.label(axis.map(2e-10)), "2e-10");
        assert_eq!(Axis::logarithmic([0.01, 1.0].into_iter()).label(2.0), "0.02");
    }

    #[test]
    fn every_range_is_finite_and_not_empty() {
        let extremes =
            [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for a in extremes {
            for b in extremes {
                for axis in [Axis::linear([a, b].into_iter()), Axis::logarithmic([a, b].into_iter())] {
                    assert!(axis.low.is_finite() && axis.high.is_finite() && axis.low < axis.high, "{a} {b} {axis:?}");
                    for v in [a, b].into_iter().filter(|v| axis.shows(*v)) {
                        let f = axis.fraction(axis.map(v));
                        assert!((-0.5..=1.5).contains(&f), "{a} {b} {axis:?} {v} at {f}");
                    }
                }
            }
        }
    }
}
