//! Moments of rows of eta: sampled in blocks until the error is small enough, and again where a gate fails.

use super::controlled::{self, Controlled};
use super::gate;
use super::record::{Record, RowSummary};
use super::watch::Watch;
use super::{Group, HmcOptions, check_continuous, check_inside, check_moved};
use crate::error::Result;
use crate::family::{Family, Moments};
use crate::num::observe::Monitor;
use crate::num::stream::Stream;
use crate::sample::stretch::{Sight, Stretch};

/// A row that fails a gate is sampled again, with so many times the draws and the warm-up, at most so often.
const LONGER: usize = 4;
/// The same where it fails because trajectories diverge: its steps are shorter, and each draw costs more.
const CAREFULLY: usize = 2;
const RETRIES: usize = 2;
/// Towards `target_mcse` a run doubles at most so often.
const DOUBLINGS: usize = 6;

/// One row of a call: its eta, number in the dataset and stream, and how its coordinates are stretched.
#[derive(Clone)]
struct Row<'a> {
    eta: &'a [f64],
    number: usize,
    stream: Stream,
    stretch: Option<Stretch>,
}

/// What came of a row.
struct Outcome {
    summary: RowSummary,
    gate: &'static str,
    /// How to stretch it, where its tails may be long.
    stretch: Option<Stretch>,
}

impl Outcome {
    /// Whether to sample the row for the `attempt`-th time again as it is: one that failed a gate, but not that of long tails,
    /// which no longer chain comes to the end of. What looked like one may have been a chain astray, once.
    fn is_worth_another(&self, attempt: usize) -> bool {
        !["", "tails"].contains(&self.gate) && (attempt == 1 || !self.summary.long_tails)
    }
}

/// Moments of the rows `eta`, [n, k], which have the numbers `first`, `first` + 1, ... in their dataset. The rows of one
/// call run side by side in one group: see [`Group::rows_that_fit`]. Rows that may have long tails are sampled again in
/// stretched coordinates, those that fail a gate for longer; with `adapt: false` none is.
pub(in crate::sample) fn moments(
    family: &Family,
    eta: &[f64],
    first: usize,
    options: &HmcOptions,
    monitor: &Monitor,
) -> Result<Moments> {
    check_continuous(family, "hmc")?;
    let k = family.dim();
    let of = |(r, eta)| Row { eta, number: first + r, stream: options.stream(first + r), stretch: None };
    let mut rows: Vec<Row> = eta.chunks(k).enumerate().map(of).collect();
    let mut outcomes = run(family, &rows, options, 1, monitor)?;
    if options.adapt {
        for (row, outcome) in rows.iter_mut().zip(&mut outcomes) {
            row.stretch = outcome.stretch.take();
        }
        let long: Vec<usize> = (0..rows.len()).filter(|r| rows[*r].stretch.is_some()).collect();
        let again: Vec<Row> =
            long.iter().map(|r| Row { stream: rows[*r].stream.child("stretched"), ..rows[*r].clone() }).collect();
        if !again.is_empty() {
            let found = run(family, &again, &options.careful(1), 1, monitor)?;
            long.into_iter().zip(found).for_each(|(r, outcome)| outcomes[r] = outcome);
        }
    }
    for attempt in 1..=if options.adapt { RETRIES } else { 0 } {
        let again: Vec<usize> = (0..rows.len()).filter(|r| outcomes[*r].is_worth_another(attempt)).collect();
        let retry = |r: &usize| Row { stream: rows[*r].stream.child("retry").at(attempt as u64), ..rows[*r].clone() };
        let longer = LONGER.pow(attempt as u32);
        if again.is_empty() || options.samples.saturating_mul(longer) > super::MOST_SAMPLES {
            break;
        }
        let careful = options.careful(attempt);
        let kind = |r: &usize| (outcomes[*r].gate == "divergences", rows[*r].stretch.is_some());
        let sets = [(false, false), (false, true), (true, false), (true, true)]
            .map(|k| (k.0, again.iter().copied().filter(|r| kind(r) == k).collect::<Vec<usize>>()));
        for (diverged, members) in sets.into_iter().filter(|(_, members)| !members.is_empty()) {
            let (options, longer) = if diverged { (&careful, CAREFULLY.pow(attempt as u32)) } else { (options, longer) };
            let found = run(family, &members.iter().map(retry).collect::<Vec<_>>(), options, longer, monitor)?;
            members.into_iter().zip(found).for_each(|(r, outcome)| outcomes[r] = outcome);
        }
    }
    let mut out = Moments { cov_tt: Some(Vec::with_capacity(rows.len() * k * k)), ..Moments::default() };
    for (row, outcome) in rows.iter().zip(&outcomes) {
        check_moved(&outcome.summary.each, outcome.summary.acceptance, row.number)?;
        append(&mut out, family.density().unique(), outcome);
    }
    Ok(out)
}

/// Sample rows side by side, all stretched or none, with `longer` times the draws and warm-up of the options, and on until each
/// has reached its target.
fn run(family: &Family, rows: &[Row], options: &HmcOptions, longer: usize, monitor: &Monitor) -> Result<Vec<Outcome>> {
    let streams: Vec<Stream> = rows.iter().map(|r| r.stream).collect();
    let eta: Vec<f64> = rows.iter().flat_map(|r| r.eta).copied().collect();
    let mut group = match rows.iter().map(|r| r.stretch.clone()).collect::<Option<Vec<Stretch>>>() {
        Some(stretches) => Group::stretched(family, stretches, options.plan(), &eta, &streams),
        None => Group::new(family, options.plan(), &eta, &streams),
    };
    group.warm_up(options.warmup * longer, monitor);
    monitor.check()?;
    check_inside(&group, |row| rows[row].number)?;
    group.seed(&streams, "sample");
    let mut sampled: Vec<Option<RowSummary>> = rows.iter().map(|_| None).collect();
    let mut stretches = vec![None; rows.len()];
    let mut done = vec![0; rows.len()];
    let mut draws = options.draws_per_chain() * longer;
    for _ in 0..=options.target_mcse.map_or(0, |_| DOUBLINGS) {
        let (record, sights) = block(family, rows, options, &mut group, draws, monitor)?;
        for (row, sight) in sights.into_iter().enumerate() {
            let finished = |s: &RowSummary| options.target_mcse.is_none_or(|t| gate::reached(s, t));
            // What a row gets does not depend on how long its neighbours go on.
            if sampled[row].as_ref().is_some_and(finished) {
                continue;
            }
            let new = RowSummary { stretched: group.is_stretched(), long_tails: sight.long, ..record.summary(row) };
            stretches[row] = sight.stretch.or(stretches[row].take());
            sampled[row] = Some(match sampled[row].take() {
                Some(old) => old.join(done[row], new, draws),
                None => new,
            });
            done[row] += draws;
        }
        if sampled.iter().flatten().all(|s| options.target_mcse.is_none_or(|t| gate::reached(s, t))) {
            break;
        }
        draws = done.iter().copied().max().unwrap_or(draws);
    }
    let judge = |((summary, done), stretch): ((RowSummary, usize), Option<Stretch>)| {
        let gate = gate::failed(&summary, done * options.chains, options.chains, options.target_mcse);
        Outcome { summary, gate, stretch }
    };
    Ok(sampled.into_iter().flatten().zip(done).zip(stretches).map(judge).collect())
}

/// `draws` more draws of each chain, what they say, and what was seen of the tails of each row.
fn block<'a>(
    family: &'a Family,
    rows: &[Row],
    options: &HmcOptions,
    group: &mut Group,
    draws: usize,
    monitor: &Monitor,
) -> Result<(Record<'a>, Vec<Sight>)> {
    let (density, chains) = (group.density(), options.chains);
    let controlled = options.control_variates && chains >= controlled::FEWEST_CHAINS && !group.is_stretched();
    let stein = family.stein().filter(|_| controlled);
    let eta: Vec<&[f64]> = rows.iter().map(|r| r.eta).collect();
    let controls = stein.map(|s| Controlled::new(s, density.distinct(), chains, &eta, &group.positions()));
    let (lanes, blocks) = (density.program().lanes(), group.blocks());
    let mut record = Record::new(density.distinct(), draws, chains, lanes, blocks).with_controls(controls);
    let mut watch = Watch::new(family, group, draws);
    for i in 0..draws {
        monitor.check()?;
        group.step();
        group.record(&mut record);
        watch.look(i, group);
    }
    Ok((record, watch.sights()))
}

/// Append one row; `unique` says which distinct statistic each flattened one is.
fn append(out: &mut Moments, unique: &[usize], outcome: &Outcome) {
    let row = &outcome.summary;
    let (each, distinct) = (&row.each, row.each.len());
    out.mu_t.extend(unique.iter().map(|u| each[*u].mean));
    out.mcse.extend(unique.iter().map(|u| each[*u].mcse()));
    out.ess.push(each.iter().map(|s| s.ess).fold(f64::INFINITY, f64::min));
    out.rhat.push(each.iter().map(|s| s.rhat).fold(1.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) }));
    out.divergences.push(row.divergences);
    out.method.push("hmc");
    out.gate.push(outcome.gate);
    if let Some(all) = &mut out.cov_tt {
        unique.iter().for_each(|i| all.extend(unique.iter().map(|j| row.cov[i * distinct + j])));
    }
}
