//! A node as a list of steps that suits bounds over boxes.
//!
//! A sum is one step, whatever its length, and so is a power of a Euclidean norm, whose slopes are bounded where the norm
//! is zero.

use crate::expr::{Graph, Node, NodeId, Op};

/// Most nodes and coordinates.
const NODES: usize = 3000;
const COORDINATES: usize = 64;

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Constant(f64),
    Variable(usize),
    /// A constant and terms c y.
    Sum {
        from: usize,
        to: usize,
        bias: f64,
    },
    Square(usize),
    /// (bias + sum of c y^2)^(power / 2), c > 0, bias >= 0, power >= 1.
    Norm {
        from: usize,
        to: usize,
        bias: f64,
        power: f64,
    },
    Power(usize, f64),
    Apply(Op, [usize; 3]),
}

/// The steps of a node, the last one.
pub(super) struct Steps {
    pub steps: Vec<Step>,
    /// Factor and step.
    pub terms: Vec<(f64, usize)>,
    /// Bits of the coordinates that a step depends on.
    pub depends: Vec<u64>,
}

impl Steps {
    /// Of the node `root`, whose coordinate j is number `place[j]` of n here.
    pub fn new(g: &Graph, root: NodeId, place: &[usize], n: usize) -> Option<Steps> {
        let needed = g.reachable(&[root]);
        if n > COORDINATES || needed.iter().filter(|v| **v).count() > NODES {
            return None;
        }
        let mut uses = vec![0_usize; g.len()];
        for id in (0..g.len()).filter(|i| needed[*i]).map(|i| g.id(i)) {
            match g.node(id) {
                Node::Apply(op, args) => args[..op.info().arity].iter().for_each(|a| uses[a.index()] += 1),
                Node::Part(b, _) => g.block(b).args.iter().for_each(|a| uses[a.index()] += 1),
                _ => {}
            }
        }
        let mut made = Steps { steps: vec![], terms: vec![], depends: vec![] };
        let mut step_of = vec![0; g.len()];
        for id in (0..g.len()).filter(|i| needed[*i]).map(|i| g.id(i)) {
            let at = |a: NodeId| (step_of[a.index()], uses[a.index()] == 1);
            let step = match g.node(id) {
                Node::Const(bits) => Step::Constant(f64::from_bits(bits)),
                Node::Param(_) => return None,
                Node::Var(j) => Step::Variable(*place.get(j as usize)?),
                Node::Apply(op, [a, b, c]) => match (op, g.as_constant(a), g.as_constant(b)) {
                    (Op::Add, ..) => made.sum(0.0, &[(1.0, at(a)), (1.0, at(b))]),
                    (Op::Sub, ..) => made.sum(0.0, &[(1.0, at(a)), (-1.0, at(b))]),
                    (Op::Neg, ..) => made.sum(0.0, &[(-1.0, at(a))]),
                    (Op::Mul, Some(c), _) => made.sum(0.0, &[(c, at(b))]),
                    (Op::Mul, _, Some(c)) => made.sum(0.0, &[(c, at(a))]),
                    (Op::Mul, ..) if a == b => Step::Square(at(a).0),
                    (Op::Sqrt, ..) => made.norm(at(a).0, 1.0).unwrap_or(Step::Power(at(a).0, 0.5)),
                    (Op::Pow, _, Some(p)) => made.norm(at(a).0, 2.0 * p).unwrap_or(Step::Power(at(a).0, p)),
                    (Op::Pow, ..) => return None,
                    _ => Step::Apply(op, [a, b, c].map(|a| at(a).0)),
                },
                Node::Part(b, part) => {
                    let block = g.block(b);
                    let width = block.map.inputs();
                    let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                    let terms: Vec<_> = row.iter().zip(block.args.iter()).map(|(w, a)| (*w, at(*a))).collect();
                    made.sum(block.map.bias()[part as usize], &terms)
                }
            };
            step_of[id.index()] = made.steps.len();
            made.steps.push(step);
        }
        let finite = |step: &Step| match *step {
            Step::Constant(v) | Step::Sum { bias: v, .. } | Step::Norm { bias: v, .. } | Step::Power(_, v) => v.is_finite(),
            _ => true,
        };
        let made = made.used();
        (made.steps.iter().all(finite) && made.terms.iter().all(|t| t.0.is_finite())).then_some(made)
    }

    /// A sum of multiples of steps. The terms of sums are taken in where nothing else uses them or all are coordinates.
    fn sum(&mut self, bias: f64, of: &[(f64, (usize, bool))]) -> Step {
        let mut bias = bias;
        let mut found: Vec<(f64, usize)> = Vec::new();
        let variable = |t: &(f64, usize)| matches!(self.steps[t.1], Step::Variable(_));
        for (c, (step, once)) in of.iter().filter(|t| t.0 != 0.0) {
            match self.steps[*step] {
                Step::Constant(v) => bias += c * v,
                Step::Sum { from, to, bias: more } if *once || self.terms[from..to].iter().all(variable) => {
                    bias += c * more;
                    found.extend(self.terms[from..to].iter().map(|t| (c * t.0, t.1)));
                }
                _ => found.push((*c, *step)),
            }
        }
        found.sort_by_key(|t| t.1);
        found.dedup_by(|b, a| {
            let same = a.1 == b.1;
            if same {
                a.0 += b.0;
            }
            same
        });
        found.retain(|t| t.0 != 0.0);
        let from = self.terms.len();
        self.terms.extend(found);
        Step::Sum { from, to: self.terms.len(), bias }
    }

    /// The power of a norm, where `squares` is a sum of squares.
    fn norm(&mut self, squares: usize, power: f64) -> Option<Step> {
        let squared = |(c, step): (f64, usize)| match self.steps[step] {
            Step::Square(a) if c > 0.0 => Some((c, a)),
            _ => None,
        };
        let (found, bias): (Option<Vec<(f64, usize)>>, f64) = match self.steps[squares] {
            Step::Square(_) => (squared((1.0, squares)).map(|t| vec![t]), 0.0),
            Step::Sum { from, to, bias } => (self.terms[from..to].iter().map(|t| squared(*t)).collect(), bias),
            _ => return None,
        };
        let found = found.filter(|_| power >= 1.0 && bias >= 0.0)?;
        let from = self.terms.len();
        self.terms.extend(found);
        Some(Step::Norm { from, to: self.terms.len(), bias, power })
    }

    /// Without the steps that the last one does not use.
    fn used(self) -> Steps {
        let mut used = vec![false; self.steps.len()];
        if let Some(last) = used.last_mut() {
            *last = true;
        }
        for i in (0..self.steps.len()).rev() {
            if used[i] {
                self.arguments(self.steps[i], |a| used[a] = true);
            }
        }
        let mut place = vec![0; self.steps.len()];
        let mut out = Steps { steps: vec![], terms: vec![], depends: vec![] };
        for (i, step) in self.steps.iter().copied().enumerate().filter(|(i, _)| used[*i]) {
            place[i] = out.steps.len();
            let start = out.terms.len();
            if let Step::Sum { from, to, .. } | Step::Norm { from, to, .. } = step {
                out.terms.extend(self.terms[from..to].iter().map(|t| (t.0, place[t.1])));
            }
            let end = out.terms.len();
            let step = match step {
                Step::Sum { bias, .. } => Step::Sum { from: start, to: end, bias },
                Step::Norm { bias, power, .. } => Step::Norm { from: start, to: end, bias, power },
                Step::Square(a) => Step::Square(place[a]),
                Step::Power(a, p) => Step::Power(place[a], p),
                Step::Apply(op, args) => Step::Apply(op, args.map(|a| place[a])),
                Step::Constant(_) | Step::Variable(_) => step,
            };
            let mut bits = if let Step::Variable(j) = step { 1 << j } else { 0 };
            out.arguments(step, |a| bits |= out.depends[a]);
            out.depends.push(bits);
            out.steps.push(step);
        }
        out
    }

    fn arguments(&self, step: Step, mut each: impl FnMut(usize)) {
        match step {
            Step::Constant(_) | Step::Variable(_) => {}
            Step::Sum { from, to, .. } | Step::Norm { from, to, .. } => self.terms[from..to].iter().for_each(|t| each(t.1)),
            Step::Square(a) | Step::Power(a, _) => each(a),
            Step::Apply(_, args) => args.into_iter().for_each(each),
        }
    }

    /// The value of step i at a point, from those of earlier steps.
    pub fn value(&self, i: usize, values: &[f64], x: &[f64]) -> f64 {
        let squares =
            |from: usize, to: usize| self.terms[from..to].iter().map(|(c, a)| c * values[*a] * values[*a]).sum::<f64>();
        match self.steps[i] {
            Step::Constant(c) => c,
            Step::Variable(j) => x[j],
            Step::Sum { from, to, bias } => bias + self.terms[from..to].iter().map(|(c, a)| c * values[*a]).sum::<f64>(),
            Step::Square(a) => values[a] * values[a],
            Step::Norm { from, to, bias, power: 1.0 } => (bias + squares(from, to)).sqrt(),
            Step::Norm { from, to, bias, power } => (bias + squares(from, to)).powf(0.5 * power),
            Step::Power(a, p) => {
                if p == 0.5 {
                    values[a].sqrt()
                } else {
                    values[a].powf(p)
                }
            }
            Step::Apply(op, args) => (op.info().value)(args.map(|a| values[a])),
        }
    }

    /// Whether the node certainly keeps its value where the signs of these coordinates change.
    pub fn even(&self, turned: u64) -> bool {
        // 1 for what keeps its value, -1 for what changes its sign, 0 for all else.
        let mut parity: Vec<i8> = Vec::with_capacity(self.steps.len());
        for (step, depends) in self.steps.iter().zip(&self.depends) {
            let known = |a: usize| i8::from(parity[a] != 0);
            let found = match *step {
                _ if depends & turned == 0 => 1,
                Step::Constant(_) => 1,
                Step::Variable(_) => -1,
                Step::Sum { from, to, bias } => {
                    let mut of = self.terms[from..to].iter().map(|t| parity[t.1]);
                    let first = if bias == 0.0 { of.next().unwrap_or(1) } else { 1 };
                    if of.all(|p| p == first) { first } else { 0 }
                }
                Step::Square(a) => known(a),
                Step::Norm { from, to, .. } => self.terms[from..to].iter().map(|t| known(t.1)).min().unwrap_or(1),
                Step::Power(a, _) => parity[a].max(0),
                Step::Apply(Op::Abs | Op::Cos | Op::Cosh, [a, ..]) => known(a),
                Step::Apply(Op::Mul | Op::Div, [a, b, _]) => parity[a] * parity[b],
                Step::Apply(Op::Cbrt | Op::Sin | Op::Sign | Op::Tanh | Op::Atan | Op::Erf, [a, ..]) => parity[a],
                Step::Apply(_, args) => i8::from(args.iter().all(|a| parity[*a] == 1)),
            };
            parity.push(found);
        }
        parity.last() == Some(&1)
    }
}
