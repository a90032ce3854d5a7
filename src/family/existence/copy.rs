//! Copies of a graph in which some nodes are replaced.

use crate::expr::{Graph, Node, NodeId};

/// `roots` of `source` in `g`; where `replace` gives a node, it stands for the one of `source`. It is told the copy of
/// the arguments.
pub(in crate::family) fn copy(
    source: &Graph,
    g: &mut Graph,
    roots: &[NodeId],
    mut replace: impl FnMut(NodeId, &mut Graph, &dyn Fn(NodeId) -> NodeId) -> Option<NodeId>,
) -> Vec<NodeId> {
    let needed = source.reachable(roots);
    let mut image: Vec<Option<NodeId>> = vec![None; source.len()];
    for id in (0..source.len()).filter(|i| needed[*i]).map(|i| source.id(i)) {
        let at = |id: NodeId| image.get(id.index()).copied().flatten().unwrap_or(NodeId(0));
        let made = replace(id, g, &at).unwrap_or_else(|| match source.node(id) {
            Node::Const(bits) => g.constant(f64::from_bits(bits)),
            Node::Var(k) => g.var(k as usize),
            Node::Param(p) => g.param(p as usize),
            Node::Apply(op, args) => {
                let args = args.map(at);
                g.apply(op, args)
            }
            Node::Part(b, part) => {
                let block = source.block(b);
                let args: Vec<NodeId> = block.args.iter().map(|a| at(*a)).collect();
                g.affine(&block.map, &args)[part as usize]
            }
        });
        image[id.index()] = Some(made);
    }
    roots.iter().map(|r| image[r.index()].unwrap_or(NodeId(0))).collect()
}
