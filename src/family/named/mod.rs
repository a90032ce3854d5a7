//! Families with names and closed forms: one file each, and one line in [`LIST`]. What several share: `draws`,
//! `law`, `matrix`, `normal`, `tilted_uniform` and `wishart_law`.

mod bernoulli;
mod beta;
mod categorical;
mod clipped_mvn;
mod dirichlet;
mod draws;
mod exponential;
mod gamma;
mod gaussian;
mod inverse_gaussian;
mod laplace_product;
mod law;
mod matrix;
mod mvn;
mod mvn_tril;
mod normal;
mod normal_gamma;
mod normal_wishart;
mod poisson;
mod rectified_gaussian;
mod tilted_uniform;
mod von_mises;
mod von_mises_fisher;
mod wishart;
mod wishart_law;

pub use bernoulli::bernoulli;
pub use beta::beta;
pub use categorical::categorical;
pub use clipped_mvn::clipped_mvn;
pub use dirichlet::dirichlet;
pub use exponential::exponential;
pub use gamma::gamma;
pub use gaussian::gaussian;
pub use inverse_gaussian::inverse_gaussian;
pub use laplace_product::laplace_product;
pub use mvn::mvn;
pub use mvn_tril::mvn_tril;
pub use normal_gamma::normal_gamma;
pub use normal_wishart::normal_wishart;
pub use poisson::poisson;
pub use rectified_gaussian::rectified_gaussian;
pub use von_mises::von_mises;
pub use von_mises_fisher::von_mises_fisher;
pub use wishart::wishart;

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
    Named { name: "bernoulli", make: Make::Plain(bernoulli), doc: "bernoulli on {0, 1}: statistic x; eta = log odds" },
    Named { name: "beta", make: Make::Plain(beta), doc: "beta on (0, 1): statistics log_1mx, log_x; eta = (b - 1, a - 1)" },
    Named { name: "categorical", make: Make::Dimension(categorical), doc: "categorical on {0, ..., k - 1}: statistic one_hot (k); eta = log weights" },
    Named { name: "clipped_mvn", make: Make::Bounds(clipped_mvn), doc: "normal on a box: statistics x, xxT (d x d); a closed form in one dimension only, quadrature or hmc in more" },
    Named { name: "dirichlet", make: Make::Dimension(dirichlet), doc: "dirichlet on the simplex: statistic log_x (k); eta = alpha - 1" },
    Named { name: "exponential", make: Make::Plain(exponential), doc: "exponential on x > 0: statistic x; eta = -rate" },
    Named { name: "gamma", make: Make::Plain(gamma), doc: "gamma on x > 0: statistics log_x, x; eta = (a - 1, -rate)" },
    Named { name: "gaussian", make: Make::Plain(gaussian), doc: "normal on the line: statistics x, x2; eta = (m / v, -1 / (2 v))" },
    Named { name: "inverse_gaussian", make: Make::Plain(inverse_gaussian), doc: "inverse gaussian on x > 0: statistics inv_x, x; base -1.5 log x; eta = (-l / 2, -l / (2 m^2))" },
    Named { name: "laplace_product", make: Make::Dimension(laplace_product), doc: "product over d coordinates: statistics xm1 = -abs(x - 1), xp1 = -abs(x + 1)" },
    Named { name: "mvn", make: Make::Dimension(mvn), doc: "normal in d dimensions: statistics x, xxT (d x d, entering symmetrised)" },
    Named { name: "mvn_tril", make: Make::Dimension(mvn_tril), doc: "normal in d dimensions: statistics x, xxT_tril (lower triangle, row by row)" },
    Named { name: "normal_gamma", make: Make::Plain(normal_gamma), doc: "normal-gamma of m and tau > 0: statistics log_tau, tau, tau_m, tau_m2" },
    Named { name: "normal_wishart", make: Make::Dimension(normal_wishart), doc: "normal-wishart of m (d) and W (d x d): statistics W, Wm, log_det_W, mWm" },
    Named { name: "poisson", make: Make::Plain(poisson), doc: "poisson on {0, 1, ...}: statistic x; base -log x!; eta = log rate" },
    Named { name: "rectified_gaussian", make: Make::Plain(rectified_gaussian), doc: "normal cut off below 0: statistics x, x2; eta = (m / v, -1 / (2 v))" },
    Named { name: "von_mises", make: Make::Plain(von_mises), doc: "von Mises on the circle: statistics cos_x, sin_x; eta = kappa (cos m, sin m)" },
    Named { name: "von_mises_fisher", make: Make::Dimension(von_mises_fisher), doc: "von Mises-Fisher on the unit sphere: statistic x (d); eta = kappa m" },
    Named { name: "wishart", make: Make::Dimension(wishart), doc: "wishart on positive definite d x d matrices: statistics W, log_det_W; eta = (-V^-1 / 2, (n - d - 1) / 2)" },
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
