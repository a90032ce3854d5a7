//! Leading homogeneous parts of nodes of several coordinates: h + O(s^low) along x_j = s^(w_j) v_j, uniformly in v.

use super::coupled::edges;
use super::form::{Form, Kind};
use super::place::reach;
use super::range::{Range, ranges};
use super::series::LOG_DEGREE;
use crate::domain::Axis;
use crate::expr::{Graph, Node, NodeId, Op, Program};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Degrees nearer than this are the same.
pub(super) const SAME_DEGREE: f64 = 1e-9;

/// A node as h + O(s^low): h and its degree.
#[derive(Debug, Clone, Copy)]
struct Lead {
    h: Option<(NodeId, f64)>,
    low: f64,
}

impl Lead {
    fn low(low: f64) -> Option<Lead> {
        Some(Lead { h: None, low })
    }
    fn degree(&self) -> f64 {
        self.h.map_or(self.low, |h| h.1.max(self.low))
    }
    fn made(h: Option<(NodeId, f64)>, low: f64) -> Option<Lead> {
        let h = h.filter(|h| h.1 > low + SAME_DEGREE);
        Some(Lead { h, low })
    }
}

/// What a coupled piece is far out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    /// Output of the program and degree, where there is a leading part.
    pub output: Option<(usize, f64)>,
    pub low: f64,
}

/// Edges of the pieces in which functions are linear, where they are.
type Edges = Option<Arc<Vec<Vec<f64>>>>;

/// The leading parts of the coupled nodes of a form with given weights.
pub(super) struct Leads {
    pub far: HashMap<usize, Option<Far>>,
    program: Option<Program>,
    graph: Graph,
    nodes: Vec<NodeId>,
    /// Edges of the pieces in which the leading parts are linear, over the members asked for.
    edges: Mutex<HashMap<Vec<usize>, Edges>>,
}

impl Leads {
    pub fn new(form: &Form, weights: &[f64]) -> Leads {
        let wanted: Vec<(usize, NodeId)> = form
            .pieces
            .iter()
            .enumerate()
            .filter(|(_, p)| p.coordinates.len() > 1)
            .filter_map(|(i, p)| if let Kind::Node(id) = p.kind { Some((i, id)) } else { None })
            .collect();
        if wanted.is_empty() {
            return Leads { far: HashMap::new(), program: None, graph: Graph::new(), nodes: vec![], edges: Mutex::default() };
        }
        let roots: Vec<NodeId> = wanted.iter().map(|w| w.1).collect();
        let mut h = Graph::new();
        let lead = leads(form, weights, &roots, &mut h);
        let mut nodes: Vec<NodeId> = Vec::new();
        let far = wanted
            .iter()
            .zip(lead)
            .map(|((i, _), lead)| {
                let far = lead.map(|l| Far {
                    low: l.low,
                    output: l.h.map(|(node, degree)| {
                        nodes.push(node);
                        (nodes.len() - 1, degree)
                    }),
                });
                (*i, far)
            })
            .collect();
        let program = (!nodes.is_empty()).then(|| Program::compile(&h, form.axes.len(), &[&nodes]));
        Leads { far, program, graph: h, nodes, edges: Mutex::default() }
    }
    /// Leading parts at points [n, d]; [n, outputs].
    pub fn evaluate(&self, points: &[f64]) -> Vec<f64> {
        self.program.as_ref().map_or(vec![], |p| p.evaluate(0, points, &[]))
    }
    pub fn outputs(&self) -> usize {
        self.nodes.len()
    }
    /// See [`edges`], in `d` coordinates.
    pub fn edges(&self, d: usize, members: &[usize]) -> Edges {
        let mut known = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(members.to_vec()).or_insert_with(|| edges(&self.graph, &self.nodes, d, members).map(Arc::new)).clone()
    }
    /// The leading parts as nodes of another graph, at the coordinates `x`.
    pub fn nodes_in(&self, g: &mut Graph, x: &[NodeId]) -> Vec<NodeId> {
        g.import(&self.graph, &self.nodes, x)
    }
}

fn leads(form: &Form, weights: &[f64], roots: &[NodeId], out: &mut Graph) -> Vec<Option<Lead>> {
    let g = &form.graph;
    let (range, regular) = ranges(g, &form.axes);
    let needed = g.reachable(roots);
    let compact: Vec<bool> = form.axes.iter().map(|a| reach(*a) == [false, false]).collect();
    // Nodes of compact coordinates alone, and every node's image under the identity.
    let mut found: Vec<Option<Lead>> = vec![None; g.len()];
    let mut bounded_in: Vec<bool> = vec![true; g.len()];
    for i in (0..g.len()).filter(|i| needed[*i]) {
        let node = g.node(g.id(i));
        let r = range[i];
        let mut lead = match node {
            Node::Const(bits) => {
                let c = f64::from_bits(bits);
                Lead::made(Some((out.constant(c), 0.0)), f64::NEG_INFINITY).filter(|_| c.is_finite())
            }
            Node::Param(_) => None,
            Node::Var(j) => {
                let j = j as usize;
                bounded_in[i] = compact[j];
                let v = out.var(j);
                Some(Lead { h: Some((v, if compact[j] { 0.0 } else { weights[j] })), low: f64::NEG_INFINITY })
            }
            Node::Apply(op, args) => {
                let args_of = &args[..op.info().arity];
                bounded_in[i] = args_of.iter().all(|a| bounded_in[a.index()]);
                let at = |k: usize| found[args[k].index()];
                if bounded_in[i] && regular[i] && r.is_finite() && args_of.iter().all(|a| exact(found[a.index()])) {
                    let nodes: Vec<NodeId> = (0..3).filter_map(|k| at(k).and_then(|l| l.h).map(|h| h.0)).collect();
                    match nodes[..] {
                        [a, b, c] => Some(Lead { h: Some((out.apply(op, [a, b, c]), 0.0)), low: f64::NEG_INFINITY }),
                        _ => None,
                    }
                } else {
                    apply(out, op, [at(0), at(1), at(2)], args.map(|a| range[a.index()]), g.as_constant(args[1]))
                }
            }
            Node::Part(b, part) => {
                let block = g.block(b);
                bounded_in[i] = block.args.iter().all(|a| bounded_in[a.index()]);
                let width = block.map.inputs();
                let row = &block.map.weight()[part as usize * width..(part as usize + 1) * width];
                let bias = Lead::made(Some((out.constant(block.map.bias()[part as usize]), 0.0)), f64::NEG_INFINITY);
                row.iter().zip(block.args.iter()).filter(|(w, _)| **w != 0.0).fold(bias, |sum, (w, a)| {
                    let l = found[a.index()]?;
                    let w = out.constant(*w);
                    let h = l.h.map(|(n, p)| (out.mul(w, n), p));
                    add(out, sum?, Lead { h, low: l.low })
                })
            }
        };
        if lead.is_none() && regular[i] && r.is_finite() {
            lead = Lead::low(0.0);
        }
        found[i] = lead;
    }
    roots.iter().map(|r| found[r.index()]).collect()
}

fn exact(lead: Option<Lead>) -> bool {
    lead.is_some_and(|l| l.h.is_some() && l.low == f64::NEG_INFINITY)
}

fn add(out: &mut Graph, a: Lead, b: Lead) -> Option<Lead> {
    let low = a.low.max(b.low);
    match (a.h, b.h) {
        (Some((x, p)), Some((y, q))) if (p - q).abs() <= SAME_DEGREE => Lead::made(Some((out.add(x, y), p)), low),
        (Some(x), Some(y)) => {
            let (x, y) = if x.1 > y.1 { (x, y) } else { (y, x) };
            Lead::made(Some(x), low.max(y.1))
        }
        (x, y) => Lead::made(x.or(y), low),
    }
}

fn apply(
    out: &mut Graph,
    op: Op,
    [a, b, _]: [Option<Lead>; 3],
    [ra, rb, _]: [Range; 3],
    exponent: Option<f64>,
) -> Option<Lead> {
    let map = |out: &mut Graph, l: Lead, op: Op, power: f64| {
        let h = l.h.map(|(n, p)| (out.unary(op, n), p * power));
        Lead::made(h, l.low * power)
    };
    let log = |l: Lead| Lead::low(if l.degree() > 0.0 { LOG_DEGREE } else { 0.0 });
    match op {
        Op::Add => add(out, a?, b?),
        Op::Sub => {
            let b = map(out, b?, Op::Neg, 1.0)?;
            add(out, a?, b)
        }
        Op::Neg | Op::Abs => map(out, a?, op, 1.0),
        Op::Cbrt => map(out, a?, op, 1.0 / 3.0),
        Op::Sqrt if ra.low >= 0.0 => map(out, a?, op, 0.5),
        Op::Mul => {
            let (a, b) = (a?, b?);
            let product =
                |p: f64, q: f64| if p == f64::NEG_INFINITY || q == f64::NEG_INFINITY { f64::NEG_INFINITY } else { p + q };
            let low = product(a.degree(), b.low).max(product(a.low, b.degree()));
            let h = a.h.zip(b.h).map(|(x, y)| (out.mul(x.0, y.0), x.1 + y.1));
            Lead::made(h, low)
        }
        Op::Div => match exponent {
            Some(c) => {
                let c = out.constant(1.0 / c);
                let a = a?;
                Lead::made(a.h.map(|(n, p)| (out.mul(c, n), p)), a.low)
            }
            None if rb.low > 0.0 || rb.high < 0.0 => Lead::low(a?.degree().max(0.0)),
            None => None,
        },
        Op::Pow => {
            let (c, a) = (exponent.filter(|c| *c > 0.0 && ra.low >= 0.0)?, a?);
            let low = if c >= 1.0 && a.low > f64::NEG_INFINITY { a.low + (c - 1.0) * a.degree() } else { a.low * c };
            let exponent = out.constant(c);
            Lead::made(a.h.map(|(n, p)| (out.pow(n, exponent), p * c)), low)
        }
        Op::Relu | Op::Softplus => {
            let l = map(out, a?, Op::Relu, 1.0)?;
            let low = if op == Op::Softplus { l.low.max(0.0) } else { l.low };
            Lead::made(l.h, low)
        }
        Op::Min | Op::Max => {
            let (a, b) = (a?, b?);
            let zero = out.constant(0.0);
            let (p, q) = (a.h.map_or(f64::NEG_INFINITY, |h| h.1), b.h.map_or(f64::NEG_INFINITY, |h| h.1));
            let top = p.max(q);
            let mut low = a.low.max(b.low);
            let mut pick = |h: Option<(NodeId, f64)>| match h {
                Some((n, p)) if (p - top).abs() <= SAME_DEGREE => n,
                Some((_, p)) => {
                    low = low.max(p);
                    zero
                }
                None => zero,
            };
            let (x, y) = (pick(a.h), pick(b.h));
            if top == f64::NEG_INFINITY {
                return Lead::low(low);
            }
            let h = out.apply(op, [x, y, y]);
            Lead::made(Some((h, top)), low)
        }
        Op::Floor => {
            let a = a?;
            Lead::made(a.h, a.low.max(0.0))
        }
        Op::Log if ra.low > 0.0 => log(a?),
        Op::Log1p if ra.low > -1.0 => log(a?),
        Op::Sin | Op::Cos | Op::Asin | Op::Acos | Op::Tanh | Op::Sigmoid | Op::Erf | Op::Erfc | Op::Atan | Op::Atan2 => {
            Lead::low(0.0)
        }
        Op::Sign | Op::Less | Op::LessEqual | Op::Equal | Op::And | Op::Or | Op::Not => Lead::low(0.0),
        _ => None,
    }
}

/// Whether the sign of leading nodes on the given axes is known: used by tests of definiteness.
pub(super) fn directions(axes: &[Axis]) -> Vec<[f64; 2]> {
    axes.iter()
        .map(|a| match (*a, reach(*a)) {
            (_, [true, true]) => [-1.0, 1.0],
            (_, [false, true]) => [0.0, 1.0],
            (_, [true, false]) => [-1.0, 0.0],
            (a, _) => a.ends().map_or([0.0, 0.0], |(x, y)| [x, y]),
        })
        .collect()
}
