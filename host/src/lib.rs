//! The bundled host: serves the components of a `spin.toml` without Spin.
//!
//! Spin is not in a package registry, so a fresh checkout could not be tried out, nor tested, with
//! cargo alone. This is the default that is always there: glue over wasmtime, its HTTP handler,
//! wac-graph and SQLite, which reads the same manifest and keeps its data in the same file. It is
//! never a second implementation of anything that the components do.
//!
//! In reading order: [`manifest`] and [`variables`] say what is wanted, [`runtime_config`] what the
//! operator allows; [`compose`] makes one component of several, with [`capability`] between them;
//! [`engine`] compiles ([`compiled`]) and links it, [`instance`] runs it within [`limits`]; [`start_check`] looks
//! whether it can serve; [`serve`] brings it requests, one [`turn`] at a time, along [`routes`].

#![expect(clippy::disallowed_methods, reason = "the host is where the clock and the environment are read")]

pub mod answer;
pub mod capability;
pub mod compiled;
pub mod compose;
pub mod configuration;
pub mod denial;
pub mod engine;
pub mod guest_output;
pub mod headers;
pub mod instance;
pub mod key_value;
pub mod limits;
pub mod log;
pub mod manifest;
pub mod memory;
pub mod networks;
pub mod options;
pub mod outbound;
mod outbound_connection;
pub mod places;
pub mod private;
pub mod request_body;
pub mod routes;
pub mod runtime_config;
pub mod serve;
pub mod spin_latency;
pub mod start_check;
pub mod turn;
pub mod variables;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::env::VarError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::net::TcpListener;

use crate::compiled::{Compiled, Origin};
use crate::engine::Runtime;
use crate::guest_output::Output;
use crate::instance::{Grant, Instances};
use crate::key_value::{Backend, Stores};
use crate::manifest::{Component, Manifest};
use crate::options::Options;
use crate::outbound::{AllowedHosts, Outbound};
use crate::routes::Router;
use crate::runtime_config::RuntimeConfig;
use crate::serve::Application;
use crate::variables::Values;

/// The variable that [`Options::derive_public_url`] sets.
const PUBLIC_URL: &str = "public_url";

/// An application that listens, but does not answer yet.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What to tell whoever started it: its routes and its stores, line by line.
    pub summary: Vec<String>,
    listener: TcpListener,
    application: Application,
}

impl Server {
    /// Do everything that can fail.
    pub async fn start(options: &Options) -> Result<Self> {
        let manifest = Manifest::read(&options.from)?;
        // Before the components are compiled: a busy port should not take that long to find out.
        let listener = listen(options.listen).await?;
        let address = listener.local_addr()?;

        let state_dir = options.state_dir(&manifest.directory);
        let runtime_config = RuntimeConfig::read(options.runtime_config_file.as_deref(), &state_dir)?;
        let variables = resolve_variables(&manifest, options, address)?;
        let router = Router::new(&manifest.routes)?;
        private::make_directory(&state_dir)?;
        private::warn_of_writers(&state_dir);
        let compiled = open_cache(options.cache_dir(&state_dir))?;
        let mut limits = options.limits();
        limits.memory = runtime_config.max_instance_memory.unwrap_or(limits.memory);
        let runtime = Runtime::new(compiled, &limits)?;
        let served: HashSet<&str> = manifest.routes.iter().map(|route| route.component.as_str()).collect();
        let (stores, store_lines) = open_stores(&manifest, &runtime_config, &served, &state_dir)?;

        let mut components = HashMap::new();
        for (id, component) in manifest.components.iter().filter(|(id, _)| served.contains(id.as_str())) {
            let granted = grant(id, component, &variables, &stores, &runtime_config);
            let instances = granted
                .and_then(|grant| load(&runtime, id, component, grant, &limits))
                .with_context(|| format!("component {id:?}"))?;
            components.insert(id.clone(), instances);
        }
        let mut summary = vec![format!("Routes of {}:", manifest.name)];
        summary.extend(
            manifest
                .routes
                .iter()
                .map(|route| format!("  {}: http://{address}{}", route.component, route.pattern)),
        );
        summary.extend(store_lines);
        let application = Application::new(router, components, limits, options);
        if !options.no_start_check {
            application
                .check(&manifest.routes, &kept_path(&variables), &authority(&variables, address), address)
                .await?;
        }
        Ok(Self { address, summary, listener, application })
    }

    /// Answer requests until `stop` is done.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        self.application.serve(self.listener, stop).await;
    }
}

/// Opens the folder of compiled code. Code is run from there unseen, so a folder that others can write to is not used.
fn open_cache(directory: Option<PathBuf>) -> Result<Option<Compiled>> {
    let Some(directory) = directory else { return Ok(None) };
    let compiled = Compiled::open(&directory)?;
    if private::others_can_write(&directory) {
        log::line(format_args!(
            "warning: compiled code is not kept, because other users can write to {}",
            directory.display()
        ));
        return Ok(None);
    }
    Ok(Some(compiled))
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!("{address} is already in use; choose another with --listen"),
        _ => anyhow!("cannot listen on {address}: {error}"),
    })
}

fn resolve_variables(manifest: &Manifest, options: &Options, address: SocketAddr) -> Result<Values> {
    let mut given = options.variables();
    let undecided = manifest.variables.contains_key(PUBLIC_URL)
        && !given.contains_key(PUBLIC_URL)
        && std::env::var_os(variables::environment_name(PUBLIC_URL)).is_none();
    if undecided && !address.ip().to_canonical().is_loopback() {
        bail!(
            "--listen {address} is for other machines, so they need an address: set {PUBLIC_URL}, for example \
             {}=https://mcp.example.com",
            variables::environment_name(PUBLIC_URL)
        );
    }
    if options.derive_public_url && undecided {
        given.insert(PUBLIC_URL.to_owned(), format!("http://{address}"));
    }
    variables::resolve(&manifest.variables, &given, |name| match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("{name} in the environment is not text"),
    })
}

/// What a client writes into `Host`.
fn authority(variables: &Values, address: SocketAddr) -> String {
    let public_url = variables.get(PUBLIC_URL).and_then(|url| url.parse::<http::Uri>().ok());
    let authority = public_url.as_ref().and_then(http::Uri::authority);
    authority.map_or_else(|| address.to_string(), ToString::to_string)
}

/// The path of the public address, if the proxy in front leaves it on.
fn kept_path(variables: &Values) -> String {
    let is_kept = variables.get("public_path").is_some_and(|text| text.trim() == "keep");
    let public_url = variables.get(PUBLIC_URL).filter(|_| is_kept);
    let public_url = public_url.and_then(|url| url.trim().parse::<http::Uri>().ok());
    public_url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

/// Open the stores that are used, and say where each of them is.
fn open_stores(
    manifest: &Manifest,
    runtime_config: &RuntimeConfig,
    served: &HashSet<&str>,
    state_dir: &Path,
) -> Result<(Stores, Vec<String>)> {
    let used: HashSet<&String> = manifest
        .components
        .iter()
        .filter(|(id, _)| served.contains(id.as_str()))
        .flat_map(|(_, component)| &component.key_value_stores)
        .collect();
    let (mut stores, mut lines) = (Stores::new(), Vec::new());
    for (label, config) in runtime_config.stores.iter().filter(|(label, _)| used.contains(label)) {
        if let Some(directory) = key_value::directory(config) {
            private::make_directory(&directory)?;
            if directory != state_dir {
                private::warn_of_writers(&directory);
            }
        }
        let backend = Backend::open(config).with_context(|| format!("key-value store {label:?}"))?;
        lines.push(format!("Key-value store {label}: {}", backend.place()));
        stores.insert(label.clone(), Arc::new(backend));
    }
    Ok((stores, lines))
}

fn grant(
    id: &str,
    component: &Component,
    variables: &Values,
    stores: &Stores,
    runtime_config: &RuntimeConfig,
) -> Result<Grant> {
    let component_id: Arc<str> = id.into();
    Ok(Grant {
        output: Output::new(component_id.clone()),
        component: component_id,
        stores: key_value::grant(&component.key_value_stores, stores)?,
        variables: variables::fill_all(&component.variables, variables)?,
        outbound: Outbound {
            allowed: AllowedHosts::parse(&component.allowed_outbound_hosts, variables)?,
            blocked: runtime_config.blocked.clone(),
            sent: Arc::default(),
        },
    })
}

fn load(
    runtime: &Runtime,
    id: &str,
    component: &Component,
    grant: Grant,
    limits: &limits::Limits,
) -> Result<Instances> {
    let mut files: BTreeMap<&Path, Vec<u8>> = BTreeMap::new();
    for path in std::iter::once(&component.source).chain(component.dependencies.values().map(|d| &d.source)) {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!("there is no file {}; has it been built?", path.display()),
            _ => anyhow!("cannot read {}: {error}", path.display()),
        })?;
        files.insert(path, bytes);
    }
    let file = |path: &Path| files.get(path).map(Vec::as_slice).unwrap_or_default();
    let mut origin = Origin::default().with(file(&component.source));
    for (name, dependency) in &component.dependencies {
        let kind = format!("{name:?} {:?} {:?}", dependency.export, dependency.inherit);
        origin = origin.with(kind).with(file(&dependency.source));
    }
    let make = || {
        let parts = component.dependencies.iter().map(|(name, dependency)| compose::Part {
            name: name.clone(),
            bytes: file(&dependency.source).to_owned(),
            export: dependency.export.clone(),
            inherit: dependency.inherit.clone(),
        });
        compose::compose(id, file(&component.source).to_owned(), parts.collect())
    };
    // Code that counts is other code.
    let origin = origin.with([u8::from(limits.count_instructions)]);
    runtime.load(origin, make, grant, limits)
}
