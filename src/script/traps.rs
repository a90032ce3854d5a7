//! What a syntax tree shows of a closure before it is traced: `switch` compares by hash and would silently take `_` on a
//! traced value, so a closure that reaches one is refused.

use rhai::{AST, ASTNode, Expr, Position, Stmt};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Default)]
struct Facts {
    switch: Option<Position>,
    calls: Vec<String>,
}

/// What is known of the functions of a session, by name; shared with the verbs that trace closures.
#[derive(Debug, Clone, Default)]
pub(super) struct Functions {
    facts: Arc<Mutex<HashMap<String, Facts>>>,
}

impl Functions {
    /// Note the functions and closures of a piece of code.
    pub(super) fn note(&self, ast: &AST) {
        let names: Vec<String> = ast.iter_functions().map(|f| f.name.to_string()).collect();
        for name in names {
            let mut found = Facts::default();
            let only = ast.clone_functions_only_filtered(|_, _, _, n, _| n == name);
            only.walk(&mut |path: &[ASTNode]| {
                match path.last() {
                    Some(ASTNode::Stmt(Stmt::Switch(_, position))) => found.switch = found.switch.or(Some(*position)),
                    Some(
                        ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)),
                    ) => {
                        found.calls.push(call.name.to_string());
                    }
                    _ => {}
                }
                true
            });
            self.facts.lock().unwrap_or_else(PoisonError::into_inner).insert(name, found);
        }
    }
    /// Where the function `name`, or one that it calls, has a `switch`.
    pub(super) fn switch_in(&self, name: &str) -> Option<Position> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut seen, mut stack) = (HashSet::new(), vec![name.to_string()]);
        while let Some(name) = stack.pop() {
            let Some(found) = facts.get(&name).filter(|_| seen.insert(name.clone())) else { continue };
            if found.switch.is_some() {
                return found.switch;
            }
            stack.extend(found.calls.iter().cloned());
        }
        None
    }
}
