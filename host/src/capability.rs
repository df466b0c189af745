//! What a dependency may inherit from the component it is composed into.
//!
//! Spin grants by kind, and denies what `inherit_configuration` does not name: a call to it returns an
//! error, even though the parent may make the same call. Here a denied interface is imported under a
//! name of its own ([`Inherit::denied_name`]), so that after composition it cannot be mistaken for
//! the parent's import, and the host answers that name with errors only (see [`crate::denial`]).
//!
//! The environment and files are the exception: on Spin a dependency that does not inherit them finds none, and here nobody
//! has any. Engines of other languages look for both when they start, and find nothing.
//!
//! One difference on purpose: Spin ignores a word that it does not know in the list; here it is an
//! error, because a misspelt grant is a mistake in any case.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// Put before the namespace of an interface that a dependency was not given.
const DENIED: &str = "denied-";

/// A kind of capability, as `inherit_configuration` names it, and the interfaces that it opens.
///
/// An interface is `namespace:package/name`, or `namespace:package` for all of a package. The interfaces
/// of a package that share a resource with access behind it are always denied together.
const CAPABILITIES: &[(&str, &[&str])] = &[
    ("ai_models", &["fermyon:spin/llm"]),
    (
        "allowed_outbound_hosts",
        &[
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            // Not `network` and `instance-network`: libraries ask for them before they ask for a socket,
            // and neither reaches anything by itself.
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/types",
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
            "fermyon:spin/http",
            "fermyon:spin/mqtt",
            "fermyon:spin/mysql",
            "fermyon:spin/postgres",
            "fermyon:spin/redis",
            "spin:mqtt",
            "spin:mysql",
            "spin:postgres",
            "spin:redis",
        ],
    ),
    ("environment", &[]),
    ("files", &[]),
    ("key_value_stores", &["wasi:keyvalue", "fermyon:spin/key-value", "spin:key-value"]),
    ("sqlite_databases", &["fermyon:spin/sqlite", "spin:sqlite"]),
    ("variables", &["wasi:config", "fermyon:spin/config", "fermyon:spin/variables", "spin:variables"]),
];

/// What one dependency inherits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// Everything that its parent holds.
    All,
    /// The kinds named here and nothing else.
    Only(BTreeSet<&'static str>),
}

impl Inherit {
    /// Nothing at all, which is the default.
    pub const NOTHING: Self = Self::Only(BTreeSet::new());

    /// The inheritance that a list of words asks for.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut kinds = BTreeSet::new();
        for word in words {
            match CAPABILITIES.iter().find(|(kind, _)| *kind == word) {
                Some((kind, _)) => kinds.insert(*kind),
                None => bail!("inherit_configuration knows no {word:?}; it knows {}", known_words()),
            };
        }
        Ok(Self::Only(kinds))
    }

    /// The name under which `import` has to be imported when it is denied, `None` when it is allowed.
    pub fn denied_name(&self, import: &str) -> Option<String> {
        let Self::Only(inherited) = self else { return None };
        let interface = import.split_once('@').map_or(import, |(interface, _version)| interface);
        let package = interface.split_once('/').map_or(interface, |(package, _name)| package);
        CAPABILITIES
            .iter()
            .filter(|(kind, _)| !inherited.contains(kind))
            .any(|(_, interfaces)| interfaces.contains(&interface) || interfaces.contains(&package))
            .then(|| format!("{DENIED}{import}"))
    }
}

/// The interface behind a denied import's name, `None` for every other name.
pub fn denied_interface(import: &str) -> Option<&str> {
    import.strip_prefix(DENIED).filter(|rest| rest.contains(':'))
}

fn known_words() -> String {
    CAPABILITIES.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = "wasi:keyvalue/store@0.2.0-draft2";

    #[test]
    fn everything_is_denied_by_default() {
        for import in [
            STORE,
            "wasi:keyvalue/atomics@0.2.0-draft2",
            "wasi:config/store@0.2.0-draft-2024-09-27",
            "wasi:http/client@0.3.0",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:sockets/types@0.3.0",
            "wasi:sockets/tcp@0.2.6",
            "wasi:sockets/ip-name-lookup@0.2.6",
            "fermyon:spin/llm@2.0.0",
        ] {
            assert_eq!(Inherit::NOTHING.denied_name(import), Some(format!("denied-{import}")));
        }
    }

    #[test]
    fn what_needs_no_grant_is_never_denied() {
        for import in [
            "wasi:clocks/monotonic-clock@0.2.6",
            "wasi:random/random@0.3.0",
            "wasi:io/streams@0.2.6",
            "wasi:http/types@0.3.0",
            "wasi:cli/stdout@0.2.6",
            "wasi:sockets/instance-network@0.2.6",
            "wasi:sockets/network@0.2.6",
            "wasi:filesystem/types@0.2.6",
            // Nobody has any.
            "wasi:cli/environment@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
            "postern:tools/types@0.1.0",
        ] {
            assert_eq!(Inherit::NOTHING.denied_name(import), None, "{import}");
        }
    }

    #[test]
    fn a_named_kind_is_allowed_and_the_others_stay_denied() {
        let inherit = Inherit::from_words(["key_value_stores"]).unwrap();
        assert_eq!(inherit.denied_name(STORE), None);
        assert!(inherit.denied_name("wasi:config/store@0.2.0-draft-2024-09-27").is_some());
        assert_eq!(Inherit::All.denied_name(STORE), None);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        let error = Inherit::from_words(["variables", "key_value_store"]).unwrap_err().to_string();
        assert!(error.contains("\"key_value_store\""), "{error}");
        assert!(error.contains("key_value_stores"), "{error}");
    }

    #[test]
    fn a_denied_name_leads_back_to_its_interface() {
        let denied = Inherit::NOTHING.denied_name(STORE).unwrap();
        assert_eq!(denied_interface(&denied), Some(STORE));
        assert_eq!(denied_interface(STORE), None);
        assert_eq!(denied_interface("denied-plain"), None);
    }
}
