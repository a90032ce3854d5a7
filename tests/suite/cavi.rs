//! Coordinate ascent against known answers: normal factors (a linear system) and quartic factors (brute force).
use nnef::domain::Support;
use nnef::error::{Error, Kind, Result};
use nnef::expr::Op;
use nnef::family::named::gaussian;
use nnef::family::{ExpectationMap, Family, Moments, Want};
use nnef::infer::{Ascent, Cavi, CaviOptions, Factor, cavi};
use nnef::num::close::{DIFFERENCE, EXACT, Tolerance, close, close_all};
use nnef::num::observe::{Monitor, Observer};
use nnef::sample::exact;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

type Map = Arc<dyn ExpectationMap>;

fn normal() -> Map {
    Arc::new(exact(&Arc::new(gaussian().unwrap())).unwrap())
}

/// T = (x, x2, x4) on the line.
fn quartic() -> Map {
    let stats = |x: &nnef::expr::Expr| {
        let x = x.index(0)?;
        let x2 = x.binary(Op::Mul, &x)?;
        Ok(vec![("x4".into(), x2.binary(Op::Mul, &x2)?), ("x".into(), x), ("x2".into(), x2)])
    };
    Arc::new(exact(&Arc::new(Family::trace("quartic", Support::real(1).unwrap(), stats, None).unwrap())).unwrap())
}

/// What a network looks like: moments that are a little wrong, known in a box alone, without a log-normaliser.
struct Net {
    truth: Map,
    half: Vec<f64>,
    center: Vec<f64>,
    bias: f64,
    cov: bool,
}

impl ExpectationMap for Net {
    fn dim(&self) -> usize {
        self.truth.dim()
    }
    fn moments(&self, eta: &[f64], want: Want) -> Result<Moments> {
        if want.log_normalizer || (want.cov && !self.cov) {
            return Err(Error::domain("this network has none"));
        }
        let mut m = self.truth.moments(eta, want)?;
        m.mu_t.iter_mut().for_each(|m| *m += self.bias);
        m.method = vec!["network"; m.method.len()];
        Ok(m)
    }
    fn contains(&self, eta: &[f64]) -> bool {
        eta.iter().zip(&self.center).zip(&self.half).all(|((e, c), h)| (e - c).abs() <= *h)
    }
    fn center(&self) -> Vec<f64> {
        self.center.clone()
    }
    fn name(&self) -> String {
        format!("net for {}", self.truth.name())
    }
}

fn run(x: &Factor, y: &Factor, coupling: &[f64], options: CaviOptions) -> Result<Cavi> {
    cavi(x.clone(), y.clone(), coupling, &options, &Monitor::silent())
}

fn plain(tol: f64) -> CaviOptions {
    CaviOptions { tol, accelerate: false, max_iter: 1000, ..CaviOptions::default() }
}

fn fast(tol: f64) -> CaviOptions {
    CaviOptions { tol, max_iter: 1000, ..CaviOptions::default() }
}

fn monotone(r: &Cavi) {
    let elbo: Vec<f64> = r.trace.iter().map(|s| s.elbo.unwrap()).collect();
    assert!(elbo.windows(2).all(|w| w[1] >= w[0] - 1e-10 * (1.0 + w[0].abs())), "{elbo:?}");
    assert_eq!(r.elbo_drops, 0);
}

fn chain(size: f64) -> [f64; 4] {
    [size, 0.0, 0.0, 0.0]
}

/// p = N with precision [[2, -c], [-c, 1]] and linear term (h, g): the mean is exact, the variances are 1 / precision.
#[test]
fn normal_factors_meet_the_known_mean_field() {
    for c in [0.3, 0.9, 1.3] {
        let (h, g) = (0.7, -0.4);
        let (x, y) = (Factor::new(normal()).with_prior(&[h, -1.0]), Factor::new(normal()).with_prior(&[g, -0.5]));
        let det = 2.0 - c * c;
        let mean = [(h + c * g) / det, (c * h + 2.0 * g) / det];
        for options in [plain(1e-12), fast(1e-12)] {
            let r = run(&x, &y, &chain(c), options).unwrap();
            assert!(r.converged && r.inside && r.cov_psd == Some(true));
            assert!(close(r.mu_x[0], mean[0], EXACT) && close(r.mu_y[0], mean[1], EXACT), "{r:?}");
            assert!(close(r.mu_x[1] - r.mu_x[0].powi(2), 0.5, EXACT) && close(r.mu_y[1] - r.mu_y[0].powi(2), 1.0, EXACT));
            assert!(close(r.condition.unwrap(), c * c / 2.0, DIFFERENCE), "{:?}", r.condition);
            // log Z of the joint, less the divergence between normal laws with the same mean: half the log of the ratio of
            // the determinants of diagonal and full precision.
            let two_pi = 2.0 * std::f64::consts::PI;
            let log_z = two_pi.ln() - 0.5 * det.ln() + 0.5 * (h * mean[0] + g * mean[1]);
            assert!(close(r.elbo.unwrap(), log_z - 0.5 * (2.0 / det).ln(), EXACT));
            monotone(&r);
        }
    }
}

/// Fixed point by Simpson's rule on [-6, 6] and a thousand sweeps, with none of the crate's code.
fn brute(prior_x: [f64; 3], prior_y: [f64; 3], a: &[f64], start_y: [f64; 3]) -> ([f64; 3], [f64; 3], f64) {
    let moments = |eta: [f64; 3]| {
        let (mut sums, n) = ([0.0; 4], 4000);
        for i in 0..=n {
            let x = -6.0 + 12.0 * f64::from(i) / f64::from(n);
            let w = if i == 0 || i == n { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
            let p = w * (eta[0] * x + eta[1] * x * x + eta[2] * x.powi(4)).exp();
            [1.0, x, x * x, x.powi(4)].iter().zip(&mut sums).for_each(|(t, s)| *s += p * t);
        }
        let mu = [sums[1] / sums[0], sums[2] / sums[0], sums[3] / sums[0]];
        (mu, (sums[0] * 12.0 / (3.0 * f64::from(n))).ln())
    };
    let (mut y, mut out) = (start_y, ([0.0; 3], [0.0; 3], 0.0));
    for _ in 0..1000 {
        let (s, log_y) = moments(y);
        let x: [f64; 3] = std::array::from_fn(|i| prior_x[i] + (0..3).map(|j| a[i * 3 + j] * s[j]).sum::<f64>());
        let (t, log_x) = moments(x);
        let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let elbo = dot(&x, &t) + dot(&prior_y, &s) + log_x - dot(&x, &t) + log_y - dot(&y, &s);
        out = (t, s, elbo);
        y = std::array::from_fn(|j| prior_y[j] + (0..3).map(|i| a[i * 3 + j] * t[i]).sum::<f64>());
    }
    out
}

const PRIOR: [f64; 3] = [0.2, 1.0, -0.5];

fn wells(s: f64) -> Vec<f64> {
    vec![s, 0.0, 0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 0.0]
}

#[test]
fn quartic_factors_meet_brute_force_and_acceleration_pays() {
    for s in [0.2, 0.4, 0.7] {
        let (x, y) = (Factor::new(quartic()).with_prior(&PRIOR), Factor::new(quartic()).with_prior(&[0.0, 1.0, -0.5]));
        let (t, u, elbo) = brute(PRIOR, [0.0, 1.0, -0.5], &wells(s), [0.0, 1.0, -0.5]);
        let (slow, quick) = (run(&x, &y, &wells(s), plain(1e-10)).unwrap(), run(&x, &y, &wells(s), fast(1e-10)).unwrap());
        println!("s {s}: rho {:?}, plain {}, accelerated {}", slow.condition, slow.iterations, quick.iterations);
        for r in [&slow, &quick] {
            let tolerance = Tolerance { absolute: 1e-8, relative: 1e-8 };
            assert!(close_all(&r.mu_x, &t, tolerance) && close_all(&r.mu_y, &u, tolerance), "{r:?} {t:?} {u:?}");
            assert!(close(r.elbo.unwrap(), elbo, tolerance));
            monotone(r);
        }
        assert!(quick.iterations < slow.iterations, "{} {}", quick.iterations, slow.iterations);
        let certificate = quick.certify().unwrap();
        assert!(certificate.error_sd < 1e-9 && certificate.residual_sd < 1e-9, "{certificate}");
    }
}

/// With no odd evidence the symmetric point is a fixed point; past symmetry breaking it is a saddle of the bound.
#[test]
fn a_symmetric_saddle_is_left() {
    let prior = [0.0, 1.0, -0.5];
    let (x, y) = (Factor::new(quartic()).with_prior(&prior), Factor::new(quartic()).with_prior(&prior));
    for options in [plain(1e-9), fast(1e-9)] {
        let r = run(&x, &y, &wells(1.2), options).unwrap();
        assert!(r.converged && r.saddle.is_some() && r.mu_x[0].abs() > 0.2 && r.condition.unwrap() < 1.0, "{r:?}");
        println!("saddle: {} sweeps, rho {:?}", r.iterations, r.condition);
        assert!(r.summary().contains("saddle"));
        monotone(&r);
    }
}

fn boxed(half: f64, bias: f64, cov: bool) -> Map {
    Arc::new(Net { truth: normal(), half: vec![half, 0.3], center: vec![0.0, -0.5], bias, cov })
}

#[test]
fn leaving_the_region_falls_back_and_is_counted() {
    let pull = [1.5, -0.5];
    let y = Factor::new(normal()).with_prior(&[0.0, -0.5]);
    let net = Factor::new(boxed(1.6, 0.0, true)).with_prior(&pull);
    for accelerate in [false, true] {
        let options = CaviOptions { accelerate, tol: 1e-9, ..CaviOptions::default() };
        let r = run(&net.clone().with_exact(normal()), &y, &chain(0.8), options.clone()).unwrap();
        assert!(close(r.mu_x[0], 1.5 / 0.36, DIFFERENCE) && r.converged && !r.inside);
        assert!(r.outside_steps > 1 && r.outside_steps == r.trace.iter().filter(|s| !s.inside).count());
        assert_eq!(r.outside_steps, r.new_rows.len());
        assert!(r.new_rows.iter().all(|n| n.factor == "x" && n.eta[0] > 1.6 && n.method == "closed_form"));
        assert!(r.summary().contains("LEFT"));
        let e = run(&net, &y, &chain(0.8), options).unwrap_err();
        assert!(e.kind() == Kind::Domain && e.to_string().contains("eta_x[0]") && e.to_string().contains("1.600000"), "{e}");
        assert!(e.to_string().contains("iteration") && e.to_string().contains("factor x"), "{e}");
    }
}

#[test]
fn a_network_without_a_bound_is_certified_and_polished() {
    let factor = |p: &[f64]| Factor::new(boxed(9.0, 0.02, true)).with_prior(p).with_exact(normal());
    let (x, y) = (factor(&[1.0, -0.5]), factor(&[0.0, -0.5]));
    let r = run(&x, &y, &chain(0.8), CaviOptions::default()).unwrap();
    assert!(r.converged && r.elbo.is_none() && r.inside && r.summary().contains("certify()"));
    let before = r.certify().unwrap();
    assert!(before.error_sd > 0.01 && before.elbo.is_some(), "{before}");
    let polished = run(&x, &y, &chain(0.8), CaviOptions { polish: 20, ..CaviOptions::default() }).unwrap();
    let after = polished.certify().unwrap();
    println!("{before}\n{after}\npolish sweeps {:?}", polished.polish_sweeps);
    assert!(after.error_sd < 1e-9 && after.residual_sd < 1e-5 && after.elbo > before.elbo);
    assert!(
        polished.polish_sweeps.unwrap() >= 1
            && close(polished.mu_x[0], 1.0 / 0.36, Tolerance { absolute: 1e-4, relative: 0.0 })
    );
    // Without covariances: no condition, and convergence by eta.
    let bare = |p: &[f64]| Factor::new(boxed(9.0, 0.0, false)).with_prior(p);
    let r = run(&bare(&[1.0, -0.5]), &bare(&[0.0, -0.5]), &chain(0.8), CaviOptions::default()).unwrap();
    assert!(r.converged && r.condition.is_none() && r.cov_psd.is_none() && close(r.mu_x[0], 1.0 / 0.36, DIFFERENCE.max(1e-4)));
    let e = r.certify().unwrap_err();
    assert!(e.to_string().contains("no exact moments"), "{e}");
    let e = run(&bare(&[1.0, -0.5]), &bare(&[0.0, -0.5]), &chain(0.8), CaviOptions { polish: 1, ..CaviOptions::default() })
        .unwrap_err();
    assert!(e.to_string().contains("'polish'"), "{e}");
}

trait Wider {
    fn max(self, absolute: f64) -> Tolerance;
}

impl Wider for Tolerance {
    fn max(self, absolute: f64) -> Tolerance {
        Tolerance { absolute, ..self }
    }
}

#[test]
fn an_improper_joint_is_an_error() {
    let unit = |h: f64| Factor::new(normal()).with_prior(&[h, -0.5]);
    for accelerate in [false, true] {
        for (c, h) in [(1.5, 0.3), (1.1, 1.0), (1.02, 0.3), (1.5, 0.0)] {
            let e = run(&unit(h), &unit(0.0), &chain(c), CaviOptions { accelerate, ..CaviOptions::default() }).unwrap_err();
            assert!(
                e.kind() == Kind::Numeric && e.to_string().contains("runs away") && e.hint_text().is_some(),
                "{c} {h}: {e}"
            );
        }
        // x2 y2 with a positive sign: the precision of x becomes negative.
        let coupling = [0.0, 0.0, 0.0, 0.4];
        let e = run(&unit(0.0), &unit(0.0), &coupling, CaviOptions { accelerate, ..CaviOptions::default() }).unwrap_err();
        let text = e.to_string();
        assert!(["iteration 1", "factor y", "gaussian", "eta_x2 < 0"].iter().all(|w| text.contains(w)), "{text}");
        // Quartic: the leading coefficient turns positive, and quadrature refuses.
        let mut coupling = vec![0.0; 9];
        coupling[8] = 1.0;
        let well = Factor::new(quartic()).with_prior(&PRIOR);
        let e = run(&well, &well, &coupling, CaviOptions { accelerate, ..CaviOptions::default() }).unwrap_err();
        assert!(e.to_string().contains("factor x ('quartic')"), "{e}");
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let ok = || Factor::new(normal()).with_prior(&[0.0, -0.5]);
    for (x, y, coupling, word) in [
        (ok(), ok(), vec![0.0; 3], "the coupling has 3 numbers, expected 2 x 2"),
        (ok(), ok(), vec![], "the coupling has 0 numbers"),
        (ok(), ok(), vec![0.0, 0.0, f64::NAN, 0.0], "coupling[1][0] is NaN"),
        (ok().with_prior(&[]), ok(), vec![0.0; 4], "prior_x has 0 components"),
        (ok(), ok().with_prior(&[1.0, f64::INFINITY]), vec![0.0; 4], "prior_y[1] is inf"),
        (ok(), ok().with_start(&[1.0]), vec![0.0; 4], "eta_y has 1 components"),
        (ok().with_exact(quartic()), ok(), vec![0.0; 4], "its exact map 'quartic' has 3"),
        (ok(), ok().with_start(&[0.0, 1.0]), vec![0.0; 4], "start: factor y"),
        (Factor::new(normal()), ok(), vec![0.0; 4], "eta_x2 < 0"),
    ] {
        let e = run(&x, &y, &coupling, CaviOptions::default()).unwrap_err();
        assert!(e.to_string().contains(word), "{e}");
    }
    for bad in [CaviOptions { max_iter: 0, ..plain(1.0) }, plain(0.0), plain(f64::NAN)] {
        assert_eq!(run(&ok(), &ok(), &[0.0; 4], bad).unwrap_err().kind(), Kind::Domain);
    }
    assert!(serde_yaml::from_str::<CaviOptions>("{max_iters: 3}").is_err());
}

#[test]
fn it_can_be_stepped_and_interrupted() {
    let (x, y) = (Factor::new(normal()).with_prior(&[1.0, -0.5]), Factor::new(normal()).with_prior(&[0.0, -0.5]));
    let mut ascent = Ascent::new(x.clone(), y.clone(), &chain(0.9), &CaviOptions::default()).unwrap();
    while !ascent.done() {
        let step = ascent.step().unwrap();
        assert_eq!(step.iteration, ascent.iterations());
    }
    let last = ascent.step().unwrap();
    assert_eq!(Some(&last), ascent.last());
    let stepped = ascent.finish();
    assert_eq!(stepped.eta_x, run(&x, &y, &chain(0.9), CaviOptions::default()).unwrap().eta_x);
    assert!(stepped.plot().svg().unwrap().contains("lower bound"));

    struct StopAt(Arc<AtomicBool>);
    impl Observer for StopAt {
        fn begin(&self, task: &str, total: u64) {
            assert_eq!((task, total), ("cavi", 100));
        }
        fn advance(&self, done: u64, _: &str) {
            self.0.store(done >= 2, Ordering::Relaxed);
        }
        fn end(&self) {}
    }
    let flag = Arc::new(AtomicBool::new(false));
    let monitor = Monitor::new(Arc::new(StopAt(flag.clone())), flag);
    let r = cavi(x, y, &chain(0.9), &CaviOptions { accelerate: false, ..CaviOptions::default() }, &monitor).unwrap();
    assert!(r.interrupted && !r.converged && r.iterations == 2 && r.summary().contains("interrupted"));
}
