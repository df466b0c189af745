//! What a page hands back to us, sealed into the page itself: nothing is stored before sign-in, and
//! nothing that was checked can be changed on the way.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store_core::{Keyring, Purpose, Random, seal};

/// The longest transaction that is looked at, in characters: room for the longest authorization request
/// and for what was read from it, in base64, when its `state` or `login_hint` is all control characters.
pub const MAX_CHARACTERS: usize = 72 * 1024;

/// A step that a page stands for. The name keeps one page's transaction from being posted to another.
pub trait Step: Serialize + DeserializeOwned {
    /// The step's name.
    const NAME: &'static str;
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    expires_at: u64,
    step: T,
}

/// Seals a step for a form.
pub fn seal<T: Step>(step: &T, expires_at: u64, keys: &Keyring, random: &impl Random) -> String {
    // A step of ours always serialises; an empty text is refused when it comes back.
    let plaintext = serde_json::to_vec(&Sealed { expires_at, step }).unwrap_or_default();
    seal::to_text(&seal::seal(keys, Purpose::Transaction, T::NAME.as_bytes(), &plaintext, random))
}

/// Opens what [`seal()`] made. `None` when it is not ours, of another step, or too old.
pub fn open<T: Step>(text: &str, keys: &Keyring, now: u64) -> Option<T> {
    if text.len() > MAX_CHARACTERS {
        return None;
    }
    let plaintext = seal::open(keys, Purpose::Transaction, T::NAME.as_bytes(), &seal::from_text(text)?)?;
    let sealed: Sealed<T> = serde_json::from_slice(&plaintext).ok()?;
    (now < sealed.expires_at).then_some(sealed.step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::testing::SequenceRandom;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct One(u8);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Other(u8);
    impl Step for One {
        const NAME: &'static str = "one";
    }
    impl Step for Other {
        const NAME: &'static str = "other";
    }

    /// AZ-27, AZ-33.
    #[test]
    fn opens_for_its_own_step_in_time() {
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        let text = seal(&One(5), 100, &keys, &SequenceRandom::default());
        assert_eq!(open::<One>(&text, &keys, 99), Some(One(5)));
        assert_eq!(open::<One>(&text, &keys, 100), None);
        assert_eq!(open::<Other>(&text, &keys, 99), None);
        assert_eq!(open::<One>(&text[1..], &keys, 99), None);
    }
}
