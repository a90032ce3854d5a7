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

/// Quadratic forms over half lines that have no sign over whole lines: by their least values on faces of a simplex.
#[test]
fn copositive_forms() {
    // Horn's form in pairs of eight coordinates: zero at some edges of the simplex, and a multiple of the squares decides.
    let horn = [[1, -1, 1, 1, -1], [-1, 1, -1, 1, 1], [1, -1, 1, -1, 1], [1, 1, -1, 1, -1], [-1, 1, 1, -1, 1]];
    let mut terms: Vec<String> = vec!["x[5]*x[5]+x[6]*x[6]+x[7]*x[7]-2.0*x[5]*x[6]".to_string()];
    for (i, row) in horn.iter().enumerate() {
        terms.extend(row.iter().enumerate().map(|(j, c)| format!("({c}.0)*x[{i}]*x[{j}]")));
    }
    let stats = format!("a: {}, b: sum(x*x)", terms.join("+"));
    assert_eq!(verdict("positive(8)", &stats, &[-1.0, -1e-6]), 'p');
    assert_eq!(verdict("positive(8)", &stats, &[-1.0, 1e-6]), 'i');
    // Some coordinates on whole lines.
    let mixed = "a: x.u[0]*x.u[0]+x.u[1]*x.u[1]+x.s[0]*x.s[0]+x.s[1]*x.s[1], b: x.s[0]*x.s[1]+x.u[0]*x.s[0]";
    let support = "product(#{u: real(2), s: positive(2)})";
    assert_eq!(verdict(support, mixed, &[-1.0, -1.999999]), 'p');
    assert_eq!(verdict(support, mixed, &[-1.0, -2.000001]), 'i');
    // u0 s0 alone reaches 2, less with s1 on top: at b > 0 the largest eigenvalue of a positive vector counts.
    assert_eq!(verdict(support, mixed, &[-1.0, 2.0_f64.sqrt() - 1e-6]), 'p');
    assert_eq!(verdict(support, mixed, &[-1.0, 2.0_f64.sqrt() + 1e-6]), 'i');
}

/// Sums of absolute values: by the edges of the pieces in which they are linear.
#[test]
fn linear_in_pieces() {
    for n in [2, 5, 8] {
        let gaps: Vec<String> = (1..n).map(|i| format!("abs(x[{i}]-x[{}])", i - 1)).collect();
        let stats = format!("a: {}, b: abs(sum(x)), c: sum(abs(x))", gaps.join("+"));
        let support = format!("real({n})");
        assert_eq!(verdict(&support, &stats, &[-1.0, 0.999999, -1.0]), 'p', "{n}");
        assert_eq!(verdict(&support, &stats, &[-1.0, 1.000001, -1.0]), 'i', "{n}");
        assert_eq!(verdict(&support, &stats, &[1.0, 0.999999, -3.0]), 'p', "{n}");
    }
    // Nothing falls along the first coordinate but a power that is too slow.
    let bare = "a: abs(x[0]), b: abs(x[1]), c: abs(x[2]), l: log(1.0+sum(x*x))";
    assert_eq!(verdict("real(3)", bare, &[0.0, -1.0, -1.0, -0.499999]), 'i');
    assert_eq!(verdict("real(3)", bare, &[0.0, -1.0, -1.0, -0.500001]), 'p');
    assert_eq!(verdict("real(3)", bare, &[-1e-6, -1.0, -1.0, 0.5]), 'p');
}

/// One positive term between the vertices of a simplex, as Motzkin's.
#[test]
fn circuits() {
    let motzkin = "a: x[0]**4*x[1]**2+x[0]**2*x[1]**4+x[2]**6, b: x[0]**2*x[1]**2*x[2]**2";
    let four = "a: x[3]**4+x[0]**2*x[1]**2+x[1]**2*x[2]**2+x[2]**2*x[0]**2, b: x[0]*x[1]*x[2]*x[3]";
    for (n, stats, bound) in [(3, motzkin, 3.0), (4, four, 4.0)] {
        assert_eq!(verdict(&format!("real({n})"), stats, &[-1.0, bound + 1e-6]), 'i', "{stats}");
        assert_ne!(verdict(&format!("real({n})"), stats, &[-1.0, bound - 1e-6]), 'i', "{stats}");
    }
    let pure = "a: x[0]**4+x[1]**4+x[2]**4, b: x[0]*x[0]*x[1]*x[2]";
    // The weights are 1/2, 1/4 and 1/4.
    let bound = 2.0_f64.powf(0.5) * 4.0_f64.powf(0.5);
    assert_eq!(verdict("real(3)", pure, &[-1.0, bound - 1e-6]), 'p');
    assert_eq!(verdict("real(3)", pure, &[-1.0, bound + 1e-6]), 'i');
}

/// Five roundings from a square nobody can tell.
#[test]
fn what_rounding_leaves_of_a_square() {
    let stats = |c: &str| format!("c: log(x[0]*x[0]-2.0*x[0]*x[1]+{c}*x[1]*x[1]), q: x*x");
    assert_eq!(verdict("real(2)", &stats("1.0"), &[-0.6, -1.0, -1.0]), 'i');
    assert_eq!(verdict("real(2)", &stats("1.000000000000001"), &[-0.6, -1.0, -1.0]), '?');
    assert_eq!(verdict("real(2)", &stats("1.00000000000001"), &[-0.6, -1.0, -1.0]), 'p');
}
