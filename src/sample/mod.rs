//! Moments of T by computation: quadrature, Hamiltonian Monte Carlo, and the route between them.
//!
//! [`labels`] makes the rows of a dataset; [`FamilyMap`] makes any family an [`crate::family::ExpectationMap`]; the
//! diagnostics are those of Stan and ArviZ.

mod adapt;
mod certify;
pub mod diagnose;
mod expectation;
mod group;
mod hmc;
mod kernels;
mod labels;
mod lags;
mod quadrature;
mod record;
mod scan;

pub use certify::{CheckOptions, Line, Report, Verdict, check};
pub use expectation::{FamilyMap, exact};
pub use group::{Group, Plan};
pub use hmc::{Chains, HmcOptions, sample};
pub use labels::{LabelOptions, Method, labels};
pub use quadrature::{QuadratureOptions, quadrature};
