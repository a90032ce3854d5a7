//! A family as an expectation map: exact where it can be, sampled elsewhere.

use super::labels::{LabelOptions, Method, labels, trim};
use crate::error::{Error, Result};
use crate::family::{ExpectationMap, Family, Moments, Want};
use crate::num::observe::Monitor;
use std::sync::Arc;

/// A family with a way to compute its moments.
#[derive(Clone)]
pub struct FamilyMap {
    family: Arc<Family>,
    options: LabelOptions,
}

impl FamilyMap {
    /// The family with the given options.
    pub fn new(family: Arc<Family>, options: LabelOptions) -> Self {
        FamilyMap { family, options }
    }
    /// The family.
    pub fn family(&self) -> &Arc<Family> {
        &self.family
    }
}

/// The map of exact moments of a family, where there is one: closed form, or quadrature.
pub fn exact(family: &Arc<Family>) -> Option<FamilyMap> {
    match Method::Auto.resolve(family) {
        Method::Hmc | Method::Nuts | Method::Importance | Method::Smc => None,
        method => Some(FamilyMap::new(family.clone(), LabelOptions { method, ..LabelOptions::default() })),
    }
}

impl ExpectationMap for FamilyMap {
    fn dim(&self) -> usize {
        self.family.dim()
    }
    fn moments(&self, eta: &[f64], want: Want) -> Result<Moments> {
        let moments = labels(&self.family, eta, &self.options, &Monitor::silent())?;
        if want.log_normalizer && moments.log_normalizer.as_ref().is_none_or(|a| a.iter().any(|a| a.is_nan())) {
            return Err(Error::numeric(format!(
                "the log-normaliser of '{}' is not known: its moments are sampled",
                self.family.name()
            ))
            .hint("closed forms, quadrature and importance sampling give it"));
        }
        Ok(trim(moments, want))
    }
    fn contains(&self, eta: &[f64]) -> bool {
        self.family.check_eta(eta).is_ok() && self.family.region().is_none_or(|r| r.contains(eta))
    }
    fn center(&self) -> Vec<f64> {
        self.family.region().map_or_else(|| vec![0.0; self.family.dim()], |r| r.center())
    }
    fn name(&self) -> String {
        self.family.name().to_string()
    }
}
