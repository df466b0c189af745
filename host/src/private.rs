//! Folders and files for their owner alone.
//!
//! A state folder holds secrets and compiled code. What the host makes is private whatever the umask
//! says; a store's file is made private even if it exists and is not. A folder that exists is left as
//! it is, since it may be one that others use too, such as `/tmp`; the operator is warned if others
//! can write to it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::log;

/// What SQLite puts beside its file. It gives them the file's permissions when it makes them.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Makes `directory`, with those that it is in, unless it exists.
pub fn make_directory(directory: &Path) -> Result<()> {
    let cannot = || format!("cannot make the directory {}", directory.display());
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directory(parent)?;
    }
    match std::fs::create_dir(directory) {
        Ok(()) => set_mode(directory, 0o700).with_context(cannot),
        // Another process made it in between.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error).with_context(cannot),
    }
}

/// Warns the operator if others can write to `directory`.
pub fn warn_of_writers(directory: &Path) {
    if others_can_write(directory) {
        log::line(format_args!(
            "warning: other users can write to {}, which holds secrets and the code that runs: chmod go-w",
            directory.display()
        ));
    }
}

/// Whether group or others can write to `directory`.
pub fn others_can_write(directory: &Path) -> bool {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    mode(directory).is_some_and(|mode| mode & 0o022 != 0)
}

/// Makes the file of a SQLite database private, and makes the file if there is none.
pub fn make_database(path: &Path) -> Result<()> {
    let cannot = || format!("cannot make the store {} private", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot open the store {}", path.display()))?;
    set_mode(path, 0o600).with_context(cannot)?;
    for companion in companions(path) {
        match set_mode(&companion, 0o600) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(cannot),
            _ => {}
        }
    }
    Ok(())
}

fn companions(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    COMPANIONS.into_iter().map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(path.metadata().ok()?.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// Sets the permissions of `path`, unless they are that already: then it may belong to another user.
#[cfg(unix)]
fn set_mode(path: &Path, wanted: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = path.metadata()?.permissions();
    if permissions.mode() & 0o777 == wanted {
        return Ok(());
    }
    permissions.set_mode(wanted);
    std::fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn set_mode(path: &Path, _: u32) -> std::io::Result<()> {
    path.metadata().map(drop)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "unwrapping in a test is how a test fails")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn permissions(path: &Path) -> u32 {
        mode(path).unwrap() & 0o777
    }

    fn allow(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn directories_are_their_owners_and_those_that_exist_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        allow(directory.path(), 0o755);
        let deep = directory.path().join("a/b");
        make_directory(&deep).unwrap();
        assert_eq!((permissions(&deep), permissions(&directory.path().join("a"))), (0o700, 0o700));
        allow(&deep, 0o777);
        make_directory(&deep).unwrap();
        assert_eq!(permissions(&deep), 0o777);
        assert_eq!(permissions(directory.path()), 0o755);
    }

    #[test]
    fn writers_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        for (mode, expected) in [(0o700, false), (0o755, false), (0o775, true), (0o707, true), (0o1777, true)]
        {
            allow(directory.path(), mode);
            assert_eq!(others_can_write(directory.path()), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_database_becomes_private_with_its_companions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        make_database(&path).unwrap();
        assert_eq!(permissions(&path), 0o600);
        std::fs::write(&path, "kept").unwrap();
        let wal = directory.path().join("store.db-wal");
        std::fs::write(&wal, "").unwrap();
        allow(&path, 0o666);
        allow(&wal, 0o644);
        make_database(&path).unwrap();
        assert_eq!((permissions(&path), permissions(&wal)), (0o600, 0o600));
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
}
