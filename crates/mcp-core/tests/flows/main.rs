//! Whole exchanges through `McpServer::handle`, with ports that live in memory and count.

#[cfg(test)]
mod access;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod modern;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tool_calls;
mod transport;
