//! Drawing panels with the plotting crate (kuva, whose plots and layouts are built anew for each drawing).

use super::axis::Axis;
use super::figure::{LogY, Marks, Panel, Series};
use super::legend::{COLOURS, legend, point, text};
use crate::error::{Error, Result};
use kuva::backend::svg::SvgBackend;
use kuva::plot::{Histogram, LinePlot, ScatterPlot};
use kuva::render::annotations::TextAnnotation;
use kuva::render::figure::Figure as Sheet;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};
use kuva::{RasterBackend, TerminalBackend, Theme};
use std::sync::Arc;

const GREY: &str = "#999999";
/// More points than this in a line or a cloud are thinned; no figure shows more.
const MOST_POINTS: usize = 4000;
/// Pixels for each point of a PNG.
const DENSITY: f32 = 2.0;

/// Sizes of text and canvas.
#[derive(Clone, Copy)]
struct Look {
    width: f64,
    height: f64,
    text: [u32; 3], // title, labels, ticks
    marker: f64,
    terminal: bool,
}

const SINGLE: Look = Look { width: 640.0, height: 420.0, text: [17, 14, 12], marker: 2.8, terminal: false };
const SMALL: Look = Look { width: 330.0, height: 290.0, text: [13, 11, 10], marker: 1.8, terminal: false };

/// SVG text of the panels, in a grid where there are columns.
pub(super) fn svg(title: &str, panels: &[&Panel], columns: Option<usize>) -> Result<String> {
    Ok(rename_clips(&SvgBackend::default().render_scene(&sheet(title, panels, columns))))
}

/// The crate numbers its clip paths through the life of the process. Equal figures must give equal text, and several
/// figures stand on one notebook page, so they are numbered from zero after a hash of what is drawn.
fn rename_clips(svg: &str) -> String {
    const CLIP: &str = "kuva-clip-";
    let mut parts = svg.split(CLIP);
    let first = parts.next().unwrap_or_default();
    let parts: Vec<(&str, &str)> =
        parts.map(|p| p.split_at(p.find(|c: char| !c.is_ascii_digit()).unwrap_or(p.len()))).collect();
    let drawn = std::iter::once(first).chain(parts.iter().map(|p| p.1)).flat_map(str::bytes);
    let hash = drawn.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut seen: Vec<&str> = Vec::new();
    let mut out = first.to_string();
    for (number, rest) in parts {
        let index = seen.iter().position(|s| *s == number).unwrap_or_else(|| {
            seen.push(number);
            seen.len() - 1
        });
        out.push_str(&format!("clip-{hash:016x}-{index}{rest}"));
    }
    out
}

/// PNG bytes of the panels.
pub(super) fn png(title: &str, panels: &[&Panel], columns: Option<usize>) -> Result<Vec<u8>> {
    let scene = sheet(title, panels, columns);
    RasterBackend::new()
        .with_scale(DENSITY)
        .render_scene(&scene)
        .map_err(|e| Error::numeric(format!("cannot draw the figure as PNG: {e}")))
}

/// The panels below each other in characters.
pub(super) fn terminal(title: &str, panels: &[&Panel], width: usize) -> Result<String> {
    let columns = width.clamp(20, 300);
    let rows = (columns * 3 / 10).clamp(12, 30);
    let mut out = if title.is_empty() { String::new() } else { format!("{title}\n") };
    for panel in panels {
        let look =
            Look { width: 8.0 * columns as f64, height: 16.0 * rows as f64, text: [14, 12, 12], marker: 2.0, terminal: true };
        let (plots, layout) = compose(panel, look);
        let layout = layout.with_theme(Theme::dark()).with_show_grid(false).with_legend_box(false).with_term_rows(rows as u32);
        out.push_str(&TerminalBackend::new(columns, rows).render_scene(&render_multiple(plots, layout)));
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    Ok(out)
}

fn sheet(title: &str, panels: &[&Panel], columns: Option<usize>) -> Scene {
    let (Some(columns), false) = (columns, panels.is_empty()) else {
        return panels.first().map_or_else(
            || render_multiple(Vec::new(), Layout::new((0.0, 1.0), (0.0, 1.0))),
            |panel| {
                let (plots, layout) = compose(panel, SINGLE);
                render_multiple(plots, layout)
            },
        );
    };
    let columns = columns.min(panels.len());
    let (plots, layouts) = panels.iter().map(|p| compose(p, SMALL)).unzip();
    let sheet = Sheet::new(panels.len().div_ceil(columns), columns).with_plots(plots).with_layouts(layouts);
    let sheet = sheet.with_cell_size(SMALL.width, SMALL.height).with_spacing(10.0).with_padding(12.0);
    if title.is_empty() {
        sheet.render()
    } else {
        {
            let letters = (SMALL.width * columns as f64 / (0.62 * f64::from(SINGLE.text[0]))) as usize;
            sheet.with_title(text(title, letters)).with_title_size(SINGLE.text[0]).render()
        }
    }
}

/// Plots and layout of one panel.
fn compose(panel: &Panel, look: Look) -> (Vec<Plot>, Layout) {
    let (x, y, mut plots, hidden) = match &panel.marks {
        Marks::Lines(series, log) => lines(series, *log, look),
        Marks::Points(series, diagonal) => points(series, *diagonal, look),
        Marks::Histogram(values) => histogram(values),
    };
    let mut layout = Layout::new((x.low, x.high), (y.low, y.high))
        .with_width(look.width)
        .with_height(look.height)
        .with_x_axis_min(x.low)
        .with_x_axis_max(x.high)
        .with_y_axis_min(y.low)
        .with_y_axis_max(y.high)
        .with_x_tick_format(ticks(x))
        .with_y_tick_format(ticks(y))
        .with_theme(Theme {
            grid_color: "#e4e4e4".into(),
            legend_border: "#bbbbbb".into(),
            axis_color: "#444444".into(),
            ..Theme::light()
        })
        .with_title_size(look.text[0])
        .with_label_size(look.text[1])
        .with_tick_size(look.text[2])
        .with_body_size(look.text[2]);
    let letters = (look.width / (0.62 * f64::from(look.text[0]))) as usize;
    if !panel.title.is_empty() {
        layout = layout.with_title(text(&panel.title, letters));
    }
    if !panel.x_label.is_empty() {
        layout = layout.with_x_label(text(&panel.x_label, letters));
    }
    if !panel.y_label.is_empty() {
        layout = layout.with_y_label(text(&panel.y_label, letters * 2 / 3));
    }
    if y.log {
        layout = layout.with_log_y();
    }
    if hidden > 0 {
        let reason = if y.log { "not finite or not positive" } else { "not finite" };
        let noun = if hidden == 1 { "value" } else { "values" };
        layout = layout.with_subtitle(format!("{hidden} {noun} left out: {reason}"));
    }
    if plots.is_empty() {
        let middle = if y.log { (y.low * y.high).sqrt() } else { 0.5 * (y.low + y.high) };
        let note = TextAnnotation::new("nothing to draw", 0.5 * (x.low + x.high), middle);
        layout = layout.with_annotation(note.with_color(GREY).with_font_size(look.text[1]));
        plots.push(LinePlot::new().with_data(Vec::<(f64, f64)>::new()).into());
    }
    if let Marks::Lines(series, _) | Marks::Points(series, _) = &panel.marks {
        layout = legend(layout, series, &panel.marks, x, y);
    }
    (plots, layout)
}

fn ticks(axis: Axis) -> TickFormat {
    TickFormat::Custom(Arc::new(move |v| axis.label(v)))
}

/// Axes, plots, and the number of values that cannot be drawn.
type Drawing = (Axis, Axis, Vec<Plot>, usize);

fn lines(series: &[Series], log: LogY, look: Look) -> Drawing {
    let x = Axis::linear(series.iter().flat_map(|s| s.x.iter().copied()));
    let over = series.iter().flat_map(|s| s.x.iter().zip(&s.y).filter(|(x, _)| x.is_finite()).map(|(_, y)| *y));
    let y = if log.0 { Axis::logarithmic(over) } else { Axis::linear(over) };
    let (mut plots, mut hidden) = (Vec::new(), 0);
    for (i, s) in series.iter().enumerate().rev() {
        // The first series on top; from the eighth on, the colours come again with dashes.
        let colour = COLOURS[i % COLOURS.len()];
        let drawn: Vec<Option<(f64, f64)>> = s.x.iter().zip(&s.y).map(|(a, b)| point(&x, &y, *a, *b)).collect();
        hidden += drawn.iter().filter(|p| p.is_none()).count();
        let marked = s.x.len() <= 40 && !look.terminal;
        for run in drawn.split(Option::is_none) {
            let run = thin_line(run.iter().flatten().copied().collect());
            if marked || run.len() == 1 {
                plots.push(ScatterPlot::new().with_data(run.clone()).with_color(colour).with_size(look.marker).into());
            }
            if run.len() > 1 {
                let line = LinePlot::new().with_data(run).with_color(colour).with_stroke_width(1.8);
                plots.push(if i < COLOURS.len() { line } else { line.with_dashed() }.into());
            }
        }
    }
    (x, y, plots, hidden)
}

fn points(series: &[Series], diagonal: bool, look: Look) -> Drawing {
    let pairs = || {
        series.iter().flat_map(|s| s.x.iter().copied().zip(s.y.iter().copied())).filter(|(a, b)| a.is_finite() && b.is_finite())
    };
    let (x, y) = if diagonal {
        let both = Axis::linear(pairs().flat_map(|(a, b)| [a, b]));
        (both, both)
    } else {
        (Axis::linear(pairs().map(|p| p.0)), Axis::linear(pairs().map(|p| p.1)))
    };
    let (mut plots, mut hidden): (Vec<Plot>, usize) = (Vec::new(), 0);
    for (i, s) in series.iter().enumerate() {
        let drawn: Vec<(f64, f64)> = s.x.iter().zip(&s.y).filter_map(|(a, b)| point(&x, &y, *a, *b)).collect();
        hidden += s.x.len() - drawn.len();
        let opacity = if drawn.len() > 200 { 0.45 } else { 0.8 };
        let drawn: Vec<_> = drawn.iter().step_by(drawn.len().div_ceil(MOST_POINTS).max(1)).copied().collect();
        if !drawn.is_empty() {
            let cloud = ScatterPlot::new().with_data(drawn).with_color(COLOURS[i % COLOURS.len()]).with_size(look.marker);
            plots.push(cloud.with_marker_opacity(opacity).into());
        }
    }
    if diagonal && !plots.is_empty() {
        let line = LinePlot::new().with_data(vec![(x.low, x.low), (x.high, x.high)]);
        plots.push(line.with_color(GREY).with_stroke_width(1.2).with_dashed().into());
    }
    (x, y, plots, hidden)
}

/// The lowest and the highest point of each stretch, so that no spike is lost.
fn thin_line(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let ends = |chunk: &[(f64, f64)]| {
        let low = (0..chunk.len()).min_by(|a, b| chunk[*a].1.total_cmp(&chunk[*b].1)).unwrap_or(0);
        let high = (0..chunk.len()).max_by(|a, b| chunk[*a].1.total_cmp(&chunk[*b].1)).unwrap_or(0);
        [chunk[low.min(high)], chunk[low.max(high)]]
    };
    points.chunks(stretch).flat_map(ends).collect()
}

fn histogram(values: &[f64]) -> Drawing {
    let x = Axis::linear(values.iter().copied());
    let mut drawn: Vec<f64> = values.iter().filter(|v| x.shows(**v)).map(|v| x.map(*v)).collect();
    let hidden = values.len() - drawn.len();
    drawn.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (drawn.first().copied(), drawn.last().copied()) else {
        return (x, Axis::linear(std::iter::empty()), Vec::new(), hidden);
    };
    // A constant gets one bar in the middle of its axis.
    let constant = last - first <= 1e-9 * first.abs().max(last.abs());
    let (low, high, bins) =
        if constant { (0.5 * (x.low + first), 0.5 * (x.high + last), 1) } else { (first, last, bin_count(&drawn)) };
    let width = (high - low) / bins as f64;
    let mut counts = vec![0.0; bins];
    drawn.iter().for_each(|v| counts[(((v - low) / width) as usize).min(bins - 1)] += 1.0);
    let edges = (0..=bins).map(|i| low + width * i as f64).collect();
    let y = Axis::linear([0.0].into_iter().chain(counts.iter().copied())).starting_at_zero();
    let counts = counts.into_iter().map(|c| y.map(c)).collect();
    (x, y, vec![Histogram::from_bins(edges, counts).with_color(COLOURS[0]).into()], hidden)
}

/// Bins for sorted values by the rule of Freedman and Diaconis, 5 to 60.
fn bin_count(sorted: &[f64]) -> usize {
    let n = sorted.len();
    let spread = sorted[3 * (n - 1) / 4] - sorted[(n - 1) / 4];
    let width = 2.0 * spread / (n as f64).cbrt();
    let span = sorted[n - 1] - sorted[0];
    if width > 0.0 { ((span / width).ceil() as usize).clamp(5, 60) } else { 20 }
}
