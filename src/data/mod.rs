//! Labelled data: rows (eta, mu_T, cov_TT, ess), how they are drawn, made, split, written and read.

mod dataset;
mod generate;
mod io;
mod split;
mod summary;

pub use dataset::{Dataset, RowNotes};
pub use generate::{GenerateOptions, RHAT_GATE, generate};
pub use split::Split;
