//! The engine that runs components, and what every component may import.
//!
//! WASI 0.2 and 0.3 without files, sockets, arguments or environment; `wasi:http` in both versions;
//! `wasi:keyvalue` and `wasi:config`. An interface that a dependency was denied is answered with
//! traps; an interface that nobody provides is an error at start. Compiled code is kept; see [`crate::compiled`].

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Config, Engine};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

use crate::capability::denied_interface;
use crate::compiled::{self, Compiled, Origin};
use crate::configuration;
use crate::instance::{Grant, Instances, State};
use crate::key_value;
use crate::limits::{Limits, TICK, Ticks};
use crate::log::one_line;

/// The engine and the clock that interrupts what runs on it.
pub struct Runtime {
    engine: Engine,
    ticks: Ticks,
    compiled: Option<Compiled>,
}

/// Marks a resource that a denied interface would have handed out. There are none.
enum Denied {}

impl Runtime {
    /// Start an engine. Compiled code is kept in `compiled`, if anywhere.
    pub fn new(compiled: Option<Compiled>, limits: &Limits) -> Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.consume_fuel(limits.count_instructions);
        config.wasm_component_model_async(true);
        // A trap is logged as one line; where in the guest it happened, the guest's own panic says.
        config.wasm_backtrace_max_frames(None);
        let engine = Engine::new(&config).map_err(|error| anyhow!("{}", one_line(&error)))?;
        let ticks = Ticks::default();
        let (weak, counter) = (engine.weak(), ticks.clone());
        std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let Some(engine) = weak.upgrade() else { return };
                counter.advance();
                engine.increment_epoch();
            }
        })?;
        Ok(Self { engine, ticks, compiled })
    }

    /// Make a component ready to serve: the one with this origin, which `make` composes.
    pub fn load(
        &self,
        origin: Origin,
        make: impl FnOnce() -> Result<Vec<u8>>,
        grant: Grant,
        limits: &Limits,
    ) -> Result<Instances> {
        let plain = |error: wasmtime::Error| anyhow!("{}", one_line(&error));
        let component = match &self.compiled {
            Some(compiled) => compiled.component(&self.engine, origin, make)?,
            None => compiled::compile(&self.engine, &make()?)?,
        };
        let mut linker = linker(&self.engine).map_err(plain)?;
        trap_denied(&mut linker, &self.engine, &component).map_err(plain)?;
        let exports: Vec<String> =
            component.component_type().exports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let pre = linker.instantiate_pre(&component).map_err(|error| unprovided(&error))?;
        let component = if exports.iter().any(|name| name.starts_with("wasi:http/handler@0.3.")) {
            ProxyPre::P3(p3::bindings::ServicePre::new(pre).map_err(plain)?)
        } else if exports.iter().any(|name| name.starts_with("wasi:http/incoming-handler@0.2.")) {
            ProxyPre::P2(p2::bindings::ProxyPre::new(pre).map_err(plain)?)
        } else {
            bail!(
                "it exports no HTTP handler, neither wasi:http/handler@0.3 nor wasi:http/incoming-handler@0.2"
            );
        };
        Ok(Instances {
            engine: self.engine.clone(),
            component,
            grant: Arc::new(grant),
            limits: limits.clone(),
            ticks: self.ticks.clone(),
        })
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    key_value::add_to_linker(&mut linker, State::key_value)?;
    configuration::add_to_linker(&mut linker, State::configuration)?;
    Ok(linker)
}

/// Answer every denied import of `component` with traps.
fn trap_denied(linker: &mut Linker<State>, engine: &Engine, component: &Component) -> wasmtime::Result<()> {
    let ty = component.component_type();
    // Resources of interfaces that are there, which a denied one only speaks of: `wasi:http/client` of the requests of
    // `wasi:http/types`. They are defined already.
    let mut known = Vec::new();
    for (_, import) in ty.imports(engine).filter(|(name, _)| denied_interface(name).is_none()) {
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        known.extend(instance.exports(engine).filter_map(|(_, export)| match export.ty {
            ComponentItem::Resource(resource) => Some(resource),
            _ => None,
        }));
    }
    for (name, import) in ty.imports(engine) {
        let Some(interface) = denied_interface(name) else { continue };
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        let mut linker = linker.instance(name)?;
        for (function, export) in instance.exports(engine) {
            let message = format!("a dependency called {interface}#{function}, which it does not inherit");
            match export.ty {
                ComponentItem::ComponentFunc(ty) if ty.async_() => {
                    linker.func_new_concurrent(function, move |_, _, _, _| {
                        let message = message.clone();
                        Box::pin(async move { Err(wasmtime::Error::msg(message)) })
                    })?;
                }
                ComponentItem::ComponentFunc(_) => {
                    linker
                        .func_new(function, move |_, _, _, _| Err(wasmtime::Error::msg(message.clone())))?;
                }
                ComponentItem::Resource(resource) if known.contains(&resource) => {}
                ComponentItem::Resource(_) => {
                    linker.resource(function, ResourceType::host::<Denied>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Why a component cannot be linked, which wasmtime explains to those who embed it.
fn unprovided(error: &wasmtime::Error) -> anyhow::Error {
    let said = error.to_string();
    match said.split('`').nth(1) {
        Some(import) => anyhow!("it imports {import:?}, which neither a dependency nor this host provides"),
        None => anyhow!("{}", one_line(error)),
    }
}
