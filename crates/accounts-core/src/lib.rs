//! accounts-core
