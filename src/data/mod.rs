//! Labelled data: rows (eta, mu_T, cov_TT, ess), how they are drawn, made, split, written and read.

mod append;
mod assemble;
mod covariances;
mod dataset;
mod generate;
mod io;
mod job;
mod merge;
mod options;
mod part;
mod quarantine;
mod refused;
mod shard;
mod split;
mod summary;

pub use dataset::{Dataset, RowNotes};
pub use generate::generate;
pub use job::region_of;
pub use merge::merge;
pub use options::{GenerateOptions, ParallelStrategy, RHAT_GATE};
pub use quarantine::Quarantined;
pub use shard::Shard;
pub use split::Split;
