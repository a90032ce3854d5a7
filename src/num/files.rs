//! Files written whole or not at all, and read with errors that say what is wrong.
//!
//! Every file that the library writes goes through [`write_atomic`]: a reader, or a run that is killed and resumed, sees
//! the old file or the new one, never half of one.

use crate::error::{Error, Result, nearest};
use memmap2::Mmap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Write `bytes` to `path`, whole or not at all; parent folders are made. See [`write_with`].
///
/// # Errors
/// As [`write_with`].
///
/// # Example
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("new/folder/a.txt");
/// nnef::num::files::write_atomic(&path, b"whole").unwrap();
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// ```
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Write what `fill` writes to `path`, whole or not at all; parent folders are made.
///
/// The bytes go to a temporary file in the same folder, are synced, and the file is renamed onto `path`; the folder is
/// synced last. An existing file keeps its permissions, a symbolic link keeps pointing (its target is replaced). On
/// failure nothing is left behind and an existing file is untouched; what a killed process leaves, [`sweep`] removes.
///
/// # Errors
/// A file error that names the path and the step: no permission, disk full, `path` a folder or a device.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let at = |step: &'static str| move |e: io::Error| failure(path, step, &e);
    let Some(name) = path.file_name() else {
        return Err(Error::file(format!("cannot write '{}': it does not name a file", path.display())));
    };
    let target = match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => fs::canonicalize(path).map_err(at("following the symbolic link"))?,
        _ => path.to_path_buf(),
    };
    let existing = fs::metadata(&target).ok();
    match &existing {
        Some(m) if m.is_dir() => {
            let error = Error::file(format!("cannot write '{}': it is a folder", path.display()));
            return Err(error.hint("give the name of a file in it"));
        }
        Some(m) if !m.is_file() => {
            return Err(Error::file(format!("cannot write '{}': it is a device or pipe, not a regular file", path.display())));
        }
        _ => {}
    }
    let folder = parent(&target);
    fs::create_dir_all(&folder).map_err(at("making its folder"))?;
    let mut builder = tempfile::Builder::new();
    let prefix = temporary_prefix(name);
    builder.prefix(&prefix).suffix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666)); // less the umask
    let mut temporary = builder.tempfile_in(&folder).map_err(at("making a temporary file beside it"))?;
    fill(temporary.as_file_mut()).map_err(at("writing"))?;
    if let Some(m) = existing {
        let permissions: Permissions = m.permissions();
        temporary.as_file().set_permissions(permissions).map_err(at("keeping its permissions"))?;
    }
    temporary.as_file().sync_all().map_err(at("syncing"))?;
    temporary.persist(&target).map_err(|e| failure(path, "renaming the temporary file", &e.error))?;
    sync_folder(&folder).map_err(at("syncing its folder"))
}

/// How the names of temporary files end.
const TEMPORARY: &str = ".tmp";

fn temporary_prefix(name: &OsStr) -> String {
    format!(".{}.", name.to_string_lossy())
}

/// Remove the temporary files that killed writers of `path` have left beside it. Only for who knows that no other writer is
/// at work; what cannot be removed stays.
pub fn sweep(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let prefix = temporary_prefix(name);
    for entry in fs::read_dir(parent(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let middle = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(TEMPORARY));
        if middle.is_some_and(|m| !m.is_empty() && m.chars().all(char::is_alphanumeric)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// All bytes of the regular file `path`.
///
/// # Errors
/// A file error that names the path: missing (with the name in that folder that is nearest), a folder, a device, no
/// permission.
///
/// # Example
/// ```
/// let e = nnef::num::files::read(std::path::Path::new("no/such/file.npz")).unwrap_err();
/// assert!(e.message().contains("no/such/file.npz"));
/// ```
pub fn read(path: &Path) -> Result<Vec<u8>> {
    check_regular(path)?;
    fs::read(path).map_err(|e| Error::file(format!("cannot read '{}': {e}", path.display())))
}

/// The regular file `path`, mapped into memory: pages are read when they are looked at.
///
/// # Errors
/// As [`read`].
pub fn map(path: &Path) -> Result<Mmap> {
    check_regular(path)?;
    // SAFETY: a map is valid as long as nobody shortens the file. This library replaces files and never rewrites them in
    // place; a stranger who does gets what he would get from any program that maps files.
    let mapped = File::open(path).and_then(|file| unsafe { Mmap::map(&file) });
    mapped.map_err(|e| Error::file(format!("cannot read '{}': {e}", path.display())))
}

fn check_regular(path: &Path) -> Result<()> {
    let found = fs::metadata(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => missing(path),
        _ => Error::file(format!("cannot read '{}': {e}", path.display())),
    })?;
    if found.is_dir() {
        return Err(Error::file(format!("cannot read '{}': it is a folder, expected a file", path.display())));
    }
    if !found.is_file() {
        return Err(Error::file(format!("cannot read '{}': it is a device or pipe, expected a regular file", path.display())));
    }
    Ok(())
}

/// Remove the file `path` where it exists.
///
/// # Errors
/// When it exists and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(failure(path, "removing the old file", &e)),
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The error of a `step` in writing `path` that failed.
pub fn failure(path: &Path, step: &str, e: &io::Error) -> Error {
    let error = Error::file(format!("cannot write '{}': {step} failed: {e}", path.display()));
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            error.hint("the disk is full: free some space or choose another folder")
        }
        ErrorKind::FileTooLarge => error.hint("a limit on the size of files is reached (ulimit -f, or the file system's)"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => error.hint("choose a folder that you may write to"),
        ErrorKind::NotADirectory => error.hint("a part of the path is a file, not a folder"),
        _ => error,
    }
}

fn missing(path: &Path) -> Error {
    let error = Error::file(format!("cannot read '{}': there is no such file", path.display()));
    let folder = parent(path);
    let Ok(entries) = fs::read_dir(&folder) else {
        return error.hint(format!("the folder '{}' does not exist or cannot be read", folder.display()));
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    let wanted = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(guess) => error.hint(format!("did you mean '{}'?", folder.join(guess).display())),
        None => error,
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder; the rename has happened.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_whole_files_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/a.bin");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["a.bin"]);
    }

    #[test]
    fn sweeps_what_killed_writers_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".d.npz.a1B2c3.tmp", ".d.npz.rows.tmp.x.tmp", ".other.a1B2c3.tmp", "d.npz", ".d.npz..tmp"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        sweep(&folder.path().join("d.npz"));
        assert_eq!(names(folder.path()), [".d.npz..tmp", ".d.npz.rows.tmp.x.tmp", ".other.a1B2c3.tmp", "d.npz"]);
        write_with(&folder.path().join("e"), |_| Err(io::Error::other("no"))).unwrap_err();
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[test]
    fn refuses_folders_and_paths_through_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomic(folder.path(), b"x").unwrap_err().message().contains("folder"));
        let file = folder.path().join("file");
        write_atomic(&file, b"x").unwrap();
        let through = write_atomic(&file.join("below"), b"x").unwrap_err();
        assert!(through.message().contains("below"), "{through}");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    #[cfg(unix)]
    fn keeps_permissions_links_and_devices() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write_atomic(&file, b"x").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write_atomic(&link, b"through the link").unwrap();
        assert_eq!(read(&file).unwrap(), b"through the link");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(write_atomic(Path::new("/dev/null"), b"x").is_err());
    }

    #[test]
    fn a_missing_file_is_named_with_its_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        write_atomic(&folder.path().join("bumpy.npz"), b"x").unwrap();
        let error = read(&folder.path().join("bunpy.npz")).unwrap_err();
        assert!(error.hint_text().unwrap().contains("bumpy.npz"), "{error}");
        assert!(read(folder.path()).unwrap_err().message().contains("folder"));
    }
}
