//! Which job rows belong to: what decides their bytes, as text that can be compared and told apart.

use super::GenerateOptions;
use super::shard::Shard;
use crate::error::{Error, Result};
use crate::family::{Family, Region};
use crate::num::checksum;
use std::collections::BTreeMap;

/// Entries of a provenance that are the same for all rows of a job, and for no other job.
const IDENTITY: [&str; 10] =
    ["family", "stat_names", "formula", FORMULA_HASH, "support", "region", REGION_BLOCKS, "options", "version", "eta_hash"];
/// The entry that tells families apart where their formulas are not written out.
const FORMULA_HASH: &str = "formula_hash";
/// The entry with the region to the bit; without it the region is told in words alone.
const REGION_BLOCKS: &str = "region_blocks";
/// The entry that says which part of a job a file holds.
pub(super) const SHARD: &str = "shard";

/// What decides the bytes of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    entries: BTreeMap<String, String>,
}

impl Job {
    /// The job of labelling `eta`, [n, k], for `family`.
    pub(super) fn new(family: &Family, eta: &[f64], options: &GenerateOptions, shard: Option<Shard>) -> Result<Job> {
        let mut entries = BTreeMap::from([
            ("family".to_string(), family.name().to_string()),
            ("stat_names".to_string(), family.stat_names().join(";")),
            ("formula".to_string(), family.formula()),
            ("support".to_string(), family.support().to_string()),
            ("options".to_string(), options.identity()?),
            ("version".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("eta_hash".to_string(), format!("{:016x}", checksum::of_floats(eta))),
        ]);
        entries.extend(family.formula_hash().map(|hash| (FORMULA_HASH.to_string(), hash)));
        if let Some(region) = family.region() {
            entries.insert("region".to_string(), region.describe());
            entries.extend(region.to_json().map(|json| (REGION_BLOCKS.to_string(), json)));
        }
        if let Some(shard) = shard {
            entries.insert(SHARD.to_string(), shard.to_string());
        }
        Ok(Job { entries })
    }
    /// The job that a provenance tells of, where it does.
    pub(super) fn of(provenance: &BTreeMap<String, String>) -> Option<Job> {
        let known = provenance.iter().filter(|(key, _)| IDENTITY.contains(&key.as_str()) || *key == SHARD);
        let entries: BTreeMap<String, String> = known.map(|(a, b)| (a.clone(), b.clone())).collect();
        entries.contains_key("eta_hash").then_some(Job { entries })
    }
    /// The same job, all of it.
    pub(super) fn whole(&self) -> Job {
        let mut entries = self.entries.clone();
        entries.remove(SHARD);
        Job { entries }
    }
    /// The entries: the part of a provenance that is known before the work.
    pub(super) fn entries(&self) -> &BTreeMap<String, String> {
        &self.entries
    }
    /// What differs between this job and `found`, in words; `None` where they are one.
    pub(super) fn difference(&self, found: &Job) -> Option<String> {
        let (mine, theirs) = (self.flat(), found.flat());
        let none = "none".to_string();
        // A hash tells a person least.
        let keys = mine.keys().chain(theirs.keys()).filter(|key| *key != "eta_hash");
        let differing = keys.into_iter().find(|key| mine.get(*key) != theirs.get(*key));
        match differing {
            Some(key) => {
                let [ours, other] = [&mine, &theirs].map(|m| m.get(key).unwrap_or(&none));
                let [ours, other] = shorten([ours, other]);
                Some(format!("{key} is {other} there and {ours} here"))
            }
            None if self == found => None,
            None => Some("the natural parameters (eta) differ".to_string()),
        }
    }
    /// The entries with every option on its own.
    fn flat(&self) -> BTreeMap<String, String> {
        let mut flat = self.entries.clone();
        let options = flat.remove("options").unwrap_or_default();
        let options: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&options).unwrap_or_default();
        flat.extend(options.into_iter().map(|(key, value)| (key, value.to_string())));
        flat
    }
}

/// The region that the rows of a provenance were drawn from, exactly; `None` where it was not saved: rows of other programs, or an
/// `eta_map` of more than 131072 nodes.
///
/// # Errors
/// An entry that is damaged.
pub fn region_of(provenance: &BTreeMap<String, String>) -> Result<Option<Region>> {
    provenance.get(REGION_BLOCKS).map(|json| Region::from_json(json)).transpose()
}

/// Two texts that differ, each in one line: whole where both are short, else the part from shortly before the first difference.
fn shorten(texts: [&str; 2]) -> [String; 2] {
    const MOST: usize = 120;
    const BEFORE: usize = 24;
    let lines: [Vec<char>; 2] = texts.map(|t| t.replace('\n', "; ").chars().collect());
    let same = lines[0].iter().zip(&lines[1]).take_while(|(a, b)| a == b).count();
    let long = lines.iter().any(|l| l.len() > MOST);
    let start = if long && same > BEFORE { same - BEFORE } else { 0 };
    lines.map(|line| {
        let part: String = line.iter().skip(start).take(MOST).collect();
        let (before, after) = (if start > 0 { "... " } else { "" }, if line.len() > start + MOST { " ..." } else { "" });
        format!("{before}{part}{after}")
    })
}

impl GenerateOptions {
    /// The options that decide the bytes of rows, as JSON.
    fn identity(&self) -> Result<String> {
        let wrong = |e: serde_json::Error| Error::file(format!("options cannot be written: {e}"));
        let mut value = serde_json::to_value(self).map_err(wrong)?;
        if let Some(map) = value.as_object_mut() {
            for key in ["out", "resume", "batch_size", "parallel_strategy", "shard"] {
                map.shift_remove(key);
            }
        }
        serde_json::to_string(&value).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::data::ParallelStrategy;
    use crate::family::named;

    fn job(options: &GenerateOptions) -> Job {
        let family = named::named("gaussian", 1).unwrap();
        Job::new(&family, &[0.0, -1.0], options, None).unwrap()
    }

    #[test]
    fn long_texts_are_shown_where_they_differ() {
        let long = |end: &str| format!("{}\n{end}{}", "a + ".repeat(50), " + b".repeat(50));
        let [one, two] = shorten([&long("sin(x)"), &long("cos(x)")]);
        assert!(one.starts_with("... ") && one.contains("+ ; sin(x)") && one.ends_with(" ..."), "{one}");
        assert!(two.contains("+ ; cos(x)") && two.chars().count() < 130, "{two}");
        // One that goes on where the other ends, and letters of several bytes.
        let [short, longer] = shorten([&"é".repeat(150), &"é".repeat(160)]);
        assert!(short.chars().count() < longer.chars().count(), "{short} {longer}");
        assert_eq!(shorten(["1", "22"]), ["1", "22"]);
    }

    /// What a long formula leaves out, and the weights of networks, tell jobs apart all the same.
    #[test]
    fn families_differ_by_all_of_their_statistics() {
        use crate::domain::Support;
        use crate::expr::{Expr, Op};
        let family = |last: f64| {
            let stats = |x: &Expr| {
                let x = x.index(0)?;
                let mut sum = x.clone();
                for i in 0..200 {
                    let number = x.number(if i == 199 { last } else { f64::from(i) });
                    sum = sum.unary(Op::Sin)?.binary(Op::Mul, &x)?.binary(Op::Add, &number)?;
                }
                // The newest part of a sum is written last.
                Ok(vec![("a".into(), sum.clone()), ("b".into(), sum.binary(Op::Mul, &x)?)])
            };
            crate::family::Family::trace("f", Support::real(1).unwrap(), stats, None).unwrap()
        };
        let of = |f: &Family| Job::new(f, &[0.0, 0.0], &GenerateOptions::default(), None).unwrap();
        let (one, two) = (family(0.25), family(0.75));
        assert!(of(&one).difference(&of(&two)).is_some());
        assert_eq!(of(&one).difference(&of(&family(0.25))), None);
    }

    #[test]
    fn what_differs_is_named() {
        let base = GenerateOptions::default();
        let same =
            GenerateOptions { batch_size: 7, parallel_strategy: ParallelStrategy::Vmap, out: Some("a".into()), ..base.clone() };
        assert_eq!(job(&base).difference(&job(&same)), None);
        let other = GenerateOptions { samples: 123, ..base.clone() };
        assert_eq!(job(&base).difference(&job(&other)).unwrap(), "samples is 123 there and 2000 here");
        let family = named::named("gamma", 1).unwrap();
        let gamma = Job::new(&family, &[0.0, -1.0], &base, None).unwrap();
        assert_eq!(job(&base).difference(&gamma).unwrap(), "family is gamma there and gaussian here");
        let moved = Job::new(&named::named("gaussian", 1).unwrap(), &[0.0, -1.5], &base, None).unwrap();
        assert!(job(&base).difference(&moved).unwrap().contains("eta"));
        assert_eq!(Job::of(job(&base).entries()), Some(job(&base)));
        assert_eq!(Job::of(&BTreeMap::new()), None);
    }
}
