//! The interaction graph: which coordinates each expression touches, and what falls apart.

use super::graph::{Graph, NodeId};

/// Which coordinates each of several expressions touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// For each expression its coordinates, ascending.
    pub touches: Vec<Vec<usize>>,
    /// Number of coordinates.
    pub dim: usize,
}

/// Coordinates that are tied together, and the expressions over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Coordinates, ascending.
    pub coordinates: Vec<usize>,
    /// Expressions, ascending.
    pub expressions: Vec<usize>,
}

impl Interaction {
    /// Of `roots` over `dim` coordinates.
    ///
    /// # Example
    /// ```
    /// use nnef::expr::{Graph, Interaction};
    /// let mut g = Graph::new();
    /// let x: Vec<_> = (0..3).map(|j| g.var(j)).collect();
    /// let pair = g.mul(x[0], x[2]);
    /// let found = Interaction::of(&g, &[pair, x[1]], 3);
    /// assert_eq!(found.components().len(), 2);
    /// assert_eq!(found.neighbours(2), [0]);
    /// ```
    pub fn of(g: &Graph, roots: &[NodeId], dim: usize) -> Interaction {
        Interaction { touches: roots.iter().map(|r| g.coordinates(*r)).collect(), dim }
    }
    /// The coordinates that share an expression with coordinate `j`, ascending, without `j`.
    pub fn neighbours(&self, j: usize) -> Vec<usize> {
        let mut found: Vec<usize> =
            self.touches.iter().filter(|t| t.contains(&j)).flatten().copied().filter(|i| *i != j).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
    /// The parts that share no expression: a density factorises over them.
    pub fn components(&self) -> Vec<Component> {
        let mut label: Vec<usize> = (0..self.dim).collect();
        for touched in &self.touches {
            let Some(least) = touched.iter().map(|j| label[*j]).min() else { continue };
            let merged: Vec<usize> = touched.iter().map(|j| label[*j]).collect();
            label.iter_mut().filter(|l| merged.contains(l)).for_each(|l| *l = least);
        }
        let mut found: Vec<Component> = Vec::new();
        for least in 0..self.dim {
            let coordinates: Vec<usize> = (0..self.dim).filter(|j| label[*j] == least).collect();
            if let Some(first) = coordinates.first() {
                let inside = |t: &Vec<usize>| t.first().is_some_and(|j| label[*j] == label[*first]);
                let expressions = (0..self.touches.len()).filter(|e| inside(&self.touches[*e])).collect();
                found.push(Component { coordinates, expressions });
            }
        }
        found
    }
}
