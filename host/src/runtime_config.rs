//! The operator's side of the configuration: Spin's runtime-config file, as far as it is needed here.
//!
//! `max_instance_memory`, in bytes; `[key_value_store.LABEL]` with `type = "spin"` (SQLite; without a path in memory) or `type =
//! "redis"`, and `[outbound_networking]` with `block_networks`. A relative path is relative to the
//! state directory, as with Spin. The label `default` needs no entry. Other stores, variable
//! providers and model settings are refused by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;

use crate::networks::{Blocked, Network};

/// Spin's name for the file behind the store `default`.
const DEFAULT_STORE_FILE: &str = "sqlite_key_value.db";

/// What the operator decided.
#[derive(Debug)]
pub struct RuntimeConfig {
    /// Stores by label.
    pub stores: BTreeMap<String, StoreConfig>,
    /// Networks that no component may call.
    pub blocked: Blocked,
    /// Bytes of memory that an instance may use, if the file says so.
    pub max_instance_memory: Option<usize>,
}

/// Where a store keeps its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// A SQLite file, or memory.
    Sqlite(Option<PathBuf>),
    /// A Redis server.
    Redis(String),
}

impl RuntimeConfig {
    /// Read `file`, or take the defaults when there is none.
    pub fn read(file: Option<&Path>, state_dir: &Path) -> Result<Self> {
        let Some(file) = file else { return Self::parse("", state_dir) };
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text, state_dir).with_context(|| file.display().to_string())
    }

    /// Understand `text`.
    pub fn parse(text: &str, state_dir: &Path) -> Result<Self> {
        let raw: Raw = toml::from_str(text).map_err(|error| anyhow!(error.message().replace('\n', " ")))?;
        let mut stores = raw
            .key_value_store
            .into_iter()
            .map(|(label, store)| {
                let store =
                    store.understand(state_dir).with_context(|| format!("key_value_store {label:?}"))?;
                Ok((label, store))
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        stores
            .entry("default".to_owned())
            .or_insert_with(|| StoreConfig::Sqlite(Some(state_dir.join(DEFAULT_STORE_FILE))));
        let networks = raw
            .outbound_networking
            .block_networks
            .iter()
            .map(|network| network.parse::<Network>())
            .collect::<Result<Vec<_>>>()
            .context("outbound_networking.block_networks")?;
        let max_instance_memory = raw.max_instance_memory;
        Ok(Self { stores, blocked: Blocked::new(networks), max_instance_memory })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    max_instance_memory: Option<usize>,
    key_value_store: BTreeMap<String, RawStore>,
    outbound_networking: RawNetworking,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    #[serde(rename = "type")]
    kind: String,
    path: Option<PathBuf>,
    url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawNetworking {
    block_networks: Vec<String>,
}

impl RawStore {
    fn understand(self, state_dir: &Path) -> Result<StoreConfig> {
        match (self.kind.as_str(), self.path, self.url) {
            ("spin", path, None) => Ok(StoreConfig::Sqlite(path.map(|path| state_dir.join(path)))),
            ("redis", None, Some(url)) => {
                ensure!(
                    url.starts_with("redis://"),
                    "its url has to begin with redis://; TLS to Redis is not something this host supports"
                );
                Ok(StoreConfig::Redis(url))
            }
            ("spin", ..) => Err(anyhow!("a store of type \"spin\" has a path and no url")),
            ("redis", ..) => Err(anyhow!("a store of type \"redis\" has a url and no path")),
            (other, ..) => Err(anyhow!("type {other:?} is not something this host supports")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuntimeConfig> {
        RuntimeConfig::parse(text, Path::new("state"))
    }

    #[test]
    fn without_a_file_there_is_spins_default_store() {
        let stores = parse("").unwrap().stores;
        let file = PathBuf::from("state/sqlite_key_value.db");
        assert_eq!(stores, BTreeMap::from([("default".to_owned(), StoreConfig::Sqlite(Some(file)))]));
    }

    #[test]
    fn stores_are_read_as_spin_reads_them() {
        let stores = parse(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:6379/1\"\n\
             [key_value_store.a]\ntype = \"spin\"\npath = \"a.db\"\n\
             [key_value_store.b]\ntype = \"spin\"\npath = \"/b.db\"\n\
             [key_value_store.c]\ntype = \"spin\"\n",
        )
        .unwrap()
        .stores;
        assert_eq!(stores["default"], StoreConfig::Redis("redis://127.0.0.1:6379/1".to_owned()));
        assert_eq!(stores["a"], StoreConfig::Sqlite(Some(PathBuf::from("state/a.db"))));
        assert_eq!(stores["b"], StoreConfig::Sqlite(Some(PathBuf::from("/b.db"))));
        assert_eq!(stores["c"], StoreConfig::Sqlite(None));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let refused = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert!(refused("[key_value_store.a]\ntype = \"azure_cosmos\"\n").contains("azure_cosmos"));
        assert!(refused("[key_value_store.a]\ntype = \"redis\"\n").contains("url"));
        assert!(refused("[key_value_store.a]\ntype = \"redis\"\nurl = \"rediss://x\"\n").contains("TLS"));
        assert!(refused("[[variables_provider]]\ntype = \"vault\"\n").contains("variables_provider"));
        assert!(refused("[outbound_networking]\nblock_networks = [\"x\"]\n").contains("\"x\""));
    }

    #[test]
    fn networks_can_be_blocked() {
        let blocked = parse("[outbound_networking]\nblock_networks = [\"private\"]\n").unwrap().blocked;
        assert!(blocked.contains("127.0.0.1".parse().unwrap()));
        assert!(!parse("").unwrap().blocked.contains("127.0.0.1".parse().unwrap()));
    }
}
