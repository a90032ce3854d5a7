//! The families of the standard library are those of `ef::`: the same statistics, densities and moments.

use crate::language::session;
use nnef::error::Kind;
use nnef::family::{Family, named};
use nnef::num::close::{Tolerance, close};
use nnef::num::observe::Monitor;
use nnef::num::stream::Stream;
use nnef::sample::{LabelOptions, Method, labels};
use std::sync::Arc;

/// The arguments with which a family is tried.
pub fn arguments(entry: &named::Named) -> &'static str {
    match entry.make {
        named::Make::Plain(_) => "",
        named::Make::Dimension(_) => "2",
        named::Make::Bounds(_) => "[-1, 0], [1, 2]",
    }
}

/// The native family and its twin from the standard library.
pub fn pair(name: &str, arguments: &str) -> (Arc<Family>, Arc<Family>) {
    let (mut session, _) = session();
    let mut run =
        |code: String| session.run("test", &code).unwrap_or_else(|e| panic!("{name}: {e}")).try_cast::<Arc<Family>>().unwrap();
    (run(format!("ef::{name}({arguments})")), run(format!("import \"std/families/{name}\" as m; m::{name}({arguments})")))
}

#[test]
fn each_named_family_has_its_textbook_twin() {
    let tight = Tolerance { absolute: 1e-12, relative: 1e-12 };
    for entry in named::LIST {
        let name = entry.name;
        let (native, twin) = pair(name, arguments(entry));
        assert_eq!(native.stat_names(), twin.stat_names(), "{name}");
        let n = 50;
        let x = native.scatter(n, Stream::new(4));
        let etas = twin.draw_eta(5, 1).unwrap();
        for (a, b) in native.statistics_at(&x, n).unwrap().iter().zip(twin.statistics_at(&x, n).unwrap()) {
            assert!(close(*a, b, tight), "{name}: T is {a} and {b}");
        }
        for eta in etas.chunks(native.dim()) {
            native.check_eta(eta).unwrap_or_else(|e| panic!("{name}: the twin's region leaves the natural space: {e}"));
            let values = native.log_density_at(&x, n, eta).unwrap().into_iter().zip(twin.log_density_at(&x, n, eta).unwrap());
            for (a, b) in values {
                assert!(close(a, b, tight), "{name}: the log density is {a} and {b}");
            }
        }
        // Closed forms against integrals of the twin, where it has axes enough.
        if native.closed_form().is_none() || twin.integrand().is_none_or(|i| i.axes().len() > 3) {
            continue;
        }
        let by = |f: &Family, method| labels(f, &etas, &LabelOptions { method, ..LabelOptions::default() }, &Monitor::silent());
        let exact = by(&native, Method::ClosedForm).unwrap();
        let integral = match by(&twin, Method::Quadrature) {
            Ok(integral) => integral,
            // Three axes of matrices are more than the grid resolves; it says so.
            Err(e) if name == "wishart" && e.kind() == Kind::Numeric => continue,
            Err(e) => panic!("{name}: {e}"),
        };
        let (k, cov) = (native.dim(), exact.cov_tt.unwrap());
        let mut worst = 0.0f64;
        for row in 0..5 {
            for i in 0..k {
                let sd = cov[(row * k + i) * k + i].sqrt();
                let error = (exact.mu_t[row * k + i] - integral.mu_t[row * k + i]).abs();
                worst = worst.max(error / sd);
                assert!(
                    error <= 1e-8 * sd + 3.0 * integral.mcse[row * k + i],
                    "{name}, row {row}, {i}: off by {:e} sd",
                    error / sd
                );
            }
        }
        println!("{name:<20} integrals within {worst:.1e} sd of the closed form");
    }
}
