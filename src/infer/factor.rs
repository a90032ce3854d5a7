//! [`Factor`]: one block of a variational posterior, and the evaluation of its moments.

use crate::error::{Error, Result};
use crate::family::{ExpectationMap, Moments, Want};
use std::sync::Arc;

/// Methods whose moments are exact wherever they exist.
const EXACT: [&str; 2] = ["closed_form", "quadrature"];

/// One factor q(x) = exp(eta . T(x) + b(x) - A(eta)): who computes its moments, and the evidence on it.
#[derive(Clone)]
pub struct Factor {
    /// eta -> mu_T.
    pub map: Arc<dyn ExpectationMap>,
    /// Natural parameters that are added to the messages: evidence, `[k]`.
    pub prior: Vec<f64>,
    /// Where the ascent starts, `[k]`; where absent the centre of the map, or the prior where the map has no moments there. As x is updated first, the start of y counts; a
    /// start of x counts where y has none: y then starts at the message from it.
    pub start: Option<Vec<f64>>,
    /// Exact (or sampled) moments: they take over where an iterate leaves what `map` knows, polish and certify. A map that
    /// is exact itself needs none.
    pub exact: Option<Arc<dyn ExpectationMap>>,
}

impl Factor {
    /// The factor of `map` without evidence, started at the centre of the map, without a fallback.
    pub fn new(map: Arc<dyn ExpectationMap>) -> Self {
        let prior = vec![0.0; map.dim()];
        Factor { map, prior, start: None, exact: None }
    }
    /// The same factor with evidence `prior`, `[k]`.
    pub fn with_prior(mut self, prior: &[f64]) -> Self {
        self.prior = prior.to_vec();
        self
    }
    /// The same factor started at `eta`, `[k]`.
    pub fn with_start(mut self, eta: &[f64]) -> Self {
        self.start = Some(eta.to_vec());
        self
    }
    /// The same factor with a map to fall back on.
    pub fn with_exact(mut self, exact: Arc<dyn ExpectationMap>) -> Self {
        self.exact = Some(exact);
        self
    }
    /// Number of statistics k.
    pub fn dim(&self) -> usize {
        self.map.dim()
    }
    /// Check that all lengths are k and all entries finite; `name` is "x" or "y".
    pub(super) fn check(&self, name: &str) -> Result<()> {
        let k = self.dim();
        if k == 0 {
            return Err(Error::shape(format!("factor {name} ('{}') has no statistics", self.map.name())));
        }
        if let Some(exact) = self.exact.as_ref().filter(|e| e.dim() != k) {
            let message = format!(
                "factor {name}: '{}' has {k} statistics, its exact map '{}' has {}",
                self.map.name(),
                exact.name(),
                exact.dim()
            );
            return Err(Error::shape(message));
        }
        for (what, values) in [("prior", Some(&self.prior)), ("eta", self.start.as_ref())] {
            let Some(values) = values else { continue };
            if values.len() != k {
                let message =
                    format!("{what}_{name} has {} components, '{}' has {k} statistics", values.len(), self.map.name());
                return Err(Error::shape(message).hint(format!("give {k} numbers, or leave {what}_{name} out")));
            }
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                return Err(Error::domain(format!("{what}_{name}[{i}] is {}: natural parameters must be finite", values[i])));
            }
        }
        Ok(())
    }
}

/// Who computed a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Map,
    Exact,
}

/// One eta with its moments.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub eta: Vec<f64>,
    pub mu: Vec<f64>,
    pub cov: Option<Vec<f64>>,
    pub log_normalizer: Option<f64>,
    pub method: &'static str,
    pub source: Source,
    /// Whether the map of the factor knows this eta.
    pub inside: bool,
}

impl Point {
    /// sd(T_i), `[k]`; 0 where a variance is not positive.
    pub fn sd(&self) -> Option<Vec<f64>> {
        let k = self.eta.len();
        self.cov.as_ref().map(|c| (0..k).map(|i| c[i * k + i].max(0.0).sqrt()).collect())
    }
    /// Cov(T, T) `delta`: the first-order change of mu when eta moves by `delta`.
    pub fn moved(&self, delta: &[f64]) -> Option<Vec<f64>> {
        let k = self.eta.len();
        self.cov.as_ref().map(|c| crate::num::linalg::matmul(c, delta, k, k, 1))
    }
    /// Largest change of mu, in standard deviations, when eta moves by `delta`; relative to eta where there is no variance.
    pub fn shift(&self, delta: &[f64]) -> f64 {
        let relative = |i: usize| delta[i].abs() / (1.0 + self.eta[i].abs());
        let sizes: Vec<f64> = match self.moved(delta).zip(self.sd()) {
            Some((moved, sd)) => {
                (0..sd.len()).map(|i| if sd[i] > 0.0 { moved[i].abs() / sd[i] } else { relative(i) }).collect()
            }
            None => (0..delta.len()).map(relative).collect(),
        };
        largest(sizes)
    }
}

/// The largest of `values`; NaN where one is NaN.
pub(super) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |a: f64, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// A map and what it has been found to give.
#[derive(Clone, Default)]
struct Known {
    want: Option<Want>,
    exact: bool,
}

/// Computes points of one factor, remembering what its maps give.
#[derive(Clone, Default)]
pub(super) struct Evaluator {
    map: Known,
    fallback: Known,
}

impl Evaluator {
    /// Moments at `eta` from the map where it knows that place, else from the exact map. `name` is "x" or "y".
    pub fn point(&mut self, factor: &Factor, name: &str, eta: Vec<f64>) -> Result<Point> {
        let contained = factor.map.contains(&eta);
        if contained || self.map.exact {
            match (moments(factor.map.as_ref(), &eta, &mut self.map), &factor.exact) {
                (Ok(m), _) => return Ok(point(eta, m, Source::Map, true)),
                (Err(e), None) => return Err(e),
                (Err(_), Some(_)) => {}
            }
        }
        if let Some(exact) = &factor.exact {
            return Ok(point(eta.clone(), moments(exact.as_ref(), &eta, &mut self.fallback)?, Source::Exact, false));
        }
        // The only map left: exact moments are good wherever they exist, others only where they are known to be.
        if self.map.want.is_none() || self.map.exact {
            let found = moments(factor.map.as_ref(), &eta, &mut self.map)?;
            if self.map.exact {
                return Ok(point(eta, found, Source::Map, true));
            }
        }
        Err(outside(factor, name, &eta))
    }
    /// Exact moments at `eta`.
    pub fn exact_point(&mut self, factor: &Factor, name: &str, eta: Vec<f64>) -> Result<Point> {
        let (map, known, source) = match &factor.exact {
            Some(exact) => (exact, &mut self.fallback, Source::Exact),
            None => (&factor.map, &mut self.map, Source::Map),
        };
        let found = moments(map.as_ref(), &eta, known)?;
        if factor.exact.is_none() && !known.exact {
            let message =
                format!("factor {name} ('{}') has no exact moments: its own come from a {}", map.name(), found.method[0]);
            return Err(Error::domain(message).hint("give the factor the family, to fall back on"));
        }
        Ok(point(eta, found, source, true))
    }
    /// Whether exact moments can be had, as far as is known after a first point.
    pub fn has_exact(&self, factor: &Factor) -> bool {
        factor.exact.is_some() || self.map.exact
    }
    /// Whether the map gives moments at `eta` without a fallback.
    pub fn knows(&self, factor: &Factor, eta: &[f64]) -> bool {
        self.map.exact || factor.map.contains(eta)
    }
}

fn point(eta: Vec<f64>, moments: Moments, source: Source, inside: bool) -> Point {
    let log_normalizer = moments.log_normalizer.and_then(|a| a.first().copied());
    let method = moments.method.first().copied().unwrap_or("unknown");
    Point { eta, mu: moments.mu_t, cov: moments.cov_tt, log_normalizer, method, source, inside }
}

/// The most that `map` gives at `eta`: what it refuses is found out once.
fn moments(map: &dyn ExpectationMap, eta: &[f64], known: &mut Known) -> Result<Moments> {
    let only = |log_normalizer: bool| Want { cov: !log_normalizer, log_normalizer };
    let wants = known.want.map_or(vec![Want::ALL, only(false), only(true), Want::MEAN], |w| vec![w]);
    let mut failure = Error::numeric(format!("'{}' gave no moments", map.name()));
    for want in wants {
        match map.moments(eta, want) {
            Ok(found) => {
                check(map, &found)?;
                known.want = Some(want);
                known.exact = found.method.first().is_some_and(|m| EXACT.contains(m));
                return Ok(found);
            }
            Err(e) if e.kind() == crate::error::Kind::Interrupted => return Err(e),
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

fn check(map: &dyn ExpectationMap, found: &Moments) -> Result<()> {
    let k = map.dim();
    let cov = found.cov_tt.as_deref();
    let lengths = (found.mu_t.len(), cov.map_or(k * k, <[f64]>::len));
    if lengths != (k, k * k) {
        let message = format!(
            "'{}' gave mu_T and cov_TT of {} and {} numbers, expected {k} and {}",
            map.name(),
            lengths.0,
            lengths.1,
            k * k
        );
        return Err(Error::shape(message));
    }
    let numbers = found.mu_t.iter().chain(cov.unwrap_or_default()).chain(found.log_normalizer.iter().flatten());
    if let Some(bad) = numbers.into_iter().find(|v| !v.is_finite()) {
        return Err(Error::numeric(format!("a moment from '{}' is {bad}", map.name())));
    }
    // Quadrature that holds all mass in one node, or does not know mu to a tenth of a standard deviation, has missed the law.
    let Some(cov) = cov.filter(|_| found.method.first().is_some_and(|m| EXACT.contains(m))) else { return Ok(()) };
    let sd = |i: usize| cov[i * k + i].max(0.0).sqrt();
    match (0..k).find(|i| sd(*i) == 0.0 || found.mcse.get(*i).is_some_and(|e| e.is_nan() || *e > 0.1 * sd(*i))) {
        Some(i) => {
            let error = found.mcse.get(i).copied().unwrap_or(f64::NAN);
            let message = format!("{} of '{}' fails", found.method[0], map.name());
            Err(Error::numeric(format!(
                "{message}: mu_T[{i}] = {:.3e} with sd {:.3e} and error {error:.1e}",
                found.mu_t[i],
                sd(i)
            ))
            .hint("the density may have no finite integral: weaken the coupling or strengthen the priors"))
        }
        None => Ok(()),
    }
}

/// The error that `eta` is not known to the map: which component, and where the map ends on that side.
fn outside(factor: &Factor, name: &str, eta: &[f64]) -> Error {
    let (map, center) = (&factor.map, factor.map.center());
    let complaint = Error::domain(match complaint(map.as_ref(), name, eta, &center) {
        Some(text) => format!("{text}, outside what '{}' knows", map.name()),
        None => format!("eta_{name} = {eta:?} is outside what '{}' knows", map.name()),
    });
    complaint.hint("train over a wider region of eta, or give the factor the family, to fall back on")
}

fn complaint(map: &dyn ExpectationMap, name: &str, eta: &[f64], center: &[f64]) -> Option<String> {
    if !map.contains(center) || center.len() != eta.len() {
        return None;
    }
    // The last place that the map knows between the centre and `to`, as a share of the way.
    let reach = |to: &[f64]| {
        let at = |t: f64| -> Vec<f64> { center.iter().zip(to).map(|(c, e)| c + t * (e - c)).collect() };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if map.contains(&at(middle)) { low = middle } else { high = middle }
        }
        low
    };
    let alone = |i: usize| center.iter().enumerate().map(|(j, c)| if i == j { eta[i] } else { *c }).collect::<Vec<f64>>();
    match (0..eta.len()).find(|i| !map.contains(&alone(*i))) {
        Some(i) => {
            let end = center[i] + reach(&alone(i)) * (eta[i] - center[i]);
            let (side, near) = if eta[i] > end { ("above", "upper") } else { ("below", "lower") };
            Some(format!("eta_{name}[{i}] = {:.6} is {side} {end:.6}, its {near} bound", eta[i]))
        }
        None => Some(format!(
            "eta_{name} = {eta:.4?} lies beyond {:.0} percent of the way from the centre {center:.4?}",
            100.0 * reach(eta)
        )),
    }
}
