//! Weighted sums of statistics and controls: regressed means, and their standard errors without each replicate in turn.
//!
//! # Source
//! Owen, "Monte Carlo theory, methods and examples", section 8.9; Efron and Stein, "The jackknife estimate of variance",
//! Annals of Statistics 9 (1981).

use crate::sample::control::solve;

/// Weighted sums over some points.
#[derive(Clone)]
pub(super) struct Sums {
    pub weight: f64,
    t: Vec<f64>,
    c: Vec<f64>,
    /// c c', lower triangle of [p, p].
    cc: Vec<f64>,
    /// c T', [p, d].
    ct: Vec<f64>,
}

impl Sums {
    /// No points; `d` statistics, `p` controls.
    pub fn zero(d: usize, p: usize) -> Sums {
        Sums { weight: 0.0, t: vec![0.0; d], c: vec![0.0; p], cc: vec![0.0; p * p], ct: vec![0.0; p * d] }
    }
    fn arrays(&mut self) -> [&mut Vec<f64>; 4] {
        [&mut self.t, &mut self.c, &mut self.cc, &mut self.ct]
    }
    /// Add a point with weight `w`.
    pub fn add(&mut self, w: f64, t: &[f64], c: &[f64]) {
        let (d, p) = (t.len(), c.len());
        self.weight += w;
        axpy(&mut self.t, w, t);
        axpy(&mut self.c, w, c);
        for (i, ci) in c.iter().enumerate() {
            axpy(&mut self.cc[i * p..i * p + i + 1], w * ci, &c[..=i]);
            axpy(&mut self.ct[i * d..(i + 1) * d], w * ci, t);
        }
    }
    /// These and `sign` times the others.
    pub fn combine(mut self, mut other: Sums, sign: f64) -> Sums {
        self.weight += sign * other.weight;
        for (a, b) in self.arrays().into_iter().zip(other.arrays()) {
            axpy(a, sign, b);
        }
        self
    }
    /// Means of the controls.
    pub fn center(&self) -> Vec<f64> {
        self.c.iter().map(|c| c / self.weight).collect()
    }
    /// Means of T.
    pub fn plain(&self) -> Vec<f64> {
        self.t.iter().map(|t| t / self.weight).collect()
    }
    /// The inverse covariance of the controls, of which at most `most` take part, times `x`, [p, k].
    fn solve(&self, x: &[f64], k: usize, most: usize) -> Vec<f64> {
        let (p, mean) = (self.c.len(), self.center());
        let mut cov = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..=i {
                cov[i * p + j] = self.cc[i * p + j] / self.weight - mean[i] * mean[j];
                cov[j * p + i] = cov[i * p + j];
            }
        }
        solve(&cov, x, p, k, most)
    }
    /// Covariances of the controls with T, [p, d].
    fn cross(&self) -> Vec<f64> {
        let (d, center, plain) = (self.t.len(), self.center(), self.plain());
        (0..self.ct.len()).map(|e| self.ct[e] / self.weight - center[e / d] * plain[e % d]).collect()
    }
    /// Coefficients, [p, d], of the regression of T on the controls.
    pub fn coefficients(&self, most: usize) -> Vec<f64> {
        self.solve(&self.cross(), self.t.len(), most)
    }
    /// The inverse covariance of the controls times their mean: how far, and along what, the weights move.
    pub fn direction(&self, most: usize) -> Vec<f64> {
        self.solve(&self.center(), 1, most)
    }
    /// Means of T, the controls regressed out.
    pub fn mean(&self, most: usize) -> Vec<f64> {
        let mut mean = self.plain();
        if most > 0 && !self.c.is_empty() {
            let (d, cross) = (mean.len(), self.cross());
            let moves = cross.chunks(d).zip(self.direction(most)).filter(|(_, a)| *a != 0.0);
            moves.for_each(|(cross, a)| axpy(&mut mean, -a, cross));
        }
        mean
    }
}

/// y + a x, in place.
pub(super) fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// Standard errors of the means from the sums without each of the replicates in turn, of which there are four or more: the
/// standard deviation of Student's t.
pub(super) fn jackknife(without: &[Sums], most: usize) -> Vec<f64> {
    let means: Vec<Vec<f64>> = without.iter().map(|sums| sums.mean(most)).collect();
    let n = means.len() as f64;
    let of = |s: usize| {
        let center = means.iter().map(|m| m[s]).sum::<f64>() / n;
        let moved = means.iter().map(|m| (m[s] - center).powi(2)).sum::<f64>();
        let error = (moved * (n - 1.0) / n * (n - 1.0) / (n - 3.0)).sqrt();
        // Without a replicate that holds all the weight nothing is left.
        if error.is_nan() { f64::INFINITY } else { error }
    };
    (0..means[0].len()).map(of).collect()
}
