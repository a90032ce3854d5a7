//! The integrals that lines compare with: fewer where they are dear.

use crate::error::Result;
use crate::family::{Family, Moments};
use crate::num::observe::Monitor;
use crate::sample::labels::{LabelOptions, Method, labels};
use crate::sample::quadrature::{QuadratureOptions, counted};
use rayon::prelude::*;

/// Eta at which is integrated where that is dear, and statistics of differences.
pub(super) const FEW: usize = 2;
/// Work of the integrals at one eta, as [`counted`] gives it, from which on they are dear: a fifth of a second or so.
const DEAR: u64 = 100_000_000;
/// The same from which on there are none for differences: a second or more.
const ALONE: u64 = 500_000_000;

/// Moments by quadrature.
pub(super) struct Integrals<'a> {
    /// Where they were to be had, and looked for.
    pub etas: Vec<&'a [f64]>,
    /// One for each of these; or why there are none.
    pub moments: Result<Vec<Moments>>,
    /// Whether there should not be many more of them.
    pub dear: bool,
    /// Whether there should be no more of them at all.
    pub enough: bool,
}

impl<'a> Integrals<'a> {
    /// At `etas`; where they are dear at the first of them only.
    pub(super) fn new(family: &Family, etas: &[&'a [f64]], monitor: &Monitor) -> Integrals<'a> {
        let (first, rest) = etas.split_at(etas.len().min(FEW));
        let each = |eta: &&[f64]| counted(family, eta, &QuadratureOptions::default(), monitor);
        let (looked, work): (Vec<Result<Moments>>, Vec<u64>) = first.par_iter().map(each).unzip();
        let most = work.into_iter().max().unwrap_or(0);
        let (dear, enough) = (most > DEAR, most > ALONE);
        let mut found: Vec<(&'a [f64], Result<Moments>)> = first.iter().copied().zip(looked).collect();
        if !dear && !rest.is_empty() {
            match by(family, Method::Quadrature, &rest.concat(), monitor) {
                Ok(all) => found.extend(rest.iter().copied().zip(all.into_iter().map(Ok))),
                // Those that can be had.
                Err(_) => found.par_extend(rest.par_iter().map(|eta| (*eta, each(eta).0))),
            }
        }
        let why = found.iter().find_map(|(_, m)| m.as_ref().err().cloned());
        let (etas, moments): (Vec<&[f64]>, Vec<Moments>) =
            found.into_iter().filter_map(|(eta, m)| Some((eta, m.ok()?))).unzip();
        let moments = if let (true, Some(why)) = (moments.is_empty(), why) { Err(why) } else { Ok(moments) };
        Integrals { etas, moments, dear, enough }
    }
}

/// Moments at rows of eta by one method.
pub(super) fn by(family: &Family, method: Method, eta: &[f64], monitor: &Monitor) -> Result<Vec<Moments>> {
    Ok(labels(family, eta, &LabelOptions { method, ..LabelOptions::default() }, monitor)?.rows(family.dim()))
}
