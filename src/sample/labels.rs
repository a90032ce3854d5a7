//! The routes from eta to a labelled row: closed form, quadrature, importance sampling, Markov chains; and how `auto` chooses.

use super::Group;
use super::finite::{infinite_variances, mark};
use super::hmc::{self, HmcOptions};
use super::importance::{self, ImportanceOptions};
use super::nuts::{self, NutsOptions};
use super::poles::{self, POLES};
use super::quadrature::{self, QuadratureOptions, quadrature};
use super::rare::RARE;
use super::smc::{self, SmcOptions};
use crate::error::{Error, Kind, Result};
use crate::family::{Existence, Family, Moments, Want, check_batch};
use crate::num::observe::Monitor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How moments are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Closed form where there is one, quadrature where up to three coordinates hang together, else importance sampling, tempered
    /// sequential Monte Carlo for rows whose weights are not healthy, and HMC for those that it does not reach.
    #[default]
    Auto,
    /// The closed form of a named family.
    ClosedForm,
    /// Adaptive quadrature: see [`quadrature`].
    Quadrature,
    /// Importance sampling from the separable base.
    Importance,
    /// Tempered sequential Monte Carlo from the separable base.
    Smc,
    /// Hamiltonian Monte Carlo.
    Hmc,
    /// The no-U-turn sampler.
    Nuts,
}

/// Options of [`labels`]: the method and what each takes, where it is used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelOptions {
    /// How moments are computed.
    pub method: Method,
    /// What HMC takes.
    pub hmc: HmcOptions,
    /// What importance sampling takes.
    pub importance: ImportanceOptions,
    /// What NUTS takes.
    pub nuts: NutsOptions,
    /// What quadrature takes.
    pub quadrature: QuadratureOptions,
    /// What tempered sequential Monte Carlo takes.
    pub smc: SmcOptions,
}

impl Method {
    /// The first route that `auto` takes for a family.
    pub fn resolve(self, family: &Family) -> Method {
        match self {
            Method::Auto if family.closed_form().is_some() => Method::ClosedForm,
            Method::Auto if quadrature::applies(family) => Method::Quadrature,
            Method::Auto if importance::applies(family) => Method::Importance,
            Method::Auto => Method::Hmc,
            forced => forced,
        }
    }
    /// Where `auto` sends the rows that this route does not resolve.
    fn next(self, family: &Family) -> Option<Method> {
        match self {
            Method::Quadrature if importance::applies(family) => Some(Method::Importance),
            Method::Importance if family.tempered().is_some() => Some(Method::Smc),
            Method::Quadrature | Method::Importance | Method::Smc if hmc::applies(family) => Some(Method::Hmc),
            _ => None,
        }
    }
    /// Rows that are worked on together.
    fn rows_together(self, family: &Family, options: &LabelOptions) -> usize {
        match self {
            Method::Hmc => Group::rows_that_fit(family.density(), options.hmc.chains),
            Method::Nuts => nuts::rows_that_fit(family.density(), options.nuts.chains),
            _ => BLOCK,
        }
    }
    fn check(self, options: &LabelOptions) -> Result<()> {
        if options.hmc.target_mcse.is_some()
            && options.method == self
            && matches!(self, Method::Nuts | Method::Importance | Method::Smc)
        {
            return Err(Error::name("target_mcse belongs to hmc, which goes on until it is reached")
                .hint("method: \"hmc\" or \"auto\", or more samples"));
        }
        match self {
            Method::Hmc => options.hmc.check(),
            Method::Nuts => options.nuts.check(),
            Method::Importance => options.importance.check(),
            Method::Smc => options.smc.check(),
            Method::Quadrature => options.quadrature.check(),
            Method::Auto | Method::ClosedForm => Ok(()),
        }
    }
    /// Moments of the rows `eta`, [n, k], with the numbers `first`, `first` + 1, ... in their dataset.
    fn moments(self, family: &Family, eta: &[f64], first: usize, options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
        let mut found = self.ungated(family, eta, first, options, monitor)?;
        if matches!(self, Method::Importance | Method::Smc | Method::Hmc | Method::Nuts) {
            for (gate, row) in found.gate.iter_mut().zip(eta.chunks(family.dim())) {
                *gate = poles::gate(gate, family, row);
            }
        }
        Ok(found)
    }
    fn ungated(self, family: &Family, eta: &[f64], first: usize, options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
        match self {
            Method::Auto => self.resolve(family).moments(family, eta, first, options, monitor),
            Method::ClosedForm => closed_form(family, eta),
            Method::Quadrature => quadrature(family, eta, &options.quadrature, monitor),
            Method::Importance => importance::moments(family, eta, first, &options.importance, monitor),
            Method::Smc => smc::moments(family, eta, first, &options.smc, monitor),
            Method::Hmc => hmc::moments(family, eta, first, &options.hmc, monitor),
            Method::Nuts => nuts::moments(family, eta, first, &options.nuts, monitor),
        }
    }
}

/// Most statistics of a family: the covariance of a row has their square of numbers, 2 GB.
const MOST_STATISTICS: usize = 1 << 14;
/// Rows that are checked one by one, without a proof for the whole region.
const FEW: usize = 64;

/// Rows are labelled in blocks of this many, counted from the first row of their dataset. Rows of a block may share work, so
/// parts of a dataset give the bytes of the whole where each begins at a multiple of it.
pub const BLOCK: usize = 32;

/// Moments of T, with covariance, for each row of `eta`, [n, k]. Rows do not depend on the number of threads.
///
/// # Errors
/// When eta is outside the natural space, the method does not apply to the family, or the user interrupts.
pub fn labels(family: &Family, eta: &[f64], options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
    check_rows(family, eta)?;
    label_part(family, eta, 0, options, monitor)
}

/// Check that every row of `eta`, [n, k], lies in the natural space.
///
/// # Errors
/// The first row that does not, with its number.
pub fn check_rows(family: &Family, eta: &[f64]) -> Result<()> {
    let k = family.dim();
    let n = check_batch(eta, k)?;
    let proven = n > FEW && family.closed_form().is_none() && family.region_is_proper();
    let inside = |e: &[f64]| proven && family.region().is_some_and(|r| r.contains(e));
    let wrong = eta
        .par_chunks(k)
        .enumerate()
        .filter(|(_, e)| !inside(e))
        .find_map_first(|(row, e)| family.check_eta(e).err().map(|e| if n > 1 { e.in_row(row) } else { e }));
    wrong.map_or(Ok(()), Err)
}

/// As [`labels`], for rows that have been checked and have the numbers `first`, `first` + 1, ... in their dataset: the
/// number of a row decides its random streams. For the bytes of the whole `first` is a multiple of [`BLOCK`].
///
/// # Errors
/// As [`labels`].
pub fn label_part(family: &Family, eta: &[f64], first: usize, options: &LabelOptions, monitor: &Monitor) -> Result<Moments> {
    label_blocks(family, eta, first, options, monitor, Asked { name: true, means: true })
}

/// As [`label_part`]; an error need not say of which row it is, which is not looked for.
pub(crate) fn label_unnamed(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &LabelOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    label_blocks(family, eta, first, options, monitor, Asked { name: false, means: true })
}

/// What is asked of a block.
#[derive(Clone, Copy)]
struct Asked {
    /// Errors say of which row they are.
    name: bool,
    /// The means, not only A.
    means: bool,
}

fn label_blocks(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &LabelOptions,
    monitor: &Monitor,
    asked: Asked,
) -> Result<Moments> {
    let k = family.dim();
    let n = check_batch(eta, k)?;
    if k > MOST_STATISTICS {
        let gigabytes = (k * k) as f64 * 8e-9;
        return Err(Error::shape(format!(
            "'{}' has {k} statistics: the covariance of one row would take {gigabytes:.0} GB; up to {MOST_STATISTICS} are possible",
            family.name()
        ))
        .hint("a smaller dimension, or statistics without duplicates (mvn_tril instead of mvn)"));
    }
    let method = options.method.resolve(family);
    method.check(options)?;
    let chunk = method.rows_together(family, options);
    let task = monitor.task("labels", n as u64);
    let parts: Result<Vec<Moments>> = eta
        .par_chunks(chunk * k)
        .enumerate()
        .map(|(i, rows)| {
            monitor.check()?;
            let row = first + i * chunk;
            let by = |rows: &[f64], first: usize| match options.method {
                Method::Auto => ladder(method, family, rows, first, options, monitor),
                forced => forced.moments(family, rows, first, options, monitor),
            };
            let numbered = (asked.name && n > 1).then_some(row);
            let infinite = if asked.means { infinite_variances(family, rows, numbered)? } else { vec![] };
            let part = by(rows, row);
            task.add((rows.len() / k) as u64, "");
            let mut part =
                part.map_err(|e| if asked.name && n > 1 { in_its_row(e, method, family, rows, row, &by) } else { e })?;
            mark(&mut part, k, &infinite);
            Ok(part)
        })
        .collect();
    let mut all = Moments::default();
    parts?.into_iter().for_each(|part| all.extend(part));
    Ok(all)
}

/// The error `e` of `rows`, the first of which has the number `first`, with the number of the row that it is of. What is wrong
/// with the method or its options is of no row.
fn in_its_row(
    e: Error,
    method: Method,
    family: &Family,
    rows: &[f64],
    first: usize,
    by: &dyn Fn(&[f64], usize) -> Result<Moments>,
) -> Error {
    let applies = match method {
        Method::ClosedForm => family.closed_form().is_some(),
        Method::Quadrature => quadrature::applies(family),
        // These name the row themselves.
        _ => false,
    };
    if !applies || e.kind() == Kind::Interrupted {
        return e;
    }
    let alone = |(i, row): (usize, &[f64])| by(row, first + i).err().map(|e| e.in_row(first + i));
    rows.chunks(family.dim()).enumerate().find_map(alone).unwrap_or(e)
}

/// Rows by `method`; those that it does not resolve, or that fail its gate, by the next one, each row for itself.
fn ladder(
    method: Method,
    family: &Family,
    rows: &[f64],
    first: usize,
    options: &LabelOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    let k = family.dim();
    let Some(next) = method.next(family) else { return method.moments(family, rows, first, options, monitor) };
    let lower = |row: usize| {
        let eta = &rows[row * k..(row + 1) * k];
        next.check(options).and_then(|()| ladder(next, family, eta, first + row, options, monitor))
    };
    let unresolved = |e: &Error| matches!(e.kind(), Kind::Numeric) && family.support().dim() > 1;
    match method.moments(family, rows, first, options, monitor) {
        Ok(found) => {
            let mut all = Moments::default();
            for (row, mut one) in found.rows(k).into_iter().enumerate() {
                // No other sampler sees poles either, or what draws of good weights do not meet.
                let lost = one.gate[0] == POLES || one.gate[0] == RARE;
                if !lost && (!one.gate[0].is_empty() || !precise(&one, options.hmc.target_mcse)) {
                    // What the next route cannot do either keeps what there is, with its gate.
                    one = match lower(row) {
                        Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                        found => found.unwrap_or(one),
                    };
                }
                all.extend(one);
            }
            Ok(all)
        }
        Err(e) if !unresolved(&e) => Err(e),
        // One row fails for all: find out which.
        Err(_) if rows.len() > k => {
            let mut all = Moments::default();
            for (row, eta) in rows.chunks(k).enumerate() {
                all.extend(ladder(method, family, eta, first + row, options, monitor).map_err(|e| e.in_row(first + row))?);
            }
            Ok(all)
        }
        Err(e) if method == Method::Quadrature && !matches!(family.existence(rows), Existence::Proper) => {
            Err(doubtful(family, rows, &e))
        }
        Err(_) => lower(0),
    }
}

/// Whether the means of one row are as precise as was asked for.
fn precise(row: &Moments, target: Option<f64>) -> bool {
    target.is_none_or(|t| row.ess[0] >= t.powi(-2))
}

/// A(eta) of each row of `eta`, [n, k]: by the method of `options`, where it gives one; `auto` has tempered sequential Monte
/// Carlo for rows that its other routes would leave to Markov chains.
///
/// # Errors
/// As [`labels`]; also when the method gives no log-normaliser, or a row fails its gate.
pub fn log_normalizers(family: &Family, eta: &[f64], options: &LabelOptions, monitor: &Monitor) -> Result<Vec<f64>> {
    let k = family.dim();
    if let Method::Hmc | Method::Nuts = options.method {
        return Err(Error::name("Markov chains give no log-normaliser")
            .hint("method: \"closed_form\", \"quadrature\", \"importance\" or \"smc\"; \"auto\" takes the first that serves"));
    }
    let auto = options.method == Method::Auto;
    let found = match options.method.resolve(family) {
        Method::Hmc => None,
        _ => {
            check_rows(family, eta)?;
            Some(label_blocks(family, eta, 0, options, monitor, Asked { name: true, means: false })?.rows(k))
        }
    };
    let tempered = LabelOptions { method: Method::Smc, ..options.clone() };
    let row = |r: usize| {
        let known = found.as_ref().map(|f| &f[r]);
        let first = known.and_then(|m| m.log_normalizer.as_ref().map(|a| (a[0], m.gate[0])));
        let (a, gate) = match first {
            Some((a, gate)) if !auto || (a.is_finite() && gate.is_empty()) => (a, gate),
            _ => {
                check_rows(family, &eta[r * k..(r + 1) * k]).map_err(|e| e.in_row(r))?;
                let by_steps = smc::moments(family, &eta[r * k..(r + 1) * k], r, &tempered.smc, monitor)?;
                (by_steps.log_normalizer.map_or(f64::NAN, |a| a[0]), by_steps.gate[0])
            }
        };
        if gate.is_empty() {
            return Ok(a);
        }
        Err(Error::numeric(format!(
            "row {r}: the log-normaliser, about {a:.4}, is not to be trusted: the gate '{gate}' failed"
        ))
        .hint("more samples or particles, or another eta"))
    };
    (0..eta.len() / k).map(row).collect()
}

/// The error of a row that quadrature does not resolve and of which it is not known that it has a finite integral at all:
/// chains would draw from it without a sign of that.
fn doubtful(family: &Family, eta: &[f64], cause: &Error) -> Error {
    let why = family.unproven(eta).map(|why| format!(" ({why})")).unwrap_or_default();
    Error::numeric(format!(
        "it is not proven that the density of '{}' has a finite integral{why}, and quadrature does not resolve it: {}",
        family.name(),
        cause.message()
    ))
    .hint("method: \"hmc\" samples it at your own risk")
}

/// Relative error that closed forms are trusted to.
const CLOSED_FORM_ERROR: f64 = 1e-12;

fn closed_form(family: &Family, eta: &[f64]) -> Result<Moments> {
    let form = family.closed_form().ok_or_else(|| {
        Error::name(format!("the family '{}' has no closed form", family.name()))
            .hint("method: \"auto\" takes quadrature or hmc where there is none")
    })?;
    let mut out = Moments::with_log_normalizers();
    for row in eta.chunks(family.dim()) {
        let (mu, cov, log_normalizer) = (form.mean(row), form.covariance(row), form.log_normalizer(row));
        if let Some(bad) = mu.iter().chain(&cov).chain([&log_normalizer]).find(|v| !v.is_finite()) {
            let text =
                format!("the moments of '{}' at eta = {row:?} are beyond the range of numbers: one is {bad}", family.name());
            return Err(Error::numeric(text).hint("an eta nearer to the region, or statistics in other units"));
        }
        out.mcse.extend(mu.iter().map(|m| CLOSED_FORM_ERROR * m.abs()));
        out.mu_t.extend(mu);
        out.cov_tt.iter_mut().for_each(|c| c.extend_from_slice(&cov));
        out.push_log_normalizer(log_normalizer, 0.0);
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
    moments.log_normalizer_error = moments.log_normalizer_error.filter(|_| want.log_normalizer);
    moments
}
