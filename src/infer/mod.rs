//! Variational inference over expectation maps. Layer 5: sees [`crate::family::ExpectationMap`], not who computes it.
//!
//! [`cavi`] climbs the evidence lower bound of log p(x, y) = T(x)' A S(y) + prior_x . T(x) + prior_y . S(y) + base
//! measures over products q(x) q(y). [`Ascent`] is the same computation, one iteration at a time; [`Cavi`] is what comes
//! out, [`Certificate`] what exact moments say of it.

mod anderson;
mod ascent;
mod certificate;
mod factor;
mod options;
mod place;
mod problem;
mod result;

pub use ascent::{Ascent, cavi};
pub use certificate::Certificate;
pub use factor::Factor;
pub use options::CaviOptions;
pub use result::{Cavi, NewRow, Step};
