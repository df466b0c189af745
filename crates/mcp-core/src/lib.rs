//! mcp-core
