//! Accounts from outside: whole conversations, with a store in memory and a network of providers that say what
//! they are told to.

#[cfg(test)]
mod elsewhere;
