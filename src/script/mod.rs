//! The script language: the Rhai engine with our vocabulary, and the session that all front ends share.
//!
//! The script builds, Rust runs: closures are traced once, and everything heavy is a native verb. One file a subject in
//! [`modules`]; conversion, errors and the host of a session have one place each.

mod convert;
mod fault;
mod host;
pub mod modules;
mod resolve;
mod session;
pub mod stdlib;
pub mod tensor;
mod traps;

pub use host::{Frontend, Host};
pub use resolve::family_of_script;
pub use session::{Completeness, Failure, Frame, Session};
