//! Instances of a component, and how requests are given to them.
//!
//! The request handler of `wasmtime-wasi-http`, the same one that Spin uses, keeps a pool of
//! instances; this module tells it how to make one, when it may take a request and when it has to
//! go. Where Spin lets up to sixteen requests share an instance, here it is one unless the operator
//! says otherwise: a tool that loops or traps then takes nobody with it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime::component::{GuestTaskId, Resource, ResourceTable};
use wasmtime::{Engine, Result, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::http::types::Request;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::configuration::Configuration;
use crate::denial::Attempts;
use crate::guest_output::{GuestOutput, LastOutput, Output};
use crate::key_value::{KeyValue, Stores};
use crate::limits::{CpuBudget, Limits, Ticks};
use crate::log;
use crate::memory::{MemoryBudget, MemoryPool, MemoryUsedUp, Size};
use crate::outbound::Outbound;
use crate::turn::Turn;
use crate::variables::Values;

/// How long an instance may go on when its answer was ended in favour of another's.
const GIVE_UP: Duration = Duration::from_secs(1);

/// What a component was granted, by the manifest and by the operator.
#[derive(Debug)]
pub struct Grant {
    /// The component's id.
    pub component: Arc<str>,
    /// Where what it prints goes.
    pub output: Arc<Output>,
    /// The stores it may open.
    pub stores: Stores,
    /// Its variables.
    pub variables: Values,
    /// Where its requests may go.
    pub outbound: Outbound,
}

/// The host's side of one instance.
pub struct State {
    grant: Arc<Grant>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    table: ResourceTable,
    memory: MemoryBudget,
    cpu: CpuBudget,
    turn: Arc<Turn>,
    /// The denied functions that were called.
    pub(crate) attempts: Attempts,
}

impl State {
    fn new(instances: &Instances, last_output: &LastOutput) -> Self {
        let Instances { grant, limits, ticks, memory, .. } = instances;
        let output = || GuestOutput::new(grant.output.clone(), last_output.clone());
        // Nothing of the host's: no environment, no arguments, no files, no sockets.
        let wasi = WasiCtx::builder().stdout(output()).stderr(output()).build();
        Self {
            grant: grant.clone(),
            wasi,
            http: WasiHttpCtx::new(),
            outbound: grant.outbound.clone(),
            table: ResourceTable::new(),
            memory: MemoryBudget::new(limits.memory, memory.clone()),
            cpu: CpuBudget::new(limits.cpu, ticks.clone()),
            turn: Arc::default(),
            attempts: Attempts::default(),
        }
    }

    /// The component's id.
    pub(crate) fn component(&self) -> Arc<str> {
        self.grant.component.clone()
    }

    /// Deletes a request that will not be sent.
    pub(crate) fn delete_request(&mut self, request: Resource<Request>) -> Result<()> {
        self.table.delete(request)?;
        Ok(())
    }

    /// What the key-value functions work with.
    pub fn key_value(&mut self) -> KeyValue<'_> {
        KeyValue { stores: &self.grant.stores, table: &mut self.table, tally: &self.turn.tally }
    }

    /// What the configuration functions work with.
    pub fn configuration(&mut self) -> Configuration<'_> {
        Configuration(&self.grant.variables)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Makes the instances of one component.
pub struct Instances {
    /// What runs them.
    pub engine: Engine,
    /// The component, ready to be instantiated.
    pub component: ProxyPre<State>,
    /// What it was granted.
    pub grant: Arc<Grant>,
    /// What each instance may use.
    pub limits: Limits,
    /// The passing of time.
    pub ticks: Ticks,
    /// What all instances have together.
    pub memory: Arc<MemoryPool>,
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<State, Expiration, Worker>> {
        let last_output = LastOutput::default();
        let mut store = Store::new(&self.engine, State::new(self, &last_output));
        store.limiter_async(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| store.data_mut().cpu.spend());
        if self.limits.count_instructions {
            store.set_fuel(u64::MAX)?;
        }
        let proxy = self.component.instantiate_async(&mut store).await?;
        let current = Current::default();
        let size = store.data().memory.size();
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: Expiration {
                current: current.clone(),
                idle: self.limits.idle,
                request: self.limits.request,
                sleep: Box::pin(tokio::time::sleep(self.limits.idle)),
                memory: self.memory.clone(),
                pressed: None,
            },
            state: Worker {
                component: self.grant.component.clone(),
                current,
                requests: self.limits.requests_per_instance,
                at_once: self.limits.requests_at_once,
                timeout: self.limits.request,
                size,
                served: AtomicU64::new(0),
                last_output,
                count_instructions: self.limits.count_instructions,
            },
        })
    }
}

/// The turns that an instance is busy with, or was last.
#[derive(Clone, Default)]
struct Current(Arc<Mutex<Turns>>);

#[derive(Default)]
struct Turns {
    turns: Vec<Arc<Turn>>,
    /// Something may be left of one that is finished: a tool that its caller gave up, or that was started beside
    /// the answer.
    has_leftovers: bool,
}

impl Current {
    fn get(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those go of which nothing is left, and counts the others. An instance that serves one request after the
    /// other is not rid of one before nothing in it runs any more: else what a tool leaves behind would meet
    /// the next caller. Where several share an instance, that cannot be told apart.
    fn unfinished(&self, at_once: usize) -> usize {
        let mut current = self.get();
        if current.has_leftovers && at_once == 1 {
            return current.turns.len();
        }
        current.turns.retain(|turn| {
            let unfinished = turn.finished().is_none();
            if !unfinished {
                turn.leave();
            }
            unfinished
        });
        current.turns.len()
    }
}

/// Decides when an instance takes a request.
pub struct Worker {
    component: Arc<str>,
    current: Current,
    requests: usize,
    at_once: usize,
    timeout: Duration,
    size: Size,
    served: AtomicU64,
    last_output: LastOutput,
    count_instructions: bool,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Turn>;

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if concurrent_count >= self.at_once || self.current.unfinished(self.at_once) >= self.at_once {
            return ShouldAccept::No;
        }
        // One that a large request has made large does not keep that memory for small ones.
        let may_stay = total_count < self.requests && (total_count == 0 || !self.size.is_large());
        if may_stay { ShouldAccept::Yes } else { ShouldAccept::Never }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, State>,
        turn: Arc<Turn>,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        self.served.fetch_add(1, Ordering::Relaxed);
        let state = store.data_mut();
        // Where several share the instance, what they cost is told of the last to come.
        state.turn = turn.clone();
        let mut current = self.current.get();
        // And they share the processor time of one, or a loop could be kept going by newcomers.
        if current.turns.is_empty() {
            state.cpu.reset();
            self.last_output.forget();
        }
        current.turns.push(turn);
        current.has_leftovers = true;
        drop(current);
        Box::pin(tokio::time::sleep(self.timeout))
    }

    fn drop(&self, store: Store<State>, result: Result<()>) {
        let turns = std::mem::take(&mut self.current.get().turns);
        if let Err(error) = result {
            // Before the streams of the instance are closed, so that a cut answer is seen as cut.
            turns.iter().for_each(|turn| turn.fail());
            if error.is::<MemoryUsedUp>() {
                turns.iter().for_each(|turn| turn.run_out_of_memory());
            }
            let last_output = self.last_output.take().map(|text| format!("; its last output: {text}"));
            let traces: Vec<_> = turns.iter().map(|turn| format!(" trace={}", turn.trace())).collect();
            log::line(format_args!(
                "component {} failed: {}{}{}",
                self.component,
                log::one_line(&error),
                last_output.unwrap_or_default(),
                traces.concat()
            ));
        }
        if self.count_instructions
            && let Ok(left) = store.get_fuel()
        {
            let (component, served) = (&self.component, self.served.load(Ordering::Relaxed));
            let count = u64::MAX - left;
            log::line(format_args!(
                "component {component} executed {count} instructions for {served} requests"
            ));
        }
        drop(store);
        turns.iter().for_each(|turn| turn.leave());
    }
}

/// Decides when an instance has to go.
pub struct Expiration {
    current: Current,
    idle: Duration,
    request: Duration,
    sleep: Pin<Box<Sleep>>,
    memory: Arc<MemoryPool>,
    /// Done when others need the memory of an idle instance. There while it is idle.
    pressed: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let mut current = self.current.get();
        if status == WorkerStatus::Idle && current.has_leftovers {
            current.has_leftovers = false;
            // Whether it takes a request was asked before that was known.
            cx.waker().wake_by_ref();
        }
        // When the last of them was; none if one is not.
        let mut finished = Some(start);
        let given_up = !current.turns.is_empty() && current.turns.iter().all(|turn| turn.is_given_up());
        for turn in &current.turns {
            let end = turn.finished();
            finished = finished.zip(end).map(|(latest, end)| latest.max(end));
            if end.is_none() {
                // The instance takes its next request only after this one; it has to hear of the end.
                turn.wake_when_finished(cx.waker());
            }
        }
        drop(current);
        if status == WorkerStatus::Idle {
            let pressed = self.pressed.take().unwrap_or_else(|| self.memory.clone().pressed());
            if self.pressed.insert(pressed).as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
        } else {
            self.pressed = None;
        }
        let deadline = match (status, finished) {
            (WorkerStatus::Idle, _) => start + self.idle,
            // The handler itself times the request; this is for a guest that does not let it.
            (WorkerStatus::Requests, _) => start + self.request + Duration::from_secs(1),
            // A stream may go on for as long as somebody reads it.
            (WorkerStatus::PostReturn, None) => return Poll::Pending,
            (WorkerStatus::PostReturn, Some(finished)) if given_up => finished + GIVE_UP,
            (WorkerStatus::PostReturn, Some(finished)) => finished + self.request,
        };
        if self.sleep.deadline() != deadline.into() {
            self.sleep.as_mut().reset(deadline.into());
        }
        let expired = self.sleep.as_mut().poll(cx);
        if expired.is_ready() && status == WorkerStatus::Requests {
            self.current.get().turns.iter().for_each(|turn| turn.time_out());
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(current: &Current, at_once: usize) -> Worker {
        Worker {
            component: "test".into(),
            current: current.clone(),
            requests: 100,
            at_once,
            timeout: Duration::from_secs(1),
            size: Size::default(),
            served: AtomicU64::new(0),
            last_output: LastOutput::default(),
            count_instructions: false,
        }
    }

    fn accepts(worker: &Worker, waiting: usize, total: usize) -> bool {
        matches!(worker.should_accept_request(waiting, total), ShouldAccept::Yes)
    }

    #[test]
    fn an_instance_has_as_many_turns_at_once_as_it_may() {
        for at_once in [1, 2, 16] {
            let current = Current::default();
            let worker = worker(&current, at_once);
            for begun in 0..at_once {
                assert!(accepts(&worker, begun, begun), "{begun} of {at_once}");
                current.get().turns.push(Arc::default());
            }
            assert!(!accepts(&worker, at_once, at_once));
            // All have responded, and their answers are still being read.
            assert!(!accepts(&worker, 0, at_once));
            current.get().turns[0].finish();
            assert!(accepts(&worker, 0, at_once));
            assert!(matches!(worker.should_accept_request(0, 100), ShouldAccept::Never));
        }
    }

    /// TL-03, TL-09: what goes on when the answer has left meets nobody else.
    #[test]
    fn an_instance_takes_no_request_while_something_is_left_of_another() {
        let current = Current::default();
        let worker = worker(&current, 1);
        let turn = Arc::new(Turn::default());
        turn.finish();
        current.get().turns.push(turn);
        current.get().has_leftovers = true;
        assert!(!accepts(&worker, 0, 1));
        current.get().has_leftovers = false;
        assert!(accepts(&worker, 0, 1));
    }
}
