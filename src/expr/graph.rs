//! The expression graph: hash-consed scalar nodes, folded and simplified as they are made.
//!
//! Equal expressions are one node (`x_i x_j` and `x_j x_i` too), so equal statistics merge by themselves. Arguments
//! always have smaller numbers than the node that uses them: ascending order is evaluation order.

use super::affine::{Affine, Block};
use super::op::Op;
use std::collections::HashMap;
use std::sync::Arc;

/// Number of a node in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Position in evaluation order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A number, by its bits.
    Const(u64),
    /// Coordinate j of the point.
    Var(u32),
    /// Component i of the natural parameter: the same for every point of a chain.
    Param(u32),
    /// An operation on earlier nodes; unused arguments repeat the last one.
    Apply(Op, [NodeId; 3]),
    /// Output i of block b, an affine map of many nodes: see [`Graph::affine`].
    Part(u32, u32),
}

/// Most nodes that a graph may have; a closure that builds more is refused.
pub const NODE_LIMIT: usize = 2_000_000;

/// A hash-consed arena of nodes. See the module documentation.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    varying: Vec<bool>,
    index: HashMap<Node, NodeId>,
    blocks: Vec<Block>,
    full: bool,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// Whether the graph has no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// Whether [`NODE_LIMIT`] was reached: values made since are meaningless.
    pub fn is_full(&self) -> bool {
        self.full
    }
    /// The number of the node at a position in evaluation order, below [`Graph::len`].
    pub fn id(&self, index: usize) -> NodeId {
        NodeId(index.min(self.nodes.len().saturating_sub(1)) as u32)
    }
    /// The node with number `id`.
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes[id.index()]
    }
    /// Whether the value depends on the point (a coordinate is reached).
    pub fn varies(&self, id: NodeId) -> bool {
        self.varying[id.index()]
    }
    /// The number, where the node is one.
    pub fn as_constant(&self, id: NodeId) -> Option<f64> {
        match self.node(id) {
            Node::Const(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// The node, made where it is not there yet, as it is: neither folded nor simplified.
    pub(super) fn intern(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.index.get(&node) {
            return *id;
        }
        if self.nodes.len() >= NODE_LIMIT {
            self.full = true;
            return NodeId(0);
        }
        let id = NodeId(self.nodes.len() as u32);
        let varies = match node {
            Node::Const(_) | Node::Param(_) => false,
            Node::Var(_) => true,
            Node::Apply(op, args) => args[..op.info().arity].iter().any(|a| self.varies(*a)),
            Node::Part(b, _) => self.blocks[b as usize].args.iter().any(|a| self.varies(*a)),
        };
        self.nodes.push(node);
        self.varying.push(varies);
        self.index.insert(node, id);
        id
    }
    /// The outputs of an affine map of `args`, `map.inputs()` of them, as one vector operation: a product of a matrix and
    /// a vector is never written out as scalars. The nodes of one block follow each other.
    pub fn affine(&mut self, map: &Arc<Affine>, args: &[NodeId]) -> Vec<NodeId> {
        if let Some(numbers) = args.iter().map(|a| self.as_constant(*a)).collect::<Option<Vec<f64>>>() {
            return map.apply(&numbers).into_iter().map(|v| self.constant(v)).collect();
        }
        let same = |b: &Block| Arc::ptr_eq(&b.map, map) && *b.args == *args;
        let block = self.blocks.iter().position(same).unwrap_or_else(|| {
            self.blocks.push(Block { map: map.clone(), args: args.into() });
            self.blocks.len() - 1
        });
        (0..map.outputs()).map(|i| self.intern(Node::Part(block as u32, i as u32))).collect()
    }
    /// Block `b`: its map and arguments.
    pub fn block(&self, b: u32) -> &Block {
        &self.blocks[b as usize]
    }
    /// The node that stands for a block: its first part.
    pub(super) fn leader(&self, b: u32) -> NodeId {
        self.index.get(&Node::Part(b, 0)).copied().unwrap_or(NodeId(0))
    }
    /// A number.
    pub fn constant(&mut self, value: f64) -> NodeId {
        self.intern(Node::Const(value.to_bits()))
    }
    /// Coordinate `j` of the point.
    pub fn var(&mut self, j: usize) -> NodeId {
        self.intern(Node::Var(j as u32))
    }
    /// Component `i` of the natural parameter.
    pub fn param(&mut self, i: usize) -> NodeId {
        self.intern(Node::Param(i as u32))
    }

    /// Apply `op` to its arguments (unused ones are ignored), folding constants and simplifying. Identities keep the
    /// value for finite arguments; reassociation of constants may move the last bit.
    pub fn apply(&mut self, op: Op, args: [NodeId; 3]) -> NodeId {
        let arity = op.info().arity;
        let mut args = args;
        for i in arity..3 {
            args[i] = args[arity - 1];
        }
        let constants = args.map(|a| self.as_constant(a));
        if let [Some(a), Some(b), Some(c)] = constants {
            return self.constant((op.info().value)([a, b, c]));
        }
        if let Some(simpler) = self.stable(op, args[0], args[1]).or_else(|| self.simplify(op, args, constants)) {
            return simpler;
        }
        if matches!(op, Op::Add | Op::Mul | Op::Equal | Op::And | Op::Or) && args[0] > args[1] {
            args.swap(0, 1);
            args[2] = args[1];
        }
        self.intern(Node::Apply(op, args))
    }

    fn simplify(&mut self, op: Op, [a, b, _]: [NodeId; 3], [ca, cb, _]: [Option<f64>; 3]) -> Option<NodeId> {
        match op {
            Op::Add if ca == Some(0.0) => Some(b),
            Op::Add if cb == Some(0.0) => Some(a),
            Op::Add if a == b => {
                let two = self.constant(2.0);
                Some(self.mul(two, a))
            }
            Op::Add => match (self.node(a), self.node(b)) {
                (_, Node::Apply(Op::Neg, [n, ..])) => Some(self.sub(a, n)),
                (Node::Apply(Op::Neg, [n, ..]), _) => Some(self.sub(b, n)),
                _ => None,
            },
            Op::Sub if cb == Some(0.0) => Some(a),
            Op::Sub if ca == Some(0.0) => Some(self.neg(b)),
            Op::Sub if a == b => Some(self.constant(0.0)),
            Op::Sub => match self.node(b) {
                Node::Apply(Op::Neg, [n, ..]) => Some(self.add(a, n)),
                _ => None,
            },
            Op::Mul => self.simplify_product(a, b, ca, cb),
            Op::Div if cb == Some(1.0) => Some(a),
            Op::Div if cb == Some(-1.0) => Some(self.neg(a)),
            Op::Div if ca == Some(0.0) => Some(a),
            // Division by a power of two is exact, and so is the product with its inverse.
            Op::Div => match cb {
                Some(c) if c != 0.0 && c.is_normal() && c.to_bits() << 12 == 0 && c.recip().is_normal() => {
                    let r = self.constant(1.0 / c);
                    Some(self.mul(r, a))
                }
                _ => None,
            },
            Op::Neg => match self.node(a) {
                Node::Apply(Op::Neg, [n, ..]) => Some(n),
                Node::Apply(Op::Sub, [p, q, _]) => Some(self.sub(q, p)),
                Node::Apply(Op::Mul, [p, q, _]) if !self.varies(p) => {
                    let p = self.neg(p);
                    Some(self.mul(p, q))
                }
                Node::Apply(Op::Mul, [p, q, _]) if !self.varies(q) => {
                    let q = self.neg(q);
                    Some(self.mul(q, p))
                }
                _ => None,
            },
            Op::Pow => cb.and_then(|e| self.simplify_power(a, e)),
            Op::Abs => match self.node(a) {
                Node::Apply(Op::Neg, [n, ..]) => Some(self.unary(Op::Abs, n)),
                Node::Apply(Op::Abs | Op::Exp | Op::Sqrt, _) => Some(a),
                _ => None,
            },
            Op::Min | Op::Max | Op::And | Op::Or if a == b => Some(a),
            Op::Select if a == b => None,
            _ => None,
        }
    }

    fn simplify_product(&mut self, a: NodeId, b: NodeId, ca: Option<f64>, cb: Option<f64>) -> Option<NodeId> {
        if let (None, Some(_)) = (ca, cb) {
            return Some(self.mul(b, a));
        }
        match ca {
            Some(0.0) => return Some(self.constant(0.0)),
            Some(1.0) => return Some(b),
            Some(-1.0) => return Some(self.neg(b)),
            _ => {}
        }
        // Bring everything that is free of x to the front, where it is hoisted: (s * (t * x)) = (s * t) * x.
        if !self.varies(a)
            && let Node::Apply(Op::Mul, [p, q, _]) = self.node(b)
        {
            if !self.varies(p) && self.varies(q) {
                let front = self.mul(a, p);
                return Some(self.mul(front, q));
            }
            if !self.varies(q) && self.varies(p) {
                let front = self.mul(a, q);
                return Some(self.mul(front, p));
            }
            if ca.is_some() && self.as_constant(p).is_some() {
                let front = self.mul(a, p);
                return Some(self.mul(front, q));
            }
        }
        if !self.varies(b) && self.varies(a) && matches!(self.node(a), Node::Apply(Op::Mul, _)) {
            return Some(self.mul(b, a));
        }
        match (self.node(a), self.node(b)) {
            // Signs move out of what varies, and into what is free of x.
            (Node::Apply(Op::Neg, [n, ..]), _) if self.varies(a) => {
                let product = self.mul(n, b);
                Some(self.neg(product))
            }
            (_, Node::Apply(Op::Neg, [n, ..])) if self.varies(b) => {
                let product = self.mul(a, n);
                Some(self.neg(product))
            }
            _ => None,
        }
    }

    fn simplify_power(&mut self, base: NodeId, exponent: f64) -> Option<NodeId> {
        if exponent == 0.5 {
            return Some(self.unary(Op::Sqrt, base));
        }
        if exponent.fract() != 0.0 || exponent.abs() > 64.0 {
            return None;
        }
        let (mut power, mut square, mut n) = (self.constant(1.0), base, exponent.abs() as u32);
        while n > 0 {
            if n & 1 == 1 {
                power = self.mul(power, square);
            }
            n >>= 1;
            if n > 0 {
                square = self.mul(square, square);
            }
        }
        if exponent < 0.0 {
            let one = self.constant(1.0);
            power = self.div(one, power);
        }
        Some(power)
    }

    /// Apply a unary operation.
    pub fn unary(&mut self, op: Op, a: NodeId) -> NodeId {
        self.apply(op, [a, a, a])
    }
    /// a + b.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Op::Add, [a, b, b])
    }
    /// a - b.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Op::Sub, [a, b, b])
    }
    /// a * b.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Op::Mul, [a, b, b])
    }
    /// a / b.
    pub fn div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Op::Div, [a, b, b])
    }
    /// a to the power b.
    pub fn pow(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Op::Pow, [a, b, b])
    }
    /// -a.
    pub fn neg(&mut self, a: NodeId) -> NodeId {
        self.apply(Op::Neg, [a, a, a])
    }
    /// Sum of the nodes; 0 for none.
    pub fn sum(&mut self, terms: &[NodeId]) -> NodeId {
        let zero = self.constant(0.0);
        terms.iter().fold(zero, |s, t| self.add(s, *t))
    }

    /// Copy `roots` of `source` into this graph, with coordinate j replaced by `vars[j]` and parameter i by itself.
    pub fn import(&mut self, source: &Graph, roots: &[NodeId], vars: &[NodeId]) -> Vec<NodeId> {
        let needed = source.reachable(roots);
        let mut image: Vec<Option<NodeId>> = vec![None; source.len()];
        let at = |image: &[Option<NodeId>], id: NodeId| image[id.index()].unwrap_or(NodeId(0));
        for (i, node) in source.nodes.iter().enumerate().filter(|(i, _)| needed[*i]) {
            image[i] = Some(match *node {
                Node::Const(bits) => self.intern(Node::Const(bits)),
                Node::Var(j) => vars[j as usize],
                Node::Param(p) => self.param(p as usize),
                Node::Apply(op, args) => self.apply(op, args.map(|a| at(&image, a))),
                Node::Part(b, 0) => {
                    let block = source.block(b);
                    let args: Vec<NodeId> = block.args.iter().map(|a| at(&image, *a)).collect();
                    let parts = self.affine(&block.map, &args);
                    image[i..].iter_mut().zip(&parts).for_each(|(slot, part)| *slot = Some(*part));
                    parts[0]
                }
                Node::Part(..) => continue,
            });
        }
        roots.iter().map(|r| at(&image, *r)).collect()
    }

    /// For each node, whether some of `roots` needs it.
    pub fn reachable(&self, roots: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.len()];
        for root in roots {
            needed[root.index()] = true;
        }
        for i in (0..self.len()).rev() {
            match self.nodes[i] {
                Node::Apply(op, args) if needed[i] => {
                    args[..op.info().arity].iter().for_each(|a| needed[a.index()] = true);
                }
                Node::Part(b, part) if needed[i] => {
                    // One part needs the block, which its first part stands for.
                    needed[i - part as usize] = true;
                    self.blocks[b as usize].args.iter().for_each(|a| needed[a.index()] = true);
                }
                _ => {}
            }
        }
        needed
    }

    /// Whether some of `roots` needs the operation `op`.
    pub fn uses(&self, roots: &[NodeId], op: Op) -> bool {
        let needed = self.reachable(roots);
        (0..self.len()).any(|i| needed[i] && matches!(self.nodes[i], Node::Apply(found, _) if found == op))
    }
    /// The coordinates that `root` depends on, ascending.
    pub fn coordinates(&self, root: NodeId) -> Vec<usize> {
        let needed = self.reachable(&[root]);
        let mut found: Vec<usize> = (0..self.len())
            .filter(|i| needed[*i])
            .filter_map(|i| if let Node::Var(j) = self.nodes[i] { Some(j as usize) } else { None })
            .collect();
        found.sort_unstable();
        found
    }

    /// Values of `roots` at a point and a parameter by the canonical scalar functions: the reference evaluator.
    pub fn evaluate(&self, roots: &[NodeId], x: &[f64], params: &[f64]) -> Vec<f64> {
        let needed = self.reachable(roots);
        let mut values = vec![0.0; self.len()];
        for i in (0..self.len()).filter(|i| needed[*i]) {
            values[i] = match self.nodes[i] {
                Node::Const(bits) => f64::from_bits(bits),
                Node::Var(j) => x[j as usize],
                Node::Param(p) => params[p as usize],
                Node::Apply(op, args) => (op.info().value)(args.map(|a| values[a.index()])),
                Node::Part(b, 0) => {
                    let block = &self.blocks[b as usize];
                    let inputs: Vec<f64> = block.args.iter().map(|a| values[a.index()]).collect();
                    let out = block.map.apply(&inputs);
                    let end = self.len().min(i + out.len());
                    values[i..end].copy_from_slice(&out[..end - i]);
                    out[0]
                }
                Node::Part(..) => continue,
            };
        }
        roots.iter().map(|r| values[r.index()]).collect()
    }
}
