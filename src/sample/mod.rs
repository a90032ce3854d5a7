//! Moments of T by computation: quadrature, Hamiltonian Monte Carlo, the no-U-turn sampler, and the route between them.
//!
//! [`labels`] makes the rows of a dataset; [`FamilyMap`] makes any family an [`crate::family::ExpectationMap`]; the
//! diagnostics are those of Stan and ArviZ.

mod base;
mod certify;
mod chains;
mod control;
pub mod diagnose;
mod exact;
mod expectation;
mod finite;
mod hmc;
mod importance;
mod inside;
mod labels;
mod nuts;
mod poles;
mod quadrature;
mod rare;
mod smc;
mod stretch;
mod tails;

pub use certify::{CheckOptions, Line, Report, Verdict, check};
pub use chains::{Chains, Conduct};
pub use control::{Controls, Regression, regress};
pub use exact::{ExactOptions, sample_exact};
pub use expectation::{FamilyMap, exact};
pub use hmc::{Group, HmcOptions, Plan, sample_hmc};
pub use importance::ImportanceOptions;
pub(crate) use labels::label_unnamed;
pub use labels::{BLOCK, LabelOptions, Method, check_rows, label_part, labels, log_normalizers};
pub use nuts::{NutsOptions, sample_nuts};
pub use quadrature::{QuadratureOptions, quadrature};
pub use smc::SmcOptions;
