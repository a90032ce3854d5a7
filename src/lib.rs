//! nnef: exponential families without a name.
//!
//! A user types the sufficient statistics T(x) of p(x | eta) ~ exp(eta . T(x)); the engine traces them once, makes
//! labels mu_T(eta) = E[T(x) | eta] with honest errors, trains networks eta -> mu_T, and uses them for coordinate-ascent
//! variational inference. `src/README.md` is the map of the modules; each layer uses only those below it.
//!
//! ```
//! use nnef::{domain::Support, expr::Op, family::Family, num::observe::Monitor, sample};
//! let quartic = Family::trace("quartic", Support::real(1)?, |x| {
//!     let x = x.index(0)?;
//!     let x2 = x.binary(Op::Mul, &x)?;
//!     Ok(vec![("x2".into(), x2.clone()), ("x4".into(), x2.binary(Op::Mul, &x2)?)])
//! }, None)?;
//! let moments = sample::labels(&quartic, &[1.0, -1.0], &Default::default(), &Monitor::silent())?;
//! assert_eq!(moments.method, ["quadrature"]);
//! // d/dx (x exp(eta . T)) integrates to zero: 1 + 2 eta_0 E[x2] + 4 eta_1 E[x4] = 0.
//! assert!((1.0 + 2.0 * moments.mu_t[0] - 4.0 * moments.mu_t[1]).abs() < 1e-10);
//! # Ok::<(), nnef::error::Error>(())
//! ```

pub mod error;
pub mod num;
#[macro_use]
pub mod expr;
pub mod config;
pub mod data;
pub mod domain;
pub mod family;
pub mod front;
pub mod infer;
pub mod nn;
pub mod plot;
pub mod sample;
pub mod script;
pub mod train;
