//! Jobs from YAML: a file names a family and says how its labels are made (the reference system's schema).

mod data_job;

pub use data_job::DataJob;
