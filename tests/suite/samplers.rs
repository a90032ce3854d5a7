//! Samplers as values, exact draws, chains and their tables, through the language.

use crate::language::{Quiet, eval, session};
use nnef::domain::Support;
use nnef::error::{Error, Kind};
use nnef::family::{Family, named};
use nnef::num::observe::Monitor;
use nnef::sample::{
    Chains, ExactOptions, HmcOptions, LabelOptions, Method, NutsOptions, labels, sample_exact, sample_hmc, sample_nuts,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn fails(code: &str, parts: &[&str]) {
    let error = eval(code).expect_err(code);
    for part in parts {
        assert!(error.contains(part), "{code}\nsaid: {error}\nwithout: {part}");
    }
}

fn holds(code: &str) {
    assert_eq!(eval(code).unwrap_or_else(|e| panic!("{code}\n{e}")), "true", "{code}");
}

#[test]
fn a_sampler_prints_itself_and_refuses_what_it_does_not_know() {
    assert_eq!(eval("hmc()").unwrap(), "hmc()");
    assert_eq!(eval("nuts(#{max_depth: 8, step_size: 0.5})").unwrap(), "nuts(#{max_depth: 8, step_size: 0.5})");
    assert_eq!(eval("to_json(hmc(#{adapt: false}))").unwrap(), "{\"adapt\":false,\"method\":\"hmc\"}");
    fails("hmc(#{stepsize: 0.1})", &["option of hmc 'stepsize'", "integration_steps", "did you mean 'step_size'"]);
    fails("nuts(#{integration_steps: 3})", &["option of nuts 'integration_steps'", "max_depth"]);
    fails("quadrature(#{tolerance: 1e-3})", &["option of quadrature", "tol"]);
    fails("nuts(#{max_depth: \"deep\"})", &["option 'max_depth' of nuts"]);
    fails("nuts(#{max_depth: 99}).run(ef::gaussian(), [0, -0.5])", &["max_depth is 99"]);
}

#[test]
fn a_sampler_runs_alone_and_wherever_a_name_may_stand() {
    holds(
        "let c = nuts(#{chains: 3}).run(ef::mvn(2), [0, 0, -1, 0, 0, -1], #{draws: 50, seed: 1}); c.draws.shape == [3, 50, 2]",
    );
    let pair = "let f = family(#{x: real(2), stats: |x| #{s: x*x, c: x[0]*x[1]}});";
    holds(&format!("{pair} importance(#{{samples: 512, replicates: 8}}).run(f, [0.3, -1, -1]).method == \"importance\""));
    holds("quadrature(#{tol: 1e-9}).run(ef::gaussian(), [0, -0.5]).method == \"quadrature\"");
    holds("ef::gaussian().mean([0, -0.5], #{method: nuts(#{samples: 400, chains: 4})}).method == \"nuts\"");
    holds("let d = ef::gaussian().generate(#{points: 3, method: hmc(#{samples: 400, chains: 4})}); d.len == 3");
    // The same options by any road give the same bytes.
    let roads = [
        "hmc(#{warmup: 60, seed: 5}).run(f, e, #{draws: 40})",
        "f.sample(e, #{method: \"hmc\", warmup: 60, seed: 5, draws: 40})",
        "f.sample(e, #{method: hmc(#{warmup: 60}), seed: 5, draws: 40})",
        "f.sample(e, #{method: hmc(#{warmup: 900, seed: 4, samples: 77}), warmup: 60, seed: 5, draws: 40})",
        "f.sample(e, #{warmup: 60, seed: 5, samples: 160})",
    ];
    let values: Vec<String> = roads
        .iter()
        .map(|road| eval(&format!("let f = ef::gamma(); let e = [1.0, -2.0]; to_json({road}.draws)")).unwrap())
        .collect();
    assert!(values.iter().all(|v| *v == values[0]));
    assert_ne!(values[0], eval("to_json(ef::gamma().sample([1.0, -2.0], #{warmup: 60, seed: 6, draws: 40}).draws)").unwrap());
}

#[test]
fn what_gives_no_draws_says_what_does() {
    fails("ef::gaussian().sample([0, -0.5], #{method: \"quadrature\"})", &["moments, not draws", "hmc, nuts, exact"]);
    fails("ef::gaussian().sample([0, -0.5], #{method: \"nutz\"})", &["unknown method of sample 'nutz'", "did you mean 'nuts'"]);
    fails("ef::gaussian().sample([0, -0.5], #{max_depth: 5})", &["option of sample with hmc 'max_depth'", "draws"]);
    fails("ef::gaussian().sample([0, -0.5], #{draws: 10, samples: 40})", &["draws and samples"]);
    fails("ef::gaussian().sample([0, -0.5], #{draws: -10})", &["draws must be a positive"]);
    fails("ef::gaussian().sample([0, -0.5], #{method: 3})", &["a name or a sampler"]);
    fails("nuts().run(ef::gaussian(), [0, -0.5], #{method: \"hmc\"})", &["the sampler nuts is the method"]);
    fails("let f = family(#{x: real(1), stats: |x| #{a: x[0]**4}}); exact().run(f, [-1])", &["no exact sampler", "hmc"]);
    fails("ef::bernoulli().sample([0.5], #{method: \"nuts\"})", &["whole numbers", "nuts"]);
}

/// z of each mean against the closed form.
fn z(family: &Family, eta: &[f64], chains: &Chains) -> Vec<f64> {
    let truth = family.closed_form().unwrap().mean(eta);
    (0..truth.len()).map(|i| (chains.mean[i] - truth[i]) / chains.mcse[i]).collect()
}

#[test]
fn exact_draws_have_the_declared_means() {
    for name in ["gaussian", "poisson", "categorical", "dirichlet", "bernoulli"] {
        let family = named::named(name, 3).unwrap();
        let eta = family.draw_eta(1, 3).unwrap();
        let options = ExactOptions { samples: 20_000, seed: 2, ..ExactOptions::default() };
        let chains = sample_exact(&family, &eta, &options, &Monitor::silent()).unwrap();
        let z = z(&family, &eta, &chains);
        assert!(z.iter().all(|z| z.abs() < 4.0), "{name}: {z:?}");
        assert!(chains.rhat.iter().all(|r| r.is_nan() || *r < 1.01) && chains.method == "exact");
    }
}

#[test]
fn a_whole_number_without_a_sampler_is_drawn_by_its_distribution() {
    // exp(eta x) / x! over 0, 1, ...: Poisson with mean e^eta, not told so; and over a range, against the sum.
    let family = |to: f64| {
        let base = |x: &nnef::expr::Expr| x.index(0)?.binary(nnef::expr::Op::Mul, &x.index(0)?);
        let support = Support::new(vec![1], nnef::domain::Integers::new(0.0, to).unwrap()).unwrap();
        Family::trace("line", support, |x| Ok(vec![("x2".into(), base(x)?), ("x".into(), x.index(0)?)]), None).unwrap()
    };
    for (to, eta) in [(f64::INFINITY, [6.0, -0.05]), (9.0, [0.3, 0.02]), (0.0, [1.0, 1.0])] {
        let weight = |i: f64| (eta[0] * i + eta[1] * i * i - 200.0).exp();
        let numbers: Vec<f64> = (0..=if to.is_finite() { to as usize } else { 400 }).map(|i| i as f64).collect();
        let total: f64 = numbers.iter().map(|i| weight(*i)).sum();
        let mean = numbers.iter().map(|i| i * weight(*i)).sum::<f64>() / total;
        let family = family(to);
        let chains = sample_exact(
            &family,
            &eta,
            &ExactOptions { samples: 40_000, seed: 4, ..ExactOptions::default() },
            &Monitor::silent(),
        )
        .unwrap();
        assert!((chains.mean[0] - mean).abs() <= 4.0 * chains.mcse[0], "{} for {mean}", chains.mean[0]);
        for i in &numbers {
            let (p, seen) = (weight(*i) / total, chains.draws.iter().filter(|x| *x == i).count() as f64 / 40_000.0);
            assert!((seen - p).abs() <= 4.5 * (p * (1.0 - p) / 40_000.0).sqrt() + 1e-4, "{i}: {seen} for {p}");
        }
    }
    let (mut session, _) = session();
    let code = "let f = family(#{x: integers(0, 5), stats: |x| #{a: x[0]}}); f.sample([0.3], #{draws: 30}).method";
    assert_eq!(session.run("test", code).map(|v| session.display(&v).unwrap_or_default()).unwrap(), "exact");
}

#[test]
fn both_samplers_agree_with_the_truth_and_say_how_they_moved() {
    let family = named::mvn(3).unwrap();
    let eta = family.draw_eta(1, 9).unwrap();
    let hmc = sample_hmc(&family, &eta, &HmcOptions { samples: 8000, ..HmcOptions::default() }, &Monitor::silent()).unwrap();
    let nuts =
        sample_nuts(&family, &eta, &NutsOptions { samples: 8000, ..NutsOptions::default() }, &Monitor::silent()).unwrap();
    for chains in [&hmc, &nuts] {
        let z = z(&family, &eta, chains);
        assert!(z.iter().all(|z| z.abs() < 4.5), "{}: {z:?}", chains.method);
        assert!(chains.conduct.gradients > 8000 && chains.conduct.acceptance > 0.5);
        assert_eq!(chains.statistics().len(), 8000 * family.dim());
        let least = chains.ess.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{}: {:.2} gradients an effective draw", chains.method, chains.conduct.gradients as f64 / least);
    }
    assert!(hmc.conduct.tree_depth.is_nan() && nuts.conduct.tree_depth >= 1.0);
}

#[test]
fn the_table_shows_quantiles_and_what_speaks_against_the_chains() {
    let table = eval("ef::gaussian().sample([0, -0.5], #{draws: 500, seed: 1, method: \"nuts\"}).summary()").unwrap();
    for word in
        ["mean", "mcse", "5%", "50%", "95%", "ess_bulk", "ess_tail", "R-hat", "nuts: 4 chains of 500 draws", "gradients"]
    {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    assert!(!table.contains("NaN") && !table.contains("above"), "{table}");
    // Two modes, twelve standard deviations apart on a narrow diagonal: chains stay where they started.
    let apart = "let f = family(#{x: real(2), stats: |x| #{a: ((x[0] + x[1])**2 - 16.0)**2, b: x[0], c: (x[0] - x[1])**2}}); f.sample([-0.1, 0, -10], #{draws: 200, seed: 3}).summary()";
    assert!(eval(apart).unwrap().contains("R-hat above 1.01 for b"), "{}", eval(apart).unwrap());
    // A statistic that never changes has no R-hat.
    let constant = eval("ef::bernoulli().sample([-30], #{draws: 20}).summary()").unwrap();
    assert!(!constant.contains("NaN") && constant.contains('-'), "{constant}");
}

#[test]
fn chains_are_plotted_as_traces_and_ranks() {
    let chains = "let c = nuts().run(ef::gaussian(), [0, -0.5], #{draws: 60, chains: 3}); ";
    for (call, word) in [
        ("plot(c)", "draw"),
        ("c.plot()", "draw"),
        ("c.plot(#{kind: \"trace\"})", "chain 2"),
        ("plot(c, #{kind: \"rank\"})", "rank among all draws"),
    ] {
        holds(&format!("{chains} {call}.svg.contains(\"{word}\")"));
    }
    fails(&format!("{chains} c.plot(#{{kind: \"pie\"}})"), &["kind of plot for chains 'pie'", "trace, rank"]);
    fails(&format!("{chains} c.plot(#{{knd: \"rank\"}})"), &["option of plot for chains 'knd'", "did you mean 'kind'"]);
}

#[test]
fn exact_draws_that_doubles_cannot_hold_are_refused() {
    for (code, word) in [
        ("ef::gamma().sample([-0.999, -1], #{method: \"exact\", draws: 500})", "nearer to an end"),
        ("ef::beta().sample([-0.9, 3], #{method: \"exact\", draws: 2000})", "nearer to an end"),
        ("ef::dirichlet(3).sample([-0.999, -0.999, -0.999], #{method: \"exact\", draws: 500})", "nearer to 0"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.contains(word) && error.contains("hmc"), "{code}: {error}");
    }
    assert!(eval("ef::gamma().sample([-0.9, -1], #{method: \"exact\", draws: 500}).mu_T").is_ok());
}

/// Near the bound of its degrees of freedom the mass of a Wishart lies where a fixed step diverges: `sample` says so as `mean` does.
#[test]
fn draws_that_fail_the_gate_are_warned_of() {
    for method in ["hmc", "nuts"] {
        let (mut session, memory) = crate::language::session();
        let code = format!("ef::wishart(2).sample([-1, 0.1, 0.1, -0.8, -0.995], #{{seed: 1, method: \"{method}\"}})");
        let gate = session.run("test", &format!("let c = {code}; c.gate")).unwrap().to_string();
        assert_eq!(gate, "divergences", "{method}");
        let warned = memory.lines().join("\n");
        assert!(warned.contains("1 of 1 rows failed a gate (row 0: divergences)"), "{warned}");
        let summary = session.run("test", "c.summary()").unwrap().to_string();
        assert!(summary.contains("failed the gate 'divergences'"), "{summary}");
        let (mut session, memory) = crate::language::session();
        let fine = session.run("test", &format!("ef::gaussian().sample([0, -0.5], #{{seed: 1, method: \"{method}\"}}).gate"));
        assert_eq!((fine.unwrap().to_string(), memory.lines()), (String::new(), vec![]), "{method}");
    }
}

/// A row that would take hours is left soon after the user asks for it, whatever its method.
#[test]
fn an_interrupt_is_heard_within_a_row() {
    let normal = named::mvn(2).unwrap();
    let eta = [0.3, -0.2, -0.5, 0.1, 0.1, -0.8];
    let samples = 1 << 24;
    let (hmc, nuts) = (HmcOptions { samples, ..HmcOptions::default() }, NutsOptions { samples, ..NutsOptions::default() });
    let by = |method| LabelOptions { method, hmc: hmc.clone(), nuts: nuts.clone(), ..LabelOptions::default() };
    let few = HmcOptions { samples: 1 << 22, ..HmcOptions::default() };
    let interrupted = |run: &dyn Fn(&Monitor) -> Option<Error>| {
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = cancel.clone();
        let presses = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            flag.store(true, Ordering::Relaxed);
        });
        let failure = run(&Monitor::new(Arc::new(Quiet), cancel));
        assert_eq!(failure.map(|e| e.kind()), Some(Kind::Interrupted));
        presses.join().unwrap();
    };
    interrupted(&|m| sample_hmc(&normal, &eta, &few, m).err());
    interrupted(&|m| sample_nuts(&normal, &eta, &nuts, m).err());
    interrupted(&|m| labels(&normal, &eta, &by(Method::Hmc), m).err());
    interrupted(&|m| labels(&normal, &eta, &by(Method::Nuts), m).err());
}
