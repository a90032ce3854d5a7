//! Moments of T by computation: quadrature, Hamiltonian Monte Carlo, and the route between them.
//!
//! [`labels`] makes the rows of a dataset; [`FamilyMap`] makes any family an [`crate::family::ExpectationMap`]; the
//! diagnostics are those of Stan and ArviZ.

mod certify;
mod control;
pub mod diagnose;
mod expectation;
mod hmc;
mod importance;
mod labels;
mod quadrature;
mod smc;

pub use certify::{CheckOptions, Line, Report, Verdict, check};
pub use control::{Controls, Regression, regress};
pub use expectation::{FamilyMap, exact};
pub use hmc::{Chains, Group, HmcOptions, Plan, sample};
pub use importance::ImportanceOptions;
pub use labels::{LabelOptions, Method, labels};
pub use quadrature::{QuadratureOptions, quadrature};
pub use smc::SmcOptions;
