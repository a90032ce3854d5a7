//! From graph to linear program: what the lane evaluator runs.
//!
//! A [`Program`] holds several entries (gradient; value and gradient; statistics) over one pool of slots: coordinates,
//! hoisted parameters (everything free of x is computed once a chain), constants, temporaries. Sums of products become
//! DOT instructions, DOTs over the same operands become ROWS (a matrix-vector product). Slots are reused once dead.

use super::affine::Affine;
use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use std::collections::HashMap;
use std::sync::Arc;

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// dst = op(a, b, c).
    Apply(Op),
    /// dst = a * b + c.
    Fma,
    /// dst = sum of `b` products and `c` plain terms, listed from `terms[a]` on.
    Dot,
    /// `c` rows of `b` products over common right operands, listed from `terms[a]` on.
    Rows,
    /// `c` outputs of an affine map of `b` inputs, both listed from `terms[a]` on, with the numbers from `weights[dst]` on.
    Affine,
}

/// One instruction; operands are offsets into the pool (slot times lanes).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instruction {
    pub code: Code,
    pub dst: u32,
    pub a: u32,
    pub b: u32,
    pub c: u32,
}

/// Rows that one ROWS instruction computes at most.
pub(crate) const MOST_ROWS: usize = 5;

/// Outputs of an affine map that are computed together.
pub(crate) const TILE: usize = 4;

/// One entry of a program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub code: Vec<Instruction>,
    pub terms: Vec<u32>,
    /// Numbers of affine maps, tile by tile: the bias of its outputs, then a column of weights for each input.
    pub weights: Vec<f64>,
    pub outputs: Vec<u32>,
}

/// A compiled set of expressions over common coordinates and parameters.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) entries: Vec<Entry>,
    pub(crate) lanes: usize,
    pub(crate) coordinates: usize,
    pub(crate) constants: Vec<f64>,
    pub(crate) slots: usize,
    hoist_graph: Graph,
    hoist_roots: Vec<NodeId>,
}

// An operand before slots are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Value {
    Hoisted(u32),
    Constant(u32),
    Coordinate(u32),
    Temporary(u32),
}

#[derive(Debug, Clone)]
enum Step {
    Apply { code: Code, dst: u32, args: Vec<Value> },
    Dot { dst: u32, pairs: Vec<(Value, Value)>, plain: Vec<Value> },
    Rows { rows: Vec<(u32, Vec<Value>, Value)>, right: Vec<Value> },
    Affine { dst: Vec<u32>, args: Vec<Value>, map: Arc<Affine> },
}

impl Step {
    fn reads(&self) -> Vec<Value> {
        match self {
            Step::Apply { args, .. } | Step::Affine { args, .. } => args.clone(),
            Step::Dot { pairs, plain, .. } => pairs.iter().flat_map(|(a, b)| [*a, *b]).chain(plain.iter().copied()).collect(),
            Step::Rows { rows, right } => rows
                .iter()
                .flat_map(|(_, left, init)| left.iter().copied().chain([*init]))
                .chain(right.iter().copied())
                .collect(),
        }
    }
    fn writes(&self) -> Vec<u32> {
        match self {
            Step::Apply { dst, .. } | Step::Dot { dst, .. } => vec![*dst],
            Step::Rows { rows, .. } => rows.iter().map(|(dst, ..)| *dst).collect(),
            Step::Affine { dst, .. } => dst.clone(),
        }
    }
}

struct Compiler {
    graph: Graph,
    hoisted: HashMap<NodeId, u32>,
    hoist_order: Vec<NodeId>,
    constants: HashMap<u64, u32>,
    constant_order: Vec<f64>,
}

impl Compiler {
    fn constant(&mut self, value: f64) -> Value {
        let next = self.constant_order.len() as u32;
        let id = *self.constants.entry(value.to_bits()).or_insert(next);
        if id == next {
            self.constant_order.push(value);
        }
        Value::Constant(id)
    }
    fn free_of_x(&mut self, id: NodeId) -> Value {
        if let Some(value) = self.graph.as_constant(id) {
            return self.constant(value);
        }
        let next = self.hoist_order.len() as u32;
        let slot = *self.hoisted.entry(id).or_insert(next);
        if slot == next {
            self.hoist_order.push(id);
        }
        Value::Hoisted(slot)
    }
}

/// Slots that fit the first-level cache with 128, 64 and 32 lanes, leaving room for the state of a sampler.
const SLOTS_FOR_128: usize = 12;
const SLOTS_FOR_64: usize = 48;
const SLOTS_FOR_32: usize = 104;

impl Program {
    /// Compile the entries, each a list of outputs, over `d` coordinates. The first entry is the one to make fast: it
    /// decides the number of lanes.
    pub fn compile(graph: &Graph, d: usize, entries: &[&[NodeId]]) -> Program {
        Self::compile_for(graph, d, entries, None)
    }
    /// As [`Program::compile`], with as many lanes as another program has, to run beside it on the same points.
    pub fn compile_beside(other: &Program, graph: &Graph, d: usize, entries: &[&[NodeId]]) -> Program {
        Self::compile_for(graph, d, entries, Some(other.lanes))
    }
    fn compile_for(graph: &Graph, d: usize, entries: &[&[NodeId]], lanes: Option<usize>) -> Program {
        let mut compiler = Compiler {
            graph: graph.clone(),
            hoisted: HashMap::new(),
            hoist_order: vec![],
            constants: HashMap::new(),
            constant_order: vec![],
        };
        let linear: Vec<(Vec<Step>, Vec<Value>)> = entries.iter().map(|outputs| linearize(&mut compiler, outputs)).collect();
        let fixed = d + compiler.hoist_order.len() + compiler.constant_order.len();
        let allocated: Vec<(HashMap<u32, u32>, usize)> =
            linear.iter().map(|(steps, outputs)| allocate(steps, outputs)).collect();
        let hot = fixed + allocated.first().map_or(0, |(_, n)| *n);
        let limits = [(SLOTS_FOR_128, 128), (SLOTS_FOR_64, 64), (SLOTS_FOR_32, 32)];
        let fitting = limits.iter().find(|(slots, _)| hot <= *slots).map_or(16, |(_, lanes)| *lanes);
        let lanes = lanes.unwrap_or(fitting);
        let (hoists, constants) = (compiler.hoist_order.len() as u32, compiler.constant_order.len() as u32);
        let mut made = Vec::new();
        for ((steps, outputs), (slots, _)) in linear.iter().zip(&allocated) {
            let offset = |v: &Value| {
                lanes as u32
                    * match *v {
                        Value::Coordinate(j) => j,
                        Value::Hoisted(h) => d as u32 + h,
                        Value::Constant(c) => d as u32 + hoists + c,
                        Value::Temporary(t) => d as u32 + hoists + constants + slots[&t],
                    }
            };
            made.push(emit(steps, outputs, &offset));
        }
        let temporaries = allocated.iter().map(|(_, n)| *n).max().unwrap_or(0);
        let mut hoist_graph = Graph::new();
        let hoist_roots = hoist_graph.import(&compiler.graph, &compiler.hoist_order, &[]);
        Program {
            entries: made,
            lanes,
            coordinates: d,
            constants: compiler.constant_order,
            slots: fixed + temporaries,
            hoist_graph,
            hoist_roots,
        }
    }
    /// Number of lanes W that one run evaluates.
    pub fn lanes(&self) -> usize {
        self.lanes
    }
    /// Number of hoisted parameters.
    pub fn hoisted(&self) -> usize {
        self.hoist_roots.len()
    }
    /// The hoisted parameters of a natural parameter: everything in the program that is free of x.
    pub fn hoist(&self, eta: &[f64]) -> Vec<f64> {
        self.hoist_graph.evaluate(&self.hoist_roots, &[], eta)
    }
    /// Number of instructions of an entry.
    pub fn instructions(&self, entry: usize) -> usize {
        self.entries[entry].code.len()
    }
}

fn linearize(compiler: &mut Compiler, outputs: &[NodeId]) -> (Vec<Step>, Vec<Value>) {
    let needed = compiler.graph.reachable(outputs);
    let count = compiler.graph.len();
    let mut uses = vec![0u32; count];
    outputs.iter().for_each(|o| uses[o.index()] += 2);
    for i in (0..count).filter(|i| needed[*i]) {
        match compiler.graph.node(NodeId(i as u32)) {
            Node::Apply(op, args) => args[..op.info().arity].iter().for_each(|a| uses[a.index()] += 1),
            Node::Part(b, 0) => compiler.graph.block(b).args.iter().for_each(|a| uses[a.index()] += 1),
            _ => {}
        }
    }
    let mut order = Vec::new();
    let mut seen = vec![false; count];
    let mut stack: Vec<(NodeId, bool)> = outputs.iter().rev().map(|o| (*o, false)).collect();
    let mut sums: HashMap<NodeId, Terms> = HashMap::new();
    while let Some((id, ready)) = stack.pop() {
        if ready {
            order.push(id);
            continue;
        }
        // The first part of a block stands for the whole.
        let id = if let Node::Part(b, _) = compiler.graph.node(id) { compiler.graph.leader(b) } else { id };
        if seen.get(id.index()).copied().unwrap_or(true) || !compiler.graph.varies(id) {
            continue;
        }
        seen[id.index()] = true;
        stack.push((id, true));
        if let Node::Part(b, _) = compiler.graph.node(id) {
            stack.extend(compiler.graph.block(b).args.iter().map(|n| (*n, false)));
        }
        if let Node::Apply(op, args) = compiler.graph.node(id) {
            if op == Op::Add || op == Op::Sub {
                let (pairs, plain) = flatten(&mut compiler.graph, id, &uses);
                if pairs.is_empty() && plain.is_empty() {
                    stack.extend(args[..2].iter().map(|n| (*n, false)));
                    continue;
                }
                stack.extend(pairs.iter().flat_map(|(a, b)| [*a, *b]).chain(plain.iter().copied()).map(|n| (n, false)));
                sums.insert(id, (pairs, plain));
            } else {
                stack.extend(args[..op.info().arity].iter().map(|n| (*n, false)));
            }
        }
    }
    let mut values: HashMap<NodeId, Value> = HashMap::new();
    let mut steps = Vec::new();
    let mut next = 0u32;
    let value = |c: &mut Compiler, values: &HashMap<NodeId, Value>, id: NodeId| match values.get(&id) {
        Some(v) => *v,
        None => c.free_of_x(id),
    };
    for id in order {
        if let Node::Part(b, _) = compiler.graph.node(id) {
            let block = compiler.graph.block(b).clone();
            let args = block.args.iter().map(|a| value(compiler, &values, *a)).collect();
            let dst: Vec<u32> = (next..next + block.map.outputs() as u32).collect();
            next += dst.len() as u32;
            for (i, d) in dst.iter().enumerate() {
                values.insert(NodeId(id.0 + i as u32), Value::Temporary(*d));
            }
            steps.push(Step::Affine { dst, args, map: block.map });
            continue;
        }
        let Node::Apply(op, args) = compiler.graph.node(id) else {
            if let Node::Var(j) = compiler.graph.node(id) {
                values.insert(id, Value::Coordinate(j));
            }
            continue;
        };
        let dst = next;
        next += 1;
        let step = match sums.remove(&id) {
            Some((pairs, plain)) => {
                let mut pairs: Vec<(Value, Value)> = pairs
                    .iter()
                    .map(|(a, b)| (value(compiler, &values, *a), value(compiler, &values, *b)))
                    .map(|(a, b)| if a <= b { (a, b) } else { (b, a) })
                    .collect();
                pairs.sort_by_key(|(a, b)| (*b, *a));
                let plain: Vec<Value> = plain.iter().map(|p| value(compiler, &values, *p)).collect();
                sum_step(dst, pairs, plain)
            }
            None => {
                let args = args[..op.info().arity].iter().map(|a| value(compiler, &values, *a)).collect();
                Step::Apply { code: Code::Apply(op), dst, args }
            }
        };
        steps.push(step);
        values.insert(id, Value::Temporary(dst));
    }
    let outputs: Vec<Value> = outputs.iter().map(|o| value(compiler, &values, *o)).collect();
    let zero = compiler.constant(0.0);
    (join_rows(steps, zero), outputs)
}

fn sum_step(dst: u32, pairs: Vec<(Value, Value)>, plain: Vec<Value>) -> Step {
    match (pairs.as_slice(), plain.as_slice()) {
        ([], [a, b]) => Step::Apply { code: Code::Apply(Op::Add), dst, args: vec![*a, *b] },
        ([(a, b)], [p]) => Step::Apply { code: Code::Fma, dst, args: vec![*a, *b, *p] },
        _ => Step::Dot { dst, pairs, plain },
    }
}

/// Products and plain terms of a sum.
type Terms = (Vec<(NodeId, NodeId)>, Vec<NodeId>);

/// The terms of the sum `root`: products and plain terms. Everything free of x becomes at most one plain term.
fn flatten(g: &mut Graph, root: NodeId, uses: &[u32]) -> Terms {
    let single = |id: NodeId| uses.get(id.index()).copied().unwrap_or(0) == 1;
    let (mut pairs, mut plain, mut free) = (Vec::new(), Vec::new(), Vec::new());
    let mut stack = vec![root];
    let mut first = true;
    while let Some(id) = stack.pop() {
        let open = std::mem::take(&mut first) || single(id);
        if !g.varies(id) {
            free.push(id);
            continue;
        }
        match g.node(id) {
            Node::Apply(Op::Add, [a, b, _]) if open => stack.extend([b, a]),
            Node::Apply(Op::Sub, [a, b, _]) if open => match g.node(b) {
                _ if !g.varies(b) => {
                    free.push(g.neg(b));
                    stack.push(a);
                }
                Node::Apply(Op::Mul, [p, q, _]) if !g.varies(p) => {
                    pairs.push((g.neg(p), q));
                    stack.push(a);
                }
                _ if id == root => return (vec![], vec![]),
                _ => plain.push(id),
            },
            // A product with something free of x costs nothing in a sum: it is made again in each sum that has it.
            Node::Apply(Op::Mul, [p, q, _]) if single(id) || !g.varies(p) => pairs.push((p, q)),
            Node::Apply(Op::Mul, [p, q, _]) if !g.varies(q) => pairs.push((q, p)),
            _ => plain.push(id),
        }
    }
    let mut merged: Vec<(NodeId, NodeId)> = Vec::with_capacity(pairs.len());
    let mut place: HashMap<NodeId, usize> = HashMap::new();
    for (p, q) in pairs {
        match place.get(&q).filter(|_| !g.varies(p)) {
            Some(at) => merged[*at].0 = g.add(merged[*at].0, p),
            None => {
                if !g.varies(p) {
                    place.insert(q, merged.len());
                }
                merged.push((p, q));
            }
        }
    }
    if let Some(last) = free.pop() {
        let total = free.iter().fold(last, |s, f| g.add(s, *f));
        plain.push(total);
    }
    (merged, plain)
}

/// Join DOTs with equal right operands into ROWS, where their operands are ready.
fn join_rows(steps: Vec<Step>, zero: Value) -> Vec<Step> {
    let right_of = |s: &Step| match s {
        Step::Dot { pairs, plain, .. } if pairs.len() >= 2 && plain.len() <= 1 => {
            Some(pairs.iter().map(|(_, b)| *b).collect::<Vec<_>>())
        }
        _ => None,
    };
    let mut groups: HashMap<Vec<Value>, Vec<usize>> = HashMap::new();
    for (i, step) in steps.iter().enumerate() {
        if let Some(right) = right_of(step) {
            groups.entry(right).or_default().push(i);
        }
    }
    let mut defined: HashMap<u32, usize> = HashMap::new();
    for (i, step) in steps.iter().enumerate() {
        step.writes().iter().for_each(|w| {
            defined.insert(*w, i);
        });
    }
    let mut joined: HashMap<usize, Step> = HashMap::new();
    let mut gone = vec![false; steps.len()];
    for (right, members) in groups {
        let mut start = 0;
        // Groups of nearly equal size: ten rows are five and five.
        let size = members.len().div_ceil(members.len().div_ceil(MOST_ROWS));
        while start + 1 < members.len() {
            let head = members[start];
            let ready = |i: &usize| {
                steps[*i].reads().iter().all(|v| if let Value::Temporary(t) = v { defined[t] < head } else { true })
            };
            let bunch: Vec<usize> = members[start..].iter().take(size).take_while(|i| ready(i)).copied().collect();
            if bunch.len() >= 2 {
                let rows = bunch
                    .iter()
                    .filter_map(|i| match &steps[*i] {
                        Step::Dot { dst, pairs, plain } => {
                            Some((*dst, pairs.iter().map(|(a, _)| *a).collect(), plain.first().copied().unwrap_or(zero)))
                        }
                        _ => None,
                    })
                    .collect();
                bunch.iter().for_each(|i| gone[*i] = true);
                joined.insert(head, Step::Rows { rows, right: right.clone() });
            }
            start += bunch.len().max(1);
        }
    }
    steps
        .into_iter()
        .enumerate()
        .filter_map(|(i, step)| joined.remove(&i).or(if gone[i] { None } else { Some(step) }))
        .collect()
}

/// Slots of the temporaries, reused once dead; returns the map and the number of slots.
fn allocate(steps: &[Step], outputs: &[Value]) -> (HashMap<u32, u32>, usize) {
    let mut last: HashMap<u32, usize> = HashMap::new();
    for (i, step) in steps.iter().enumerate() {
        for value in step.reads() {
            if let Value::Temporary(t) = value {
                last.insert(t, i);
            }
        }
        step.writes().iter().for_each(|w| {
            last.entry(*w).or_insert(i);
        });
    }
    for output in outputs {
        if let Value::Temporary(t) = output {
            last.insert(*t, usize::MAX);
        }
    }
    let mut dying: HashMap<usize, Vec<u32>> = HashMap::new();
    last.iter().for_each(|(t, i)| dying.entry(*i).or_default().push(*t));
    let (mut slots, mut free, mut total) = (HashMap::new(), Vec::new(), 0usize);
    for (i, step) in steps.iter().enumerate() {
        for write in step.writes() {
            let slot = free.pop().unwrap_or_else(|| {
                total += 1;
                total as u32 - 1
            });
            slots.insert(write, slot);
        }
        // After the writes: an instruction never writes over what it reads.
        let mut dead = dying.remove(&i).unwrap_or_default();
        dead.sort_unstable_by(|a, b| b.cmp(a));
        free.extend(dead.iter().map(|t| slots[t]));
    }
    (slots, total)
}

fn emit(steps: &[Step], outputs: &[Value], offset: &dyn Fn(&Value) -> u32) -> Entry {
    let mut entry = Entry { outputs: outputs.iter().map(offset).collect(), ..Entry::default() };
    let temporary = |t: u32| offset(&Value::Temporary(t));
    for step in steps {
        let start = entry.terms.len() as u32;
        let instruction = match step {
            Step::Apply { code, dst, args } => {
                let at = |i: usize| offset(&args[i.min(args.len() - 1)]);
                Instruction { code: *code, dst: temporary(*dst), a: at(0), b: at(1), c: at(2) }
            }
            Step::Dot { dst, pairs, plain } => {
                pairs.iter().for_each(|(a, b)| entry.terms.extend([offset(a), offset(b)]));
                entry.terms.extend(plain.iter().map(offset));
                Instruction { code: Code::Dot, dst: temporary(*dst), a: start, b: pairs.len() as u32, c: plain.len() as u32 }
            }
            Step::Affine { dst, args, map } => {
                entry.terms.extend(args.iter().map(offset));
                entry.terms.extend(dst.iter().map(|d| temporary(*d)));
                let (at, inputs) = (entry.weights.len() as u32, map.inputs());
                for tile in (0..map.outputs()).step_by(TILE) {
                    let rows = tile..map.outputs().min(tile + TILE);
                    entry.weights.extend_from_slice(&map.bias()[rows.clone()]);
                    for input in 0..inputs {
                        entry.weights.extend(rows.clone().map(|r| map.weight()[r * inputs + input]));
                    }
                }
                Instruction { code: Code::Affine, dst: at, a: start, b: inputs as u32, c: map.outputs() as u32 }
            }
            Step::Rows { rows, right } => {
                rows.iter().for_each(|(dst, _, init)| entry.terms.extend([temporary(*dst), offset(init)]));
                for (t, b) in right.iter().enumerate() {
                    entry.terms.push(offset(b));
                    entry.terms.extend(rows.iter().map(|(_, left, _)| offset(&left[t])));
                }
                Instruction { code: Code::Rows, dst: 0, a: start, b: right.len() as u32, c: rows.len() as u32 }
            }
        };
        entry.code.push(instruction);
    }
    entry
}
