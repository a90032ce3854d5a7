//! The route from eta to a labelled row: closed form, quadrature, or sampling.

use super::Group;
use super::hmc::{self, HmcOptions};
use super::importance::{self, ImportanceOptions};
use super::quadrature::{self, QuadratureOptions, quadrature};
use super::smc::{self, SmcOptions};
use crate::error::{Error, Kind, Result};
use crate::family::{Family, Moments, Want, check_batch};
use crate::num::observe::Monitor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How moments are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Closed form where there is one, quadrature for up to two coordinates, else importance sampling, and HMC for rows that
    /// fail its gate.
    #[default]
    Auto,
    /// The closed form of a named family.
    ClosedForm,
    /// Adaptive quadrature, up to three coordinates.
    Quadrature,
    /// Importance sampling from the separable base.
    Importance,
    /// Tempered sequential Monte Carlo from the separable base.
    Smc,
    /// Hamiltonian Monte Carlo.
    Hmc,
}

/// Options of [`labels`]: the method and what HMC takes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelOptions {
    /// How moments are computed.
    pub method: Method,
    /// What HMC takes, where it is used.
    pub hmc: HmcOptions,
    /// What importance sampling takes, where it is used.
    pub importance: ImportanceOptions,
    /// What tempered sequential Monte Carlo takes, where it is used.
    pub smc: SmcOptions,
    /// What quadrature takes, where it is used.
    pub quadrature: QuadratureOptions,
}

/// Most coordinates for which `auto` integrates.
const AUTO_QUADRATURE: usize = 2;

impl Method {
    /// What `auto` means for a family.
    pub fn resolve(self, family: &Family) -> Method {
        match self {
            Method::Auto if family.closed_form().is_some() => Method::ClosedForm,
            Method::Auto if family.support().dim() <= AUTO_QUADRATURE && quadrature::applies(family) => Method::Quadrature,
            Method::Auto if family.terms().is_some() => Method::Importance,
            Method::Auto => Method::Hmc,
            forced => forced,
        }
    }
}

/// Rows that are checked one by one, without a proof for the whole region.
const FEW: usize = 64;

/// Rows handled between two looks at the cancel flag.
const QUADRATURE_ROWS: usize = 32;

/// Moments of T, with covariance, for each row of `eta`, [n, k]. Rows do not depend on each other nor on the number of threads.
///
/// # Errors
/// When eta is outside the natural space, the method does not apply to the family, or the user interrupts.
pub fn labels(family: &Family, eta: &[f64], options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
    let k = family.dim();
    let n = check_batch(eta, k)?;
    let proven = n > FEW && family.closed_form().is_none() && family.region_is_proper();
    let inside = |e: &[f64]| proven && family.region().is_some_and(|r| r.contains(e));
    let wrong =
        eta.par_chunks(k).enumerate().filter(|(_, e)| !inside(e)).find_map_first(|(row, e)| {
            family.check_eta(e).err().map(|e| if n > 1 { e.context(format!("row {row}")) } else { e })
        });
    if let Some(error) = wrong {
        return Err(error);
    }
    let method = options.method.resolve(family);
    let chunk = match method {
        Method::Hmc => {
            options.hmc.check()?;
            Group::rows_that_fit(family.density(), options.hmc.chains)
        }
        _ => QUADRATURE_ROWS,
    };
    let task = monitor.task("labels", n as u64);
    let parts: Result<Vec<Moments>> = eta
        .par_chunks(chunk * k)
        .enumerate()
        .map(|(i, rows)| {
            monitor.check()?;
            let part = match method {
                Method::ClosedForm => closed_form(family, rows),
                Method::Hmc => hmc::moments(family, rows, i * chunk, &options.hmc),
                Method::Smc => smc::moments(family, rows, i * chunk, &options.smc),
                Method::Importance if options.method == Method::Auto => weighed(family, rows, i * chunk, options),
                Method::Importance => importance::moments(family, rows, i * chunk, &options.importance),
                Method::Auto | Method::Quadrature => {
                    quadrature(family, rows, &options.quadrature).or_else(|e| match options.method {
                        // What quadrature cannot resolve in two dimensions is sampled, and the rows say so. On a line it
                        // resolves whatever has a finite integral and moments.
                        Method::Auto if e.kind() == Kind::Numeric && family.support().dim() > 1 => {
                            sampled(family, rows, i * chunk, &options.hmc)
                        }
                        _ => Err(e.context(format!("rows from {}", i * chunk))),
                    })
                }
            }?;
            task.add((rows.len() / k) as u64, "");
            Ok(part)
        })
        .collect();
    let mut all = Moments::default();
    parts?.into_iter().for_each(|part| all.extend(part));
    Ok(all)
}

/// Importance sampling, and HMC of the rows that fail its gate or have no base.
fn weighed(family: &Family, rows: &[f64], first: usize, options: &LabelOptions) -> Result<Moments> {
    let mut all = Moments::default();
    for (i, eta) in rows.chunks(family.dim()).enumerate() {
        let row = match importance::moments(family, eta, first + i, &options.importance) {
            Ok(row) if row.gate[0].is_empty() => row,
            Err(e) if e.kind() != Kind::Numeric => return Err(e),
            failed if family.support().bijector().discrete() => failed?,
            _ => Moments { log_normalizer: Some(vec![f64::NAN]), ..sampled(family, eta, first + i, &options.hmc)? },
        };
        all.extend(row);
    }
    Ok(all)
}

/// HMC of rows that quadrature could not resolve.
fn sampled(family: &Family, rows: &[f64], first: usize, options: &HmcOptions) -> Result<Moments> {
    options.check()?;
    let together = Group::rows_that_fit(family.density(), options.chains) * family.dim();
    let mut all = Moments::default();
    for (i, part) in rows.chunks(together).enumerate() {
        all.extend(hmc::moments(family, part, first + i * together / family.dim(), options)?);
    }
    Ok(all)
}

/// Relative error that closed forms are trusted to.
const CLOSED_FORM_ERROR: f64 = 1e-12;

fn closed_form(family: &Family, eta: &[f64]) -> Result<Moments> {
    let form = family.closed_form().ok_or_else(|| {
        Error::name(format!("the family '{}' has no closed form", family.name()))
            .hint("method: \"auto\" takes quadrature or hmc where there is none")
    })?;
    let mut out = Moments { cov_tt: Some(vec![]), log_normalizer: Some(vec![]), ..Moments::default() };
    for row in eta.chunks(family.dim()) {
        let mu = form.mean(row);
        out.mcse.extend(mu.iter().map(|m| CLOSED_FORM_ERROR * m.abs()));
        out.mu_t.extend(mu);
        out.cov_tt.iter_mut().for_each(|c| c.extend(form.covariance(row)));
        out.log_normalizer.iter_mut().for_each(|a| a.push(form.log_normalizer(row)));
        out.ess.push(CLOSED_FORM_ERROR.powi(-2));
        out.rhat.push(1.0);
        out.divergences.push(0);
        out.method.push("closed_form");
        out.gate.push("");
    }
    Ok(out)
}

/// Drop what `want` does not ask for.
pub(super) fn trim(mut moments: Moments, want: Want) -> Moments {
    moments.cov_tt = moments.cov_tt.filter(|_| want.cov);
    moments.log_normalizer = moments.log_normalizer.filter(|_| want.log_normalizer);
    moments
}
