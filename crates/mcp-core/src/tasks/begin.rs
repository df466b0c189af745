//! How a task begins: it gets a slot, and is kept before its client is told of it.

use super::Shown;
use crate::{
    McpServer,
    connection::{self, Entry, Root},
    jsonrpc::{self, Fault},
    methods::Envelope,
    ports::{self, Outside, Resumption},
    task::{Step, Task},
    tool_call::ToolCall,
};
use std::rc::Rc;
use store_core::{Change, Connection, Keyring, Random, RecordError, Slot, TransitionError, seal};

/// How often room is made for a task that others may take before it does.
const MAX_ATTEMPTS: u32 = 4;

impl<O: Outside> McpServer<O> {
    /// Keeps what a tool has begun, and tells of it once it is kept (MCP-K-07). What cannot be kept is called off.
    pub(crate) async fn begin_task(
        self: &Rc<Self>,
        call: &ToolCall,
        begun: ports::Task,
    ) -> Result<Vec<u8>, Fault> {
        match self.keep_task(call, &begun).await {
            Ok(task) => {
                let envelope = Envelope::of_type("task");
                jsonrpc::result_message(&call.id, &Shown { task: task.to_wire_at_first(), envelope })
            }
            Err(fault) => {
                let resumption = Resumption { state: begun.state, answers: Vec::new(), cancelled: true };
                self.call_off(&call.tool, call.caller.clone(), &call.arguments, call.client, resumption)
                    .await;
                Err(fault)
            }
        }
    }

    async fn keep_task(&self, call: &ToolCall, begun: &ports::Task) -> Result<Task, Fault> {
        let questions = self.questions(&call.tool, &begun.questions, call.client)?;
        let step = Step {
            state: begun.state.clone(),
            status_message: begun.status_message.clone(),
            poll_interval_ms: begun.poll_interval_ms,
            questions,
        };
        let now = self.unix_now_ms();
        let what =
            (String::new(), call.tool.name.clone(), call.tool.scopes.clone(), call.arguments.to_string());
        let task = Task::new(what, begun.ttl_ms, step, now);
        let mut task = task.map_err(|_| self.malformed(&call.tool, "its task asks too much"))?;
        let keys = self.keys_or_fault().await?.ok_or(Fault::Unavailable)?;
        let connection = call.connection();
        let (id, slot) = self.take_slot(&keys, &connection, task.expires_at()).await?;
        task.id = id;
        let key = connection.slot(Slot::Task, u16::from(slot));
        let records = self.records(&keys);
        // Somebody may still be writing about the task that had the slot before, so it is not simply overwritten.
        let written = records.transition(&key, |_: &Task| Ok::<_, ()>(Change::Write(task.clone(), ()))).await;
        let written = match written {
            Ok(()) | Err(TransitionError::Refused(())) => Ok(()),
            Err(
                TransitionError::NotFound
                | TransitionError::Record(RecordError::Retired | RecordError::Unreadable),
            ) => records.create(&key, &task).await,
            Err(TransitionError::Record(error)) => Err(error),
        };
        if let Err(error) = written {
            self.give_slot_back(&keys, &connection, &task.id).await;
            return Err(match error {
                RecordError::TooLarge => self.malformed(&call.tool, "its task is larger than is kept"),
                error => self.store_fault(error),
            });
        }
        Ok(task)
    }

    /// Takes a slot for a new task, which gets its id with it.
    async fn take_slot(
        &self,
        keys: &Keyring,
        connection: &Connection,
        expires_at_ms: u64,
    ) -> Result<(String, u8), Fault> {
        let random: [u8; 24] = self.outside.random().bytes();
        let now = self.unix_now();
        let mut makes_room: Option<String> = None;
        for _ in 0..MAX_ATTEMPTS {
            let taken = self.change_root(keys, connection, |root| {
                let mut root = root.clone();
                root.tasks.retain(|entry| entry.expires_at > now && Some(&entry.id) != makes_room.as_ref());
                let Some(slot) = connection::free_slot(&root.tasks, Slot::Task.count()) else {
                    return Change::Keep(None);
                };
                let id = seal::to_text(&[&[slot][..], &random].concat());
                // Rounded up: the root never lets go of a slot before the task is over.
                let expires_at = expires_at_ms.div_ceil(1000);
                root.tasks.push(Entry { id: id.clone(), slot, expires_at });
                Change::Write(root, Some((id, slot)))
            });
            if let Some(taken) = taken.await.map_err(|error| self.store_fault(error))? {
                return Ok(taken);
            }
            makes_room = Some(self.find_told(keys, connection).await?.ok_or(Fault::TooManyTasks)?);
        }
        Err(Fault::TooManyTasks)
    }

    /// The oldest task whose end was told.
    async fn find_told(&self, keys: &Keyring, connection: &Connection) -> Result<Option<String>, Fault> {
        let records = self.records(keys);
        let root = records.find::<Root>(connection.root()).await;
        let root = root.map_err(|error| self.store_fault(error))?.unwrap_or_default();
        for Entry { id, slot, .. } in root.tasks {
            match records.find::<Task>(&connection.slot(Slot::Task, u16::from(slot))).await {
                // One that cannot be read can never be told of.
                Ok(Some(task)) if task.id == id && !task.is_told => {}
                Ok(_) | Err(RecordError::Retired | RecordError::Unreadable) => return Ok(Some(id)),
                Err(error) => return Err(self.store_fault(error)),
            }
        }
        Ok(None)
    }

    async fn give_slot_back(&self, keys: &Keyring, connection: &Connection, id: &str) {
        let given = self.change_root(keys, connection, |root| {
            let mut root = root.clone();
            root.tasks.retain(|entry| entry.id != id);
            Change::Write(root, ())
        });
        if let Err(error) = given.await {
            self.store_fault(error);
        }
    }
}
