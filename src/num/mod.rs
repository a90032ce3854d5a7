//! Numbers: tolerances, special functions, small linear algebra, quadrature rules, random streams, and the observer
//! through which long work reports. Layer 0: knows nothing of families or scripts.

pub mod checksum;
pub mod close;
pub mod double;
pub mod files;
pub mod linalg;
pub mod observe;
pub mod options;
pub mod quad;
mod short;
pub mod special;
pub mod stream;

pub use short::short;
