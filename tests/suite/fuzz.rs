//! Random expression graphs: the lane evaluator against the scalar reference, gradients against differences.
//!
//! Rounding is accounted for, not guessed: every node carries a bound on its error, made from how the operation answers to
//! the errors of its arguments, so that ill-conditioned graphs are judged by their own condition.

use nnef::expr::op::{Op, TABLE};
use nnef::expr::{Graph, Node, NodeId, Program, gradient};
use nnef::num::stream::{Stream, Xoshiro};
use rand::Rng;
use rand_distr::StandardNormal;

const GRAPHS: u64 = 12_000;
const D: usize = 3;
const PARAMS: usize = 2;

/// A random graph over all operations and its root; at most 12 operations deep.
fn grow(rng: &mut Xoshiro) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let mut nodes: Vec<(NodeId, usize)> = Vec::new();
    (0..D).for_each(|j| nodes.push((g.var(j), 0)));
    (0..PARAMS).for_each(|i| nodes.push((g.param(i), 0)));
    for _ in 0..2 {
        let c = (rng.sample::<f64, _>(StandardNormal) * 4.0).round() / 2.0;
        nodes.push((g.constant(c), 0));
    }
    for _ in 0..rng.random_range(4..28) {
        let info = &TABLE[rng.random_range(0..TABLE.len())];
        // Sums and products are what programs are made of.
        let op = if rng.random::<f64>() < 0.35 { [Op::Add, Op::Mul, Op::Sub][rng.random_range(0..3)] } else { info.op };
        // The one operation without a derivative of its own: it stands only in second derivatives of lgamma.
        let op = if op == Op::Trigamma { Op::Digamma } else { op };
        let pick = |rng: &mut Xoshiro, n: usize| {
            if rng.random::<bool>() { n - 1 - rng.random_range(0..n.min(4)) } else { rng.random_range(0..n) }
        };
        let picked: Vec<usize> = (0..3).map(|_| pick(rng, nodes.len())).collect();
        let depth = 1 + picked.iter().map(|i| nodes[*i].1).max().unwrap();
        if depth <= 12 {
            let made = g.apply(op, [nodes[picked[0]].0, nodes[picked[1]].0, nodes[picked[2]].0]);
            nodes.push((made, depth));
        }
    }
    let root = nodes.last().unwrap().0;
    (g, root)
}

/// Values of all nodes with bounds on the error that an evaluation in another order may make.
fn bounded(g: &Graph, roots: &[NodeId], x: &[f64], eta: &[f64]) -> Vec<(f64, f64)> {
    let needed = g.reachable(roots);
    let eps = f64::EPSILON;
    let mut out: Vec<(f64, f64)> = vec![(0.0, 0.0); g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        out[i] = match g.node(g.id(i)) {
            Node::Const(bits) => (f64::from_bits(bits), 0.0),
            Node::Var(j) => (x[j as usize], 0.0),
            Node::Param(p) => (eta[p as usize], 0.0),
            Node::Apply(op, args) => {
                let f = op.info().value;
                let (v, e): (Vec<f64>, Vec<f64>) = args.iter().map(|a| out[a.index()]).unzip();
                let value = f([v[0], v[1], v[2]]);
                let mut error = 6.0 * eps * value.abs() + 1e-300;
                if matches!(op, Op::Sin | Op::Cos | Op::Tan) {
                    error += 2.0 * eps;
                }
                if matches!(op, Op::Add | Op::Sub) {
                    error += 4.0 * eps * (v[0].abs() + v[1].abs());
                }
                for position in 0..op.info().arity {
                    for sign in [-1.0, 1.0] {
                        let mut w = [v[0], v[1], v[2]];
                        w[position] += sign * e[position];
                        let moved = (f(w) - value).abs();
                        error += if moved.is_nan() { f64::INFINITY } else { moved };
                    }
                }
                let tame = value.is_finite() && value.abs() < 1e100;
                (value, if tame { error } else { f64::INFINITY })
            }
            Node::Part(..) => unreachable!("the generator makes no affine maps"),
        };
    }
    roots.iter().map(|r| out[r.index()]).collect()
}

#[test]
fn lanes_agree_with_the_reference_and_gradients_with_differences() {
    let (mut compared, mut slopes, mut differences) = (0, 0, 0);
    for seed in 0..GRAPHS {
        let mut rng = Stream::new(20_261_123).child("fuzz").at(seed).rng();
        let (mut g, root) = grow(&mut rng);
        let slope = gradient(&mut g, root, D);
        let outputs: Vec<NodeId> = std::iter::once(root).chain(slope.iter().copied()).collect();
        let program = Program::compile(&g, D, &[&outputs]);
        let eta: Vec<f64> = (0..PARAMS).map(|_| rng.sample(StandardNormal)).collect();
        let points: Vec<f64> = (0..3 * D).map(|_| rng.sample(StandardNormal)).collect();
        let found = program.evaluate(0, &points, &eta);
        for (x, row) in points.chunks(D).zip(found.chunks(D + 1)) {
            let expected = bounded(&g, &outputs, x, &eta);
            for (i, (got, (value, error))) in row.iter().zip(&expected).enumerate() {
                if !error.is_finite() || !value.is_finite() {
                    continue;
                }
                assert!(
                    (got - value).abs() <= 8.0 * error,
                    "seed {seed}, output {i} at {x:?}, eta {eta:?}: lanes {got:e}, reference {value:e}, bound {error:e}\n{}",
                    nnef::expr::formula(&g, root, &|j| format!("x{j}"))
                );
                if i == 0 { compared += 1 } else { slopes += 1 }
            }
            // Differences, where two step sizes agree that the function is smooth.
            for j in 0..D {
                let at = |h: f64| {
                    let mut y = x.to_vec();
                    y[j] += h;
                    bounded(&g, &[root], &y, &eta)[0]
                };
                let central = |h: f64| {
                    let (p, m) = (at(h), at(-h));
                    ((p.0 - m.0) / (2.0 * h), (p.1 + m.1) / h)
                };
                let (coarse, fine) = (central(2e-4), central(1e-4));
                let extrapolated = (4.0 * fine.0 - coarse.0) / 3.0;
                let scale = 1.0 + extrapolated.abs();
                let smooth =
                    (coarse.0 - fine.0).abs() < 1e-6 * scale && fine.1 < 1e-6 * scale && expected[j + 1].1 < 1e-6 * scale;
                if smooth && kink_free(&g, root, x, &eta) {
                    assert!(
                        (extrapolated - expected[j + 1].0).abs() < 1e-4 * scale,
                        "seed {seed}, d/dx{j} at {x:?}: {} and difference {extrapolated}\n{}",
                        expected[j + 1].0,
                        nnef::expr::formula(&g, root, &|j| format!("x{j}"))
                    );
                    differences += 1;
                }
            }
        }
    }
    println!("{GRAPHS} graphs: {compared} values, {slopes} derivatives, {differences} differences compared");
    assert!(compared > 20_000 && slopes > 60_000 && differences > 40_000);
}

/// Whether no kink or jump lies within reach of the differences.
fn kink_free(g: &Graph, root: NodeId, x: &[f64], eta: &[f64]) -> bool {
    let mut g = g.clone();
    let surfaces = nnef::expr::kinks::surfaces(&mut g, &[root]);
    surfaces.iter().all(|s| g.evaluate(&[s.argument], x, eta)[0].abs() > 1e-2)
}
