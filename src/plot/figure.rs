//! [`Figure`]: what is to be drawn, kept as data.

use super::draw;
use crate::error::{Error, Result};
use crate::num::files::write_atomic;
use std::path::Path;
use std::sync::Arc;

/// More panels than anybody can read.
const MOST_PANELS: usize = 100;

/// A named sequence of points: `y[i]` over `x[i]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Name for the legend; empty for none.
    pub name: String,
    /// Abscissae.
    pub x: Vec<f64>,
    /// Ordinates, as many as `x`.
    pub y: Vec<f64>,
}

impl Series {
    /// The series `name` with the points (x`[i]`, y`[i]`).
    pub fn new(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Series { name: name.into(), x, y }
    }
}

/// Whether the vertical axis is logarithmic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogY(
    /// True for a logarithmic axis.
    pub bool,
);

/// What a panel shows.
#[derive(Debug, Clone)]
pub(super) enum Marks {
    /// Connected points.
    Lines(Vec<Series>, LogY),
    /// Separate points, with the line y = x where the flag is set.
    Points(Vec<Series>, bool),
    /// Counts of values in bins.
    Histogram(Vec<f64>),
}

/// One pair of axes.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub marks: Marks,
}

#[derive(Debug)]
enum Content {
    Panel(Panel),
    Grid { title: String, panels: Vec<Figure>, columns: usize },
}

/// A figure: lines, points, a histogram, or a grid of figures. Cheap to clone; drawn on demand.
///
/// # Example
/// ```
/// use nnef::plot::{Figure, LogY, Series};
/// let x: Vec<f64> = (0..50).map(|i| 0.1 * f64::from(i)).collect();
/// let y = x.iter().map(|x| (-x).exp()).collect();
/// let figure = Figure::lines("decay", "t", "exp(-t)", vec![Series::new("exact", x, y)], LogY(true));
/// assert!(figure.svg().unwrap().starts_with("<svg"));
/// ```
#[derive(Debug, Clone)]
pub struct Figure {
    content: Arc<Content>,
}

impl Figure {
    fn panel(title: &str, x_label: &str, y_label: &str, marks: Marks) -> Self {
        let panel = Panel { title: title.to_string(), x_label: x_label.to_string(), y_label: y_label.to_string(), marks };
        Figure { content: Arc::new(Content::Panel(panel)) }
    }
    /// Connected points of each series; a value that cannot be drawn breaks its line.
    pub fn lines(title: &str, x_label: &str, y_label: &str, series: Vec<Series>, log_y: LogY) -> Self {
        Self::panel(title, x_label, y_label, Marks::Lines(series, log_y))
    }
    /// Points, with the diagonal y = x and the same range on both axes: predicted over true values.
    pub fn scatter(title: &str, x_label: &str, y_label: &str, series: Vec<Series>) -> Self {
        Self::panel(title, x_label, y_label, Marks::Points(series, true))
    }
    /// Points, each axis with its own range.
    pub fn points(title: &str, x_label: &str, y_label: &str, series: Vec<Series>) -> Self {
        Self::panel(title, x_label, y_label, Marks::Points(series, false))
    }
    /// Counts of `values` in bins of equal width (Freedman and Diaconis 1981, 5 to 60 bins).
    pub fn histogram(title: &str, x_label: &str, values: &[f64]) -> Self {
        Self::panel(title, x_label, "count", Marks::Histogram(values.to_vec()))
    }
    /// Figures side by side, `columns` in a row; the panels of a grid in a grid are taken one by one.
    pub fn grid(figures: Vec<Figure>, columns: usize) -> Self {
        Figure { content: Arc::new(Content::Grid { title: String::new(), panels: figures, columns }) }
    }
    /// The same figure with a title over it (over all of its panels, for a grid).
    pub fn with_title(self, title: &str) -> Self {
        let title = title.to_string();
        let content = match self.content.as_ref() {
            Content::Panel(panel) => Content::Panel(Panel { title, ..panel.clone() }),
            Content::Grid { panels, columns, .. } => Content::Grid { title, panels: panels.clone(), columns: *columns },
        };
        Figure { content: Arc::new(content) }
    }

    /// The figure as SVG text; equal figures give equal text.
    ///
    /// # Errors
    /// A series whose x and y differ in length; a grid of more than a hundred panels.
    pub fn svg(&self) -> Result<String> {
        draw::svg(&self.title(), &self.checked_panels()?, self.columns())
    }
    /// The figure as the bytes of a PNG file, two pixels to a point.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    pub fn png(&self) -> Result<Vec<u8>> {
        draw::png(&self.title(), &self.checked_panels()?, self.columns())
    }
    /// The figure in braille and box characters with ANSI colours, `width` characters wide (20 to 300), the panels of a
    /// grid below each other.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    pub fn terminal(&self, width: usize) -> Result<String> {
        draw::terminal(&self.title(), &self.checked_panels()?, width)
    }
    /// Write the figure to `path`, by its extension `.svg` or `.png`.
    ///
    /// # Errors
    /// Another extension; as [`Figure::svg`]; a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("svg") => write_atomic(path, self.svg()?.as_bytes()),
            Some("png") => write_atomic(path, &self.png()?),
            other => {
                let found = other.map_or("no extension".to_string(), |e| format!("the extension '.{e}'"));
                let error = Error::file(format!("'{}' has {found}: a figure is a .svg or a .png file", path.display()));
                Err(error.hint("name it NAME.svg or NAME.png"))
            }
        }
    }

    fn title(&self) -> String {
        match self.content.as_ref() {
            Content::Panel(_) => String::new(),
            Content::Grid { title, .. } => title.clone(),
        }
    }
    fn columns(&self) -> Option<usize> {
        match self.content.as_ref() {
            Content::Panel(_) => None,
            Content::Grid { columns, .. } => Some((*columns).max(1)),
        }
    }
    fn panels(&self) -> Vec<&Panel> {
        match self.content.as_ref() {
            Content::Panel(panel) => vec![panel],
            Content::Grid { panels, .. } => panels.iter().flat_map(Figure::panels).collect(),
        }
    }
    fn checked_panels(&self) -> Result<Vec<&Panel>> {
        let panels = self.panels();
        if panels.is_empty() || panels.len() > MOST_PANELS {
            return Err(Error::shape(format!("a grid of {} figures, expected 1 to {MOST_PANELS}", panels.len())));
        }
        for panel in &panels {
            let (Marks::Lines(series, _) | Marks::Points(series, _)) = &panel.marks else { continue };
            if let Some(s) = series.iter().find(|s| s.x.len() != s.y.len()) {
                let message =
                    format!("the series '{}' of the figure '{}' has {} x and {} y", s.name, panel.title, s.x.len(), s.y.len());
                return Err(Error::shape(message).hint("give as many x as y"));
            }
        }
        Ok(panels)
    }
}
