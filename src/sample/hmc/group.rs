//! A group of chains that run side by side: a few rows of eta with all their chains, in blocks of W lanes.
//!
//! State, step, info: [`Group::new`] places the chains, [`Group::step`] makes one transition of all of them. Each chain
//! draws from its own named streams, so its draws do not depend on its neighbours.

pub(super) mod jump;
mod start;
mod warmup;

use super::adapt::{Chees, DualAveraging};
use super::kernels::{self, Lanes};
use super::record::Record;
use crate::expr::lanes::{Aligned, Pool};
use crate::family::{Density, Family};
use crate::num::stream::Stream;
use crate::sample::stretch::{Space, Stretch};
use jump::Jumps;
use rand::Rng;
use rand_distr::StandardNormal;

/// How the chains of a group move.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Chains for each row.
    pub chains: usize,
    /// Step size: the fixed one, or where adaptation starts.
    pub step_size: f64,
    /// Leapfrogs: the fixed number, or the most that adaptation takes.
    pub integration_steps: usize,
    /// Whether steps are jittered, step size, mass and trajectory length adapted, and chains start and jump by the base.
    pub adapt: bool,
    /// Acceptance that adaptation aims at.
    pub target_accept: f64,
}

/// Width of the step jitter: uniform between 2/3 and 7/6 of the step.
const JITTER: f64 = 0.5;

struct Block {
    pool: Pool,
    momentum: Aligned,
    start: Aligned,
    gradient: Aligned,
    inverse_mass: Aligned,
    root_mass: Aligned,
    spare: Aligned,
    drift: Aligned,
    has_spare: bool,
    leapfrogs: usize,
    together: bool,
    value: Aligned,
    kinetic: Aligned,
    base_step: Aligned,
    step: Aligned,
    steps: Aligned,
    uniform: Aligned,
    acceptance: Aligned,
    diverged: Aligned,
    /// Ends of trajectories and velocities there, [m, W]: filled while `watched`.
    end: Aligned,
    velocity: Aligned,
    watched: bool,
    /// Words of the generators, [4, W]: bit patterns, read as u64 by the kernels.
    generators: Aligned,
    // Running sums of the positions in the present adaptation window.
    shift: Aligned,
    sum: Aligned,
    square: Aligned,
}

impl Block {
    fn new(density: &Density) -> Block {
        let (w, m) = (density.program().lanes(), density.free());
        let (wide, flat) = (Aligned::filled(m * w, 0.0), Aligned::filled(w, 0.0));
        Block {
            pool: density.program().pool(),
            momentum: wide.clone(),
            start: wide.clone(),
            gradient: wide.clone(),
            inverse_mass: Aligned::filled(m * w, 1.0),
            root_mass: Aligned::filled(m * w, 1.0),
            spare: flat.clone(),
            drift: wide.clone(),
            has_spare: false,
            leapfrogs: 1,
            together: true,
            value: flat.clone(),
            kinetic: flat.clone(),
            base_step: flat.clone(),
            step: flat.clone(),
            steps: flat.clone(),
            uniform: flat.clone(),
            acceptance: flat.clone(),
            diverged: flat,
            end: wide.clone(),
            velocity: wide.clone(),
            watched: false,
            generators: Aligned::filled(4 * w, 1.0),
            shift: wide.clone(),
            sum: wide.clone(),
            square: wide,
        }
    }
    fn lanes(&mut self, w: usize, m: usize, walls: bool) -> Lanes {
        Lanes {
            w,
            m,
            pool: self.pool.numbers_mut().as_mut_ptr(),
            momentum: self.momentum.as_mut_ptr(),
            start: self.start.as_mut_ptr(),
            gradient: self.gradient.as_mut_ptr(),
            inverse_mass: self.inverse_mass.as_ptr(),
            root_mass: self.root_mass.as_ptr(),
            spare: self.spare.as_mut_ptr(),
            value: self.value.as_mut_ptr(),
            kinetic: self.kinetic.as_mut_ptr(),
            step: self.step.as_mut_ptr(),
            steps: self.steps.as_ptr(),
            together: self.together,
            drift: self.drift.as_mut_ptr(),
            uniform: self.uniform.as_mut_ptr(),
            acceptance: self.acceptance.as_mut_ptr(),
            diverged: self.diverged.as_mut_ptr(),
            walls,
            end: if self.watched { self.end.as_mut_ptr() } else { std::ptr::null_mut() },
            velocity: self.velocity.as_mut_ptr(),
        }
    }
}

impl Block {
    /// Each divergence of the last transition by what it says of shorter steps: where steps are `jittered`, twice those that came
    /// from the shorter half of the jitter.
    fn lasting(&self, jittered: bool) -> Vec<f64> {
        let longest = |lane: usize| self.base_step[lane] * (1.0 - JITTER / 6.0);
        let weight = |lane: usize| match () {
            () if !jittered => 1.0,
            () if self.step[lane] < longest(lane) => 2.0,
            () => 0.0,
        };
        self.diverged.iter().enumerate().map(|(lane, d)| if *d > 0.0 { weight(lane) } else { 0.0 }).collect()
    }
}

/// Rows of eta with all their chains, running side by side.
pub struct Group<'a> {
    density: &'a Density,
    /// Where the chains move.
    space: Space,
    plan: Plan,
    rows: usize,
    blocks: Vec<Block>,
    tuners: Vec<DualAveraging>,
    lengths: Vec<Chees>,
    window: usize,
    divergences: Vec<usize>,
    lasting: Vec<f64>,
    acceptance: Vec<f64>,
    transitions: usize,
    rescue: Vec<Stream>,
    jumps: Jumps,
    /// Whether a condition cuts off the support.
    walls: bool,
}

impl<'a> Group<'a> {
    /// Number of rows that fit one group for a family and a number of chains.
    pub fn rows_that_fit(density: &Density, chains: usize) -> usize {
        (density.program().lanes() / chains.max(1)).max(1)
    }
    /// Place the chains of `rows` natural parameters `eta`, [rows, k]; `streams[r]` is the stream of row r. They start
    /// standard normal in z, or with `adapt` from the separable base where there is one.
    pub fn new(family: &'a Family, plan: Plan, eta: &[f64], streams: &[Stream]) -> Group<'a> {
        Group::within(family, Space::default(), plan, eta, streams)
    }
    /// The same in stretched coordinates, one stretch a row, where chains do not jump.
    pub(super) fn stretched(
        family: &'a Family,
        stretches: Vec<Stretch>,
        plan: Plan,
        eta: &[f64],
        streams: &[Stream],
    ) -> Group<'a> {
        Group::within(family, Space::stretched(family, stretches), plan, eta, streams)
    }
    fn within(family: &'a Family, space: Space, plan: Plan, eta: &[f64], streams: &[Stream]) -> Group<'a> {
        let density = space.density(family);
        let (rows, w, m) = (streams.len(), density.program().lanes(), density.free());
        let k = eta.len() / rows.max(1);
        let lanes = rows * plan.chains;
        let mut blocks: Vec<Block> = (0..lanes.div_ceil(w)).map(|_| Block::new(density)).collect();
        let jumps = Jumps::new(family, eta, rows, plan.adapt);
        let hoisted: Vec<Vec<f64>> =
            (0..rows).map(|r| density.program().hoist(&space.parameters(r, &eta[r * k..(r + 1) * k]))).collect();
        for global in 0..blocks.len() * w {
            // Lanes beyond the last chain repeat it, unseen.
            let chain = global.min(lanes - 1);
            let (row, number) = (chain / plan.chains, chain % plan.chains);
            let (block, lane) = (&mut blocks[global / w], global % w);
            density.program().set_hoisted(&mut block.pool, lane, &hoisted[row]);
            let mut rng = streams[row].child("start").at(number as u64).rng();
            let start = jumps.start(row, &mut rng).unwrap_or_else(|| (0..m).map(|_| rng.sample(StandardNormal)).collect());
            for (j, u) in space.of(row, start).into_iter().enumerate() {
                density.program().coordinate(&mut block.pool, j)[lane] = u;
            }
        }
        let tuners = (0..rows).map(|_| DualAveraging::new(plan.step_size, plan.target_accept)).collect();
        let stretched = space.is_stretched();
        let mut group = Group {
            density,
            space,
            plan,
            rows,
            blocks,
            tuners,
            lengths: vec![Chees::new(); rows],
            window: 0,
            divergences: vec![0; rows],
            lasting: vec![0.0; rows],
            acceptance: vec![0.0; rows],
            transitions: 0,
            rescue: streams.iter().map(|s| s.child("rescue")).collect(),
            jumps,
            walls: family.is_restricted(),
        };
        group.seed(streams, "warm-up");
        group.evaluate();
        let sought = group.start_inside(family, eta, streams);
        if stretched {
            group.jumps.give_up();
        }
        if group.plan.adapt {
            group.guess_mass(&sought);
        }
        let (step, leapfrogs) = (group.plan.step_size, group.plan.integration_steps);
        group.set_steps(|_| (step, leapfrogs));
        group
    }
    /// Move every chain to the stream `name` below its row's.
    pub fn seed(&mut self, streams: &[Stream], name: &str) {
        let (w, chains, last) = (self.width(), self.plan.chains, self.rows * self.plan.chains - 1);
        let of_lane = |global: usize| streams[global.min(last) / chains].child(name).at((global.min(last) % chains) as u64);
        self.blocks.iter_mut().for_each(|b| b.has_spare = false);
        self.jumps.seed((0..self.blocks.len() * w).map(of_lane));
        for global in 0..self.blocks.len() * w {
            for (word, s) in of_lane(global).state().iter().enumerate() {
                self.blocks[global / w].generators[word * w + global % w] = f64::from_bits(*s);
            }
        }
    }
    fn width(&self) -> usize {
        self.density.program().lanes()
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    fn evaluate(&mut self) {
        let (program, w, m) = (self.density.program(), self.width(), self.density.free());
        for block in &mut self.blocks {
            program.run(&mut block.pool, Density::VALUE_AND_GRADIENT);
            block.value.copy_from_slice(program.output(&block.pool, Density::VALUE_AND_GRADIENT, 0));
            for j in 0..m {
                block.gradient[j * w..(j + 1) * w].copy_from_slice(program.output(
                    &block.pool,
                    Density::VALUE_AND_GRADIENT,
                    j + 1,
                ));
            }
        }
    }
    /// Set step size and number of leapfrogs, row by row.
    fn set_steps(&mut self, of: impl Fn(usize) -> (f64, usize)) {
        let (w, chains) = (self.width(), self.plan.chains);
        let settings: Vec<(f64, usize)> = (0..self.rows).map(of).collect();
        for global in 0..self.blocks.len() * w {
            let row = (global / chains).min(self.rows - 1);
            let block = &mut self.blocks[global / w];
            block.base_step[global % w] = settings[row].0;
            block.steps[global % w] = settings[row].1 as f64;
        }
        for block in &mut self.blocks {
            block.leapfrogs = block.steps.iter().copied().fold(1.0, f64::max) as usize;
            block.together = block.steps.iter().all(|s| *s == block.steps[0]);
        }
    }
    /// Values of one lane array, for the chains of a row.
    fn of_row(&self, row: usize, pick: impl Fn(&Block) -> &[f64]) -> Vec<f64> {
        let w = self.width();
        (row * self.plan.chains..(row + 1) * self.plan.chains).map(|g| pick(&self.blocks[g / w])[g % w]).collect()
    }
    /// One transition of all chains.
    pub fn step(&mut self) {
        let (program, w, m) = (self.density.program(), self.width(), self.density.free());
        let (gradient, both) = (program.entry(Density::GRADIENT), program.entry(Density::VALUE_AND_GRADIENT));
        let jitter = if self.plan.adapt { JITTER } else { 0.0 };
        for block in &mut self.blocks {
            let leapfrogs = block.leapfrogs;
            let lanes = block.lanes(w, m, self.walls);
            // All arrays behind `lanes` have the lengths that the kernels ask for: see Block::new.
            unsafe {
                kernels::refresh(
                    &lanes,
                    block.generators.as_mut_ptr().cast(),
                    block.base_step.as_ptr(),
                    jitter,
                    block.has_spare,
                );
                kernels::trajectory(&lanes, gradient, both, leapfrogs);
            }
            block.has_spare = m % 2 == 1 && !block.has_spare;
        }
        self.jump();
    }
    /// One transition that counts: acceptance and divergences are noted.
    pub fn draw(&mut self) {
        self.step();
        self.transitions += 1;
        for row in 0..self.rows {
            self.acceptance[row] += self.of_row(row, |b| &b.acceptance).iter().sum::<f64>() / self.plan.chains as f64;
            let diverged = self.of_row(row, |b| &b.diverged).iter().filter(|d| **d > 0.0).count();
            if diverged > 0 {
                self.divergences[row] += diverged;
                let (w, jittered) = (self.width(), self.forgives());
                let lanes = row * self.plan.chains..(row + 1) * self.plan.chains;
                self.lasting[row] += lanes.map(|g| self.blocks[g / w].lasting(jittered)[g % w]).sum::<f64>();
            }
        }
    }
    /// Start sums of the positions z from here.
    pub fn open_window(&mut self) {
        let size = self.density.free() * self.width();
        for block in &mut self.blocks {
            block.shift.copy_from_slice(&block.pool.numbers()[..size]);
            block.sum.fill(0.0);
            block.square.fill(0.0);
        }
        self.window = 0;
    }
    /// Add the present positions to the sums.
    pub fn watch(&mut self) {
        let (w, m) = (self.width(), self.density.free());
        let offsets: Vec<u32> = (0..m).map(|j| (j * w) as u32).collect();
        self.window += 1;
        for block in &mut self.blocks {
            // Offsets of the coordinates lie in the pool; the sums are [m, W].
            unsafe {
                kernels::accumulate(
                    block.pool.numbers().as_ptr(),
                    w,
                    &offsets,
                    block.shift.as_ptr(),
                    block.sum.as_mut_ptr(),
                    block.square.as_mut_ptr(),
                );
            }
        }
    }
    /// Mean of z_j^2 over the window, all chains and coordinates, since the window was opened.
    pub fn window_mean_square(&self) -> f64 {
        let (w, m, n) = (self.width(), self.density.free(), self.window.max(1) as f64);
        let lanes = self.rows * self.plan.chains;
        let mut total = 0.0;
        for global in 0..lanes {
            let block = &self.blocks[global / w];
            for j in 0..m {
                let at = j * w + global % w;
                let shift = block.shift[at];
                total += block.square[at] / n + 2.0 * shift * block.sum[at] / n + shift * shift;
            }
        }
        total / (lanes * m) as f64
    }
    /// Outputs of an entry of the density for the present positions, appended chain by chain: for each row and chain
    /// `outputs` numbers go to `sink(row, chain, values)`.
    pub fn read(&mut self, entry: usize, outputs: usize, sink: &mut dyn FnMut(usize, usize, &[f64])) {
        let (program, w) = (self.density.program(), self.width());
        let mut values = vec![0.0; outputs];
        for (b, block) in self.blocks.iter_mut().enumerate() {
            program.run(&mut block.pool, entry);
            for lane in 0..w {
                let global = b * w + lane;
                if global >= self.rows * self.plan.chains {
                    break;
                }
                for (i, value) in values.iter_mut().enumerate() {
                    *value = program.output(&block.pool, entry, i)[lane];
                }
                sink(global / self.plan.chains, global % self.plan.chains, &values);
            }
        }
    }
    /// Take the distinct statistics of the present positions, and how the last transition went, into `record`.
    pub(super) fn record(&mut self, record: &mut Record) {
        let (program, jittered) = (self.density.program(), self.forgives());
        for b in 0..self.blocks.len() {
            let probes = if record.has_controls() { self.probes(b) } else { vec![] };
            let block = &mut self.blocks[b];
            record.take_controls(b, program.point(&mut block.pool), &block.value, &probes);
            program.run(&mut block.pool, Density::STATISTICS);
            let offsets = &program.entry(Density::STATISTICS).outputs;
            record.take(b, block.pool.numbers(), offsets, &block.acceptance, &block.diverged);
            if block.diverged.iter().any(|d| *d > 0.0) {
                record.take_lasting(b, &block.lasting(jittered));
            }
        }
        record.next();
    }
    /// Present positions, for each block [m, W].
    pub(super) fn positions(&self) -> Vec<&[f64]> {
        let size = self.density.free() * self.width();
        self.blocks.iter().map(|b| &b.pool.numbers()[..size]).collect()
    }
    /// Append the present values of coordinate `j` of the chains of a row to `out`.
    pub(super) fn coordinate(&self, row: usize, j: usize, out: &mut Vec<f64>) {
        let w = self.width();
        let lane = |g: usize| self.blocks[g / w].pool.numbers()[j * w + g % w];
        out.extend((row * self.plan.chains..(row + 1) * self.plan.chains).map(lane));
    }
    /// Whether the chains of a row started by a base in which every coordinate follows its own terms.
    pub(super) fn had_base(&self, row: usize) -> bool {
        self.jumps.had_base(row)
    }
    /// Whether some chain of a row stands where the density is zero.
    pub(super) fn outside(&self, row: usize) -> bool {
        self.of_row(row, |b| &b.value).contains(&f64::NEG_INFINITY)
    }
    /// Whether the last transition of each chain of a row diverged.
    pub(super) fn diverged(&self, row: usize) -> Vec<bool> {
        self.of_row(row, |b| &b.diverged).iter().map(|d| *d > 0.0).collect()
    }
    /// The density that the chains see.
    pub(super) fn density(&self) -> &'a Density {
        self.density
    }
    /// Whether coordinates are stretched.
    pub(super) fn is_stretched(&self) -> bool {
        self.space.is_stretched()
    }
    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }
    /// Mean acceptance of the counted transitions of a row.
    pub fn acceptance(&self, row: usize) -> f64 {
        self.acceptance[row] / self.transitions.max(1) as f64
    }
    /// Gradients that the transitions of a row took since the chains were last seeded, over all its chains; a jump takes one.
    pub fn gradients(&self, row: usize) -> usize {
        self.transitions * self.plan.chains * self.settings(row).1 + self.jumps.tried(row)
    }
    /// Divergent trajectories among the counted transitions of a row.
    pub fn divergences(&self, row: usize) -> usize {
        self.divergences[row]
    }
    /// Whether divergences that a slightly shorter step cures do no harm. Where coordinates are stretched they say how narrow a
    /// tail is.
    fn forgives(&self) -> bool {
        self.plan.adapt && !self.is_stretched()
    }
    /// Divergent trajectories of a row among as many, had all steps been from the shorter half of their jitter: those that a
    /// slightly shorter step cures do no harm.
    pub(super) fn lasting(&self, row: usize) -> f64 {
        self.lasting[row]
    }
    /// Step size and number of leapfrogs of a row.
    pub fn settings(&self, row: usize) -> (f64, usize) {
        (self.of_row(row, |b| &b.base_step)[0], self.of_row(row, |b| &b.steps)[0] as usize)
    }
}
