//! Where an ascent stands: two points and the sweep that would follow.

use super::factor::{Evaluator, Point};
use super::problem::Problem;
use crate::error::{Error, Kind, Result};

/// Differences of the bound below this share of 1 + |bound| cannot be told from rounding and quadrature error.
const ELBO_SLACK: f64 = 1e-10;

/// A pair of points, x up to date with y, and the sweep that would follow.
#[derive(Clone)]
pub(super) struct Place {
    pub x: Point,
    pub y: Point,
    pub elbo: Option<f64>,
    pub step: Vec<f64>,
    pub change: f64,
}

impl Place {
    pub fn size(&self) -> f64 {
        self.step.iter().map(|s| s * s).sum::<f64>().sqrt()
    }
    pub fn inside(&self) -> bool {
        self.x.inside && self.y.inside
    }
    /// Gain of the bound over `before`, where both bounds come from the same maps.
    pub fn gain(&self, before: &Place) -> Option<f64> {
        let same = (self.x.source, self.y.source) == (before.x.source, before.y.source);
        self.elbo.zip(before.elbo).filter(|_| same).map(|(a, b)| a - b)
    }
    pub fn slack(&self) -> f64 {
        ELBO_SLACK * (1.0 + self.elbo.unwrap_or(0.0).abs())
    }
}

/// The place with y at `eta` and x at the message from it; `exact` asks for exact moments.
pub(super) fn place(
    problem: &Problem,
    evaluators: &mut (Evaluator, Evaluator),
    eta: Vec<f64>,
    n: usize,
    exact: bool,
) -> Result<Place> {
    let mut point = |name: &'static str, eta: Vec<f64>| -> Result<Point> {
        let (evaluator, factor) = if name == "x" { (&mut evaluators.0, &problem.x) } else { (&mut evaluators.1, &problem.y) };
        if let Some(i) = eta.iter().position(|e| !e.is_finite()) {
            return Err(explain(Error::numeric(format!("eta_{name}[{i}] is {}", eta[i])), problem, name, n));
        }
        let found = if exact { evaluator.exact_point(factor, name, eta) } else { evaluator.point(factor, name, eta) };
        found.map_err(|e| explain(e, problem, name, n))
    };
    let y = point("y", eta)?;
    let x = point("x", problem.message_x(&y.mu))?;
    let (step, change) = problem.change(&x, &y);
    if change.is_nan() {
        return Err(explain(Error::numeric("the change of mu is NaN"), problem, "y", n));
    }
    let elbo = problem.elbo(&x, &y);
    Ok(Place { x, y, elbo, step, change })
}

pub(super) fn explain(e: Error, problem: &Problem, name: &str, n: usize) -> Error {
    let factor = if name == "x" { &problem.x } else { &problem.y };
    let at = if n == 0 { "start".to_string() } else { format!("iteration {n}") };
    let kind = e.kind();
    let e = e.context(format!("cavi: {at}: factor {name} ('{}')", factor.map.name()));
    match (kind, n, e.hint_text()) {
        (Kind::Interrupted, _, _) | (_, _, Some(_)) => e,
        (_, 0, None) => e.hint(format!("give another start, or evidence: eta_{name}, prior_{name}")),
        (_, _, None) => e.hint("the joint density may have no finite integral: weaken the coupling or strengthen the priors"),
    }
}

/// Weights of the residual: no component without weight.
pub(super) fn floor(sd: Vec<f64>) -> Vec<f64> {
    let top = sd.iter().copied().fold(0.0, f64::max);
    sd.into_iter().map(|s| if top > 0.0 { s.max(1e-6 * top) } else { 1.0 }).collect()
}

/// Euclidean norm of `v` with each component times its `unit`, where units are given.
pub(super) fn norm(v: &[f64], unit: &[f64]) -> f64 {
    v.iter().enumerate().map(|(i, v)| (v * unit.get(i).unwrap_or(&1.0)).powi(2)).sum::<f64>().sqrt()
}
