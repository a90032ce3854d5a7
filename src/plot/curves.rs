//! The figures of a run: learning curves, predictions over truth, where the natural parameters lie.

use super::figure::{Figure, LogY, Series};

/// Most panels in one figure: more cannot be read.
const MOST_PANELS: usize = 12;
/// Most points in one small panel.
const MOST_POINTS: usize = 1000;

/// Training loss per epoch and validation loss, pairs (epoch, loss), on a logarithmic axis where a loss is positive
/// everywhere it is finite.
///
/// # Example
/// ```
/// let figure = nnef::plot::learning_curves(&[0.0, 1.0, 2.0], &[1.0, 0.1, 0.02], &[(0.0, 1.1), (2.0, 0.03)]);
/// assert!(figure.svg().unwrap().contains("validation"));
/// ```
pub fn learning_curves(epochs: &[f64], train: &[f64], val: &[(f64, f64)]) -> Figure {
    let mut series = vec![Series::new("training", epochs.to_vec(), train.to_vec())];
    if !val.is_empty() {
        let (x, y) = val.iter().copied().unzip();
        series.push(Series::new("validation", x, y));
    }
    let positive = series.iter().flat_map(|s| &s.y).filter(|v| v.is_finite()).all(|v| *v > 0.0);
    Figure::lines("Learning curves", "epoch", "loss", series, LogY(positive))
}

/// Predicted over true values, one small panel with its diagonal for each of the first 12 statistics; `names` `[k]`,
/// `truth` and `predicted` [n, k]. Each panel says its root mean square error; of more than 1000 rows, evenly spaced ones
/// are drawn.
pub fn predictions(names: &[String], truth: &[f64], predicted: &[f64]) -> Figure {
    let k = names.len();
    let rows = truth.len().max(predicted.len()).checked_div(k).unwrap_or(0);
    let step = rows.div_ceil(MOST_POINTS).max(1);
    let panels = names.iter().take(MOST_PANELS).enumerate().map(|(j, name)| {
        let column = |values: &[f64]| values.iter().skip(j).step_by(k).copied().collect::<Vec<f64>>();
        let (t, p) = (column(truth), column(predicted));
        let squares: Vec<f64> = t.iter().zip(&p).map(|(t, p)| (t - p) * (t - p)).filter(|s| s.is_finite()).collect();
        let rmse = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
        let title = if rmse.is_nan() { name.clone() } else { format!("{name}   rmse {}", short(rmse)) };
        let thin = |values: Vec<f64>| values.into_iter().step_by(step).collect::<Vec<f64>>();
        Figure::scatter(&title, "true", "predicted", vec![Series::new("", thin(t), thin(p))])
    });
    many(panels.collect(), "Predictions", k)
}

/// A histogram of each of the first 12 natural parameters; `names` `[k]`, `eta` [n, k].
pub fn eta_histograms(names: &[String], eta: &[f64]) -> Figure {
    let k = names.len();
    let panels = names.iter().take(MOST_PANELS).enumerate().map(|(j, name)| {
        let values: Vec<f64> = eta.iter().skip(j).step_by(k).copied().collect();
        Figure::histogram(name, "eta", &values)
    });
    many(panels.collect(), "Natural parameters", k)
}

pub(super) fn many(panels: Vec<Figure>, title: &str, k: usize) -> Figure {
    let shown = panels.len();
    let columns = match shown {
        0..=3 => shown,
        4 => 2,
        5..=9 => 3,
        _ => 4,
    };
    let title = if k > shown { format!("{title}: the first {shown} of {k} statistics") } else { title.to_string() };
    if panels.is_empty() {
        Figure::lines(&title, "", "", Vec::new(), LogY(false))
    } else {
        Figure::grid(panels, columns).with_title(&title)
    }
}

/// Three figures, without an exponent where that is short.
fn short(v: f64) -> String {
    match v.abs() {
        0.0 => "0".to_string(),
        size if (1e-3..1e4).contains(&size) => format!("{v:.*}", (2 - size.log10().floor() as i32).clamp(0, 5) as usize),
        _ => format!("{v:.2e}"),
    }
}
