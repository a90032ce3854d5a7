//! Every support: inverse round trip, log-Jacobian against differences, the edges, moments with known values.

use crate::language::eval;
use nnef::domain::{
    Axis, Bijector, Circle, Integers, Interval, Ordered, Positive, Product, Real, Simplex, Spd, Sphere, Support,
};
use nnef::expr::{Graph, NodeId, Op};
use nnef::num::close::{DIFFERENCE, EXACT, close};
use std::f64::consts::PI;

const INFINITY: f64 = f64::INFINITY;

/// The map and the coordinates of x in which its measure is Lebesgue; none where z and x have other dimensions.
struct Case {
    map: Box<dyn Bijector>,
    measured: Vec<usize>,
}

fn whole(map: impl Bijector + 'static) -> Case {
    let measured = (0..map.dim()).collect();
    Case { map: Box::new(map), measured }
}

fn part(map: impl Bijector + 'static, measured: &[usize]) -> Case {
    Case { map: Box::new(map), measured: measured.to_vec() }
}

fn mixed() -> Product {
    let support = |n: usize, map: Simplex| Support::new(vec![n], map).unwrap();
    Product::new(vec![
        ("u".into(), Support::real(2).unwrap()),
        ("p".into(), support(3, Simplex::new(3).unwrap())),
        ("m".into(), Support::new(vec![2, 2], Spd::new(2).unwrap()).unwrap()),
    ])
    .unwrap()
}

fn all() -> Vec<Case> {
    vec![
        whole(Real::new(3).unwrap()),
        whole(Positive::new(2).unwrap()),
        whole(Interval::new(-1.0, 4.0, 2).unwrap()),
        whole(Interval::new(2.0, INFINITY, 1).unwrap()),
        whole(Interval::new(-INFINITY, 2.0, 2).unwrap()),
        part(Simplex::new(2).unwrap(), &[0]),
        part(Simplex::new(5).unwrap(), &[0, 1, 2, 3]),
        whole(Circle::new(2).unwrap()),
        part(Sphere::new(2).unwrap(), &[]),
        part(Sphere::new(4).unwrap(), &[]),
        part(Integers::new(-2.0, 5.0).unwrap(), &[]),
        whole(Ordered::new(1).unwrap()),
        whole(Ordered::new(4).unwrap()),
        part(Spd::new(1).unwrap(), &[0]),
        part(Spd::new(2).unwrap(), &[0, 2, 3]),
        part(Spd::new(3).unwrap(), &[0, 3, 4, 6, 7, 8]),
        // m is 0 to 3, p 4 to 6, u 7 and 8.
        part(mixed(), &[0, 2, 3, 4, 5, 7, 8]),
    ]
}

/// x and its log measure at the unconstrained z, or at t on the axes.
fn image(b: &dyn Bijector, on_axes: bool, z: &[f64]) -> (Vec<f64>, f64) {
    let mut g = Graph::new();
    let nodes: Vec<NodeId> = (0..z.len()).map(|j| g.var(j)).collect();
    let (x, measure) = if on_axes { b.on_axes(&mut g, &nodes) } else { b.forward(&mut g, &nodes) };
    let roots: Vec<NodeId> = x.into_iter().chain([measure]).collect();
    let mut values = g.evaluate(&roots, z, &[]);
    let measure = values.pop().unwrap();
    (values, measure)
}

fn forward(b: &dyn Bijector, z: &[f64]) -> (Vec<f64>, f64) {
    image(b, false, z)
}

/// log |det a| of a square matrix.
fn log_det(mut a: Vec<Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    for i in 0..a.len() {
        let pivot = (i..a.len()).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs())).unwrap();
        a.swap(i, pivot);
        let top = a[i].clone();
        sum += top[i].abs().ln();
        for row in &mut a[i + 1..] {
            let factor = row[i] / top[i];
            row.iter_mut().zip(&top).for_each(|(r, t)| *r -= factor * t);
        }
    }
    sum
}

/// log |dx/dz| in the coordinates `measured` of x, by central differences.
fn differences(f: &dyn Fn(&[f64]) -> Vec<f64>, measured: &[usize], z: &[f64]) -> f64 {
    let h = 1e-5;
    let column = |j: usize| {
        let moved = |s: f64| {
            let mut z = z.to_vec();
            z[j] += s;
            f(&z)
        };
        let (up, down) = (moved(h), moved(-h));
        measured.iter().map(|i| (up[*i] - down[*i]) / (2.0 * h)).collect::<Vec<f64>>()
    };
    log_det((0..z.len()).map(column).collect())
}

#[test]
fn the_inverse_undoes_the_map_and_the_jacobian_agrees_with_differences() {
    for Case { map: b, measured } in all() {
        for z0 in [-2.3, -0.4, 0.0, 1.1, 2.5] {
            let z: Vec<f64> = (0..b.free()).map(|j| z0 + 0.3 * ((5 * j) % 7) as f64 - 0.4 * (j % 2) as f64).collect();
            let (x, log_jacobian) = forward(b.as_ref(), &z);
            assert!(b.contains(&x), "{} gives {x:?}", b.describe());
            let back = b.inverse(&x).unwrap();
            assert_eq!(back.len(), b.free());
            let again = forward(b.as_ref(), &back).0;
            assert!(again.iter().zip(&x).all(|(a, e)| close(*a, *e, EXACT)), "{}: {again:?} for {x:?}", b.describe());
            if measured.is_empty() {
                continue;
            }
            // An angle comes back without its turns.
            let turns = |a: f64| if b.describe().starts_with("circle") { a / (2.0 * PI) } else { 0.0 };
            for (a, e) in back.iter().zip(&z) {
                let e = e + 2.0 * PI * turns(a - e).round();
                assert!(close(*a, e, EXACT), "{}: {a} for {e}", b.describe());
            }
            let expected = differences(&|z| forward(b.as_ref(), z).0, &measured, &z);
            assert!(close(log_jacobian, expected, DIFFERENCE), "{} at {z:?}: {log_jacobian} and {expected}", b.describe());
        }
    }
}

#[test]
fn the_measure_on_the_axes_agrees_with_differences() {
    for Case { map: b, measured } in all() {
        let Some(axes) = b.axes().filter(|_| !measured.is_empty()) else { continue };
        assert_eq!(axes.len(), b.free());
        for shift in [0.1, 0.35, 0.8] {
            let t: Vec<f64> = axes.iter().enumerate().map(|(j, _)| shift + 0.05 * j as f64).collect();
            let (x, measure) = image(b.as_ref(), true, &t);
            assert!(b.contains(&x), "{} has {x:?} on its axes", b.describe());
            let expected = differences(&|t| image(b.as_ref(), true, t).0, &measured, &t);
            assert!(close(measure, expected, DIFFERENCE), "{} at {t:?}: {measure} and {expected}", b.describe());
        }
    }
    // The unit sphere by height and angle: lengths along the two are 1 / radius and radius.
    let sphere = Sphere::new(3).unwrap();
    assert_eq!(sphere.axes().unwrap(), [Axis::Circle, Axis::Segment { from: -1.0, to: 1.0 }]);
    for t in [[0.3, -1.0], [2.0, 1.0], [-3.0, 0.2]] {
        let (x, measure) = image(&sphere, true, &t);
        assert!(sphere.contains(&x) && measure == 0.0, "{x:?}");
    }
}

#[test]
fn a_direction_has_the_surface_measure_whatever_the_length_of_z() {
    // Sums over a grid of z in R^2 and R^3 give the surface integrals of 1, x_0^2 and x_0^4.
    for (n, step, area) in [(2, 0.02, 2.0 * PI), (3, 0.15, 4.0 * PI)] {
        let sphere = Sphere::new(n).unwrap();
        let side = (16.0_f64 / step) as usize;
        let (mut g, mut sums) = (Graph::new(), [0.0; 3]);
        let nodes: Vec<NodeId> = (0..n).map(|j| g.var(j)).collect();
        let (x, log_jacobian) = sphere.forward(&mut g, &nodes);
        let program = nnef::expr::Program::compile(&g, n, &[&[x[0], log_jacobian]]);
        let points: Vec<f64> = (0..side.pow(n as u32))
            .flat_map(|i| (0..n).map(move |j| -8.0 + step * ((i / side.pow(j as u32) % side) as f64 + 0.5)))
            .collect();
        for row in program.evaluate(0, &points, &[]).chunks(2) {
            let weight = row[1].exp() * step.powi(n as i32);
            sums.iter_mut().enumerate().for_each(|(p, s)| *s += weight * row[0].powi(2 * p as i32));
        }
        let (square, fourth) = if n == 2 { (0.5, 0.375) } else { (1.0 / 3.0, 0.2) };
        assert!(close(sums[0], area, EXACT), "sphere({n}) has area {}", sums[0]);
        // The direction jumps at the origin.
        assert!((sums[1] / area - square).abs() < 1e-3 && (sums[2] / area - fourth).abs() < 1e-3, "{sums:?}");
    }
    let four = forward(&Sphere::new(4).unwrap(), &[0.0; 4]).1;
    assert!(close(four, (2.0 * PI * PI / (2.0 * PI).powi(2)).ln(), EXACT), "{four}");
}

#[test]
fn nothing_is_nan_far_out_and_points_outside_are_refused() {
    for Case { map: b, .. } in all() {
        for z0 in [-700.0, -300.0, -40.0, 0.0, 40.0, 300.0, 700.0] {
            for odd in [z0, -z0, 0.0] {
                let z: Vec<f64> = (0..b.free()).map(|j| if j % 2 == 0 { z0 } else { odd }).collect();
                let (x, log_jacobian) = forward(b.as_ref(), &z);
                assert!(x.iter().all(|v| !v.is_nan()) && !log_jacobian.is_nan(), "{} at {z:?}", b.describe());
                assert!(log_jacobian < INFINITY, "{} at {z:?}: {log_jacobian}", b.describe());
            }
        }
        assert!(b.inverse(&vec![f64::NAN; b.dim()]).is_err(), "{}", b.describe());
        assert!(!b.contains(&vec![INFINITY; b.dim()]), "{}", b.describe());
        assert!(!b.contains(&vec![0.5; b.dim() + 1]) && b.inverse(&[]).is_err(), "{}", b.describe());
    }
}

#[test]
fn points_are_inside_or_not() {
    let no = |b: &dyn Bijector, x: &[f64]| assert!(!b.contains(x) && b.inverse(x).is_err(), "{} and {x:?}", b.describe());
    let yes = |b: &dyn Bijector, x: &[f64]| assert!(b.contains(x) && b.inverse(x).is_ok(), "{} and {x:?}", b.describe());
    no(&Positive::new(2).unwrap(), &[1.0, -1.0]);
    yes(&Positive::new(1).unwrap(), &[1e-300]);
    no(&Interval::new(0.0, 1.0, 1).unwrap(), &[1.0]);
    yes(&Interval::new(0.0, 1.0, 1).unwrap(), &[1e-300]);
    no(&Interval::new(-INFINITY, 2.0, 1).unwrap(), &[2.0]);
    no(&Interval::new(-INFINITY, 2.0, 1).unwrap(), &[-INFINITY]);
    yes(&Interval::new(-INFINITY, 2.0, 1).unwrap(), &[-1e300]);
    let simplex = Simplex::new(3).unwrap();
    no(&simplex, &[0.5, 0.5, 0.0]);
    no(&simplex, &[0.5, 0.6, -0.1]);
    no(&simplex, &[0.5, 0.2, 0.2]);
    yes(&simplex, &[0.5, 0.2, 0.3 + 1e-12]);
    yes(&simplex, &[1e-300, 0.5, 0.5]);
    yes(&Circle::new(2).unwrap(), &[PI, -PI]);
    no(&Circle::new(1).unwrap(), &[3.2]);
    yes(&Sphere::new(2).unwrap(), &[0.6, -0.8]);
    no(&Sphere::new(2).unwrap(), &[0.6, 0.7]);
    let integers = Integers::new(-2.0, INFINITY).unwrap();
    yes(&integers, &[-2.0]);
    yes(&integers, &[1e6]);
    no(&integers, &[-3.0]);
    no(&integers, &[0.5]);
    yes(&Ordered::new(3).unwrap(), &[-1.0, 0.0, 1e-300]);
    no(&Ordered::new(2).unwrap(), &[1.0, 1.0]);
    let spd = Spd::new(2).unwrap();
    yes(&spd, &[2.0, 1.0, 1.0 + 1e-12, 1.0]);
    yes(&spd, &[1e-300, 0.0, 0.0, 1.0]);
    no(&spd, &[2.0, 1.0, 1.1, 1.0]);
    no(&spd, &[1.0, 2.0, 2.0, 1.0]);
    no(&spd, &[0.0, 0.0, 0.0, 1.0]);
    no(&mixed(), &[2.0, 1.0, 1.0, 1.0, 0.2, 0.3, 0.6, 0.0, 0.0]);
    yes(&mixed(), &[2.0, 1.0, 1.0, 1.0, 0.2, 0.3, 0.5, 0.0, 0.0]);
}

#[test]
fn a_product_lays_its_parts_out_by_name_and_a_symmetric_matrix_is_one_triangle() {
    let product = mixed();
    let names: Vec<&str> = product.parts().iter().map(|p| p.0.as_str()).collect();
    assert_eq!((names, product.dim(), product.free()), (vec!["m", "p", "u"], 9, 7));
    assert_eq!((0..9).map(|j| product.coordinate(j)).collect::<Vec<_>>(), [0, 2, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(product.describe(), "product(#{m: spd(2), p: simplex(3), u: real(2)})");
    assert_eq!(
        eval("family(#{ x: product(#{b: real(1), B: real([2, 2])}), stats: |x| #{ m: x.B, s: x.b } }).stats([1, 2, 3, 4, 5])"),
        Ok("[1, 2, 3, 4, 5]".into())
    );
    assert_eq!(
        eval("family(#{ x: spd(2), stats: |x| #{ a: x } }).formula").unwrap(),
        "a[0,0] = x[0][0]\na[0,1] = x[1][0]\na[1,0] = x[1][0]\na[1,1] = x[1][1]"
    );
}

/// log x, log(1 - x) and the like of a support's point, as a function of z.
fn logarithm(b: &dyn Bijector, z: f64, of: impl Fn(&mut Graph, NodeId) -> NodeId) -> f64 {
    let mut g = Graph::new();
    let var = g.var(0);
    let (x, _) = b.forward(&mut g, &[var]);
    let inner = of(&mut g, x[0]);
    let log = g.unary(Op::Log, inner);
    g.evaluate(&[log], &[z], &[])[0]
}

#[test]
fn logarithms_of_distances_to_the_ends_are_finite_where_the_distances_round_away() {
    let from = |c: f64, sign: f64| {
        move |g: &mut Graph, x: NodeId| {
            let (c, sign) = (g.constant(c), g.constant(sign));
            let signed = g.mul(sign, x);
            g.add(c, signed)
        }
    };
    for z in [-700.0, -300.0, -40.0, -1.0, 0.0, 1.0, 40.0, 300.0, 700.0] {
        let (up, down) = (nnef::num::special::softplus(z), nnef::num::special::softplus(-z));
        let unit = Interval::new(0.0, 1.0, 1).unwrap();
        let other = Interval::new(0.1, 0.7, 1).unwrap();
        let width = (0.7f64 - 0.1).ln();
        for (found, exact) in [
            (logarithm(&unit, z, |_, x| x), -down),
            (logarithm(&unit, z, from(1.0, -1.0)), -up),
            (logarithm(&other, z, from(-0.1, 1.0)), width - down),
            (logarithm(&other, z, from(0.7, -1.0)), width - up),
            (logarithm(&Interval::new(2.0, INFINITY, 1).unwrap(), z, from(-2.0, 1.0)), z),
            (logarithm(&Interval::new(-INFINITY, 2.0, 1).unwrap(), z, from(2.0, -1.0)), z),
            (logarithm(&Simplex::new(2).unwrap(), z, |_, x| x), -down),
            (logarithm(&Spd::new(1).unwrap(), z, |_, x| x), 2.0 * z),
        ] {
            assert!(close(found, exact, EXACT), "at {z}: {found} for {exact}");
        }
    }
    let mut g = Graph::new();
    let z: Vec<NodeId> = (0..3).map(|j| g.var(j)).collect();
    let (x, _) = Ordered::new(3).unwrap().forward(&mut g, &z);
    let gap = g.sub(x[2], x[0]);
    let log = g.unary(Op::Log, gap);
    let value = g.evaluate(&[log], &[5.0, -300.0, -301.0], &[])[0];
    assert!(close(value, -300.0 + (-1.0f64).exp().ln_1p(), EXACT), "{value}");
}

#[test]
fn bad_supports_are_refused_with_what_is_wrong() {
    for (code, word) in [
        ("simplex(1)", "at least two"),
        ("circle(0)", "at least one"),
        ("sphere(1)", "at least two"),
        ("real(0)", "at least one"),
        ("interval(2, 1)", "empty"),
        ("interval(-1.0/0.0, 1.0/0.0)", "real(1)"),
        ("interval(0.0/0.0, 1)", "empty"),
        ("interval(-1e308, 1e308)", "too wide"),
        ("spd(0)", "at least one"),
        ("spd(1000)", "at most 100"),
        ("integers(3.5, 4)", "whole"),
        ("integers(4, 3)", "empty"),
        ("integers(0, 1.0/0.0)", "must end"),
        ("integers(0, 100000000)", "1e7"),
        ("ordered(0)", "at least one"),
        ("ordered(-1)", "-1"),
        ("product(#{})", "at least one"),
        ("product(#{a: 3})", "'a'"),
        ("product(#{a: product(#{b: real(1)})})", "'a'"),
    ] {
        let error = eval(code).unwrap_err();
        assert!(error.contains(word), "{code}: {error}");
    }
    let real = || Support::real(1).unwrap();
    assert!(Support::product(vec![("a".into(), real()), ("a".into(), real())]).is_err());
    assert!(Support::product(vec![(String::new(), real())]).is_err());
    let hmc = eval(
        "family(#{ x: product(#{k: integers(0, 1), u: real(1)}), stats: |x| #{ u: x.u*x.u } }).mean([-1], #{method: \"hmc\"})",
    );
    assert!(hmc.unwrap_err().contains("whole numbers"));
    assert!(Interval::new(1.0, 1.0, 1).is_err() && Interval::new(f64::NAN, 1.0, 1).is_err());
}

/// Support, statistics with the base measure, eta, E[T] by quadrature to 1e-8, and whether HMC can sample it.
type Known = (&'static str, &'static str, &'static str, &'static [f64], bool);

const KNOWN: &[Known] = &[
    // I1(2) / I0(2)
    ("circle()", "#{ c: cos(x[0]), s: sin(x[0]) }", "[2, 0]", &[0.697_774_657_964_008, 0.0], true),
    ("sphere(2)", "#{ x: x }", "[0, -2]", &[0.0, -0.697_774_657_964_008], true),
    // coth(3) - 1/3, in thirds
    (
        "sphere(3)",
        "#{ x: x }",
        "[1, 2, 2]",
        &[0.223_878_829_993_451_95, 0.447_757_659_986_903_9, 0.447_757_659_986_903_9],
        true,
    ),
    // psi(a_i) - psi(6.5)
    (
        "simplex(3)",
        "#{ l: log(x) }",
        "[1, 2, 0.5]",
        &[-1.370_126_995_301_465_8, -0.870_126_995_301_465_8, -1.756_421_356_421_356_4],
        true,
    ),
    // Two ordered standard normals: the mean of the larger one is 1 / sqrt(pi).
    (
        "ordered(2)",
        "#{ s: x[0]*x[0] + x[1]*x[1], x: x }",
        "[-0.5, 0, 0]",
        &[2.0, -0.564_189_583_547_756_3, 0.564_189_583_547_756_3],
        true,
    ),
    ("spd(1)", "#{ l: log(x[0][0]), x: x }", "[1, -2]", &[-0.270_362_845_461_478_2, 1.0], true),
    // psi(2) - log 2
    (
        "product(#{u: real(1), s: positive(1)})",
        "#{ a: log(x.s[0]), b: x.s, c: x.s[0]*x.u[0]*x.u[0] }",
        "[1.5, -2, -0.5]",
        &[-0.270_362_845_461_478_2, 1.0, 1.0],
        true,
    ),
    // psi(0.1)
    ("interval(-1.0/0.0, 2)", "#{ l: log(2 - x[0]), x: x }", "[-0.9, 1]", &[-10.423_754_940_411_076, 1.9], true),
    ("interval(2, 1.0/0.0)", "#{ l: log(x[0] - 2), x: x }", "[-0.9, -1]", &[-10.423_754_940_411_076, 2.1], true),
    // Uniform on 0 .. 20, and k^2 exactly.
    ("integers(0, 20)", "#{ x: x[0], y: x[0]*x[0] }", "[0, 0]", &[10.0, 410.0 / 3.0], false),
    ("product(#{k: integers(0, 2), u: real(1)})", "#{ k: x.k, s: x.u*x.u }", "[0, -0.5]", &[1.0, 1.0], false),
];

#[test]
fn quadrature_gives_the_known_moments_and_hmc_agrees() {
    let numbers = |code: &str| -> Vec<f64> {
        let text = eval(code).unwrap_or_else(|e| panic!("{code}: {e}"));
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{code}: {text}"))
    };
    for (x, stats, eta, exact, sampled) in KNOWN {
        let family = format!("family(#{{ x: {x}, stats: |x| {stats} }})");
        let found = numbers(&format!("to_json({family}.mean({eta}, #{{method: \"quadrature\"}}).mu_T)"));
        for (a, e) in found.iter().zip(*exact) {
            assert!((a - e).abs() < 1e-8 * (1.0 + e.abs()), "{x} by quadrature: {found:?} for {exact:?}");
        }
        assert_eq!(found.len(), exact.len(), "{x}");
        if *sampled {
            let options = "#{method: \"hmc\", samples: 20000, seed: 11}";
            let run = |field: &str| numbers(&format!("to_json({family}.mean({eta}, {options}).{field})"));
            for ((a, se), e) in run("mu_T").iter().zip(run("mcse")).zip(*exact) {
                assert!((a - e).abs() <= 4.0 * se, "{x} by hmc: {a} +- {se} for {e}");
            }
        }
    }
    // Wishart with 5 degrees of freedom: E[X] = 5 V, where V^-1 = [[2, -0.4], [-0.4, 1]].
    let wishart = "family(#{ x: spd(2), stats: |x| #{ l: log(x[0][0]*x[1][1] - x[0][1]*x[1][0]), x: x } })";
    let eta = "[1, -1, 0.2, 0.2, -0.5]";
    let found = numbers(&format!("to_json({wishart}.mean({eta}, #{{method: \"quadrature\"}}).mu_T)"));
    for (a, e) in found[1..].iter().zip([1.0, 0.4, 0.4, 2.0]) {
        assert!((a - 5.0 * e / 1.84).abs() < 1e-3, "{found:?}");
    }
}
