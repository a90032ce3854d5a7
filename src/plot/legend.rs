//! Colours, legends and labels of a panel.

use super::axis::Axis;
use super::figure::{Marks, Series};
use kuva::plot::{LegendEntry, LegendPosition, LegendShape};
use kuva::render::layout::Layout;

/// Colours that stay apart for colour-blind readers (Paul Tol, "Colour Schemes", 2021, the bright scheme).
pub(super) const COLOURS: [&str; 7] = ["#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#777777"];

/// A legend in the corner with the fewest points, or beside the panel where it is long.
pub(super) fn legend(layout: Layout, series: &[Series], marks: &Marks, x: Axis, y: Axis) -> Layout {
    let named: Vec<(usize, &Series)> = series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()).collect();
    if named.is_empty() || series.len() < 2 {
        return layout;
    }
    let shape = if matches!(marks, Marks::Lines(..)) { LegendShape::Line } else { LegendShape::Circle };
    let shown = named.iter().take(20);
    let entries = shown.map(|(i, s)| {
        let dasharray = (*i >= COLOURS.len()).then(|| "4 3".to_string());
        LegendEntry { label: text(&s.name, 24), color: COLOURS[i % COLOURS.len()].to_string(), shape, dasharray }
    });
    let layout = layout.with_legend_entries(entries.collect());
    if named.len() > 3 {
        return layout.with_legend_position(LegendPosition::OutsideRightTop);
    }
    let mut crowd = [0_usize; 4]; // top right, top left, bottom right, bottom left
    for (a, b) in series.iter().flat_map(|s| s.x.iter().zip(&s.y)).filter_map(|(a, b)| point(&x, &y, *a, *b)) {
        let (across, up) = (x.fraction(a), y.fraction(b));
        let (top, bottom, right, left) = (up > 0.65, up < 0.35, across > 0.6, across < 0.4);
        for (corner, inside) in [top && right, top && left, bottom && right, bottom && left].into_iter().enumerate() {
            crowd[corner] += usize::from(inside);
        }
    }
    let best = (0..4).min_by_key(|i| crowd[*i]).unwrap_or(0);
    let corners = [
        LegendPosition::InsideTopRight,
        LegendPosition::InsideTopLeft,
        LegendPosition::InsideBottomRight,
        LegendPosition::InsideBottomLeft,
    ];
    layout.with_legend_position(corners[best])
}

/// `label` without control characters and not longer than `most` letters.
pub(super) fn text(label: &str, most: usize) -> String {
    let clean: Vec<char> = label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.len() <= most.max(8) {
        clean.into_iter().collect()
    } else {
        clean[..most.max(8) - 1].iter().chain(&['…']).collect()
    }
}

/// The point (a, b) in drawn units, where both axes show it.
pub(super) fn point(x: &Axis, y: &Axis, a: f64, b: f64) -> Option<(f64, f64)> {
    (x.shows(a) && y.shows(b)).then(|| (x.map(a), y.map(b)))
}
