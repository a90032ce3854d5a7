//! Printing a node as a readable formula.

use super::graph::{Graph, Node, NodeId};
use super::op::Op;
use crate::num::short;

/// Longest formula that is written out; the rest becomes an ellipsis.
const LONGEST: usize = 400;

/// `root` in mathematical notation; `name` gives the name of a coordinate.
///
/// # Example
/// ```
/// use nnef::expr::{Graph, Op, formula};
/// let mut g = Graph::new();
/// let x = g.var(0);
/// let three = g.constant(3.0);
/// let y = g.mul(three, x);
/// let s = g.unary(Op::Sin, y);
/// assert_eq!(formula(&g, s, &|j| format!("x{j}")), "sin(3 x0)");
/// ```
pub fn formula(g: &Graph, root: NodeId, name: &dyn Fn(usize) -> String) -> String {
    let mut out = String::new();
    write(g, root, name, 0, 0, &mut out);
    if out.len() > LONGEST {
        let cut = (0..=LONGEST).rev().find(|i| out.is_char_boundary(*i)).unwrap_or(0);
        out.truncate(cut);
        out.push_str(" ...");
    }
    out
}

// Binding strength: 1 sum, 2 product, 3 prefix minus, 4 power and atoms.
fn write(g: &Graph, id: NodeId, name: &dyn Fn(usize) -> String, strength: u8, depth: usize, out: &mut String) {
    if out.len() > LONGEST || depth > 200 {
        return;
    }
    let mut open = |own: u8, body: &mut dyn FnMut(&mut String)| {
        if own < strength {
            out.push('(');
            body(out);
            out.push(')');
        } else {
            body(out);
        }
    };
    let d = depth + 1;
    match g.node(id) {
        Node::Const(bits) => {
            let value = f64::from_bits(bits);
            open(if value < 0.0 { 3 } else { 4 }, &mut |o| o.push_str(&short(value)));
        }
        Node::Var(j) => open(4, &mut |o| o.push_str(&name(j as usize))),
        Node::Param(i) => open(4, &mut |o| o.push_str(&format!("eta[{i}]"))),
        Node::Part(b, part) => {
            out.push_str(&format!("affine{b}[{part}]("));
            let args = &g.block(b).args;
            for (i, argument) in args.iter().enumerate().filter(|(i, _)| args.len() <= 4 || *i == 0 || i + 1 == args.len()) {
                match i {
                    0 => {}
                    _ if args.len() <= 4 => out.push_str(", "),
                    _ => out.push_str(", ..., "),
                }
                write(g, *argument, name, 0, d, out);
            }
            out.push(')');
        }
        Node::Apply(op, [a, b, c]) => match op {
            Op::Add | Op::Sub => open(1, &mut |o| {
                write(g, a, name, 1, d, o);
                o.push_str(if op == Op::Add { " + " } else { " - " });
                write(g, b, name, if op == Op::Sub { 2 } else { 1 }, d, o);
            }),
            Op::Mul if a == b => open(4, &mut |o| {
                write(g, a, name, 5, d, o);
                o.push_str("^2");
            }),
            Op::Mul => open(2, &mut |o| {
                // Numbers first, as they are read.
                let (a, b) = if g.as_constant(b).is_some() && g.as_constant(a).is_none() { (b, a) } else { (a, b) };
                write(g, a, name, 2, d, o);
                o.push(' ');
                write(g, b, name, 4, d, o);
            }),
            Op::Div => open(2, &mut |o| {
                write(g, a, name, 2, d, o);
                o.push_str(" / ");
                write(g, b, name, 4, d, o);
            }),
            Op::Neg => open(3, &mut |o| {
                o.push('-');
                write(g, a, name, 3, d, o);
            }),
            Op::Less | Op::LessEqual | Op::Equal => open(1, &mut |o| {
                write(g, a, name, 2, d, o);
                o.push_str(&format!(" {} ", op.info().name));
                write(g, b, name, 2, d, o);
            }),
            _ => {
                out.push_str(op.info().name);
                out.push('(');
                for (i, argument) in [a, b, c][..op.info().arity].iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    write(g, *argument, name, 0, d, out);
                }
                out.push(')');
            }
        },
    }
}
