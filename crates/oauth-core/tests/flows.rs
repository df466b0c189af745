//! The authorization server from outside: whole exchanges through `handle`, with a store in memory,
//! fixed time and fixed chance. Ids such as AZ-28 are those of `docs/rules`.

#[cfg(test)]
mod account;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod attacks_at_authorize;
#[cfg(test)]
mod attacks_at_register;
#[cfg(test)]
mod attacks_at_token;
#[cfg(test)]
mod attacks_on_documents;
#[cfg(test)]
mod attacks_on_pages;
#[cfg(test)]
mod client_assertions;
#[cfg(test)]
mod client_authentication;
#[cfg(test)]
mod client_policy;
#[cfg(test)]
mod code_flow;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod consent_page;
mod discovery;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod interaction;
#[cfg(test)]
mod introspection_endpoint;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod remembered_consent;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod state_machine;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod stored_records;
#[cfg(test)]
mod support;
