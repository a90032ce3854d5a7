//! Graphs as text: what is traced outlives the program.
//!
//! JSON with the nodes in evaluation order, each number to the bit; a node names its arguments by their position. A loaded
//! graph is the saved one, not simplified anew, so that it gives the same values to the bit.

use super::affine::Affine;
use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Most nodes and weights that are saved: a few MB of text.
const MOST: usize = 1 << 17;

/// Nodes, and which of them are the roots.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    nodes: Vec<Entry>,
    roots: Vec<usize>,
}

/// One node, or the outputs of an affine map, which follow each other.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// A finite number.
    Number(f64),
    /// Any other number, by its bits.
    Bits(u64),
    /// A coordinate of the point.
    Var(u32),
    /// An operation on nodes.
    Apply(String, Vec<usize>),
    /// y = W x + b of nodes.
    Affine { x: Vec<usize>, w: Vec<f64>, b: Vec<f64> },
}

impl Graph {
    /// `roots` and all they are made of as JSON; `None` for a graph with natural parameters, or of more than 131072 nodes and
    /// weights.
    ///
    /// # Example
    /// ```
    /// use nnef::expr::{Graph, Op};
    /// let mut g = Graph::new();
    /// let x = g.var(0);
    /// let y = g.unary(Op::Exp, x);
    /// let (loaded, roots) = Graph::from_json(&g.to_json(&[y]).unwrap()).unwrap();
    /// assert_eq!(loaded.evaluate(&roots, &[0.3], &[]), [0.3f64.exp()]);
    /// ```
    pub fn to_json(&self, roots: &[NodeId]) -> Option<String> {
        self.to_text(roots, MOST)
    }
    /// As [`Graph::to_json`], of at most `most` nodes and weights.
    pub(crate) fn to_text(&self, roots: &[NodeId], most: usize) -> Option<String> {
        let used = self.reachable(roots);
        let (mut nodes, mut place) = (Vec::new(), vec![0; self.len()]);
        let (mut count, mut size) = (0, 0_usize);
        for i in (0..self.len()).filter(|i| used[*i]) {
            let (entry, outputs, numbers) = match self.node(self.id(i)) {
                Node::Const(bits) if f64::from_bits(bits).is_finite() => (Entry::Number(f64::from_bits(bits)), 1, 1),
                Node::Const(bits) => (Entry::Bits(bits), 1, 1),
                Node::Var(j) => (Entry::Var(j), 1, 1),
                Node::Param(_) => return None,
                Node::Apply(op, args) => {
                    let args = args[..op.info().arity].iter().map(|a| place[a.index()]).collect();
                    (Entry::Apply(op.info().name.to_string(), args), 1, 1)
                }
                // The first part stands for the map.
                Node::Part(b, 0) => {
                    let (map, args) = (&self.block(b).map, &self.block(b).args);
                    let x = args.iter().map(|a| place[a.index()]).collect();
                    let numbers = map.weight().len() + map.outputs();
                    (Entry::Affine { x, w: map.weight().to_vec(), b: map.bias().to_vec() }, map.outputs(), numbers)
                }
                Node::Part(_, part) => {
                    place[i] = place[i - part as usize] + part as usize;
                    continue;
                }
            };
            place[i] = count;
            (count, size) = (count + outputs, size + numbers);
            nodes.push(entry);
            if size > most {
                return None;
            }
        }
        let roots = roots.iter().map(|r| place[r.index()]).collect();
        serde_json::to_string(&Saved { nodes, roots }).ok()
    }
    /// The graph and the roots that [`Graph::to_json`] wrote.
    ///
    /// # Errors
    /// Text that no graph would write: other JSON, an unknown operation, an argument that does not come before its node.
    pub fn from_json(text: &str) -> Result<(Graph, Vec<NodeId>)> {
        let wrong = |what: String| Error::file(format!("a saved expression is damaged: {what}"));
        let saved: Saved = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let (mut g, mut made): (Graph, Vec<NodeId>) = (Graph::new(), Vec::new());
        for entry in saved.nodes {
            let at = |i: &usize| {
                let text = || wrong(format!("node {} is an argument of node {}", i, made.len()));
                made.get(*i).copied().ok_or_else(text)
            };
            match entry {
                Entry::Number(value) => made.push(g.intern(Node::Const(value.to_bits()))),
                Entry::Bits(bits) => made.push(g.intern(Node::Const(bits))),
                Entry::Var(j) => made.push(g.intern(Node::Var(j))),
                Entry::Apply(name, args) => {
                    let op = Op::named(&name).ok_or_else(|| wrong(format!("there is no operation '{name}'")))?;
                    let arity = op.info().arity;
                    if args.len() != arity {
                        return Err(wrong(format!("{name} has {} arguments, it takes {arity}", args.len())));
                    }
                    let args: Vec<NodeId> = args.iter().map(at).collect::<Result<_>>()?;
                    // Arguments that an operation does not have repeat its last.
                    let args = [0, 1, 2].map(|i: usize| args[i.min(arity - 1)]);
                    made.push(g.intern(Node::Apply(op, args)));
                }
                Entry::Affine { x, w, b } => {
                    let args: Vec<NodeId> = x.iter().map(at).collect::<Result<_>>()?;
                    let map = Affine::new(w, b, args.len()).map_err(|e| wrong(e.message().to_string()))?;
                    made.extend(g.affine(&map, &args));
                }
            }
        }
        let root = |i: &usize| made.get(*i).copied().ok_or_else(|| wrong(format!("node {i} is a root, of {}", made.len())));
        let roots = saved.roots.iter().map(root).collect::<Result<_>>()?;
        Ok((g, roots))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// Every operation, a number that JSON has not, and two affine maps of which one is used in part only.
    fn everything() -> (Graph, Vec<NodeId>) {
        let mut g = Graph::new();
        let x = [g.var(0), g.var(1), g.var(2)];
        let third = g.constant(1.0 / 3.0);
        let infinite = g.constant(f64::NEG_INFINITY);
        let mut roots: Vec<NodeId> = super::super::op::TABLE.iter().map(|i| g.apply(i.op, x)).collect();
        let first = Affine::new(vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6], vec![1e-17, 7.0], 3).unwrap();
        let hidden = g.affine(&first, &[x[0], third, x[2]]);
        let second = Affine::new(vec![0.7, -0.7], vec![1.0], 2).unwrap();
        roots.extend(g.affine(&second, &[hidden[1], x[1]]));
        roots.push(g.apply(Op::Select, [roots[0], infinite, third]));
        (g, roots)
    }

    #[test]
    fn a_graph_comes_back_to_the_bit() {
        let (g, roots) = everything();
        let text = g.to_json(&roots).unwrap();
        let (loaded, again) = Graph::from_json(&text).unwrap();
        for x in [[0.3, 0.7, 0.2], [-1.5, 2.5, 0.0]] {
            let bits = |v: Vec<f64>| v.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(loaded.evaluate(&again, &x, &[])), bits(g.evaluate(&roots, &x, &[])));
        }
        assert_eq!(loaded.to_json(&again).unwrap(), text);
    }

    #[test]
    fn what_is_damaged_or_cannot_be_saved_is_said() {
        for (text, said) in [
            ("{}", "missing field"),
            (r#"{"nodes":[{"apply":["exq",[0]]}],"roots":[0]}"#, "no operation 'exq'"),
            (r#"{"nodes":[{"apply":["exp",[0]]}],"roots":[0]}"#, "node 0 is an argument of node 0"),
            (r#"{"nodes":[{"var":0},{"apply":["atan2",[0]]}],"roots":[1]}"#, "1 arguments"),
            (r#"{"nodes":[{"var":0}],"roots":[1]}"#, "a root"),
            (r#"{"nodes":[{"var":0},{"affine":{"x":[0],"w":[1,2],"b":[1]}}],"roots":[1]}"#, "weights"),
        ] {
            let error = Graph::from_json(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        let mut g = Graph::new();
        let eta = g.param(0);
        assert_eq!(g.to_json(&[eta]), None);
    }
}
