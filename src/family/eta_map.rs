//! A region of eta given by parameters of its own: eta is a traced function of them.

use crate::error::{Error, Result};
use crate::expr::{Graph, Node, NodeId, Program, formula, jacobian};
use crate::num::linalg::{cholesky, cholesky_solve};

/// eta, `[k]`, as a function of parameters, `[m]`.
#[derive(Debug)]
pub struct EtaMap {
    program: Program,
    parameters: usize,
    outputs: usize,
    text: String,
    /// The traced map, where it is not too large to be saved.
    saved: Option<String>,
}

/// Entries of the program.
const VALUE: usize = 0;
const JACOBIAN: usize = 1;
/// Steps of the inversion, and the largest residual, relative to eta, that counts as none.
const STEPS: usize = 60;
const RESIDUAL: f64 = 1e-9;

impl PartialEq for EtaMap {
    fn eq(&self, other: &Self) -> bool {
        (self.parameters, &self.text, &self.saved) == (other.parameters, &other.text, &other.saved)
    }
}

impl EtaMap {
    /// The map with the nodes `outputs` over `parameters` coordinates of `graph`.
    ///
    /// # Errors
    /// When there are no parameters or no outputs.
    pub fn new(graph: &Graph, parameters: usize, outputs: &[NodeId]) -> Result<EtaMap> {
        if parameters == 0 || outputs.is_empty() {
            return Err(Error::shape("eta_map needs parameters with ranges, and statistics to give"));
        }
        let mut g = graph.clone();
        let slopes = jacobian(&mut g, outputs, parameters);
        let program = Program::compile(&g, parameters, &[outputs, &slopes]);
        let lines: Vec<String> = outputs.iter().map(|o| formula(graph, *o, &|j| format!("p[{j}]"))).collect();
        let saved = graph.to_json(outputs);
        Ok(EtaMap { program, parameters, outputs: outputs.len(), text: lines.join(", "), saved })
    }
    /// The traced map as JSON; `None` where it is too large to be saved: see [`Graph::to_json`].
    pub(super) fn to_json(&self) -> Option<&str> {
        self.saved.as_deref()
    }
    /// The map over `parameters` coordinates that [`EtaMap::to_json`] wrote.
    ///
    /// # Errors
    /// Text that is damaged, or of a map of other parameters.
    pub(super) fn from_json(text: &str, parameters: usize) -> Result<EtaMap> {
        let (graph, outputs) = Graph::from_json(text)?;
        let variable = |i: usize| if let Node::Var(j) = graph.node(graph.id(i)) { Some(j as usize) } else { None };
        if let Some(j) = (0..graph.len()).filter_map(variable).find(|j| *j >= parameters) {
            return Err(Error::file(format!("the saved map takes p[{j}], the ranges are of {parameters} parameters")));
        }
        EtaMap::new(&graph, parameters, &outputs)
    }
    /// Number of components of eta.
    pub(super) fn dim(&self) -> usize {
        self.outputs
    }
    /// The formulas, for people.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
    /// eta, [n, k], of parameters [n, m].
    pub(super) fn apply(&self, parameters: &[f64]) -> Vec<f64> {
        self.program.evaluate(VALUE, parameters, &[])
    }
    /// Parameters, `[m]`, that give `eta`, found from `start` by the method of Levenberg and Marquardt.
    pub(super) fn invert(&self, eta: &[f64], start: &[f64]) -> Option<Vec<f64>> {
        let (m, k) = (self.parameters, self.outputs);
        let scale = eta.iter().fold(1.0f64, |s, e| s.max(e.abs()));
        let residual = |p: &[f64]| -> Vec<f64> { self.apply(p).iter().zip(eta).map(|(a, b)| (a - b) / scale).collect() };
        let size = |r: &[f64]| r.iter().map(|v| v * v).sum::<f64>();
        let (mut p, mut damping) = (start.to_vec(), 1e-3);
        let mut r = residual(&p);
        for _ in 0..STEPS {
            let slopes = self.program.evaluate(JACOBIAN, &p, &[]);
            let at = |i: usize, j: usize| slopes[i * m + j] / scale;
            let mut normal = vec![0.0; m * m];
            for a in 0..m {
                for b in 0..m {
                    normal[a * m + b] = (0..k).map(|i| at(i, a) * at(i, b)).sum();
                }
                normal[a * m + a] *= 1.0 + damping;
                normal[a * m + a] += 1e-300;
            }
            let descent: Vec<f64> = (0..m).map(|j| -(0..k).map(|i| at(i, j) * r[i]).sum::<f64>()).collect();
            let step = cholesky(&normal, m).map(|l| cholesky_solve(&l, m, &descent))?;
            let next: Vec<f64> = p.iter().zip(&step).map(|(p, s)| p + s).collect();
            let found = residual(&next);
            if size(&found) < size(&r) {
                (p, r, damping) = (next, found, damping * 0.1);
            } else if damping > 1e12 {
                break;
            } else {
                damping *= 10.0;
            }
        }
        r.iter().all(|v| v.abs() <= RESIDUAL).then_some(p)
    }
}
