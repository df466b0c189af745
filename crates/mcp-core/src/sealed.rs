//! What clients carry for us, sealed: they can neither read nor change it, nor use it where it does not belong.

use crate::{McpServer, jsonrpc::Fault, ports::Outside};
use store_core::{Purpose, seal};

/// The longest sealed text that is looked at.
const MAX_SEALED: usize = 128 * 1024;

impl<O: Outside> McpServer<O> {
    /// Seals something for a client to carry. It can be opened again only with the same `place`.
    pub(crate) async fn seal_for_client(
        &self,
        purpose: Purpose,
        place: &[&str],
        plaintext: &[u8],
    ) -> Result<String, Fault> {
        let keys = self.keys_or_fault().await?.ok_or(Fault::Unavailable)?;
        let sealed = seal::seal(&keys, purpose, &associated(place), plaintext, self.outside.random());
        Ok(seal::to_text(&sealed))
    }

    /// Opens what a client carried. `None` when it is not ours, or belongs elsewhere.
    pub(crate) async fn open_from_client(
        &self,
        purpose: Purpose,
        place: &[&str],
        text: &str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let sealed = Some(text).filter(|text| text.len() <= MAX_SEALED).and_then(seal::from_text);
        let (Some(sealed), Some(keys)) = (sealed, self.keys_or_fault().await?) else { return Ok(None) };
        Ok(seal::open(&keys, purpose, &associated(place), &sealed))
    }

    /// The deployment's keys.
    pub(crate) async fn keys_or_fault(&self) -> Result<Option<store_core::Keyring>, Fault> {
        self.keys().await.map_err(|error| {
            self.log_unavailable(&error);
            Fault::Unavailable
        })
    }
}

/// The parts of a place, so that no two places look alike.
fn associated(place: &[&str]) -> Vec<u8> {
    let part = |part: &&str| [&(part.len() as u64).to_be_bytes()[..], part.as_bytes()].concat();
    place.iter().flat_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_do_not_look_alike() {
        assert_ne!(associated(&["ab", "c"]), associated(&["a", "bc"]));
        assert_ne!(associated(&["ab"]), associated(&["ab", ""]));
    }
}
