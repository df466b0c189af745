//! oauth-core
