//! Leading parts without a closed form: peaks that a search does not see, and proofs that there is none.

use crate::controls::family;
use crate::existence::sign;

/// The verdict for a family in x as written, statistics and support in the notation of scripts.
fn verdict(support: &str, stats: &str, eta: &[f64]) -> char {
    sign(&family(&format!("family(#{{x: {support}, stats: |x| #{{{stats}}}}})")).existence(eta))
}

#[test]
fn narrow_peaks_in_coordinates_of_finite_extent() {
    let interval = "product(#{u: interval(0,1), v: real(1)})";
    let circle = "product(#{u: circle(1), v: real(1)})";
    for steep in ["1000.0", "1000000.0", "10000000000.0"] {
        let hidden = format!("a: x.v[0]*x.v[0]*exp(-{steep}*(x.u[0]-0.3)**2), b: x.v[0]*x.v[0]");
        let turned = format!("a: x.v[0]*x.v[0]*exp(-{steep}*(1.0-cos(x.u[0]-0.3))), b: x.v[0]*x.v[0]");
        for (support, stats) in [(interval, &hidden), (circle, &turned)] {
            assert_eq!(verdict(support, stats, &[2.0, -1.0]), 'i', "{stats}");
            assert_eq!(verdict(support, stats, &[1.001, -1.0]), 'i', "{stats}");
            assert_eq!(verdict(support, stats, &[0.999, -1.0]), 'p', "{stats}");
            assert_eq!(verdict(support, stats, &[1.0, -1.001]), 'p', "{stats}");
        }
    }
    let three = "product(#{u: interval(0,1,3), v: real(1)})";
    let ball = "a: x.v[0]*x.v[0]*exp(-100000.0*((x.u[0]-0.31)**2+(x.u[1]-0.57)**2+(x.u[2]-0.73)**2)), b: x.v[0]*x.v[0]";
    assert_eq!(verdict(three, ball, &[2.0, -1.0]), 'i');
    assert_eq!(verdict(three, ball, &[0.9, -1.0]), 'p');
}

/// Along the ridge only the last statistic is left.
#[test]
fn ridges_of_powers() {
    let four = "a: abs(x[2]-x[1]-0.2*x[0])**2.5+abs(x[3]-x[2]-0.3*x[0])**2.5, \
                b: abs(x[1]-0.37*x[0]-0.05*x[3])**2.5, c: abs(x[0])**2.5, s: sqrt(1.0+x[0]*x[0]+x[1]*x[1])";
    for steep in [-1e4, -1e6] {
        assert_ne!(verdict("real(4)", four, &[steep, -1.0, 0.01, 0.1]), 'p');
    }
    assert_eq!(verdict("real(4)", four, &[-1.0, -1.0, 0.5, 0.1]), 'i');
    assert_eq!(verdict("real(4)", four, &[-1.0, -1.0, -0.01, 0.1]), 'p');
}

/// Families of which one verdict took minutes.
#[test]
fn five_coordinates() {
    let powers = "a: abs(x[2]-x[1]-0.2*x[0])**2.5+abs(x[3]-x[2]-0.3*x[0])**2.5+abs(x[4]-x[3]-0.4*x[0])**2.5, \
                  b: abs(x[1]-0.37*x[0]-0.05*x[4])**2.5, c: abs(x[0])**2.5";
    assert_eq!(verdict("real(5)", powers, &[-2.0, -1.0, -0.5]), 'p');
    let norms = "a: sqrt(1.0+sum(x*x)), b: sum(abs(x)), c: sqrt(1.0+(x[0]-x[1])**2+(x[3]-x[4])**2), \
                 d: x[1]*x[2]/sqrt(1.0+sum(x*x))";
    assert_ne!(verdict("real(5)", norms, &[-2.0, -1.0, -0.5, 0.3]), 'i');
}

#[test]
fn negative_leading_parts_are_proven() {
    let cases: [(usize, &str, &[f64]); 10] = [
        (3, "a: sqrt(1.0+sum(x*x)), b: x[0]", &[-1.0, 0.3]),
        (5, "a: sqrt(1.0+sum(x*x)), b: x[0]", &[-1.0, 0.3]),
        (5, "a: sqrt(1.0+sum(x*x)), b: x[0]", &[-1.0, 0.999]),
        (3, "a: sqrt(1.0+sum(x*x)), b: x", &[-1.0, 0.5, -0.5, 0.7]),
        (3, "a: sqrt(1.0+sum(x*x)), b: sqrt(1.0+x[0]*x[0]+x[1]*x[1])", &[-1.0, 0.99]),
        (4, "a: sum(x*x)**1.25, b: abs(x[0]-x[1])**2.5+abs(x[2]-x[3])**2.5", &[-1.0, 0.25]),
        (4, "a: sum(x*x)**1.25, b: abs(x[0]+x[1]+x[2]+x[3])**2.5", &[-1.0, 0.17]),
        (3, "a: abs(x[0])**2.5+abs(x[1])**2.5+abs(x[2])**2.5, b: sum(x*x)**1.25", &[-1.0, 0.5]),
        (4, "a: sqrt(1.0+sum(x*x)), b: log(1.0+exp(x[0]+x[1]))+log(1.0+exp(x[2]-x[1]))", &[-1.0, 0.4]),
        (
            4,
            "a: sqrt(1.0+(x[1]-x[0])**2)+sqrt(1.0+(x[2]-x[1])**2)+sqrt(1.0+(x[3]-x[2])**2), b: sqrt(1.0+sum(x*x))",
            &[1.0, -4.5],
        ),
    ];
    for (n, stats, eta) in cases {
        assert_eq!(verdict(&format!("real({n})"), stats, eta), 'p', "{stats} {eta:?}");
    }
    assert_eq!(verdict("real(3)", "a: sqrt(1.0+sum(x*x)), b: x", &[-1.0, 0.6, -0.6, 0.6]), 'i');
    assert_eq!(verdict("real(4)", "a: sum(x*x)**1.25, b: abs(x[0]+x[1]+x[2]+x[3])**2.5", &[-1.0, 0.18]), 'i');
}

/// What was asked before does not matter.
#[test]
fn verdicts_do_not_depend_on_memory() {
    let code = "family(#{x: real(4), stats: |x| #{a: abs(x[1]-x[0])+abs(x[2]-x[1])+abs(x[3]-x[2]), \
                b: sqrt(1.0+sum(x*x)), c: abs(x[0]+x[1]+x[2]+x[3])}})";
    let known = family(code);
    for eta in [[-3.0, 2.0 - 1e-9, -1.0], [-1.0, 1.7, -1.0], [1.0, -4.0, 0.5], [-3.0, 2.0, -1.0]] {
        let first = family(code).existence(&eta);
        assert_eq!(known.existence(&eta), first);
        assert_eq!(known.existence(&eta), first);
    }
}
