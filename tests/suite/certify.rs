//! `check()` passes on sound families and fails on the right line where a fault is planted.

use nnef::domain::{Axis, Bijector, Support};
use nnef::error::Result;
use nnef::expr::{Graph, NodeId, Op};
use nnef::family::{Block, ClosedForm, Family, Region, named};
use nnef::num::observe::Monitor;
use nnef::sample::{CheckOptions, Report, Verdict, check};

fn report(family: &Family) -> Report {
    check(family, &CheckOptions::default(), &Monitor::silent()).unwrap()
}

fn verdict(report: &Report, line: &str) -> Verdict {
    report.line(line).unwrap_or_else(|| panic!("no line '{line}' in\n{report}")).verdict
}

/// Statistics x and `scale` x^2 on a support, over a region that the normal distribution allows.
fn quadratic(support: Support, scale: f64, low: f64, high: f64) -> Family {
    let stats = move |x: &nnef::expr::Expr| {
        let x = x.index(0)?;
        let square = x.number(scale).binary(Op::Mul, &x.binary(Op::Mul, &x)?)?;
        Ok(vec![("x".into(), x), ("x2".into(), square)])
    };
    let region = Region::new(vec![
        ("x".into(), Block::interval(-1.0, 1.0, 1).unwrap()),
        ("x2".into(), Block::interval(low, high, 1).unwrap()),
    ]);
    Family::trace("quadratic", support, stats, None).unwrap().with_region(region).unwrap()
}

#[test]
fn every_named_family_is_certified() {
    for entry in named::LIST {
        let family = match entry.make {
            named::Make::Plain(make) => make(),
            named::Make::Dimension(make) => make(3),
            named::Make::Bounds(make) => make(&[-1.0], &[2.0]),
        };
        let report = report(&family.unwrap());
        assert!(report.passed(), "{report}");
    }
}

struct Normal;

impl ClosedForm for Normal {
    fn natural(&self, _: &[f64]) -> Result<()> {
        Ok(())
    }
    fn log_normalizer(&self, eta: &[f64]) -> f64 {
        -eta[0] * eta[0] / (4.0 * eta[1]) + 0.5 * (std::f64::consts::PI / -eta[1]).ln()
    }
    fn mean(&self, eta: &[f64]) -> Vec<f64> {
        let (m, v) = (-eta[0] / (2.0 * eta[1]), -0.5 / eta[1]);
        vec![m, m * m + v]
    }
    fn covariance(&self, eta: &[f64]) -> Vec<f64> {
        let (m, v) = (-eta[0] / (2.0 * eta[1]), -0.5 / eta[1]);
        vec![v, 2.0 * m * v, 2.0 * m * v, 4.0 * m * m * v + 2.0 * v * v]
    }
}

#[test]
fn a_closed_form_of_other_statistics_fails() {
    let real = || Support::real(1).unwrap();
    assert!(report(&quadratic(real(), 1.0, -2.0, -0.5).with_closed_form(Normal)).passed());
    let found = report(&quadratic(real(), 1.001, -2.0, -0.5).with_closed_form(Normal));
    assert_eq!(verdict(&found, "closed form"), Verdict::Fail, "{found}");
    assert!(found.line("closed form").unwrap().detail.contains("declared"), "{found}");
    assert_eq!(verdict(&found, "derivatives"), Verdict::Pass);
}

/// The positive numbers as exp(z), the Jacobian forgotten.
#[derive(Debug)]
struct Forgetful;

impl Bijector for Forgetful {
    fn dim(&self) -> usize {
        1
    }
    fn free(&self) -> usize {
        1
    }
    fn forward(&self, g: &mut Graph, z: &[NodeId]) -> (Vec<NodeId>, NodeId) {
        (vec![g.unary(Op::Exp, z[0])], g.constant(0.0))
    }
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>> {
        Ok(vec![x[0].ln()])
    }
    fn contains(&self, x: &[f64]) -> bool {
        x[0] > 0.0
    }
    fn axes(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::HalfLine { from: 0.0 }])
    }
    fn describe(&self) -> String {
        "forgetful".into()
    }
}

#[test]
fn a_missing_jacobian_fails() {
    let found = report(&quadratic(Support::new(vec![1], Forgetful).unwrap(), 1.0, -2.0, -0.5));
    assert_eq!(verdict(&found, "measure"), Verdict::Fail, "{found}");
    assert_eq!(verdict(&found, "agreement"), Verdict::Fail, "{found}");
    assert_eq!(verdict(&found, "derivatives"), Verdict::Pass);
}

#[test]
fn dependent_statistics_fail() {
    let stats = |x: &nnef::expr::Expr| {
        let x = x.index(0)?;
        let (square, shifted) = (x.binary(Op::Mul, &x)?, x.binary(Op::Sub, &x.number(1.0))?);
        let other = shifted.binary(Op::Mul, &shifted)?;
        Ok(vec![("a".into(), x), ("b".into(), square), ("c".into(), other)])
    };
    let block = |low, high| Block::interval(low, high, 1).unwrap();
    let region =
        Region::new(vec![("a".into(), block(-1.0, 1.0)), ("b".into(), block(-2.0, -1.0)), ("c".into(), block(-0.5, 0.5))]);
    let family = Family::trace("dependent", Support::real(1).unwrap(), stats, None).unwrap().with_region(region).unwrap();
    let found = report(&family);
    assert_eq!(verdict(&found, "minimality"), Verdict::Fail, "{found}");
    assert!(found.line("minimality").unwrap().detail.contains("c = -2 a + b + 1"), "{found}");
    assert_eq!(verdict(&found, "derivatives"), Verdict::Pass);
}

#[test]
fn an_improper_corner_fails() {
    let found = report(&quadratic(Support::real(1).unwrap(), 1.0, -2.0, 0.25));
    assert_eq!(verdict(&found, "existence"), Verdict::Fail, "{found}");
    assert_eq!(verdict(&found, "minimality"), Verdict::Pass);
}

/// A script says that its statistics are dependent on purpose: no warning, and no failing line.
#[test]
fn an_overcomplete_family_is_one_on_purpose() {
    let family = |option: &str| {
        let (mut session, memory) = crate::language::session();
        let code = format!(
            "family(#{{ x: integers(0, 2), stats: |x| #{{ hot: [select(x[0] == 0, 1, 0), select(x[0] == 1, 1, 0),
               select(x[0] == 2, 1, 0)] }}, eta: #{{ hot: [-1, 1] }}{option} }}).check().to_string()"
        );
        let report = session.run("test", &code).unwrap().to_string();
        (report, memory.lines().join("\n"))
    };
    let (report, warned) = family("");
    assert!(report.contains("FAIL  minimality") && warned.contains("overcomplete: true"), "{report}\n{warned}");
    let (report, warned) = family(", overcomplete: true");
    assert!(report.contains("-   minimality   overcomplete on purpose") && warned.is_empty(), "{report}\n{warned}");
    let error = crate::language::eval("family(#{x: real(1), stats: |x| #{x: x}, overcomplete: 1})").unwrap_err();
    assert!(error.contains("overcomplete must be true or false"), "{error}");
    let twin = "import \"std/families/categorical\" as c; c::categorical(3).check()";
    let report = crate::language::eval(twin).unwrap();
    assert!(report.contains("-   minimality   overcomplete on purpose") && report.contains(" 0 failed"), "{report}");
}

/// A check that fails is a value, a line and a warning; a script ends by it where it says so.
#[test]
fn a_failed_check_is_seen() {
    let (mut session, memory) = crate::language::session();
    let report = session.run("test", "let r = ef::gaussian().check(#{eta: [1, 0.5]}); [r.passed, r.lines[0].verdict]").unwrap();
    assert_eq!(report.to_string(), "[false, \"fail\"]");
    let warned = memory.lines().join("\n");
    assert!(
        warned.contains("err: warning: family 'gaussian' fails 1 of its checks, the first is existence: improper"),
        "{warned}"
    );
    let code = "if !ef::gaussian().check(#{eta: [1, 0.5]}).passed { throw \"no family\" }";
    assert!(session.run("test", code).is_err());
}

/// Four wells, thousands of their widths apart: each chain is in its own, or on its way there, which is no fault of the family. The
/// program before the chains were asked whether they agree failed here, with z-scores of 16 to 20.
#[test]
fn chains_that_disagree_blame_no_family() {
    let family =
        crate::controls::family("family(#{x: real(4), stats: |x| #{p: x[0]*x[1]*x[2] + 0.01*x[0]*x[3], q: sum(x**4)}})");
    let options = CheckOptions { eta: vec![20.0, -1e-3], ..CheckOptions::default() };
    let report = check(&family, &options, &Monitor::silent()).unwrap();
    assert_eq!(verdict(&report, "stein"), Verdict::Skip, "{report}");
}

/// At the third eta the log density is 1e22 at its greatest, which no double resolves: the others are looked at, and the lines say so.
#[test]
fn lines_say_at_how_many_eta_they_looked() {
    let code = "family(#{ x: real(3), stats: |x| #{ p: x[0]*x[1]*x[2], q: sum(x**4) } }).check(#{ eta: [[0, -5], [1, -5], [45, -1e-6]] })";
    let found = crate::language::eval(&format!("({code}).to_string()")).unwrap();
    assert!(found.contains("0 failed"), "{found}");
    for name in ["covariance", "convexity", "agreement"] {
        let line = found.lines().find(|l| l.contains(name)).unwrap();
        assert!(line.contains("pass") && line.contains("at 2 of 3 eta"), "{line}");
    }
}
