//! `nnef generate` and `nnef merge`.

use super::cli::{FAILED, INTERRUPTED};
use crate::config::DataJob;
use crate::data::{self, Dataset, Shard};
use crate::error::{Error, Kind, Result};
use crate::script::{Host, family_of_script};
use clap::Args;
use std::path::{Path, PathBuf};

/// What `nnef generate` takes.
#[derive(Args)]
pub(super) struct GenerateArguments {
    /// The job, a YAML file.
    #[arg(long)]
    config: PathBuf,
    /// The file to write; default data/NAME_N.safetensors.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on with what is there of the same job; the default, unless the job says otherwise.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Start anew, and write over an existing file.
    #[arg(long)]
    force: bool,
    /// Number of rows, instead of the job's.
    #[arg(long)]
    points: Option<usize>,
    /// Make only part i of N, from 1 to N, into NAME.shard-i-of-N.
    #[arg(long, value_name = "i/N")]
    shard: Option<Shard>,
}

/// Make a dataset; the exit code.
pub(super) fn run(host: &Host, arguments: GenerateArguments) -> i32 {
    report(host, make(host, arguments))
}

/// Join shards; the exit code.
pub(super) fn merge(host: &Host, out: &Path, shards: &[PathBuf], force: bool) -> i32 {
    report(host, data::merge(out, shards, force).map(|d| (d, format!("written to {}", out.display()))))
}

fn make(host: &Host, arguments: GenerateArguments) -> Result<(Dataset, String)> {
    let job = DataJob::load(&arguments.config)?;
    let family = job.family(&|script| family_of_script(host, script))?;
    let mut options = job.options();
    options.points = arguments.points.unwrap_or(options.points);
    options.resume = (options.resume || arguments.resume) && !arguments.force;
    let name = || PathBuf::from(format!("data/{}_{}.safetensors", family.name(), options.points));
    let out = arguments.out.unwrap_or_else(name);
    let out = out.to_str().ok_or_else(|| Error::file(format!("'{}' is not UTF-8", out.display())))?.to_string();
    let shard = arguments.shard;
    let path = shard.map_or_else(|| PathBuf::from(&out), |s| s.path(Path::new(&out)));
    (options.out, options.shard) = (Some(out), shard.map(Shard::numbers));
    let before = std::fs::metadata(&path).and_then(|m| m.modified()).ok();
    let data = data::generate(&family, &options, &host.monitor()).map_err(|e| job.placed(e))?;
    let untouched = before.is_some() && before == std::fs::metadata(&path).and_then(|m| m.modified()).ok();
    let end = if untouched { "was finished already (--force makes it anew)" } else { "written" };
    Ok((data, format!("{}: {end}", path.display())))
}

fn report(host: &Host, made: Result<(Dataset, String)>) -> i32 {
    let terminal = host.frontend();
    match made {
        Ok((data, end)) => {
            terminal.out(&format!("{}{end}", data.summary()));
            0
        }
        Err(e) => complain(host, &e),
    }
}

/// Say what went wrong; the exit status.
pub(super) fn complain(host: &Host, e: &Error) -> i32 {
    let hint = e.hint_text().map_or(String::new(), |h| format!("\n  hint: {h}"));
    host.frontend().err(&format!("error: {}{hint}", e.message()));
    if e.kind() == Kind::Interrupted { INTERRUPTED } else { FAILED }
}
