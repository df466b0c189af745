//! Whole exchanges through `McpServer::handle`, with ports that live in memory and count.

#[cfg(test)]
mod access;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod completion;
#[cfg(test)]
mod http_sse;
#[cfg(test)]
mod http_sse_tokens;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod listen;
#[cfg(test)]
mod long_tools;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod modern;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod places;
#[cfg(test)]
mod prompts;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod session_limits;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod tool_calls;
mod transport;
