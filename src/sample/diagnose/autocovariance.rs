//! Autocovariances of several chains, averaged: the first lags one by one, all of them at once where many are asked for.

use crate::num::linalg::dot;
use std::cell::OnceCell;

/// Lags that are summed directly. Chains in different places ask for every lag, which would cost the square of their length.
const DIRECT: usize = 256;

/// The mean over equally long chains of their autocovariances, divided by the length.
pub(super) struct Autocovariance {
    centered: Vec<Vec<f64>>,
    all: OnceCell<Vec<f64>>,
}

impl Autocovariance {
    pub(super) fn new(chains: &[&[f64]], means: &[f64]) -> Autocovariance {
        let centered = chains.iter().zip(means).map(|(c, m)| c.iter().map(|x| x - m).collect()).collect();
        Autocovariance { centered, all: OnceCell::new() }
    }
    /// At `lag`, less than the length.
    pub(super) fn at(&self, lag: usize) -> f64 {
        if lag >= DIRECT {
            return self.all.get_or_init(|| by_transform(&self.centered))[lag];
        }
        let n = self.centered[0].len();
        let total: f64 = self.centered.iter().map(|c| dot(&c[..n - lag], &c[lag..])).sum();
        total / (self.centered.len() * n) as f64
    }
}

/// All lags by the Wiener-Khinchin theorem; zeros behind the draws keep them from wrapping around.
fn by_transform(centered: &[Vec<f64>]) -> Vec<f64> {
    let n = centered[0].len();
    let size = (2 * n).next_power_of_two();
    let mut power = vec![0.0; size];
    for chain in centered {
        let (mut re, mut im) = (chain.clone(), vec![0.0; size]);
        re.resize(size, 0.0);
        transform(&mut re, &mut im);
        power.iter_mut().zip(re.iter().zip(&im)).for_each(|(p, (r, i))| *p += r * r + i * i);
    }
    // A power spectrum is even: its forward transform is its inverse one, times the size.
    transform(&mut power, &mut vec![0.0; size]);
    let scale = (size * centered.len() * n) as f64;
    power.iter().take(n).map(|p| p / scale).collect()
}

/// Discrete Fourier transform of 2^k complex numbers, in place.
///
/// # Source
/// Cooley and Tukey, Mathematics of Computation 19 (1965), decimation in time.
fn transform(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    for i in 1..n {
        let j = i.reverse_bits() >> (usize::BITS - n.trailing_zeros());
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let turn = |k: usize| (-2.0 * std::f64::consts::PI * k as f64 / n as f64).sin_cos();
    let turns: Vec<(f64, f64)> = (0..n / 2).map(turn).collect();
    let mut half = 1;
    while half < n {
        for start in (0..n).step_by(2 * half) {
            for k in 0..half {
                let (s, c) = turns[k * (n / (2 * half))];
                let (a, b) = (start + k, start + k + half);
                let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                (re[a], im[a]) = (re[a] + x, im[a] + y);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_gives_the_sums() {
        for n in [1, 2, 3, 64, 700] {
            let chain = |c: usize| (0..n).map(|i| ((i * i * (c + 3) + 7 * i) % 101) as f64 - 50.0).collect::<Vec<f64>>();
            let centered: Vec<Vec<f64>> = (0..3).map(chain).collect();
            let all = by_transform(&centered);
            for lag in 0..n {
                let direct: f64 = centered.iter().map(|c| dot(&c[..n - lag], &c[lag..])).sum::<f64>() / (3 * n) as f64;
                assert!((all[lag] - direct).abs() < 1e-10, "{n} {lag}: {} for {direct}", all[lag]);
            }
        }
    }
}
