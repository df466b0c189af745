//! The engine that runs components, and what every component may import.
//!
//! WASI 0.2 and 0.3 without files, sockets, arguments or environment; `wasi:http` in both versions;
//! `wasi:keyvalue` and `wasi:config`. An interface that a dependency was denied returns errors (see
//! [`crate::denial`]); an interface that the host does not have is an error at start. Compiled code is
//! kept; see [`crate::compiled`].

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

use crate::compiled::{self, Compiled, Origin};
use crate::configuration;
use crate::denial;
use crate::instance::{Grant, Instances, State};
use crate::key_value;
use crate::limits::{Limits, TICK, Ticks};
use crate::log::one_line;
use crate::memory::MemoryPool;

/// The engine and the clock that interrupts what runs on it.
pub struct Runtime {
    engine: Engine,
    ticks: Ticks,
    compiled: Option<Compiled>,
    memory: Arc<MemoryPool>,
}

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
        Ok(Self { engine, ticks, compiled, memory: MemoryPool::new(limits.total_memory) })
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
        denial::add_to_linker(&mut linker, &self.engine, &component).map_err(plain)?;
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
            memory: self.memory.clone(),
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

/// Why a component cannot be linked, which wasmtime explains to those who embed it.
fn unprovided(error: &wasmtime::Error) -> anyhow::Error {
    let said = error.to_string();
    match said.split('`').nth(1) {
        Some(import) => anyhow!("it imports {import:?}, which neither a dependency nor this host provides"),
        None => anyhow!("{}", one_line(error)),
    }
}
