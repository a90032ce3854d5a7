//! Normal-Wishart distribution: the conjugate prior of a normal's mean and precision.

use super::draws::normals;
use super::matrix::{minus_ratio, require_negative_definite, require_symmetric, solve_transposed, symmetric_part};
use super::wishart_law::Law;
use crate::domain::{Spd, Support};
use crate::error::Result;
use crate::expr::Expr;
use crate::family::{Block, ClosedForm, Family, Region, require};
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

/// The law of W, the mean m0 of m, s = 1 / (2 c), t = S m0 with S = E W / a, and m0' S m0.
struct Parts {
    law: Law,
    m0: Vec<f64>,
    s: f64,
    t: Vec<f64>,
    tau: f64,
}

impl NormalWishart {
    /// eta_W + eta_Wm eta_Wm' / (4 c): what is left of the exponent once m is integrated out.
    fn marginal(&self, eta: &[f64]) -> Vec<f64> {
        let (d, n) = (self.d, self.d * self.d);
        let mut e = symmetric_part(&eta[..n], d);
        (0..n).for_each(|i| e[i] = minus_ratio(e[i], eta[n + i / d], eta[n + i % d], 4.0 * eta[n + d + 1]));
        e
    }
    fn parts(&self, eta: &[f64]) -> Option<Parts> {
        let (d, n) = (self.d, self.d * self.d);
        let b: Vec<f64> = self.marginal(eta).iter().map(|e| -e).collect();
        let law = Law::new(eta[n + d] + 0.5, &b, d)?;
        let s = -0.5 / eta[n + d + 1];
        let m0: Vec<f64> = eta[n..n + d].iter().map(|v| s * v).collect();
        let t = linalg::matmul(&law.s, &m0, d, d, 1);
        let tau = t.iter().zip(&m0).map(|(t, m)| t * m).sum();
        Some(Parts { law, m0, s, t, tau })
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
        let half = 0.5 * self.d as f64;
        self.parts(eta).map_or(f64::NAN, |p| half * (2.0 * PI * p.s).ln() + p.law.log_normalizer())
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let Some(p) = self.parts(eta) else { return vec![f64::NAN; eta.len()] };
        let linear = p.law.s.iter().chain(&p.t).map(|v| p.law.a * v);
        linear.chain([p.law.mean_log_det(), p.law.a * p.tau + self.d as f64 * p.s]).collect()
    }
    /// The covariance given W, whose terms have the factor s, plus that of the means given W.
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (d, n, k) = (self.d, self.d * self.d, eta.len());
        let Some(Parts { law, s, t, tau, .. }) = self.parts(eta) else { return vec![f64::NAN; k * k] };
        let (a, at) = (law.a, |i: usize, j: usize| law.s[i * d + j]);
        let mut cov = vec![0.0; k * k];
        let mut put = |i: usize, j: usize, value: f64| (cov[i * k + j], cov[j * k + i]) = (value, value);
        let (log_det, energy) = (n + d, n + d + 1);
        for i in 0..n {
            let (p, q) = (i / d, i % d);
            (0..n).for_each(|j| put(i, j, law.covariance((p, q), (j / d, j % d))));
            (0..d).for_each(|j| put(i, n + j, 0.5 * a * (at(p, j) * t[q] + t[p] * at(q, j))));
            put(i, log_det, law.s[i]);
            put(i, energy, a * t[p] * t[q]);
        }
        for i in 0..d {
            (0..d).for_each(|j| put(n + i, n + j, a * (s * at(i, j) + 0.5 * (at(i, j) * tau + t[i] * t[j]))));
            put(n + i, log_det, t[i]);
            put(n + i, energy, a * t[i] * (2.0 * s + tau));
        }
        put(log_det, log_det, law.variance_log_det());
        put(log_det, energy, tau);
        put(energy, energy, 2.0 * d as f64 * s * s + a * tau * (4.0 * s + tau));
        cov
    }
    fn draw(&self, eta: &[f64], rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let Parts { law, m0, s, .. } = self.parts(eta)?;
        let root = law.draw(rng)?;
        let noise = solve_transposed(&root, self.d, &normals(self.d, rng));
        let m = m0.iter().zip(noise).map(|(m, e)| m + s.sqrt() * e);
        Some(law.square(&root).into_iter().chain(m).collect())
    }
}
