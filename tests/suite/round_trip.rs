//! Natural to mean parameters and back: mu = grad A(eta) has one solution in the natural space, found from the centre of the
//! region by damped Newton steps on A(eta) - eta . mu.

use crate::conformance::moments;
use crate::twins::pair;
use nnef::family::{Family, named};
use nnef::num::linalg::symmetric_eigen;

/// The step Cov^+ r, the pseudo-inverse on the range of Cov: duplicated statistics leave directions free.
fn newton(cov: &[f64], r: &[f64]) -> Vec<f64> {
    let k = r.len();
    let (values, vectors) = symmetric_eigen(cov, k);
    let top = values.iter().fold(0.0f64, |m, v| m.max(*v));
    let mut step = vec![0.0; k];
    for (l, value) in values.iter().enumerate().filter(|(_, v)| **v > 1e-11 * top) {
        let direction: Vec<f64> = (0..k).map(|i| vectors[i * k + l]).collect();
        let part: f64 = direction.iter().zip(r).map(|(d, r)| d * r).sum::<f64>() / value;
        step.iter_mut().zip(&direction).for_each(|(s, d)| *s += part * d);
    }
    step
}

fn solve(family: &Family, mu: &[f64]) -> Vec<f64> {
    let mut eta = family.region().unwrap().center();
    let at = |eta: &[f64]| moments(family, eta).unwrap().swap_remove(0);
    let dual = |eta: &[f64], a: f64| a - eta.iter().zip(mu).map(|(e, m)| e * m).sum::<f64>();
    for _ in 0..100 {
        let (mean, a, cov) = at(&eta);
        let r: Vec<f64> = mu.iter().zip(&mean).map(|(m, now)| m - now).collect();
        let step = newton(&cov, &r);
        let (mut length, before) = (1.0, dual(&eta, a));
        loop {
            let next: Vec<f64> = eta.iter().zip(&step).map(|(e, s)| e + length * s).collect();
            let lower = family.check_eta(&next).is_ok() && dual(&next, at(&next).1) <= before + 1e-12 * (1.0 + before.abs());
            if lower || length < 1e-10 {
                eta = next;
                break;
            }
            length *= 0.5;
        }
        if step.iter().zip(&eta).all(|(s, e)| s.abs() < 1e-13 * (1.0 + e.abs())) {
            break;
        }
    }
    eta
}

fn comes_back(label: &str, family: &Family, rows: usize) {
    let k = family.dim();
    for eta in family.draw_eta(rows, 9).unwrap().chunks(k) {
        let Some(truth) = moments(family, eta) else { return };
        let (mu, _, cov) = &truth[0];
        let back = solve(family, mu);
        let found = &moments(family, &back).unwrap()[0].0;
        for i in 0..k {
            let sd = cov[i * k + i].sqrt();
            assert!((found[i] - mu[i]).abs() < 1e-9 * (sd + mu[i].abs()), "{label}: {mu:?} came back as {found:?}");
        }
        // Where the statistics are independent, eta itself comes back.
        let (values, _) = symmetric_eigen(cov, k);
        if values.iter().all(|v| *v > 1e-10 * values.iter().fold(0.0f64, |m, v| m.max(*v))) {
            for (a, b) in eta.iter().zip(&back) {
                assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{label}: {eta:?} came back as {back:?}");
            }
        }
    }
}

#[test]
fn mean_parameters_lead_back_to_natural_ones() {
    for entry in named::LIST {
        let arguments = match entry.make {
            named::Make::Plain(_) => "",
            named::Make::Dimension(_) => "2",
            named::Make::Bounds(_) => "[-1], [2]",
        };
        let (native, twin) = pair(entry.name, arguments);
        comes_back(&format!("ef::{}", entry.name), &native, 4);
        comes_back(&format!("std::{}", entry.name), &twin, 1);
    }
}
