//! Families with names and closed forms: one file each, and one line in [`LIST`].

mod beta;
mod exponential;
mod gamma;
mod gaussian;
mod laplace_product;
mod mvn;

pub use beta::beta;
pub use exponential::exponential;
pub use gamma::gamma;
pub use gaussian::gaussian;
pub use laplace_product::laplace_product;
pub use mvn::mvn;

use super::Family;
use crate::error::{Error, Result, unknown};

/// One line of the registry.
pub struct Named {
    /// Name in scripts and files.
    pub name: &'static str,
    /// Whether the constructor takes a dimension.
    pub takes_dimension: bool,
    /// Statistics and support, for help.
    pub doc: &'static str,
    make: fn(usize) -> Result<Family>,
}

/// The registry: a new family is one file and one line here.
#[rustfmt::skip]
pub static LIST: &[Named] = &[
    Named { name: "beta", takes_dimension: false, doc: "beta on (0, 1): statistics log_1mx, log_x; eta = (b - 1, a - 1)", make: |_| beta() },
    Named { name: "exponential", takes_dimension: false, doc: "exponential on x > 0: statistic x; eta = -rate", make: |_| exponential() },
    Named { name: "gamma", takes_dimension: false, doc: "gamma on x > 0: statistics log_x, x; eta = (a - 1, -rate)", make: |_| gamma() },
    Named { name: "gaussian", takes_dimension: false, doc: "normal on the line: statistics x, x2; eta = (m / v, -1 / (2 v))", make: |_| gaussian() },
    Named { name: "laplace_product", takes_dimension: true, doc: "product over d coordinates: statistics xm1 = -abs(x - 1), xp1 = -abs(x + 1)", make: laplace_product },
    Named { name: "mvn", takes_dimension: true, doc: "normal in d dimensions: statistics x, xxT (d x d, entering symmetrised)", make: mvn },
];

/// The named family `name`, of dimension `d` where it takes one.
///
/// # Errors
/// For an unknown name, with the likely meant one, or a dimension of zero.
pub fn named(name: &str, d: usize) -> Result<Family> {
    let names: Vec<&str> = LIST.iter().map(|n| n.name).collect();
    let entry = LIST.iter().find(|n| n.name == name).ok_or_else(|| unknown("family", name, &names))?;
    if entry.takes_dimension && d == 0 {
        return Err(Error::domain(format!("{name}(0): a point needs at least one coordinate")));
    }
    (entry.make)(d)
}
