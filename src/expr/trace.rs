//! Tracing: [`Expr`] records what a closure does to its arguments.
//!
//! A closure T(x) runs once on traced values and leaves an expression graph; from then on no interpreter runs. An
//! `Expr` is a scalar or an array of graph nodes; operations are element by element between equal shapes, or with a
//! scalar. Errors name both shapes.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use crate::error::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A traced scalar (shape []) or array: nodes of a shared graph. Cheap to clone.
#[derive(Clone)]
pub struct Expr {
    graph: Arc<Mutex<Graph>>,
    shape: Vec<usize>,
    nodes: Arc<[NodeId]>,
    /// Whether a minus sign stands before it.
    negated: bool,
}

/// One trace: the graph that a closure fills.
#[derive(Clone, Default)]
pub struct Trace {
    graph: Arc<Mutex<Graph>>,
}

impl Trace {
    /// An empty trace.
    pub fn new() -> Self {
        Self::default()
    }
    /// The point, as an array of `shape` whose entries are the coordinates from `first` on.
    pub fn point(&self, shape: &[usize], first: usize) -> Expr {
        let size = shape.iter().product();
        let nodes = (0..size).map(|j| self.lock().var(first + j)).collect();
        self.wrap(shape.to_vec(), nodes)
    }
    /// Numbers, as an array of `shape`.
    pub fn numbers(&self, shape: &[usize], values: &[f64]) -> Expr {
        let nodes = values.iter().map(|v| self.lock().constant(*v)).collect();
        self.wrap(shape.to_vec(), nodes)
    }
    /// Nodes of this trace's graph as an array.
    pub fn wrap(&self, shape: Vec<usize>, nodes: Vec<NodeId>) -> Expr {
        Expr { graph: self.graph.clone(), shape, nodes: nodes.into(), negated: false }
    }
    /// A copy of the graph as it stands.
    pub fn graph(&self) -> Graph {
        self.lock().clone()
    }
    /// Work on the graph itself.
    pub fn with<R>(&self, f: impl FnOnce(&mut Graph) -> R) -> R {
        f(&mut self.lock())
    }
    /// Whether `value` was made in this trace.
    pub fn owns(&self, value: &Expr) -> bool {
        Arc::ptr_eq(&self.graph, &value.graph)
    }
    fn lock(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a reduction combines entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Sum of the entries.
    Sum,
    /// Product of the entries.
    Prod,
    /// Arithmetic mean.
    Mean,
    /// Smallest entry.
    Min,
    /// Largest entry.
    Max,
    /// Euclidean norm.
    Norm,
    /// log(sum(exp)).
    LogSumExp,
}

impl Expr {
    /// Shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// The nodes, row-major.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }
    /// Whether the value is a scalar.
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }
    /// The trace that this value belongs to.
    pub fn trace(&self) -> Trace {
        Trace { graph: self.graph.clone() }
    }
    /// The value as formulas, one an entry.
    pub fn formulas(&self) -> Vec<String> {
        let graph = self.lock();
        self.nodes.iter().map(|n| super::formula::formula(&graph, *n, &|j| format!("x[{j}]"))).collect()
    }
    /// Whether every entry is a comparison or a combination of comparisons.
    pub fn is_condition(&self) -> bool {
        let graph = self.lock();
        let logical = |n: &NodeId| {
            matches!(graph.node(*n), Node::Apply(Op::Less | Op::LessEqual | Op::Equal | Op::And | Op::Or | Op::Not, _))
        };
        !self.nodes.is_empty() && self.nodes.iter().all(logical)
    }
    fn lock(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn make(&self, shape: Vec<usize>, build: impl FnOnce(&mut Graph) -> Vec<NodeId>) -> Result<Expr> {
        let mut graph = self.lock();
        let nodes = build(&mut graph);
        if graph.is_full() {
            return Err(Error::trace(format!("the traced closure builds more than {} operations", super::graph::NODE_LIMIT))
                .hint("write sums and products over arrays with sum, dot and matmul, or use fewer statistics"));
        }
        drop(graph);
        Ok(Expr { graph: self.graph.clone(), shape, nodes: nodes.into(), negated: false })
    }
    /// A number in the same trace.
    pub fn number(&self, value: f64) -> Expr {
        self.trace().numbers(&[], &[value])
    }
    pub(super) fn same_trace(&self, other: &Expr) -> Result<()> {
        if Arc::ptr_eq(&self.graph, &other.graph) {
            return Ok(());
        }
        Err(Error::trace("these traced values belong to two different closures")
            .hint("use only the closure's own arguments and plain numbers"))
    }
    fn broadcast(&self, other: &Expr, what: &str) -> Result<Vec<usize>> {
        self.same_trace(other)?;
        match () {
            () if self.shape == other.shape || other.is_scalar() => Ok(self.shape.clone()),
            () if self.is_scalar() => Ok(other.shape.clone()),
            () => Err(Error::shape(format!("shapes {:?} and {:?} do not fit in {what}", self.shape, other.shape))
                .hint("operations are element by element between equal shapes, or with a single number")),
        }
    }
    fn entry(&self, i: usize) -> NodeId {
        if self.is_scalar() { self.nodes[0] } else { self.nodes[i] }
    }
    /// Apply a unary operation to each entry.
    ///
    /// # Errors
    /// When an entry is a number outside the domain of `op`, or the graph is full.
    pub fn unary(&self, op: Op) -> Result<Expr> {
        let result = self.make(self.shape.clone(), |g| self.nodes.iter().map(|n| g.unary(op, *n)).collect())?;
        self.check_domain(op, &[self], &result)?;
        Ok(Expr { negated: op == Op::Neg, ..result })
    }
    /// Apply a binary operation entry by entry.
    ///
    /// # Errors
    /// When the shapes differ and neither is a scalar, the values belong to different traces, or a number lies outside
    /// the domain of `op`.
    pub fn binary(&self, op: Op, other: &Expr) -> Result<Expr> {
        let name = op.info().name;
        let shape = self.broadcast(other, name)?;
        let size = shape.iter().product();
        if op == Op::Pow {
            self.refuse_power_of_negation(other)?;
        }
        let result =
            self.make(shape, |g| (0..size).map(|i| g.apply(op, [self.entry(i), other.entry(i), other.entry(i)])).collect())?;
        self.check_domain(op, &[self, other], &result)?;
        Ok(result)
    }
    /// The entries, as a vector, through an affine map: one vector operation.
    ///
    /// # Errors
    /// When the number of entries is not the map's number of inputs, or the graph is full.
    pub fn affine(&self, map: &Arc<super::Affine>) -> Result<Expr> {
        if self.len() != map.inputs() {
            return Err(Error::shape(format!(
                "{} traced values of shape {:?} go into a network of {} inputs",
                self.len(),
                self.shape,
                map.inputs()
            )));
        }
        self.make(vec![map.outputs()], |g| g.affine(map, &self.nodes))
    }
    fn refuse_power_of_negation(&self, exponent: &Expr) -> Result<()> {
        let even = exponent.is_scalar() && self.lock().as_constant(exponent.nodes[0]).is_some_and(|e| e % 2.0 == 0.0);
        if even && self.negated {
            return Err(Error::trace(
                "an even power of a negation: '-a ** 2' means (-a) ** 2, which is a ** 2, also where a is in parentheses",
            )
            .hint("write -(a ** 2) for the negative square, or a ** 2"));
        }
        Ok(())
    }
    fn check_domain(&self, op: Op, arguments: &[&Expr], result: &Expr) -> Result<()> {
        let graph = self.lock();
        for (i, node) in result.nodes.iter().enumerate() {
            let Some(value) = graph.as_constant(*node) else { continue };
            let inputs: Vec<f64> = arguments.iter().filter_map(|a| graph.as_constant(a.entry(i))).collect();
            if !value.is_finite() && inputs.len() == arguments.len() && inputs.iter().all(|v| v.is_finite()) {
                let info = op.info();
                return Err(Error::domain(format!(
                    "{} of {inputs:?} is {value}; it is defined for: {}",
                    info.name, info.domain
                )));
            }
        }
        Ok(())
    }
    /// `a` where this condition holds, else `b`.
    ///
    /// # Errors
    /// When the three shapes do not fit.
    pub fn select(&self, a: &Expr, b: &Expr) -> Result<Expr> {
        self.same_trace(a)?;
        let inner = a.broadcast(b, "select")?;
        let shape = if inner.is_empty() { self.shape.clone() } else { inner };
        if !self.is_scalar() && self.shape != shape {
            return Err(Error::shape(format!(
                "condition of shape {:?} and values of shape {shape:?} do not fit in select",
                self.shape
            )));
        }
        let size = shape.iter().product();
        self.make(shape, |g| (0..size).map(|i| g.apply(Op::Select, [self.entry(i), a.entry(i), b.entry(i)])).collect())
    }
    /// Combine all entries into one.
    ///
    /// # Errors
    /// For the smallest or largest of no entries.
    pub fn reduce(&self, how: Reduce) -> Result<Expr> {
        if self.is_empty() && !matches!(how, Reduce::Sum | Reduce::Prod) {
            return Err(Error::shape("a reduction of an empty array"));
        }
        let count = self.len() as f64;
        self.make(vec![], |g| {
            let n = &self.nodes;
            vec![match how {
                Reduce::Sum => g.sum(n),
                Reduce::Mean => {
                    let (s, c) = (g.sum(n), g.constant(count));
                    g.div(s, c)
                }
                Reduce::Prod => {
                    let one = g.constant(1.0);
                    n.iter().fold(one, |p, t| g.mul(p, *t))
                }
                Reduce::Min => n[1..].iter().fold(n[0], |p, t| g.apply(Op::Min, [p, *t, *t])),
                Reduce::Max => n[1..].iter().fold(n[0], |p, t| g.apply(Op::Max, [p, *t, *t])),
                Reduce::Norm => {
                    let squares: Vec<NodeId> = n.iter().map(|t| g.mul(*t, *t)).collect();
                    let s = g.sum(&squares);
                    g.unary(Op::Sqrt, s)
                }
                Reduce::LogSumExp => {
                    let top = n[1..].iter().fold(n[0], |p, t| g.apply(Op::Max, [p, *t, *t]));
                    let terms: Vec<NodeId> = n
                        .iter()
                        .map(|t| {
                            let d = g.sub(*t, top);
                            g.unary(Op::Exp, d)
                        })
                        .collect();
                    let s = g.sum(&terms);
                    let l = g.unary(Op::Log, s);
                    g.add(top, l)
                }
            }]
        })
    }
    /// Sum of products of the entries of two vectors of equal length.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn dot(&self, other: &Expr) -> Result<Expr> {
        self.same_trace(other)?;
        if self.shape != other.shape {
            return Err(Error::shape(format!("dot of shapes {:?} and {:?}: they must be equal", self.shape, other.shape)));
        }
        self.make(vec![], |g| vec![dot(g, &self.nodes, &other.nodes)])
    }
    /// All products x_i y_j, of shape [n, m].
    ///
    /// # Errors
    /// When an argument is not a vector.
    pub fn outer(&self, other: &Expr) -> Result<Expr> {
        self.same_trace(other)?;
        let ([n], [m]) = (self.shape(), other.shape()) else {
            return Err(Error::shape(format!("outer of shapes {:?} and {:?}: both must be vectors", self.shape, other.shape)));
        };
        if n.saturating_mul(*m) > super::graph::NODE_LIMIT {
            return Err(Error::trace(format!(
                "outer of {n} and {m} entries builds more than {} operations",
                super::graph::NODE_LIMIT
            )));
        }
        self.make(vec![*n, *m], |g| {
            self.nodes
                .iter()
                .flat_map(|a| other.nodes.iter().map(|b| (*a, *b)).collect::<Vec<_>>())
                .map(|(a, b)| g.mul(a, b))
                .collect()
        })
    }
    /// Entry `i` of the first axis: a scalar of a vector, a row of a matrix; negative counts from the end.
    ///
    /// # Errors
    /// When the index is out of range or the value is a scalar.
    pub fn index(&self, i: i64) -> Result<Expr> {
        let Some((&n, rest)) = self.shape.split_first() else {
            return Err(Error::shape("a traced scalar has no entries")
                .hint("every support hands the closure an array: x[0], and sums of it are scalars"));
        };
        let at = if i < 0 { i + n as i64 } else { i };
        if at < 0 || at >= n as i64 {
            return Err(Error::shape(format!("index {i} out of range for length {n}"))
                .hint(format!("indices run from 0 to {}", n.saturating_sub(1))));
        }
        let width: usize = rest.iter().product();
        let at = at as usize * width;
        self.make(rest.to_vec(), |_| self.nodes[at..at + width].to_vec())
    }
    /// Entries `from..to` of the first axis.
    ///
    /// # Errors
    /// When the range leaves the array.
    pub fn slice(&self, from: usize, to: usize) -> Result<Expr> {
        match self.shape.split_first() {
            Some((&n, rest)) if from <= to && to <= n => {
                let width: usize = rest.iter().product();
                let mut shape = self.shape.clone();
                shape[0] = to - from;
                self.make(shape, |_| self.nodes[from * width..to * width].to_vec())
            }
            _ => Err(Error::shape(format!("range {from}..{to} leaves an array of shape {:?}", self.shape))),
        }
    }
    /// The same entries in another shape.
    ///
    /// # Errors
    /// When the number of entries differs.
    pub fn reshape(&self, shape: &[usize]) -> Result<Expr> {
        if shape.iter().product::<usize>() != self.len() {
            return Err(Error::shape(format!(
                "reshape of {:?} to {shape:?}: {} entries cannot be {}",
                self.shape,
                self.len(),
                shape.iter().product::<usize>()
            )));
        }
        self.make(shape.to_vec(), |_| self.nodes.to_vec())
    }
    /// Join arrays end to end along the first axis; scalars count as vectors of one.
    ///
    /// # Errors
    /// For no parts, parts of different traces, or rows of different shape.
    pub fn concat(parts: &[Expr]) -> Result<Expr> {
        let Some(first) = parts.first() else { return Err(Error::shape("concat of nothing")) };
        let rest = first.shape.get(1..).unwrap_or(&[]).to_vec();
        let mut rows = 0;
        for part in parts {
            first.same_trace(part)?;
            if part.shape.get(1..).unwrap_or(&[]) != rest {
                return Err(Error::shape(format!(
                    "concat of shapes {:?} and {:?}: all axes but the first must be equal",
                    first.shape, part.shape
                )));
            }
            rows += part.shape.first().copied().unwrap_or(1);
        }
        let shape = std::iter::once(rows).chain(rest).collect();
        first.make(shape, |_| parts.iter().flat_map(|p| p.nodes.iter().copied()).collect())
    }
    /// Stack equal shapes along a new first axis: scalars become a vector.
    ///
    /// # Errors
    /// For no parts, parts of different traces, or different shapes.
    pub fn stack(parts: &[Expr]) -> Result<Expr> {
        let Some(first) = parts.first() else { return Err(Error::shape("an empty array among traced values")) };
        for part in parts {
            first.same_trace(part)?;
            if part.shape != first.shape {
                return Err(Error::shape(format!(
                    "entries of shapes {:?} and {:?} cannot stand in one array",
                    first.shape, part.shape
                )));
            }
        }
        let shape = std::iter::once(parts.len()).chain(first.shape.iter().copied()).collect();
        first.make(shape, |_| parts.iter().flat_map(|p| p.nodes.iter().copied()).collect())
    }
    /// Running sums of a vector.
    ///
    /// # Errors
    /// When the value is not a vector.
    pub fn cumsum(&self) -> Result<Expr> {
        let [n] = self.shape() else {
            return Err(Error::shape(format!("cumsum of shape {:?}: a vector is needed", self.shape)));
        };
        self.make(vec![*n], |g| {
            let mut sum = g.constant(0.0);
            self.nodes
                .iter()
                .map(|t| {
                    sum = g.add(sum, *t);
                    sum
                })
                .collect()
        })
    }
}

impl IntoIterator for Expr {
    type Item = Expr;
    type IntoIter = std::vec::IntoIter<Expr>;
    /// The entries along the first axis; a scalar gives itself.
    fn into_iter(self) -> Self::IntoIter {
        let n = self.shape.first().copied();
        let parts: Vec<Expr> = match n {
            Some(n) => (0..n as i64).filter_map(|i| self.index(i).ok()).collect(),
            None => vec![self],
        };
        parts.into_iter()
    }
}

pub(super) fn dot(g: &mut Graph, a: &[NodeId], b: &[NodeId]) -> NodeId {
    let zero = g.constant(0.0);
    a.iter().zip(b).fold(zero, |sum, (x, y)| {
        let product = g.mul(*x, *y);
        g.add(sum, product)
    })
}
