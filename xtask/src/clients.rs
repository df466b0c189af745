//! What the real clients need on this machine: Node and Python, their packages, and a browser.

use crate::command::{Program, find_program, root, target_dir};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The oldest Node that the clients run on.
const NODE: u32 = 20;

/// Where the clients' tests are.
pub(crate) fn dir() -> PathBuf {
    root().join("tests").join("clients")
}

/// Where the official conformance suite is installed, with a Node that is new enough for it.
pub(crate) fn conformance_dir() -> PathBuf {
    root().join("tests").join("conformance")
}

/// Why Node or npm cannot be used, if that is so.
pub(crate) fn node_fault() -> Option<String> {
    let version = Program::new("node").args(["--version"]).output().unwrap_or_default();
    let version = version.trim();
    if version.is_empty() {
        return Some(format!("Node is missing; install {NODE} or newer from https://nodejs.org"));
    }
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE) {
        return Some(format!("Node {version} is too old; install {NODE} or newer from https://nodejs.org"));
    }
    find_program("npm")
        .is_none()
        .then(|| "npm is missing; it comes with Node (https://nodejs.org)".to_owned())
}

/// Installs exactly what `package-lock.json` in a folder says, unless that is there already.
pub(crate) fn install_packages(dir: &Path) -> Result<()> {
    let wanted = dir.join("package-lock.json");
    let wanted = std::fs::read(&wanted).with_context(|| format!("no {}", wanted.display()))?;
    // What was installed, to the letter: the times of files tell nothing after a merge or a checkout.
    let mark = dir.join("node_modules/.installed-package-lock.json");
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let npm = find_program("npm").context("npm is missing")?;
    Program::new(npm).args(["ci", "--no-fund", "--no-audit"]).in_dir(dir).run()?;
    std::fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// How to get Python.
pub(crate) const PYTHON_ADVICE: &str =
    "Python is missing; install 3.10 or newer from https://www.python.org, on Debian python3-venv";

/// The Python on this machine.
pub(crate) fn find_python() -> Option<PathBuf> {
    find_program("python3").or_else(|| find_program("python"))
}

/// A Python with the packages that its clients need, in an environment of its own.
pub(crate) fn python() -> Result<PathBuf> {
    python_with(&dir().join("requirements.txt"), &target_dir().join("python"))
}

/// A Python with exactly what a file says, in this environment of its own.
pub(crate) fn python_with(requirements: &Path, environment: &Path) -> Result<PathBuf> {
    let bin = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let (python, mark) = (bin.join("python"), environment.join("installed.txt"));
    let text = std::fs::read(requirements).with_context(|| format!("no {}", requirements.display()))?;
    if std::fs::read(&mark).is_ok_and(|installed| installed == text) {
        return Ok(python);
    }
    let make = || -> Result<String> {
        let system = find_python().context(PYTHON_ADVICE)?;
        Program::new(system).args(["-m", "venv", "--clear"]).args([environment]).output()
    };
    if let Err(error) = make() {
        if !may_install() {
            return Err(error);
        }
        install_debian_package("python3-venv")?;
        make()?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    Program::new(&python).args(install).args([requirements]).run()?;
    std::fs::write(mark, text)?;
    Ok(python)
}

/// The browser on this machine, wherever it is usually put.
pub(crate) fn find_browser() -> Option<PathBuf> {
    if let Some(browser) = std::env::var_os("CHROMIUM").filter(|browser| !browser.is_empty()) {
        return Some(browser.into());
    }
    let on_path = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let elsewhere = [
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    on_path
        .iter()
        .find_map(|name| find_program(name))
        .or_else(|| elsewhere.iter().map(PathBuf::from).find(|file| file.is_file()))
}

/// The browser, installed if this is a Debian and we may.
pub(crate) fn browser() -> Result<PathBuf> {
    if let Some(browser) = find_browser() {
        return Ok(browser);
    }
    if !may_install() {
        bail!("no Chromium found; install it, or set CHROMIUM to the file of one");
    }
    install_debian_package("chromium")?;
    find_browser().context("Debian's chromium was installed and is not to be found")
}

/// Installs a package of Debian's.
pub(crate) fn install_debian_package(name: &str) -> Result<()> {
    println!("Installing {name}");
    // Nothing that comes with a package is to be started.
    let apt = || Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    apt().args(["-qq", "update"]).run()?;
    apt().args(["-qq", "install", "-y", "--no-install-recommends", name]).run()
}

/// Whether this is a Debian, or a relative, and we are its root.
pub(crate) fn may_install() -> bool {
    let root = Program::new("id").args(["-u"]).output().is_ok_and(|id| id.trim() == "0");
    root && Path::new("/etc/debian_version").exists() && find_program("apt-get").is_some()
}
