//! The normal law, with either layout of its second moments.

use super::draws::normals;
use super::law::{GROWTH, Inverted, Law, finest, rounded};
use super::matrix::solve_transposed;
use crate::num::double::{Double, Number};
use crate::num::linalg;
use crate::num::stream::Xoshiro;
use std::f64::consts::PI;

/// The law of x and the products x_i x_j of `pairs` with density proportional to exp(e . x + x' E x), from e, `[d]`, and
/// the symmetric E, [d, d]; none unless E is negative definite.
pub(super) fn normal(e: &[f64], matrix: &[Double], pairs: Vec<(usize, usize)>) -> Option<Box<dyn Law>> {
    finest(Normal::<f64>::new(e, matrix, pairs.clone()), || Normal::<Double>::new(e, matrix, pairs))
}

struct Normal<T> {
    d: usize,
    pairs: Vec<(usize, usize)>,
    energy: T,
    m: Vec<T>,
    precision: Inverted<T>,
    /// Whether roundings grew in the mean: its terms cancel to less than the deviation.
    cancels: bool,
}

impl<T: Number> Normal<T> {
    fn new(e: &[f64], matrix: &[Double], pairs: Vec<(usize, usize)>) -> Option<Self> {
        let d = e.len();
        let e: Vec<T> = e.iter().map(|v| T::from(*v)).collect();
        let precision: Vec<T> = matrix.iter().map(|v| T::from(-2.0) * T::from(*v)).collect();
        let precision = Inverted::new(&precision, d)?;
        let m = linalg::cholesky_solve(&precision.l, d, &e);
        let energy = linalg::products(m.iter().copied().zip(e.iter().copied()));
        let cancels = (0..d).any(|i| {
            let s = &precision.s[i * d..(i + 1) * d];
            let terms: f64 = s.iter().zip(&e).map(|(s, e)| Into::<f64>::into(*s * *e).abs()).sum();
            let (mean, variance): (f64, f64) = (m[i].into(), s[i].into());
            terms > GROWTH * mean.abs().max(variance.sqrt())
        });
        Some(Normal { d, pairs, energy, m, precision, cancels })
    }
    fn s(&self, i: usize, j: usize) -> T {
        self.precision.s[i * self.d + j]
    }
    /// E x_i x_j.
    fn second(&self, i: usize, j: usize) -> T {
        self.s(i, j) + self.m[i] * self.m[j]
    }
}

impl<T: Number> Law for Normal<T> {
    fn coarse(&self) -> bool {
        self.cancels || self.precision.coarse()
    }
    fn log_normalizer(&self) -> f64 {
        let half_log_det: f64 = (0..self.d).map(|i| self.precision.l[i * self.d + i].ln()).sum();
        0.5 * (self.d as f64 * (2.0 * PI).ln() + self.energy.into()) - half_log_det
    }
    fn mean(&self) -> Vec<f64> {
        self.m.iter().copied().chain(self.pairs.iter().map(|&(i, j)| self.second(i, j))).map(T::into).collect()
    }
    /// By Isserlis' theorem.
    fn covariance(&self) -> Vec<f64> {
        let (d, m, s) = (self.d, &self.m, |i, j| self.s(i, j));
        let k = d + self.pairs.len();
        let mut cov = vec![0.0; k * k];
        let mut put = |i: usize, j: usize, value: T| {
            let value = value.into();
            (cov[i * k + j], cov[j * k + i]) = (value, value);
        };
        for i in 0..d {
            (0..=i).for_each(|j| put(i, j, s(i, j)));
            self.pairs.iter().enumerate().for_each(|(p, &(j, l))| put(i, d + p, m[j] * s(i, l) + m[l] * s(i, j)));
        }
        for (p, &(i, j)) in self.pairs.iter().enumerate() {
            for (q, &(l, n)) in self.pairs[..=p].iter().enumerate() {
                let across = m[i] * (m[l] * s(j, n) + m[n] * s(j, l));
                put(d + p, d + q, s(i, l) * self.second(j, n) + s(i, n) * self.second(j, l) + across);
            }
        }
        cov
    }
    fn draw(&self, rng: &mut Xoshiro) -> Option<Vec<f64>> {
        let noise = solve_transposed(&rounded(&self.precision.l), self.d, &normals(self.d, rng));
        Some(rounded(&self.m).iter().zip(noise).map(|(m, e)| m + e).collect())
    }
}
