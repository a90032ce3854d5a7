//! Families with exact means: by quadrature in up to two coordinates, the chain of ten by a transfer matrix.

mod chain;

use nnef::family::Family;
use nnef::num::observe::{Monitor, Observer};
use nnef::plot::Figure;
use nnef::sample::{LabelOptions, Method, labels};
use nnef::script::{Frontend, Host, Session};
use std::sync::Arc;

/// A family, some natural parameters, [n, k], and the exact means and standard deviations of its statistics there.
pub struct Case {
    pub name: &'static str,
    pub family: Arc<Family>,
    pub eta: Vec<f64>,
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
}

const SCRIPTS: [(&str, &str); 11] = [
    ("gaussian", "ef::gaussian()"),
    (
        "quartic",
        "family(#{x: real(1), stats: |x| #{x: x[0], x2: x[0]*x[0], x4: x[0]*x[0]*x[0]*x[0]}, eta: #{x: [-3.0, 3.0], x2: [-3.0, 3.0], x4: [-2.0, -0.3]}})",
    ),
    (
        "laplace",
        "family(#{x: real(1), stats: |x| #{m: -abs(x[0] - 1.0), p: -abs(x[0] + 1.0)}, eta: #{m: [0.2, 3.0], p: [0.2, 3.0]}})",
    ),
    (
        "half_line",
        "family(#{x: positive(1), stats: |x| #{l: log(x[0]), x: x[0], x2: x[0]*x[0]}, eta: #{l: [-0.7, 3.0], x: [-3.0, 1.0], x2: [-1.0, -0.1]}})",
    ),
    (
        "box",
        "family(#{x: interval(-1, 1), stats: |x| #{x: x[0], x2: x[0]*x[0], x4: x[0]*x[0]*x[0]*x[0], s: sin(3.0*x[0])}, eta: #{x: [-4.0, 4.0], x2: [-4.0, 4.0], x4: [-4.0, 4.0], s: [-4.0, 4.0]}})",
    ),
    (
        "banana",
        "family(#{x: real(2), stats: |x| { let a = x[0]; let b = x[1]; #{a: a, aa: a*a, aaaa: a*a*a*a, aab: a*a*b, ab: a*b, b: b, bb: b*b} }, eta: #{a: [-1.0, 1.0], b: [-1.0, 1.0], aa: [-1.0, 1.0], bb: [-1.0, -0.5], ab: [-0.5, 0.5], aab: [-1.0, 1.0], aaaa: [-1.5, -0.6]}})",
    ),
    (
        "simplex",
        "family(#{x: simplex(3), stats: |x| #{l: log(x), p: x[0]*x[1], q: x[0]*x[2]}, eta: #{l: [-0.5, 4.0], p: [-5.0, 5.0], q: [-5.0, 5.0]}})",
    ),
    (
        "student",
        "family(#{x: real(1), stats: |x| #{l: log(1.0 + x[0]*x[0]), x: atan(x[0])}, eta: #{l: [-4.0, -1.2], x: [-2.0, 2.0]}})",
    ),
    ("mvn", "ef::mvn(3)"),
    ("ridge", "family(#{x: real(2), stats: |x| #{a: x*x, b: x[0]*x[1]}, eta: #{a: [-0.52, -0.5], b: [0.95, 0.99]}})"),
    (
        "chain",
        "family(#{x: real(10), stats: |x| #{a: x, aa: x*x, aaaa: x*x*x*x, ab: x[0..9]*x[1..10]}, eta: #{a: [-1.0, 1.0], aa: [-2.0, 2.0], aaaa: [-1.0, -0.3], ab: [-1.0, 1.0]}})",
    ),
];

struct Quiet;
impl Observer for Quiet {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64, _: &str) {}
    fn end(&self) {}
}
impl Frontend for Quiet {
    fn out(&self, _: &str) {}
    fn err(&self, _: &str) {}
    fn show(&self, _: &Figure) {}
    fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Quiet)
    }
}

/// All families with `rows` natural parameters each.
pub fn cases(rows: usize) -> Vec<Case> {
    let mut session = Session::new(Host::new(Arc::new(Quiet), Arc::default()));
    let mut family =
        |code: &str| session.run("bench", code).unwrap_or_else(|e| panic!("{code}: {e}")).try_cast::<Arc<Family>>().unwrap();
    SCRIPTS.iter().map(|(name, code)| case(name, family(code), rows)).collect()
}

fn case(name: &'static str, family: Arc<Family>, rows: usize) -> Case {
    let eta = family.draw_eta(rows, 7).unwrap();
    if name == "chain" {
        let (mean, sd) = eta.chunks(family.dim()).map(chain::moments).fold((vec![], vec![]), |mut all, (mean, sd)| {
            all.0.extend(mean);
            all.1.extend(sd);
            all
        });
        return Case { name, family, eta, mean, sd };
    }
    let method = if family.closed_form().is_some() { Method::ClosedForm } else { Method::Quadrature };
    let exact = labels(&family, &eta, &LabelOptions { method, ..LabelOptions::default() }, &Monitor::silent()).unwrap();
    let (k, cov) = (family.dim(), exact.cov_tt.unwrap());
    let sd = (0..exact.mu_t.len()).map(|i| cov[(i / k) * k * k + (i % k) * (k + 1)].sqrt()).collect();
    Case { name, family, eta, mean: exact.mu_t, sd }
}
