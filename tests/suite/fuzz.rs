//! Random expression graphs: the lane evaluator against the scalar reference, gradients against differences.
//!
//! Rounding is accounted for, not guessed: every node carries a bound on its error, made from how the operation answers to
//! the errors of its arguments, so that ill-conditioned graphs are judged by their own condition. The differences are taken
//! in double-double arithmetic: about 31 digits leave a derivative at the accuracy of a double.

use crate::double_double::{Dd, value};
use nnef::expr::op::{Op, Smooth, TABLE};
use nnef::expr::{Affine, Graph, Node, NodeId, Program, gradient};
use nnef::num::stream::{Stream, Xoshiro};
use rand::Rng;
use rand_distr::StandardNormal;

const GRAPHS: u64 = 12_000;
const D: usize = 3;
const PARAMS: usize = 2;
/// Step of the differences: 2^-44.
const STEP: f64 = 1.0 / (1u64 << 44) as f64;

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
        // Now and then a vector operation.
        let (inputs, outputs) = if rng.random::<f64>() < 0.05 {
            (rng.random_range(2..5), rng.random_range(2..5))
        } else {
            (3, 0) // an operation, of three arguments at most
        };
        let info = &TABLE[rng.random_range(0..TABLE.len())];
        // Sums and products are what programs are made of.
        let op = if rng.random::<f64>() < 0.35 { [Op::Add, Op::Mul, Op::Sub][rng.random_range(0..3)] } else { info.op };
        let pick = |rng: &mut Xoshiro, n: usize| {
            if rng.random::<bool>() { n - 1 - rng.random_range(0..n.min(4)) } else { rng.random_range(0..n) }
        };
        let picked: Vec<(NodeId, usize)> = (0..inputs).map(|_| nodes[pick(rng, nodes.len())]).collect();
        let (args, depths): (Vec<NodeId>, Vec<usize>) = picked.into_iter().unzip();
        let depth = 1 + depths.into_iter().max().unwrap();
        if depth > 12 {
            continue;
        }
        if outputs > 0 {
            let mut normal = |n: usize| (0..n).map(|_| rng.sample(StandardNormal)).collect::<Vec<f64>>();
            let map = Affine::new(normal(inputs * outputs), normal(outputs), inputs).unwrap();
            nodes.extend(g.affine(&map, &args).into_iter().map(|part| (part, depth)));
        } else {
            // The order of polygamma is a small whole number.
            let first = if op == Op::Polygamma { g.constant(f64::from(rng.random_range(0..4u8))) } else { args[0] };
            nodes.push((g.apply(op, [first, args[1], args[2]]), depth));
        }
    }
    let root = nodes.last().unwrap().0;
    (g, root)
}

/// Output `part` of block `b`: its bias, and its weights with the positions of their arguments.
fn row(g: &Graph, b: u32, part: u32) -> (f64, impl Iterator<Item = (f64, usize)> + Clone) {
    let block = g.block(b);
    let inputs = block.map.inputs();
    let weights = &block.map.weight()[part as usize * inputs..][..inputs];
    (block.map.bias()[part as usize], weights.iter().zip(block.args.iter()).map(|(w, a)| (*w, a.index())))
}

/// Largest change of an operation's value when its arguments move by up to `e`.
fn spread(op: Op, v: [f64; 3], e: [f64; 3]) -> f64 {
    let (f, arity) = (op.info().value, op.info().arity);
    // To both ends, and to where conditions and comparisons turn: 0 and equality. What is not finite may be anything
    // elsewhere: identities of the graph keep finite values.
    let places: [Vec<f64>; 3] = std::array::from_fn(|p| {
        let bounded = e[p].is_finite();
        let ends = if bounded { [v[p] - e[p], v[p] + e[p]] } else { [f64::NEG_INFINITY, f64::INFINITY] };
        let turns = [0.0, v[usize::from(p == 0)]].into_iter().filter(|to| !bounded || (to - v[p]).abs() <= e[p]);
        let moved = ends.into_iter().chain(turns);
        std::iter::once(v[p]).chain(moved.filter(|_| p < arity && e[p] > 0.0)).collect()
    });
    let mut most: f64 = 0.0;
    for a in &places[0] {
        for b in &places[1] {
            for c in &places[2] {
                let change = (f([*a, *b, *c]) - f(v)).abs();
                most = most.max(if change.is_nan() { f64::INFINITY } else { change });
            }
        }
    }
    most
}

/// Values of all nodes with bounds on the error that an evaluation in another order may make.
fn bounded(g: &Graph, roots: &[NodeId], x: &[f64], eta: &[f64]) -> Vec<(f64, f64)> {
    let needed = g.reachable(roots);
    let eps = f64::EPSILON;
    let mut out: Vec<(f64, f64)> = vec![(0.0, 0.0); g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        let (value, error) = match g.node(g.id(i)) {
            Node::Const(bits) => (f64::from_bits(bits), 0.0),
            Node::Var(j) => (x[j as usize], 0.0),
            Node::Param(p) => (eta[p as usize], 0.0),
            Node::Apply(op, args) => {
                let (v, e) = (args.map(|a| out[a.index()].0), args.map(|a| out[a.index()].1));
                let value = (op.info().value)(v);
                let mut error = 6.0 * eps * value.abs() + spread(op, v, e) + 1e-300;
                // Whole periods look like no error, and what lies beyond a pole like little.
                let room = match op {
                    Op::Sin | Op::Cos => Some(0.1),
                    Op::Tan => Some(v[0].cos().abs()),
                    Op::Lgamma | Op::Digamma | Op::Trigamma if v[0] < 0.0 => Some((v[0] - v[0].round()).abs()),
                    Op::Lgamma | Op::Digamma => Some(f64::INFINITY),
                    _ => None,
                };
                if let Some(room) = room {
                    error += if e[0] < room { 4.0 * eps } else { f64::INFINITY };
                }
                if matches!(op, Op::Add | Op::Sub) {
                    error += 4.0 * eps * (v[0].abs() + v[1].abs());
                }
                (value, error)
            }
            Node::Part(b, part) => {
                let (bias, terms) = row(g, b, part);
                let value = terms.clone().fold(bias, |s, (w, a)| w.mul_add(out[a].0, s));
                let size = terms.clone().fold(bias.abs(), |s, (w, a)| s + (w * out[a].0).abs());
                let moved: f64 = terms.map(|(w, a)| w.abs() * out[a].1).sum();
                (value, 8.0 * eps * size + moved + 1e-300)
            }
        };
        let tame = value.is_finite() && value.abs() < 1e100 && !error.is_nan();
        out[i] = (value, if tame { error } else { f64::INFINITY });
    }
    roots.iter().map(|r| out[r.index()]).collect()
}

/// Values of `roots` in double-double arithmetic.
fn evaluate(g: &Graph, roots: &[NodeId], x: &[Dd], eta: &[f64]) -> Vec<Dd> {
    let needed = g.reachable(roots);
    let mut out = vec![Dd(0.0, 0.0); g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        out[i] = match g.node(g.id(i)) {
            Node::Const(bits) => f64::from_bits(bits).into(),
            Node::Var(j) => x[j as usize],
            Node::Param(p) => eta[p as usize].into(),
            Node::Apply(op, args) => value(op, args.map(|a| out[a.index()])),
            Node::Part(b, part) => {
                let (bias, terms) = row(g, b, part);
                terms.fold(Dd::from(bias), |s, (w, a)| s + out[a] * w)
            }
        };
    }
    roots.iter().map(|r| out[r.index()]).collect()
}

/// The derivative of `root` by coordinate j from differences, extrapolated from two steps, and what these steps and rounding
/// (from `error`, that of a double) leave open.
fn difference(g: &Graph, root: NodeId, j: usize, x: &[f64], eta: &[f64], error: f64) -> (f64, f64) {
    let at = |h: f64| {
        let mut y: Vec<Dd> = x.iter().map(|v| Dd::from(*v)).collect();
        y[j] = y[j] + h;
        evaluate(g, &[root], &y, eta)[0]
    };
    let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
    let (coarse, fine) = (central(STEP), central(STEP / 2.0));
    let extrapolated = fine + (fine - coarse) / 3.0;
    // Functions in double-double arithmetic are at least 1e14 times as accurate as those of doubles.
    (extrapolated.to_f64(), (coarse - fine).abs().to_f64() + 1e-14 * error / STEP)
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
            if !kink_free(&g, root, x, &eta) {
                continue;
            }
            for (j, (value, error)) in expected[1..].iter().enumerate().filter(|(_, (_, error))| error.is_finite()) {
                let (difference, open) = difference(&g, root, j, x, &eta, expected[0].1);
                if !difference.is_finite() || !open.is_finite() {
                    continue;
                }
                let scale = 1.0 + difference.abs().max(value.abs());
                let tolerance = 8.0 * error + 1e-12 * scale + open;
                // Where rounding leaves no digits there is nothing to compare.
                if tolerance < 1e-3 * scale {
                    assert!(
                        (difference - value).abs() <= tolerance,
                        "seed {seed}, d/dx{j} at {x:?}, eta {eta:?}: {value:e}, difference {difference:e}, bound {tolerance:e}\n{}",
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

/// Whether no kink or jump lies within reach of the differences, and rounding does not move the point across one.
fn kink_free(g: &Graph, root: NodeId, x: &[f64], eta: &[f64]) -> bool {
    let needed = g.reachable(&[root]);
    let ids: Vec<NodeId> = (0..=root.index()).map(|i| g.id(i)).collect();
    let rounded = g.evaluate(&ids, x, eta);
    let exact = evaluate(g, &ids, &x.iter().map(|v| Dd::from(*v)).collect::<Vec<Dd>>(), eta);
    // An argument that is 0 exactly stays 0: it is the value of a floor, a relu or a condition.
    let clear = |a: Dd, b: f64| (a.abs().to_f64() > 1e-6 && b.abs() > 1e-6) || (a == Dd(0.0, 0.0) && b == 0.0);
    ids.iter().filter(|id| needed[id.index()]).all(|id| {
        let Node::Apply(op, args) = g.node(*id) else { return true };
        let [a, b, _] = args.map(|a| a.index());
        let nonzero = |a: usize| clear(exact[a], rounded[a]);
        match op {
            Op::Abs | Op::Sign | Op::Relu | Op::Not | Op::Select => nonzero(a),
            Op::And | Op::Or => nonzero(a) && nonzero(b),
            Op::Min | Op::Max | Op::Less | Op::LessEqual | Op::Equal => clear(exact[a] - exact[b], rounded[a] - rounded[b]),
            // In a large number there is a jump in every step.
            Op::Floor if rounded[a].abs() > 1e6 => false,
            Op::Floor => {
                let nearest = (rounded[a] + 0.5).floor();
                clear(exact[a] - nearest, rounded[a] - nearest)
            }
            _ => op.info().smooth == Smooth::Everywhere,
        }
    })
}
