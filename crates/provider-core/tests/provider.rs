//! Tokens of a provider that may lie, be slow or be gone. Rows such as RS-09 are those of the design's
//! threat list.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod key_rotation;
#[cfg(test)]
mod lying_provider;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod tokens;
