//! The separable base: one density for each coordinate, from the terms that stand in it alone.
//!
//! A coordinate whose own terms have no finite integral starts from a standard reference, and gets what its couplings
//! leave when the others are replaced by their expectations (a mean-field sweep).
//!
//! # Source
//! Mean field: Wainwright and Jordan, "Graphical Models, Exponential Families, and Variational Inference" (2008), section 5.

mod line;

pub(in crate::sample) use line::{Detail, Line};

use crate::domain::Axis;
use crate::family::Terms;

/// Sweeps over the coordinates that have no density of their own.
const SWEEPS: usize = 4;

/// One line for each coordinate.
#[derive(Debug, Clone)]
pub(in crate::sample) struct Base {
    pub lines: Vec<Line>,
    /// Whether every coordinate follows its own terms alone.
    pub own: bool,
    /// Coordinates that still follow the reference.
    pub foreign: Vec<usize>,
}

/// The terms at one eta.
struct Bound<'a> {
    terms: &'a Terms,
    eta: &'a [f64],
    coefficients: Vec<f64>,
    detail: Detail,
}

impl Bound<'_> {
    /// The line of coordinate `j`: its own terms plus `slopes` times its functions.
    fn line(&self, j: usize, slopes: &[f64]) -> Option<Line> {
        let width = 1 + self.terms.functions(j);
        Line::new(self.terms.axes()[j], self.detail, &|t| {
            let values = self.terms.program().evaluate(j, t, self.eta);
            let sum =
                |row: &[f64]| row[0] + row[1..].iter().zip(slopes).filter(|(_, s)| **s != 0.0).map(|(f, s)| f * s).sum::<f64>();
            values.chunks(width).map(sum).collect()
        })
    }
    /// Expectations of the functions of coordinate `j`.
    fn expectations(&self, j: usize, line: &Line) -> Vec<f64> {
        let width = 1 + self.terms.functions(j);
        let mut mean = vec![0.0; width - 1];
        if width > 1 {
            let (t, weights) = line.nodes();
            let values = self.terms.program().evaluate(j, &t, self.eta);
            for (row, w) in values.chunks(width).zip(&weights).filter(|(_, w)| **w > 0.0) {
                mean.iter_mut().zip(&row[1..]).for_each(|(m, f)| *m += w * f);
            }
        }
        mean
    }
    /// What the couplings leave of each function of coordinate `j` when the other factors have these expectations.
    fn slopes(&self, j: usize, means: &[Vec<f64>]) -> Vec<f64> {
        let mut slopes = vec![0.0; self.terms.functions(j)];
        for coupling in self.terms.couplings() {
            if let Some((_, own)) = coupling.factors.iter().find(|(i, _)| *i == j) {
                let others = coupling.factors.iter().filter(|(i, _)| *i != j);
                slopes[*own] += self.coefficients[coupling.coefficient] * others.map(|(i, f)| means[*i][*f]).product::<f64>();
            }
        }
        slopes
    }
}

/// The density that stands in where there is no other: standard normal.
fn reference(axis: Axis, detail: Detail) -> Option<Line> {
    Line::new(axis, detail, &|t| match axis {
        Axis::Line => t.iter().map(|t| -0.5 * t * t).collect(),
        Axis::HalfLine { from } => t.iter().map(|t| -(t - from)).collect(),
        _ => vec![0.0; t.len()],
    })
}

impl Base {
    /// The base at `eta`; none where even the reference has no table.
    pub fn new(terms: &Terms, eta: &[f64], detail: Detail) -> Option<Base> {
        let bound = Bound { terms, eta, coefficients: terms.coefficients(eta), detail };
        let m = terms.axes().len();
        let own: Vec<Option<Line>> = (0..m).map(|j| bound.line(j, &[])).collect();
        let mut foreign: Vec<usize> = (0..m).filter(|j| own[*j].is_none()).collect();
        let lines: Option<Vec<Line>> =
            own.into_iter().zip(terms.axes()).map(|(line, axis)| line.or_else(|| reference(*axis, detail))).collect();
        let (mut lines, own) = (lines?, foreign.is_empty());
        if !foreign.is_empty() {
            let mut means: Vec<Vec<f64>> = (0..m).map(|j| bound.expectations(j, &lines[j])).collect();
            let lost = foreign.clone();
            for _ in 0..SWEEPS {
                for j in &lost {
                    match bound.line(*j, &bound.slopes(*j, &means)) {
                        Some(line) => {
                            foreign.retain(|f| f != j);
                            means[*j] = bound.expectations(*j, &line);
                            lines[*j] = line;
                        }
                        None if !foreign.contains(j) => foreign.push(*j),
                        None => {}
                    }
                }
            }
        }
        Some(Base { lines, own, foreign })
    }
    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.lines.len()
    }
}
