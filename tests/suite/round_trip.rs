//! Natural to mean parameters and back: mu = grad A(eta) has one solution in the natural space, found from the centre of the
//! region by damped Newton steps on A(eta) - eta . mu.

use nnef::family::{ClosedForm, Family, named};
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

fn solve(family: &Family, closed: &dyn ClosedForm, mu: &[f64]) -> Vec<f64> {
    let mut eta = family.region().unwrap().center();
    let objective = |eta: &[f64]| closed.log_normalizer(eta) - eta.iter().zip(mu).map(|(e, m)| e * m).sum::<f64>();
    for _ in 0..200 {
        let r: Vec<f64> = mu.iter().zip(closed.mean(&eta)).map(|(m, now)| m - now).collect();
        let step = newton(&closed.covariance(&eta), &r);
        let (mut length, before) = (1.0, objective(&eta));
        loop {
            let next: Vec<f64> = eta.iter().zip(&step).map(|(e, s)| e + length * s).collect();
            let lower = closed.natural(&next).is_ok() && objective(&next) <= before + 1e-14 * before.abs();
            if lower || length < 1e-10 {
                eta = next;
                break;
            }
            length *= 0.5;
        }
    }
    eta
}

#[test]
fn mean_parameters_lead_back_to_natural_ones() {
    for entry in named::LIST {
        let family = match entry.make {
            named::Make::Plain(make) => make(),
            named::Make::Dimension(make) => make(2),
            named::Make::Bounds(make) => make(&[-1.0], &[2.0]),
        }
        .unwrap();
        let Some(closed) = family.closed_form() else { continue };
        let (k, etas) = (family.dim(), family.draw_eta(4, 9).unwrap());
        for eta in etas.chunks(k) {
            let mu = closed.mean(eta);
            let found = closed.mean(&solve(&family, closed, &mu));
            let cov = closed.covariance(eta);
            for i in 0..k {
                let sd = cov[i * k + i].sqrt();
                assert!((found[i] - mu[i]).abs() < 1e-9 * (sd + mu[i].abs()), "{}: {mu:?} came back as {found:?}", entry.name);
            }
            // Where the statistics are independent, eta itself comes back.
            let (values, _) = symmetric_eigen(&cov, k);
            if values.iter().all(|v| *v > 1e-10 * values.iter().fold(0.0f64, |m, v| m.max(*v))) {
                let back = solve(&family, closed, &mu);
                for (a, b) in eta.iter().zip(&back) {
                    assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{}: {eta:?} came back as {back:?}", entry.name);
                }
            }
        }
    }
}
