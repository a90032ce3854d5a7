//! Families from script files, for jobs that name one.

use super::{Failure, Host, Session};
use crate::error::{Error, Result};
use crate::family::Family;
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// The family that is the last value of the script at `path`, run in a session of its own on `host`.
///
/// # Errors
/// What fails in the script, with its place; a last value that is no family; a script of a job that runs such a job.
///
/// # Example
/// ```no_run
/// # fn show(host: &nnef::script::Host) -> nnef::error::Result<()> {
/// let family = nnef::script::family_of_script(host, std::path::Path::new("families/bumpy.rhai"))?;
/// # Ok(()) }
/// ```
pub fn family_of_script(host: &Host, path: &Path) -> Result<Arc<Family>> {
    if RUNNING.replace(true) {
        return Err(Error::name("the script of a job runs another job with a script").hint("define the family there"));
    }
    let found = run(host, path);
    RUNNING.set(false);
    found
}

fn run(host: &Host, path: &Path) -> Result<Arc<Family>> {
    let mut session = Session::new(host.clone());
    // The text of a failure holds its place and its hint.
    let failed = |f: Box<Failure>| Error::new(f.kind, f.to_string().trim_start_matches("error: "));
    let value = session.run_file(path).map_err(failed)?;
    drop(session);
    let kind = value.type_name().to_string();
    let family = value.try_cast::<Arc<Family>>();
    family.ok_or_else(|| {
        Error::domain(format!("the last value of '{}' is no family but {kind}", path.display()))
            .hint("end the script with family(#{ ... }) or the variable that holds it")
    })
}
