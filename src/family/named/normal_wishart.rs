//! Normal-Wishart distribution: the conjugate prior of a normal's mean and precision.

use super::draws::normals;
use super::law::{Law, finest};
use super::matrix::{require_negative_definite, require_symmetric, solve_transposed, symmetric_part};
use super::wishart_law::WishartLaw;
use crate::domain::{Spd, Support};
use crate::error::Result;
use crate::expr::Expr;
use crate::family::{Block, ClosedForm, Family, Region, require};
use crate::num::double::{Double, Number};
use crate::num::linalg;
use crate::num::stream::Xoshiro;
use std::f64::consts::PI;

/// T = (W, Wm, log_det_W, mWm) for a positive definite W and m in R^d, x = (W, m); given W, m is normal about
/// eta_Wm / (2 c) with precision 2 c W, c = -eta_mWm. eta_W enters symmetrised.
///
/// # Errors
/// For d = 0.
pub fn normal_wishart(d: usize) -> Result<Family> {
    let reach = 0.7 / (d.max(1) as f64).sqrt();
    let region = Region::new(vec![
        ("W".into(), Block::negative_definite(0.5, 2.0, d)?),
        ("Wm".into(), Block::interval(-reach, reach, d)?),
        ("log_det_W".into(), Block::interval(-0.25, 4.0, 1)?),
        ("mWm".into(), Block::interval(-2.0, -0.5, 1)?),
    ]);
    let spd = Support::new(vec![d, d], Spd::new(d)?)?;
    let support = Support::product(vec![("W".into(), spd), ("m".into(), Support::real(d)?)])?;
    let stats = |x: &Expr| {
        let (w, m) = (x.slice(0, d * d)?.reshape(&[d, d])?, x.slice(d * d, d * d + d)?);
        let wm = w.matmul(&m)?;
        let energy = m.dot(&wm)?;
        Ok(vec![("log_det_W".into(), w.log_det()?), ("mWm".into(), energy), ("Wm".into(), wm), ("W".into(), w)])
    };
    let family = Family::trace("normal_wishart", support, stats, None)?;
    Ok(family.with_region(region)?.with_closed_form(NormalWishart { d }))
}

struct NormalWishart {
    d: usize,
}

impl NormalWishart {
    /// eta_W + eta_Wm eta_Wm' / (4 c): what is left of the exponent once m is integrated out.
    fn marginal(&self, eta: &[f64]) -> Vec<Double> {
        let (d, n) = (self.d, self.d * self.d);
        let unit = Double::from(0.25) / Double::from(eta[n + d + 1]);
        let share: Vec<Double> = eta[n..n + d].iter().map(|v| Double::from(*v) * unit).collect();
        let mut e = symmetric_part(&eta[..n], d);
        (0..n).for_each(|i| e[i] = e[i] - Double::from(eta[n + i / d]) * share[i % d]);
        e
    }
    fn law(&self, eta: &[f64]) -> Option<Box<dyn Law>> {
        let b: Vec<Double> = self.marginal(eta).iter().map(|e| -*e).collect();
        finest(Parts::<f64>::new(eta, &b, self.d), || Parts::<Double>::new(eta, &b, self.d))
    }
}

impl ClosedForm for NormalWishart {
    fn natural(&self, eta: &[f64]) -> Result<()> {
        let (d, n) = (self.d, self.d * self.d);
        require(eta[n + d + 1] < 0.0, "eta_mWm < 0", eta[n + d + 1])?;
        require(eta[n + d] > -0.5, "eta_log_det_W > -1/2", eta[n + d])?;
        require_symmetric("eta_W", &eta[..n], d)?;
        require_negative_definite("eta_W - eta_Wm eta_Wm' / (4 eta_mWm)", &self.marginal(eta), d)
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        self.law(eta).map_or(f64::NAN, |l| l.log_normalizer())
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len()], |l| l.mean())
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        self.law(eta).map_or_else(|| vec![f64::NAN; eta.len() * eta.len()], |l| l.covariance())
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        self.law(eta)?.draw(rng)
    }
}

/// The law of W, the mean m0 of m, s = 1 / (2 c), t = S m0 with S = E W / a, and tau = m0' S m0.
struct Parts<T> {
    d: usize,
    law: WishartLaw<T>,
    m0: Vec<T>,
    s: T,
    t: Vec<T>,
    tau: T,
}

impl<T: Number> Parts<T> {
    /// From eta and minus the marginal.
    fn new(eta: &[f64], b: &[Double], d: usize) -> Option<Self> {
        let n = d * d;
        let law = WishartLaw::new(Double::from(eta[n + d]) + Double::from(0.5), b, d)?;
        let s = T::from(-0.5) / T::from(eta[n + d + 1]);
        let m0: Vec<T> = eta[n..n + d].iter().map(|v| s * T::from(*v)).collect();
        let dot = |row: &[T]| linalg::products(row.iter().copied().zip(m0.iter().copied()));
        let t: Vec<T> = law.b.s.chunks(d).map(dot).collect();
        let tau = dot(&t);
        Some(Parts { d, law, m0, s, t, tau })
    }
}

impl<T: Number> Law for Parts<T> {
    fn coarse(&self) -> bool {
        self.law.b.coarse()
    }
    fn log_normalizer(&self) -> f64 {
        let s: f64 = self.s.into();
        0.5 * self.d as f64 * (2.0 * PI * s).ln() + self.law.log_integral()
    }
    fn mean(&self) -> Vec<f64> {
        let a = self.law.a;
        let linear = self.law.b.s.iter().chain(&self.t).map(|v| (a * *v).into());
        let energy = a * self.tau + T::from(self.d as f64) * self.s;
        linear.chain([self.law.mean_log_det(), energy.into()]).collect()
    }
    /// The covariance given W, whose terms have the factor s, plus that of the means given W.
    fn covariance(&self) -> Vec<f64> {
        let Parts { d, law, s, t, tau, .. } = self;
        let (d, n, s, tau, a) = (*d, d * d, *s, *tau, law.a);
        let (k, at, half, two) = (n + d + 2, |i, j| law.s(i, j), T::from(0.5), T::from(2.0));
        let mut cov = vec![0.0; k * k];
        let mut put = |i: usize, j: usize, value: T| {
            let value = value.into();
            (cov[i * k + j], cov[j * k + i]) = (value, value);
        };
        let (log_det, energy) = (n + d, n + d + 1);
        for i in 0..n {
            let (p, q) = (i / d, i % d);
            (0..n).for_each(|j| put(i, j, law.covary((p, q), (j / d, j % d))));
            (0..d).for_each(|j| put(i, n + j, half * a * (at(p, j) * t[q] + t[p] * at(q, j))));
            put(i, log_det, at(p, q));
            put(i, energy, a * t[p] * t[q]);
        }
        for i in 0..d {
            (0..d).for_each(|j| put(n + i, n + j, a * (s * at(i, j) + half * (at(i, j) * tau + t[i] * t[j]))));
            put(n + i, log_det, t[i]);
            put(n + i, energy, a * t[i] * (two * s + tau));
        }
        put(log_det, log_det, T::from(law.variance_log_det()));
        put(log_det, energy, tau);
        put(energy, energy, two * T::from(d as f64) * s * s + a * tau * (T::from(4.0) * s + tau));
        cov
    }
    fn draw(&self, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let (root, s): (Vec<f64>, f64) = (self.law.root(rng)?, self.s.into());
        let noise = solve_transposed(&root, self.d, &normals(self.d, rng));
        let m = self.m0.iter().zip(noise).map(|(m, e)| Into::<f64>::into(*m) + s.sqrt() * e);
        Some(self.law.square(&root).into_iter().chain(m).collect())
    }
}
