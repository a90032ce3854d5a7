//! Every named family: golden numbers of 50 digits, derivatives, exact draws, refusals.

use nnef::domain::Support;
use nnef::family::named::{self, LIST, Make};
use nnef::family::{ClosedForm, Family};
use nnef::num::linalg;
use nnef::num::observe::Monitor;
use nnef::num::special::{erfc, lgamma};
use nnef::num::stream::Stream;
use nnef::sample::{LabelOptions, labels};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn golden() -> Value {
    serde_json::from_str(include_str!("golden/families.json")).unwrap()
}

pub fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn family(name: &str, args: &Value) -> Family {
    match (named::find(name).unwrap().make, args.get(0)) {
        (Make::Bounds(make), Some(lower)) => make(&numbers(lower), &numbers(&args[1])).unwrap(),
        (_, d) => named::named(name, d.map_or(1, |d| d.as_u64().unwrap() as usize)).unwrap(),
    }
}

/// Each family of the registry, in two sizes where it has sizes.
pub fn all() -> Vec<Family> {
    let of = |entry: &named::Named| match entry.make {
        Make::Plain(make) => vec![make().unwrap()],
        Make::Dimension(make) => vec![make(2).unwrap(), make(3).unwrap()],
        Make::Bounds(make) => vec![make(&[-1.0], &[2.0]).unwrap(), make(&[-1.0, 0.0], &[1.0, 2.0]).unwrap()],
    };
    LIST.iter().flat_map(of).collect()
}

fn closed(family: &Family) -> Option<&dyn ClosedForm> {
    let form = family.closed_form();
    // Only a normal that couples the coordinates of a box has none.
    assert!(form.is_some() || (family.name() == "clipped_mvn" && family.support().dim() > 1), "{}", family.name());
    form
}

/// Mean, A and covariance: by the closed form, else by quadrature.
fn moments(family: &Family, eta: &[f64]) -> (Vec<f64>, f64, Vec<f64>) {
    family.check_eta(eta).unwrap_or_else(|e| panic!("{} {eta:?}: {e}", family.name()));
    match closed(family) {
        Some(f) => (f.mean(eta), f.log_normalizer(eta), f.covariance(eta)),
        None => {
            let found = labels(family, eta, &LabelOptions::default(), &Monitor::silent()).unwrap();
            assert_eq!(found.method, ["quadrature"]);
            (found.mu_t, found.log_normalizer.unwrap()[0], found.cov_tt.unwrap())
        }
    }
}

/// |error| over the size of the number; 0 where both are equal. Nothing that is not a number passes.
pub fn off(found: f64, truth: f64, size: f64) -> f64 {
    let error = (found - truth).abs() / size;
    if found == truth {
        0.0
    } else if error.is_nan() {
        f64::INFINITY
    } else {
        error
    }
}

#[test]
fn moments_agree_with_the_golden_numbers() {
    // mu to 1e-12 of itself or of sd / 1000, A to 1e-12 of itself or of 1, Cov to 1e-12 of sd_i sd_j.
    let mut worst: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    let mut bad = Vec::new();
    for row in golden()["families"].as_array().unwrap() {
        let name = row["family"].as_str().unwrap();
        let family = family(name, &row["args"]);
        let (eta, truth) = (numbers(&row["eta"]), numbers(&row["mu_T"]));
        let covariance: Vec<f64> = row["cov"].as_array().unwrap().iter().flat_map(numbers).collect();
        let k = eta.len();
        let (mu, a, cov) = moments(&family, &eta);
        assert_eq!((mu.len(), cov.len(), family.dim()), (k, k * k, k), "{name}");
        // Below the double range sd has no digits left.
        let sd: Vec<f64> = (0..k).map(|i| covariance[i * k + i].sqrt().max(1e-150)).collect();
        let top = |errors: &mut dyn Iterator<Item = f64>| errors.fold(0.0, f64::max);
        let found = [
            top(&mut (0..k).map(|i| off(mu[i], truth[i], truth[i].abs().max(1e-3 * sd[i])))),
            off(a, row["A"].as_f64().unwrap(), row["A"].as_f64().unwrap().abs().max(1.0)),
            top(&mut (0..k * k).map(|i| off(cov[i], covariance[i], sd[i / k] * sd[i % k]))),
        ];
        let exact = family.closed_form().is_some();
        if found.iter().any(|e| *e > if exact { 1e-12 } else { 1e-9 }) {
            bad.push(format!("{name} {} {eta:?}: {found:?}\n  mu {mu:?}\n     {truth:?}", row["args"]));
        }
        let key = if exact { name.to_string() } else { format!("{name} (quadrature)") };
        let entry = worst.entry(key).or_insert([0.0; 3]);
        (0..3).for_each(|i| entry[i] = entry[i].max(found[i]));
    }
    println!("{:26} {:>8} {:>8} {:>8}", "worst error", "mu", "A", "cov");
    worst.iter().for_each(|(name, [mu, a, cov])| println!("{name:26} {mu:8.1e} {a:8.1e} {cov:8.1e}"));
    assert!(LIST.iter().all(|entry| worst.contains_key(entry.name)), "a family has no golden numbers");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn ill_conditioned_matrices_keep_their_digits() {
    // Every entry to 1e-12 of itself, A to 1e-12 of itself or of 1: stricter than the test above, up to condition 1e12.
    let (mut worst, mut rows): (BTreeMap<String, [f64; 3]>, usize) = (BTreeMap::new(), 0);
    for row in golden()["families"].as_array().unwrap() {
        if !row["note"].as_str().is_some_and(|n| n.starts_with("ill-conditioned")) {
            continue;
        }
        let name = row["family"].as_str().unwrap();
        let (eta, truth, a) = (numbers(&row["eta"]), numbers(&row["mu_T"]), row["A"].as_f64().unwrap());
        let covariance: Vec<f64> = row["cov"].as_array().unwrap().iter().flat_map(numbers).collect();
        let (mu, found_a, cov) = moments(&family(name, &row["args"]), &eta);
        let top = |found: &[f64], truth: &[f64]| found.iter().zip(truth).fold(0.0, |m, (f, t)| off(*f, *t, t.abs()).max(m));
        let found = [top(&mu, &truth), off(found_a, a, a.abs().max(1.0)), top(&cov, &covariance)];
        assert_eq!((mu.len(), cov.len()), (truth.len(), covariance.len()));
        let entry = worst.entry(name.to_string()).or_insert([0.0; 3]);
        (0..3).for_each(|i| entry[i] = entry[i].max(found[i]));
        rows += 1;
    }
    println!("{rows} rows; worst relative errors of mu, A and cov: {worst:?}");
    assert!(worst.len() == 4 && rows >= 36, "{rows} rows of {:?}", worst.keys());
    assert!(worst.values().flatten().all(|e| *e <= 1e-12), "{worst:?}");
}

#[test]
fn an_undefined_gradient_is_refused() {
    for (name, x, eta) in [("inverse_gaussian", 5e-324, [-1.0, -1.0]), ("beta", 5e-324, [0.0, 0.0]), ("beta", 1.0, [0.0, 0.0])]
    {
        let family = named::named(name, 1).unwrap();
        let error = family.grad_log_density_at(&[0.5, x], 2, &eta).unwrap_err().to_string();
        assert!(error.contains("no number in component 0") && error.contains(name), "{error}");
        assert!(family.grad_log_density_at(&[0.5, 1e-100], 2, &eta).unwrap().iter().all(|v| v.is_finite()));
    }
}

#[test]
fn densities_agree_with_the_golden_numbers() {
    let mut seen = std::collections::BTreeSet::new();
    for row in golden()["log_density"].as_array().unwrap() {
        let name = row["family"].as_str().unwrap();
        let family = family(name, &row["args"]);
        let (eta, mut x) = (numbers(&row["eta"]), numbers(&row["x"]));
        if name == "normal_wishart" {
            // There m comes first, here W: parts are in byte order.
            x.rotate_left(row["args"][0].as_u64().unwrap() as usize);
        }
        let (truth, a) = (row["log_density"].as_f64().unwrap(), moments(&family, &eta).1);
        let found = family.log_density_at(&x, 1, &eta).unwrap()[0] - a;
        let tolerance = if family.closed_form().is_some() { 1e-12 } else { 1e-9 };
        assert!(off(found, truth, 1.0 + truth.abs()) < tolerance, "{name} {eta:?} at {x:?}: {found} and {truth}");
        seen.insert(name.to_string());
    }
    assert_eq!(seen.len(), LIST.len());
}

#[test]
fn mean_and_covariance_are_the_derivatives_of_the_log_normalizer() {
    for family in all() {
        let (Some(form), k) = (closed(&family), family.dim()) else { continue };
        for eta in family.draw_eta(5, 7).unwrap().chunks(k) {
            family.check_eta(eta).unwrap();
            let (mu, cov) = (form.mean(eta), form.covariance(eta));
            let sd: Vec<f64> = (0..k).map(|i| cov[i * k + i].sqrt()).collect();
            for i in 0..k {
                let h = 1e-5 * eta[i].abs().max(1.0);
                let at =
                    |shift: f64| eta.iter().enumerate().map(|(j, e)| if i == j { e + shift } else { *e }).collect::<Vec<_>>();
                let slope = (form.log_normalizer(&at(h)) - form.log_normalizer(&at(-h))) / (2.0 * h);
                let size = mu[i].abs() + sd[i] + 1e-3;
                assert!(off(slope, mu[i], size) < 1e-6, "{} {eta:?}: mu[{i}] {} and {slope}", family.name(), mu[i]);
                for (j, (up, down)) in form.mean(&at(h)).iter().zip(form.mean(&at(-h))).enumerate() {
                    let (slope, c) = ((up - down) / (2.0 * h), cov[i * k + j]);
                    let size = sd[i] * sd[j] + 1e-3;
                    assert!(off(slope, c, size) < 1e-6, "{} {eta:?}: cov[{i},{j}] {c} and {slope}", family.name());
                }
            }
        }
    }
}

/// P(chi2 with n degrees of freedom > x).
pub fn chi2_tail(x: f64, n: usize) -> f64 {
    let h = 0.5 * x;
    let (mut q, mut a) = if n % 2 == 1 { (erfc(h.sqrt()), 0.5) } else { ((-h).exp(), 1.0) };
    while a < 0.5 * n as f64 - 0.1 {
        q += (a * h.ln() - h - lgamma(a + 1.0)).exp();
        a += 1.0;
    }
    q
}

/// e' C^+ e and the rank of C: statistics that depend on those before them are left out.
pub fn fisher_square(cov: &[f64], e: &[f64]) -> (f64, usize) {
    let k = e.len();
    let (mut rows, mut chosen, mut square): (Vec<Vec<f64>>, Vec<usize>, f64) = (vec![], vec![], 0.0);
    let mut whitened: Vec<f64> = vec![];
    for i in 0..k {
        let sd = cov[i * k + i].sqrt();
        let mut y: Vec<f64> = vec![];
        for (row, j) in rows.iter().zip(&chosen) {
            let c = cov[i * k + j] / sd / cov[j * k + j].sqrt();
            let dot: f64 = y.iter().zip(row).map(|(a, b)| a * b).sum();
            y.push((c - dot) / row[y.len()]);
        }
        let rest = 1.0 - y.iter().map(|v| v * v).sum::<f64>();
        if rest > 1e-10 {
            let known: f64 = y.iter().zip(&whitened).map(|(a, b)| a * b).sum();
            let w = (e[i] / sd - known) / rest.sqrt();
            square += w * w;
            whitened.push(w);
            y.push(rest.sqrt());
            rows.push(y);
            chosen.push(i);
        }
    }
    (square, chosen.len())
}

fn inside(support: &Support, x: &[f64]) -> bool {
    support.bijector().contains(x)
}

/// p-value of the mean of T over exact draws; every draw lies in the support.
pub fn p_of_draws(family: &Family, eta: &[f64], seed: u64) -> f64 {
    let form = closed(family).unwrap();
    p_of(family, form, eta, &form.mean(eta), seed)
}

/// The same with the draws of another family's closed form and a mean from elsewhere.
pub fn p_of(family: &Family, form: &dyn ClosedForm, eta: &[f64], mean: &[f64], seed: u64) -> f64 {
    const DRAWS: usize = 20_000;
    let k = family.dim();
    let mut rng = Stream::new(seed).child(family.name()).rng();
    let mut points = Vec::new();
    for _ in 0..DRAWS {
        let x = form.draw(eta, &mut rng).unwrap_or_else(|| panic!("{}: no draw at {eta:?}", family.name()));
        assert!(inside(family.support(), &x), "{} {eta:?}: {x:?} is not in {}", family.name(), family.support());
        points.extend(x);
    }
    let mut error: Vec<f64> = mean.iter().map(|m| -m).collect();
    for t in family.statistics_at(&points, DRAWS).unwrap().chunks(k) {
        error.iter_mut().zip(t).for_each(|(e, t)| *e += t / DRAWS as f64);
    }
    let (square, rank) = fisher_square(&form.covariance(eta), &error);
    let p = chi2_tail(DRAWS as f64 * square, rank);
    assert!(p > 1e-5, "{} {eta:?}: p = {p:e} with {rank} degrees of freedom", family.name());
    p
}

#[test]
fn exact_draws_have_the_mean_of_the_closed_form() {
    // 27 families and sizes at 3 eta: 81 p-values, each below 1e-5 by chance once in 100,000: one false alarm in 1,200
    // choices of the seed.
    let mut p = Vec::new();
    for family in all().iter().filter(|f| closed(f).is_some()) {
        for (i, eta) in family.draw_eta(3, 21).unwrap().chunks(family.dim()).enumerate() {
            p.push(p_of_draws(family, eta, i as u64));
        }
    }
    // Uniform, as p-values are: the mean to five standard errors.
    let mean = p.iter().sum::<f64>() / p.len() as f64;
    assert!((mean - 0.5).abs() < 5.0 / (12.0 * p.len() as f64).sqrt(), "the mean of {} p-values is {mean}", p.len());
}

#[test]
fn no_draw_of_a_wishart_is_singular() {
    // With so few degrees of freedom most determinants lie below the range of numbers.
    for d in 1..=3 {
        let family = named::named("wishart", d).unwrap();
        let mut eta: Vec<f64> = (0..=d * d).map(|i| if i % (d + 1) == 0 { -0.5 } else { 0.0 }).collect();
        eta[d * d] = -1.0 + 1e-4;
        family.check_eta(&eta).unwrap();
        let mut rng = Stream::new(3).rng();
        for _ in 0..500 {
            let x = closed(&family).unwrap().draw(&eta, &mut rng).unwrap();
            assert!(inside(family.support(), &x) && linalg::cholesky(&x, d).is_some(), "{x:?}");
        }
    }
}

#[test]
fn exact_draws_reach_far_out() {
    // 22 p-values: one false alarm in 4,500 choices of the seed.
    for (name, args, eta) in [
        ("rectified_gaussian", "[]", vec![-40.0, -0.5]),
        ("rectified_gaussian", "[]", vec![-1e6, -1.0]),
        ("rectified_gaussian", "[]", vec![-2.0, 0.0]),
        ("rectified_gaussian", "[]", vec![-1.0, -1e-200]),
        ("rectified_gaussian", "[]", vec![40.0, -0.5]),
        ("clipped_mvn", "[[-1], [1]]", vec![60.0, -0.5]),
        ("clipped_mvn", "[[-1], [1]]", vec![-400.0, -0.5]),
        ("clipped_mvn", "[[-1], [1]]", vec![0.3, 40.0]),
        ("clipped_mvn", "[[-1], [1]]", vec![5.0, -400.0]),
        ("clipped_mvn", "[[-1], [1]]", vec![0.0, 0.0]),
        ("clipped_mvn", "[[0], [3]]", vec![-2.0, 0.0]),
        ("laplace_product", "[1]", vec![-3.0, 3.001]),
        ("von_mises", "[]", vec![0.0, 0.0]),
        ("von_mises", "[]", vec![6e5, -8e5]),
        ("von_mises_fisher", "[3]", vec![0.0, 0.0, 0.0]),
        ("von_mises_fisher", "[5]", vec![1e3, -2e3, 0.0, 1.0, 5e2]),
        ("inverse_gaussian", "[]", vec![-1e-3, -50.0]),
        ("inverse_gaussian", "[]", vec![-200.0, -0.01]),
        ("poisson", "[]", vec![10.0]),
        ("dirichlet", "[3]", vec![-0.9, 0.0, 100.0]),
        ("wishart", "[2]", vec![-1.0, -0.999, -0.999, -1.0, -0.5]),
        ("categorical", "[3]", vec![800.0, 799.0, 798.0]),
    ] {
        p_of_draws(&family(name, &serde_json::from_str(args).unwrap()), &eta, 5);
    }
}

fn mvn_eta(off: f64) -> Vec<f64> {
    vec![0.0, 0.0, -1.0, 0.5, 0.5 + off, -1.0]
}

/// Family, dimension, an eta outside its natural space, and the condition that it violates.
pub fn outside() -> Vec<(&'static str, usize, Vec<f64>, &'static str)> {
    vec![
        ("gaussian", 1, vec![1.0, 0.0], "eta_x2 < 0"),
        ("rectified_gaussian", 1, vec![-1.0, 1e-9], "eta_x2 < 0"),
        ("rectified_gaussian", 1, vec![0.0, 0.0], "eta_x2 = 0 with eta_x < 0"),
        ("mvn", 2, vec![0.0, 0.0, -1.0, 1.5, 1.5, -1.0], "eta_xxT must be negative definite"),
        ("mvn", 2, mvn_eta(1e-7), "eta_xxT[1,0] = 0.5000001 and eta_xxT[0,1] = 0.5 differ by"),
        ("mvn_tril", 2, vec![0.0, 0.0, -1.0, 2.5, -1.0], "eta_xxT_tril must be negative definite"),
        ("laplace_product", 2, vec![1.0, 1.0, 1.0, -1.0], "eta_xm1[1] + eta_xp1[1] > 0"),
        ("gamma", 1, vec![-1.0, -1.0], "eta_log_x > -1"),
        ("gamma", 1, vec![1.0, 0.0], "eta_x < 0"),
        ("exponential", 1, vec![0.0], "eta_x < 0"),
        ("beta", 1, vec![-1.0, 0.0], "eta_log_1mx > -1"),
        ("beta", 1, vec![0.0, -1.5], "eta_log_x > -1"),
        ("dirichlet", 3, vec![0.0, 0.0, -1.0], "eta_log_x[2] > -1"),
        ("inverse_gaussian", 1, vec![0.0, -1.0], "eta_inv_x < 0"),
        ("inverse_gaussian", 1, vec![-1.0, 0.0], "eta_x < 0"),
        ("poisson", 1, vec![710.0], "eta_x < 709"),
        ("normal_gamma", 1, vec![-0.5, -1.0, 0.0, -1.0], "eta_log_tau > -1/2"),
        ("normal_gamma", 1, vec![1.0, -1.0, 0.0, 0.0], "eta_tau_m2 < 0"),
        ("normal_gamma", 1, vec![1.0, -1.0, 3.0, -1.0], "eta_tau - eta_tau_m^2 / (4 eta_tau_m2) < 0"),
        ("wishart", 2, vec![-1.0, 1.5, 1.5, -1.0, 0.0], "eta_W must be negative definite"),
        ("wishart", 2, vec![-1.0, 0.5, 0.4, -1.0, 0.0], "eta_W must be symmetric"),
        ("wishart", 2, vec![-1.0, 0.0, 0.0, -1.0, -1.0], "eta_log_det_W > -1"),
        ("normal_wishart", 2, vec![-1.0, 0.0, 0.0, -1.0, 3.0, 0.0, 1.0, -1.0], "eta_W - eta_Wm eta_Wm' / (4 eta_mWm)"),
        ("normal_wishart", 2, vec![-1.0, 0.1, 0.0, -1.0, 0.0, 0.0, 1.0, -1.0], "eta_W must be symmetric"),
        ("normal_wishart", 2, vec![-1.0, 0.0, 0.0, -1.0, 0.0, 0.0, -0.5, -1.0], "eta_log_det_W > -1/2"),
        ("normal_wishart", 2, vec![-1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0], "eta_mWm < 0"),
    ]
}

#[test]
fn eta_outside_the_natural_space_is_refused_with_the_condition() {
    let cases = outside();
    for (name, d, eta, condition) in &cases {
        let error = named::named(name, *d).unwrap().check_eta(eta).unwrap_err().to_string();
        assert!(error.contains(condition), "{name} {eta:?}: {error}");
    }
    // The other families take every finite eta.
    let free = ["bernoulli", "categorical", "clipped_mvn", "von_mises", "von_mises_fisher"];
    assert!(LIST.iter().all(|entry| free.contains(&entry.name) || cases.iter().any(|c| c.0 == entry.name)));
    for family in all().iter().filter(|f| free.contains(&f.name())) {
        assert!(family.check_eta(&vec![800.0; family.dim()]).and(family.check_eta(&vec![-800.0; family.dim()])).is_ok());
    }
    // Rounding is no asymmetry.
    assert!(named::mvn(2).unwrap().check_eta(&mvn_eta(1e-9)).is_ok());
}

#[test]
fn eta_that_is_no_number_or_of_another_length_is_refused() {
    for family in all() {
        let k = family.dim();
        let eta = family.draw_eta(1, 3).unwrap();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut broken = eta.clone();
            broken[k - 1] = bad;
            let error = family.check_eta(&broken).unwrap_err().to_string();
            assert!(error.contains("must be finite") && error.contains(&family.stat_names()[k - 1]), "{error}");
        }
        for length in [0, k - 1, k + 1] {
            let error = family.check_eta(&vec![0.5; length]).unwrap_err().to_string();
            assert!(error.contains(&format!("eta has {length} components")), "{}: {error}", family.name());
        }
    }
}

#[test]
fn constructors_refuse_what_has_no_points() {
    for entry in LIST {
        if let Make::Dimension(make) = entry.make {
            assert!(make(0).is_err() && named::named(entry.name, 0).is_err(), "{}", entry.name);
        }
    }
    for (name, d) in [("dirichlet", 1), ("categorical", 1), ("von_mises_fisher", 1)] {
        assert!(named::named(name, d).unwrap_err().to_string().contains("at least two"), "{name}");
    }
    for (lower, upper, word) in [
        (vec![0.0], vec![1.0, 2.0], "equal numbers"),
        (vec![], vec![], "equal numbers"),
        (vec![0.0, 1.0], vec![1.0, 1.0], "coordinate 1 runs from 1 to 1"),
        (vec![0.0], vec![f64::INFINITY], "coordinate 0"),
    ] {
        assert!(named::clipped_mvn(&lower, &upper).unwrap_err().to_string().contains(word), "{lower:?} {upper:?}");
    }
}

/// A box bounds the density, but only the symmetric part of eta_xxT acts: an asymmetric one is refused as mvn refuses it.
#[test]
fn a_clipped_normal_takes_symmetric_matrices_only() {
    for made in ["mvn(2)", "clipped_mvn([-1, 0], [1, 2])"] {
        for call in ["mean", "sample"] {
            let error = crate::language::eval(&format!("ef::{made}.{call}([0, 0, -1, 0.5, 0.2, -1])")).unwrap_err();
            assert!(error.contains("eta_xxT must be symmetric, but eta_xxT[1,0] = 0.2"), "{made}: {error}");
        }
    }
    let family = nnef::family::named::clipped_mvn(&[-1.0, 0.0], &[1.0, 2.0]).unwrap();
    family.draw_eta(50, 1).unwrap().chunks(6).for_each(|eta| family.check_eta(eta).unwrap());
    family.check_region().unwrap();
}
