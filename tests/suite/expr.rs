//! Every operation of the table: lane values against the canonical ones, derivatives against differences.

use nnef::expr::op::{Op, Smooth, TABLE};
use nnef::expr::{Graph, NodeId, Program, gradient};
use nnef::num::close::{DIFFERENCE, Tolerance, close};

/// Six units in the last place, or absolute near zero.
const ULPS: Tolerance = Tolerance { absolute: 1e-300, relative: 1.4e-15 };

const ARGUMENTS: [f64; 34] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    0.1,
    1e-9,
    -1e-9,
    0.3,
    0.34,
    0.36,
    -0.36,
    0.62,
    0.63,
    2.0,
    3.3,
    -3.3,
    7.7,
    19.0,
    -40.1,
    300.5,
    -300.5,
    709.0,
    -745.0,
    1e5,
    1.2e5,
    1e17,
    1e-310,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e300,
];

fn apply(g: &mut Graph, op: Op) -> NodeId {
    let v: Vec<NodeId> = (0..3).map(|j| g.var(j)).collect();
    g.apply(op, [v[0], v[1.min(op.info().arity - 1)], v[2.min(op.info().arity - 1)]])
}

/// Every argument, or every pair of them, as points of three coordinates.
fn arguments(arity: usize) -> Vec<f64> {
    let mut points = Vec::new();
    for a in ARGUMENTS {
        for b in if arity == 1 { &ARGUMENTS[..1] } else { &ARGUMENTS[..] } {
            points.extend([a, *b, if arity == 3 { 2.5 } else { 0.0 }]);
        }
    }
    points
}

#[test]
fn lanes_agree_with_the_table_for_every_operation() {
    for info in &TABLE {
        let mut g = Graph::new();
        let root = apply(&mut g, info.op);
        let program = Program::compile(&g, 3, &[&[root]]);
        let points = arguments(info.arity);
        let got = program.evaluate(0, &points, &[]);
        for (x, y) in points.chunks(3).zip(got) {
            let expected = (info.value)([x[0], x[1], x[2]]);
            // Near the zeros of sine and cosine the bound is absolute.
            let slack =
                if matches!(info.op, Op::Sin | Op::Cos | Op::Tan) { Tolerance { absolute: 3e-16, ..ULPS } } else { ULPS };
            let same = close(y, expected, slack) || (y.is_nan() && expected.is_nan());
            assert!(same, "{}({x:?}) = {y:e}, expected {expected:e}", info.name);
        }
    }
}

#[test]
fn derivatives_agree_with_differences_for_every_operation() {
    let points: [[f64; 3]; 4] = [[0.4, 0.7, 1.3], [0.9, 0.2, -0.4], [0.13, 0.55, 0.1], [0.61, 0.6, 0.2]];
    for info in &TABLE {
        let mut g = Graph::new();
        let root = match info.op {
            Op::Polygamma => {
                let (order, x) = (g.constant(2.0), g.var(1)); // an order is a whole number
                g.apply(Op::Polygamma, [order, x, x])
            }
            op => apply(&mut g, op),
        };
        let partials = gradient(&mut g, root, 3);
        for x in points {
            let exact = g.evaluate(&partials, &x, &[]);
            for j in 0..3 {
                if info.smooth == Smooth::Jumps && info.op != Op::Select {
                    assert_eq!(exact[j], 0.0, "{}", info.name);
                    continue;
                }
                let h = 1e-5;
                let at = |s: f64| {
                    let mut y = x;
                    y[j] += s;
                    g.evaluate(&[root], &y, &[])[0]
                };
                let difference = (at(h) - at(-h)) / (2.0 * h);
                assert!(
                    close(exact[j], difference, DIFFERENCE),
                    "d {} / d{j} at {x:?}: {} and {difference}",
                    info.name,
                    exact[j]
                );
            }
        }
    }
}

#[test]
fn a_program_of_sums_and_products_agrees_with_the_reference() {
    // A Gaussian with full statistics: rows, dots and hoisted parameters all occur.
    let d = 5;
    let mut g = Graph::new();
    let x: Vec<NodeId> = (0..d).map(|j| g.var(j)).collect();
    let mut energy = g.constant(0.0);
    for i in 0..d {
        for j in 0..d {
            let p = g.param(i * d + j);
            let t = g.mul(x[i], x[j]);
            let term = g.mul(p, t);
            energy = g.add(energy, term);
        }
        let p = g.param(d * d + i);
        let term = g.mul(p, x[i]);
        energy = g.add(energy, term);
    }
    let grad = gradient(&mut g, energy, d);
    let all: Vec<NodeId> = std::iter::once(energy).chain(grad.iter().copied()).collect();
    let program = Program::compile(&g, d, &[&grad, &all]);
    let eta: Vec<f64> = (0..d * d + d).map(|i| (i as f64 * 0.7).sin()).collect();
    let points: Vec<f64> = (0..40 * d).map(|i| (i as f64 * 1.3).cos() * 2.0).collect();
    let got = program.evaluate(1, &points, &eta);
    for (x, row) in points.chunks(d).zip(got.chunks(d + 1)) {
        let expected = g.evaluate(&all, x, &eta);
        for (a, b) in row.iter().zip(&expected) {
            assert!(close(*a, *b, nnef::num::close::ROUND), "{a} and {b}");
        }
    }
}

#[test]
fn tensors_agree_with_the_table_for_every_operation() {
    use candle_core::{Device, Tensor};
    let device = Device::cuda_if_available(0).unwrap();
    for info in &TABLE {
        let mut g = Graph::new();
        let root = apply(&mut g, info.op);
        let points = arguments(info.arity);
        let n = points.len() / 3;
        let x = Tensor::from_vec(points.clone(), (n, 3), &device).unwrap();
        let eta = Tensor::zeros((n, 1), candle_core::DType::F64, &device).unwrap();
        let got = nnef::expr::evaluate_tensor(&g, &[root], &x, &eta).unwrap()[0].to_vec1::<f64>().unwrap();
        for (x, y) in points.chunks(3).zip(got) {
            let expected = (info.value)([x[0], x[1], x[2]]);
            let slack =
                if matches!(info.op, Op::Sin | Op::Cos | Op::Tan) { Tolerance { absolute: 3e-16, ..ULPS } } else { ULPS };
            let same = close(y, expected, slack) || (y.is_nan() && expected.is_nan());
            assert!(same, "{}({x:?}) = {y:e}, expected {expected:e}", info.name);
        }
    }
}

/// A network as statistics: one vector operation a layer, the same value and gradient in all evaluators, and second
/// derivatives that differences of the gradient confirm.
#[test]
fn a_network_is_a_statistic() {
    use candle_core::{Device, Tensor};
    use nnef::expr::{Activation, StaticNet, Trace, evaluate_tensor, hessian_product};
    for (activation, hidden) in [(Activation::Tanh, vec![64]), (Activation::Swish, vec![7, 5]), (Activation::Sin, vec![])] {
        let net = StaticNet::random(10, &hidden, 3, activation, 4).unwrap();
        let trace = Trace::new();
        let out = net.forward(&trace.point(&[10], 0)).unwrap();
        let mut g = trace.graph();
        let hidden_units: usize = hidden.iter().sum();
        assert!(g.len() <= 10 + 3 + 4 * hidden_units, "{} nodes: the products were written out", g.len());
        let p: Vec<NodeId> = (0..3).map(|i| g.param(i)).collect();
        let terms: Vec<NodeId> = p.iter().zip(out.nodes()).map(|(p, n)| g.mul(*p, *n)).collect();
        let root = g.sum(&terms);
        let slope = gradient(&mut g, root, 10);
        let v: Vec<NodeId> = (0..10).map(|j| g.constant((j as f64).sin())).collect();
        let curvature = hessian_product(&mut g, root, &v);
        let roots: Vec<NodeId> = out.nodes().iter().copied().chain(slope.clone()).chain(curvature).collect();
        let eta = [0.7, -1.1, 0.4];
        let x: Vec<f64> = (0..10).map(|j| (1.7 * j as f64).cos()).collect();
        let reference = g.evaluate(&roots, &x, &eta);
        let tight = Tolerance { absolute: 1e-13, relative: 1e-12 };
        for (a, b) in net.apply(&x).unwrap().iter().zip(&reference) {
            assert!(close(*a, *b, tight));
        }
        let lanes = Program::compile(&g, 10, &[&roots]).evaluate(0, &x, &eta);
        let points = Tensor::from_slice(&x, (1, 10), &Device::Cpu).unwrap();
        let etas = Tensor::from_slice(&eta, (1, 3), &Device::Cpu).unwrap();
        let tensors = evaluate_tensor(&g, &roots, &points, &etas).unwrap();
        for (i, expected) in reference.iter().enumerate() {
            let tensor = tensors[i].to_vec1::<f64>().unwrap()[0];
            assert!(close(lanes[i], *expected, tight) && close(tensor, *expected, tight), "{activation:?}, output {i}");
        }
        let h = 1e-5;
        let moved = |h: f64| {
            let y: Vec<f64> = x.iter().enumerate().map(|(j, x)| x + h * (j as f64).sin()).collect();
            g.evaluate(&roots, &y, &eta)
        };
        let (up, down) = (moved(h), moved(-h));
        let along: f64 = (0..10).map(|j| reference[3 + j] * (j as f64).sin()).sum();
        let difference: f64 = (0..3).map(|i| eta[i] * (up[i] - down[i]) / (2.0 * h)).sum();
        assert!(close(along, difference, Tolerance { absolute: 1e-8, relative: 1e-8 }));
        for j in 0..10 {
            let difference = (up[3 + j] - down[3 + j]) / (2.0 * h);
            assert!(close(reference[13 + j], difference, Tolerance { absolute: 1e-8, relative: 1e-8 }), "{activation:?} {j}");
        }
    }
}

/// A NaN in one lane leaves the others alone: beyond the range of the fast functions they still take the exact ones.
#[test]
fn a_lane_that_is_not_a_number_hides_no_other() {
    for op in [Op::Sin, Op::Cos, Op::Tan] {
        let mut g = Graph::new();
        let x = g.var(0);
        let y = g.unary(op, x);
        let program = Program::compile(&g, 1, &[&[y]]);
        for place in 0..program.lanes() {
            let mut points = vec![f64::NAN; program.lanes()];
            points[place] = 1e20;
            let exact = (op.info().value)([1e20; 3]);
            assert_eq!(program.evaluate(0, &points, &[])[place], exact, "{} in lane {place}", op.info().name);
        }
    }
}

/// The branch that a select does not take adds nothing to a derivative, also where its own is not defined.
#[test]
fn a_branch_not_taken_has_no_part_in_the_derivative() {
    let mut g = Graph::new();
    let (x, zero) = (g.var(0), g.constant(0.0));
    let positive = g.apply(Op::Less, [zero, x, x]);
    let root = g.unary(Op::Sqrt, x);
    let logarithm = g.unary(Op::Log, root);
    let square = g.mul(x, x);
    let y = g.apply(Op::Select, [positive, logarithm, square]);
    let slope = gradient(&mut g, y, 1);
    assert_eq!(g.evaluate(&slope, &[-3.0], &[]), [-6.0]);
    assert_eq!(g.evaluate(&slope, &[4.0], &[]), [0.125]);
}
