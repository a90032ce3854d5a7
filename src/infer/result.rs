//! [`Cavi`]: what an ascent found, and how.

use super::factor::Point;
use super::problem::{Problem, least_correlation};
use crate::plot::{Figure, LogY, Series};
use std::fmt::{self, Write};
use std::sync::Arc;

/// A covariance whose correlation matrix has an eigenvalue below this is not one, beyond the noise of a network.
const INDEFINITE: f64 = -1e-3;

/// One row of the trace: where an ascent stood after a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Sweeps so far; 0 for the start.
    pub iteration: usize,
    /// Evidence lower bound, where both maps give a log-normaliser.
    pub elbo: Option<f64>,
    /// What one more sweep would change: largest in either factor, in standard deviations of each statistic to first order,
    /// or relative to eta where a map gives no covariance.
    pub change: f64,
    /// Whether both maps know their eta.
    pub inside: bool,
    /// Whether the sweep was accelerated.
    pub accelerated: bool,
    /// Whether the sweep used exact moments, as part of the polish.
    pub polish: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(elbo) = self.elbo {
            write!(f, "elbo {elbo:.6} ")?;
        }
        write!(f, "change {:.1e} sd", self.change)
    }
}

/// An eta that a map did not know, with the moments that took over: a row for further training.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow {
    /// The sweep.
    pub iteration: usize,
    /// "x" or "y".
    pub factor: &'static str,
    /// Natural parameters, `[k]`.
    pub eta: Vec<f64>,
    /// Moments from the fallback, `[k]`.
    pub mu_t: Vec<f64>,
    /// How they were made.
    pub method: &'static str,
}

/// The course of an ascent, for [`Cavi::new`].
pub(super) struct Course {
    pub trace: Vec<Step>,
    pub new_rows: Vec<NewRow>,
    pub converged: bool,
    pub interrupted: bool,
    pub saddle: Option<usize>,
    pub elbo_drops: usize,
    pub polish_sweeps: Option<usize>,
    pub condition: Option<f64>,
    pub tol: f64,
    pub elbo: Option<f64>,
    pub change: f64,
}

/// The result of [`super::cavi`]. Owned, cheap enough to clone.
#[derive(Clone)]
pub struct Cavi {
    /// Natural parameters of q(x), `[kx]`.
    pub eta_x: Vec<f64>,
    /// Natural parameters of q(y), `[ky]`.
    pub eta_y: Vec<f64>,
    /// E[T(x)], `[kx]`, from the map that was used last.
    pub mu_x: Vec<f64>,
    /// E[S(y)], `[ky]`, from the map that was used last.
    pub mu_y: Vec<f64>,
    /// Evidence lower bound at the end, where both maps give a log-normaliser; [`Cavi::certify`] gives it from exact ones.
    pub elbo: Option<f64>,
    /// The start and every sweep.
    pub trace: Vec<Step>,
    /// Number of sweeps, those of the polish included.
    pub iterations: usize,
    /// Whether the ascent came to where a sweep changes mu by `tol` standard deviations at most, at a stable fixed point
    /// (`condition` not above 1); what is left after a polish is in `change`.
    pub converged: bool,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// rho, the spectral radius of A Cov_y A' Cov_x at the end: a sweep shrinks errors by rho, and an error of the maps
    /// grows to 1 / (1 - rho) of itself in the fixed point. `None` where a map gives no covariance.
    pub condition: Option<f64>,
    /// Whether every iterate was inside what the maps know.
    pub inside: bool,
    /// Sweeps in which exact moments took over, the start included.
    pub outside_steps: usize,
    /// Every eta at which exact moments took over.
    pub new_rows: Vec<NewRow>,
    /// Plain or accelerated sweeps after which the bound was lower: 0 for exact moments, more where a map is no gradient.
    pub elbo_drops: usize,
    /// The sweep that stepped off a saddle.
    pub saddle: Option<usize>,
    /// Sweeps of the polish, where there was one.
    pub polish_sweeps: Option<usize>,
    /// Whether both covariances at the end are positive semi-definite (correlation eigenvalues above -1e-3); `None` where a
    /// map gives no covariance.
    pub cov_psd: Option<bool>,
    /// How the final moments of x and of y were made.
    pub methods: [&'static str; 2],
    /// What one more sweep would change at the end, in standard deviations; see [`Step::change`].
    pub change: f64,
    tol: f64,
    pub(super) problem: Arc<Problem>,
}

impl Cavi {
    pub(super) fn new(problem: Arc<Problem>, (x, y): (Point, Point), course: Course) -> Self {
        let outside = course.trace.iter().filter(|s| !s.inside).count();
        let psd = least_correlation(&x).zip(least_correlation(&y)).map(|(a, b)| a.min(b) >= INDEFINITE);
        Cavi {
            methods: [&x, &y].map(|p| p.method),
            eta_x: x.eta,
            eta_y: y.eta,
            mu_x: x.mu,
            mu_y: y.mu,
            elbo: course.elbo,
            change: course.change,
            iterations: course.trace.len().saturating_sub(1),
            converged: course.converged,
            interrupted: course.interrupted,
            condition: course.condition,
            inside: outside == 0,
            outside_steps: outside,
            new_rows: course.new_rows,
            elbo_drops: course.elbo_drops,
            saddle: course.saddle,
            polish_sweeps: course.polish_sweeps,
            cov_psd: psd,
            trace: course.trace,
            tol: course.tol,
            problem,
        }
    }
    /// A readable table: state, bound, condition, warnings, and the factors.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        self.write_summary(&mut out).map(|()| out).unwrap_or_default()
    }
    fn write_summary(&self, out: &mut String) -> fmt::Result {
        let state = match (self.interrupted, self.converged) {
            (true, _) => "interrupted",
            (false, true) => "converged",
            (false, false) => "NOT converged",
        };
        let accelerated = self.trace.iter().filter(|s| s.accelerated).count();
        writeln!(out, "cavi: {state} after {} sweeps ({accelerated} accelerated), tol {:.1e}", self.iterations, self.tol)?;
        writeln!(out, "  change left  {:.2e} sd", self.change)?;
        match self.elbo {
            Some(elbo) => writeln!(out, "  elbo         {elbo:.8}")?,
            None => {
                writeln!(out, "  elbo         unknown: the maps give no log-normaliser; certify() has it from exact moments")?
            }
        }
        match self.condition {
            Some(rho) if rho < 1.0 => {
                writeln!(out, "  condition    rho = {rho:.4}: errors of the maps grow by up to {:.2}", 1.0 / (1.0 - rho))?;
            }
            Some(rho) => writeln!(out, "  condition    rho = {rho:.4}: UNSTABLE, sweeps lead away from here")?,
            None => writeln!(out, "  condition    unknown: a map gives no covariance")?,
        }
        match self.outside_steps {
            0 => writeln!(out, "  region       every iterate inside what the maps know")?,
            n => writeln!(
                out,
                "  region       LEFT in {n} of {} places: exact moments took over ({} new rows)",
                self.trace.len(),
                self.new_rows.len()
            )?,
        }
        if let Some(sweeps) = self.polish_sweeps {
            writeln!(out, "  polish       {sweeps} sweeps with exact moments")?;
        }
        if let Some(at) = self.saddle {
            writeln!(
                out,
                "  saddle       left by a small step in sweep {at}; there is a mirror solution if the model is symmetric"
            )?;
        }
        if self.elbo_drops > 0 {
            writeln!(
                out,
                "  WARNING      the elbo dropped in {} sweeps: a map is not the gradient of its log-normaliser",
                self.elbo_drops
            )?;
        }
        if self.cov_psd == Some(false) {
            writeln!(out, "  WARNING      a covariance at the end is not positive semi-definite; see certify()")?;
        }
        for (name, factor, eta, mu, method) in [
            ("x", &self.problem.x, &self.eta_x, &self.mu_x, self.methods[0]),
            ("y", &self.problem.y, &self.eta_y, &self.mu_y, self.methods[1]),
        ] {
            writeln!(out, "  {name}: {} ({method})", factor.map.name())?;
            writeln!(out, "    {:>4} {:>14} {:>14}", "", "eta", "mu")?;
            for (i, (eta, mu)) in eta.iter().zip(mu).enumerate() {
                writeln!(out, "    {i:>4} {eta:>14.6} {mu:>14.6}")?;
            }
        }
        Ok(())
    }
    /// Change and, where it is known, the bound, sweep by sweep.
    pub fn plot(&self) -> Figure {
        let x: Vec<f64> = self.trace.iter().map(|s| s.iteration as f64).collect();
        let change = Series::new("", x.clone(), self.trace.iter().map(|s| s.change).collect());
        let mut panels = vec![Figure::lines("Change", "sweep", "sd", vec![change], LogY(true))];
        if self.trace.iter().any(|s| s.elbo.is_some()) {
            let elbo = Series::new("", x, self.trace.iter().map(|s| s.elbo.unwrap_or(f64::NAN)).collect());
            panels.insert(0, Figure::lines("Evidence lower bound", "sweep", "elbo", vec![elbo], LogY(false)));
        }
        let columns = panels.len();
        Figure::grid(panels, columns).with_title("Coordinate ascent")
    }
}

impl fmt::Debug for Cavi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}
