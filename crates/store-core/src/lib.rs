//! store-core
