//! Moments of T by computation: quadrature, Hamiltonian Monte Carlo, and the route between them.
//!
//! [`labels`] makes the rows of a dataset; [`FamilyMap`] makes any family an [`crate::family::ExpectationMap`]; the
//! diagnostics are those of Stan and ArviZ.

mod certify;
pub mod diagnose;
mod expectation;
mod hmc;
mod labels;
mod quadrature;

pub use certify::{CheckOptions, Line, Report, Verdict, check};
pub use expectation::{FamilyMap, exact};
pub use hmc::{Chains, Group, HmcOptions, Plan, sample};
pub use labels::{BLOCK, LabelOptions, Method, check_rows, label_part, labels};
pub use quadrature::{QuadratureOptions, quadrature};
