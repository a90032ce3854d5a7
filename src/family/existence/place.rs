//! Where along a coordinate a density may fail to be integrable: its ends, and both sides of poles inside.

use super::series::{Mono, Series};
use crate::domain::Axis;

/// An end of an axis, or a side of a pole inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Up,
    Down,
    /// From this point on, to the right (1) or left (-1); an end of the support or inside.
    Point {
        at: f64,
        side: f64,
        inside: bool,
    },
}

impl Place {
    /// The coordinate as a series.
    pub fn coordinate(self) -> Series {
        match self {
            Place::Up => Series::term(1.0, Mono::t(1.0)),
            Place::Down => Series::term(-1.0, Mono::t(1.0)),
            Place::Point { at, side, .. } => {
                let step = Series::term(side, Mono::t(-1.0));
                step.add(&Series::constant(at)).unwrap_or(step)
            }
        }
    }
    /// The point, where it is one.
    pub fn at(self) -> Option<f64> {
        match self {
            Place::Point { at, .. } => Some(at),
            _ => None,
        }
    }
    /// What is added to the point as it is approached.
    pub fn step(self) -> Option<Series> {
        match self {
            Place::Point { side, .. } => Some(Series::term(side, Mono::t(-1.0))),
            _ => None,
        }
    }
    pub fn measure(self) -> f64 {
        if matches!(self, Place::Point { .. }) { -2.0 } else { 0.0 }
    }
    pub fn describe(self, name: &str) -> String {
        match self {
            Place::Up => format!("{name} goes to infinity"),
            Place::Down => format!("{name} goes to minus infinity"),
            Place::Point { at, inside: false, .. } => {
                format!("{name} approaches {}, an end of its support", crate::num::short(at))
            }
            Place::Point { at, .. } => format!("{name} approaches {}, a pole", short(at)),
        }
    }
    /// A leading term in the coordinate.
    pub fn leading(self, c: f64, m: &Mono, name: &str) -> String {
        let base = match self {
            Place::Up => name.to_string(),
            Place::Down => format!("|{name}|"),
            Place::Point { at: 0.0, side, .. } => {
                if side > 0.0 {
                    name.to_string()
                } else {
                    format!("|{name}|")
                }
            }
            Place::Point { at, .. } => format!("|{name} - {}|", short(at)),
        };
        let turn = if matches!(self, Place::Point { .. }) { -1.0 } else { 1.0 };
        let c = if m.e.is_empty() && m.p[0] == 0.0 && m.p[1].fract() == 0.0 && m.p[1] % 2.0 != 0.0 { turn * c } else { c };
        let mut out = format!("{}{}", if c < 0.0 { "" } else { "+" }, short(c));
        if !m.e.is_empty() {
            out.push_str(" times an exponential of ");
            out.push_str(&base);
            return out;
        }
        let power = |p: f64| if p == 1.0 { String::new() } else { format!("^{}", short(p)) };
        if m.p[0] != 0.0 {
            out.push_str(&format!(" {base}{}", power(turn * m.p[0])));
        }
        if m.p[1] != 0.0 {
            out.push_str(&format!(" log({base}){}", power(m.p[1])));
        }
        if m.p[2] != 0.0 {
            out.push_str(&format!(" log(|log({base})|){}", power(m.p[2])));
        }
        out
    }
}

/// A number in six digits.
pub(super) fn short(v: f64) -> String {
    let rounded: f64 = format!("{v:.5e}").parse().unwrap_or(v);
    if rounded != 0.0 && !(1e-4..1e7).contains(&rounded.abs()) { format!("{rounded:e}") } else { format!("{rounded}") }
}

/// Whether an axis is unbounded downwards and upwards.
pub(super) fn reach(axis: Axis) -> [bool; 2] {
    match axis {
        Axis::Line => [true, true],
        Axis::HalfLine { .. } => [false, true],
        Axis::Segment { .. } | Axis::Circle => [false, false],
        Axis::Integers { from, to } => [from == f64::NEG_INFINITY, to == f64::INFINITY],
    }
}

/// The ends of an axis.
pub(super) fn places(axis: Axis) -> Vec<Place> {
    let low = |at| Place::Point { at, side: 1.0, inside: false };
    let high = |at| Place::Point { at, side: -1.0, inside: false };
    match axis {
        Axis::Line => vec![Place::Down, Place::Up],
        Axis::HalfLine { from } => vec![low(from), Place::Up],
        Axis::Segment { from, to } => vec![low(from), high(to)],
        Axis::Circle => vec![],
        Axis::Integers { .. } => {
            let [down, up] = reach(axis);
            [down.then_some(Place::Down), up.then_some(Place::Up)].into_iter().flatten().collect()
        }
    }
}
