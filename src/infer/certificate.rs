//! [`Certificate`]: what exact moments say of a result.

use super::factor::{Evaluator, Factor, Point, largest};
use super::result::Cavi;
use crate::error::Result;
use std::fmt;

/// Exact moments at the end of an ascent, and how far that is from a fixed point of exact moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// Exact E[T(x)] at eta_x, `[kx]`.
    pub mu_x: Vec<f64>,
    /// Exact E[S(y)] at eta_y, `[ky]`.
    pub mu_y: Vec<f64>,
    /// Error of the reported mu_x, in exact standard deviations of each statistic, `[kx]`.
    pub error_x: Vec<f64>,
    /// Error of the reported mu_y, in exact standard deviations of each statistic, `[ky]`.
    pub error_y: Vec<f64>,
    /// Largest of both errors.
    pub error_sd: f64,
    /// What updating each factor with exact moments would change, largest over statistics, in standard deviations to first
    /// order: the exact fixed-point residual.
    pub residual_sd: f64,
    /// Exact evidence lower bound, where log-normalisers are known.
    pub elbo: Option<f64>,
    /// rho from exact covariances.
    pub condition: Option<f64>,
    /// residual_sd / (1 - rho): about the distance to the exact fixed point, in standard deviations; `None` for rho >= 1.
    pub distance_sd: Option<f64>,
    /// How the moments of x and of y were made.
    pub methods: [&'static str; 2],
}

impl Cavi {
    /// Compare with exact moments, from the fallback of each factor or from maps that are exact themselves.
    ///
    /// # Errors
    /// When a factor has no exact moments, or they do not exist at the end of the ascent.
    pub fn certify(&self) -> Result<Certificate> {
        let problem = &self.problem;
        let point = |factor: &Factor, name: &str, eta: &[f64]| {
            let found = Evaluator::default().exact_point(factor, name, eta.to_vec());
            found.map_err(|e| e.context(format!("certify: factor {name}")))
        };
        let (x, y) = (point(&problem.x, "x", &self.eta_x)?, point(&problem.y, "y", &self.eta_y)?);
        let step = |p: &Point, message: Vec<f64>| -> f64 {
            let delta: Vec<f64> = message.iter().zip(&p.eta).map(|(m, e)| m - e).collect();
            p.shift(&delta)
        };
        let residual_sd = largest([step(&x, problem.message_x(&y.mu)), step(&y, problem.message_y(&x.mu))]);
        let (error_x, error_y) = (error(&x, &self.mu_x), error(&y, &self.mu_y));
        let condition = problem.condition(&x, &y);
        Ok(Certificate {
            error_sd: largest(error_x.iter().chain(&error_y).copied()),
            error_x,
            error_y,
            residual_sd,
            elbo: problem.elbo(&x, &y),
            distance_sd: condition.filter(|rho| *rho < 1.0).map(|rho| residual_sd / (1.0 - rho)),
            condition,
            methods: [x.method, y.method],
            mu_x: x.mu,
            mu_y: y.mu,
        })
    }
}

/// |mu - exact mu| in standard deviations; absolute where a statistic has none.
fn error(exact: &Point, mu: &[f64]) -> Vec<f64> {
    let sd = exact.sd().unwrap_or_default();
    let unit = |i: usize| sd.get(i).copied().filter(|s| *s > 0.0).unwrap_or(1.0);
    exact.mu.iter().zip(mu).enumerate().map(|(i, (a, b))| (a - b).abs() / unit(i)).collect()
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |v: Option<f64>| v.map_or("unknown".to_string(), |v| format!("{v:.8}"));
        writeln!(f, "certificate from {} (x) and {} (y)", self.methods[0], self.methods[1])?;
        writeln!(f, "  error of mu       {:.2e} sd", self.error_sd)?;
        writeln!(f, "  exact residual    {:.2e} sd", self.residual_sd)?;
        match self.distance_sd {
            Some(d) => writeln!(f, "  to exact optimum  about {d:.2e} sd")?,
            None => writeln!(f, "  to exact optimum  unknown")?,
        }
        writeln!(f, "  exact elbo        {}", number(self.elbo))?;
        write!(f, "  exact condition   {}", number(self.condition))
    }
}
