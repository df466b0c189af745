//! Answers to calls that a dependency may not make.
//!
//! As on Spin, a denied call returns an error value and the instance goes on: the interface's own
//! `access-denied`, or its most general error with the interface's name. A function that cannot
//! fail, and a method of a resource that a denied interface never hands out, traps.

use std::collections::HashSet;
use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceAny, ResourceType, Val};
use wasmtime::{AsContextMut, Engine, Result, StoreContextMut};
use wasmtime_wasi_http::p3::bindings::http::types::Request;

use crate::capability::denied_interface;
use crate::instance::State;
use crate::log;

/// Stands for a resource of a denied interface. None is ever made.
enum Denied {}

/// The denied functions that one instance has called.
#[derive(Debug, Default)]
pub struct Attempts(HashSet<Arc<str>>);

impl Attempts {
    /// Logs the first call of each function. A tool that tries in a loop fills no log.
    fn note(&mut self, component: &str, function: &Arc<str>) {
        if self.0.insert(function.clone()) {
            log::line(format_args!(
                "component {component}: a dependency called {function}, which it does not inherit"
            ));
        }
    }
}

/// Provides every denied import of `component`.
pub(crate) fn add_to_linker(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    let ty = component.component_type();
    // Resources of allowed interfaces that a denied one only mentions, as `wasi:http/client` does the
    // requests of `wasi:http/types`. They are defined already.
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
            match export.ty {
                ComponentItem::ComponentFunc(ty) => deny(&mut linker, interface, function, &ty)?,
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

fn deny(
    linker: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
    ty: &ComponentFunc,
) -> Result<()> {
    let called: Arc<str> = format!("{interface}#{function}").into();
    let refusal = refusal(interface, ty);
    if ty.async_() {
        linker.func_new_concurrent(function, move |accessor, _, arguments, results| {
            let answer = accessor.with(|mut access| {
                note(access.as_context_mut(), &called);
                arguments.iter().for_each(|argument| delete_request(access.as_context_mut(), argument));
                fill(results, &refusal, &called)
            });
            Box::pin(async move { answer })
        })
    } else {
        linker.func_new_async(function, move |mut store, _, arguments, results| {
            let (called, refusal) = (called.clone(), refusal.clone());
            Box::new(async move {
                note(store.as_context_mut(), &called);
                // Also those that are only lent: a call ends with all of them given back.
                for resource in arguments.iter().filter_map(resource) {
                    resource.resource_drop_async(&mut store).await?;
                }
                fill(results, &refusal, &called)
            })
        })
    }
}

fn note(mut store: StoreContextMut<'_, State>, called: &Arc<str>) {
    let state = store.data_mut();
    let component = state.component();
    state.attempts.note(&component, called);
}

fn fill(results: &mut [Val], refusal: &Option<Val>, called: &str) -> Result<()> {
    match (results, refusal) {
        ([result], Some(refusal)) => {
            *result = refusal.clone();
            Ok(())
        }
        _ => wasmtime::bail!("a dependency called {called}, which it does not inherit"),
    }
}

/// The value that a denied function returns, if its type has an error.
fn refusal(interface: &str, function: &ComponentFunc) -> Option<Val> {
    let Some(Type::Result(result)) = function.results().next() else { return None };
    let error = match result.err() {
        Some(error) => Some(Box::new(error_value(&error, interface)?)),
        None => None,
    };
    Some(Val::Result(Err(error)))
}

/// The error that says "not permitted": `access-denied` where there is one, otherwise the first of the general
/// cases, with a text.
fn error_value(error: &Type, interface: &str) -> Option<Val> {
    const GENERAL: [&str; 4] = ["internal-error", "io", "other", "undefined"];
    match error {
        Type::Enum(names) => {
            names.names().find(|name| *name == "access-denied").map(|name| Val::Enum(name.to_owned()))
        }
        Type::Variant(variant) => {
            let cases: Vec<_> = variant.cases().collect();
            let named = |name: &str| cases.iter().find(|case| case.name == name);
            let case = std::iter::once("access-denied").chain(GENERAL).find_map(named)?;
            let payload = match &case.ty {
                Some(ty) => Some(Box::new(text_value(ty, interface)?)),
                None => None,
            };
            Some(Val::Variant(case.name.to_owned(), payload))
        }
        Type::String => text_value(error, interface),
        _ => None,
    }
}

fn text_value(ty: &Type, interface: &str) -> Option<Val> {
    match ty {
        Type::String => {
            let interface = interface.split_once('@').map_or(interface, |(interface, _version)| interface);
            Some(Val::String(format!("{interface:?} is not permitted")))
        }
        Type::Option(inner) => Some(Val::Option(Some(Box::new(text_value(&inner.ty(), interface)?)))),
        _ => None,
    }
}

/// The resource that an argument is, which nothing else will drop.
fn resource(argument: &Val) -> Option<ResourceAny> {
    match argument {
        Val::Resource(resource) => Some(*resource),
        Val::Option(Some(inner)) => resource(inner),
        _ => None,
    }
}

/// Drops the request that a caller handed over to be sent. A concurrent function has no other way to.
fn delete_request(mut store: StoreContextMut<'_, State>, argument: &Val) {
    let Some(resource) = resource(argument).filter(|resource| resource.owned()) else { return };
    if let Ok(request) = resource.try_into_resource::<Request>(&mut store) {
        // One that is not there needs no deleting.
        let _ = store.data_mut().delete_request(request);
    }
}
