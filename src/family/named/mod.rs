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
    /// Statistics and support, for help.
    pub doc: &'static str,
    /// What the constructor takes.
    pub make: Make,
}

/// A constructor, by what it takes.
#[derive(Clone, Copy)]
pub enum Make {
    /// Nothing.
    Plain(fn() -> Result<Family>),
    /// A dimension.
    Dimension(fn(usize) -> Result<Family>),
    /// The lower and upper ends of a box.
    Bounds(fn(&[f64], &[f64]) -> Result<Family>),
}

impl Make {
    /// Names of the arguments, for help.
    pub fn arguments(self) -> &'static str {
        match self {
            Make::Plain(_) => "",
            Make::Dimension(_) => "d",
            Make::Bounds(_) => "lower, upper",
        }
    }
}

/// The registry: a new family is one file and one line here.
#[rustfmt::skip]
pub static LIST: &[Named] = &[
    Named { name: "beta", make: Make::Plain(beta), doc: "beta on (0, 1): statistics log_1mx, log_x; eta = (b - 1, a - 1)" },
    Named { name: "exponential", make: Make::Plain(exponential), doc: "exponential on x > 0: statistic x; eta = -rate" },
    Named { name: "gamma", make: Make::Plain(gamma), doc: "gamma on x > 0: statistics log_x, x; eta = (a - 1, -rate)" },
    Named { name: "gaussian", make: Make::Plain(gaussian), doc: "normal on the line: statistics x, x2; eta = (m / v, -1 / (2 v))" },
    Named { name: "laplace_product", make: Make::Dimension(laplace_product), doc: "product over d coordinates: statistics xm1 = -abs(x - 1), xp1 = -abs(x + 1)" },
    Named { name: "mvn", make: Make::Dimension(mvn), doc: "normal in d dimensions: statistics x, xxT (d x d, entering symmetrised)" },
];

/// The line of the family `name`.
///
/// # Errors
/// For an unknown name, with the likely meant one.
pub fn find(name: &str) -> Result<&'static Named> {
    let names: Vec<&str> = LIST.iter().map(|n| n.name).collect();
    LIST.iter().find(|n| n.name == name).ok_or_else(|| unknown("family", name, &names))
}

/// The named family `name`, of dimension `d` where it takes one.
///
/// # Errors
/// For an unknown name, with the likely meant one, a dimension of zero, or a family that takes something else.
pub fn named(name: &str, d: usize) -> Result<Family> {
    match find(name)?.make {
        Make::Plain(make) => make(),
        Make::Dimension(_) if d == 0 => Err(Error::domain(format!("{name}(0): a point needs at least one coordinate"))),
        Make::Dimension(make) => make(d),
        Make::Bounds(_) => Err(Error::domain(format!("{name} takes the lower and upper ends of a box, not a dimension"))),
    }
}
