//! Coefficients of a regression from covariances.

/// Part of the variance of a control that those before it must leave, for it to take part.
const INDEPENDENT: f64 = 1e-9;

/// Coefficients, [p, k], of the regression of `k` targets on `p` controls without a ridge: `cc`, [p, p], are the covariances
/// of the controls, `ct`, [p, k], those with the targets. Of the controls, in their order, at most `most` take part; one
/// that is a combination of those before it, or not finite, has coefficient 0.
pub(in crate::sample) fn solve(cc: &[f64], ct: &[f64], p: usize, k: usize, most: usize) -> Vec<f64> {
    let mut beta = vec![0.0; p * k];
    let scale: Vec<f64> = (0..p).map(|i| cc[i * p + i].sqrt()).collect();
    // Rows of the Cholesky factor of the correlations of the kept controls.
    let (mut kept, mut factor): (Vec<usize>, Vec<Vec<f64>>) = (vec![], vec![]);
    for i in 0..p {
        let finite =
            (0..=i).all(|j| cc[i * p + j].is_finite() || !usable(scale[j])) && (0..k).all(|t| ct[i * k + t].is_finite());
        if kept.len() == most || !usable(scale[i]) || !finite {
            continue;
        }
        let mut row = Vec::with_capacity(kept.len() + 1);
        for (j, before) in kept.iter().zip(&factor) {
            let correlation = cc[i * p + j] / (scale[i] * scale[*j]);
            let projected: f64 = row.iter().zip(before).map(|(a, b)| a * b).sum();
            row.push((correlation - projected) / before[row.len()]);
        }
        let rest = 1.0 - row.iter().map(|r| r * r).sum::<f64>();
        if rest > INDEPENDENT {
            row.push(rest.sqrt());
            kept.push(i);
            factor.push(row);
        }
    }
    for t in 0..k {
        let mut x: Vec<f64> = Vec::with_capacity(kept.len());
        for (i, row) in kept.iter().zip(&factor) {
            let projected: f64 = row.iter().zip(&x).map(|(a, b)| a * b).sum();
            x.push((ct[i * k + t] / scale[*i] - projected) / row[x.len()]);
        }
        for i in (0..kept.len()).rev() {
            let later: f64 = (i + 1..kept.len()).map(|j| factor[j][i] * x[j]).sum();
            x[i] = (x[i] - later) / factor[i][i];
        }
        kept.iter().zip(&x).for_each(|(i, v)| beta[i * k + t] = v / scale[*i]);
    }
    beta
}

fn usable(scale: f64) -> bool {
    scale.is_finite() && scale > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::close::{Tolerance, close};

    /// A target that is a combination of controls is found, though one control is twice another and one is not a number.
    #[test]
    fn combinations_are_found() {
        let draws: Vec<[f64; 5]> = (0..50)
            .map(|i| {
                let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.3).cos());
                [1e6 * a, 2e6 * a, f64::NAN, 1e-6 * b, 3.0 * a - 2.0 * b]
            })
            .collect();
        let mean: Vec<f64> = (0..5).map(|i| draws.iter().map(|d| d[i]).sum::<f64>() / 50.0).collect();
        let cov = |i: usize, j: usize| draws.iter().map(|d| (d[i] - mean[i]) * (d[j] - mean[j])).sum::<f64>();
        let cc: Vec<f64> = (0..16).map(|n| cov(n / 4, n % 4)).collect();
        let ct: Vec<f64> = (0..4).map(|i| cov(i, 4)).collect();
        let beta = solve(&cc, &ct, 4, 1, 4);
        let tight = Tolerance { absolute: 0.0, relative: 1e-9 };
        assert!(close(beta[0], 3e-6, tight) && close(beta[3], -2e6, tight), "{beta:?}");
        assert_eq!((beta[1], beta[2]), (0.0, 0.0));
        assert_eq!(solve(&cc, &ct, 4, 1, 0), [0.0; 4]);
    }
}
