//! What the operator is told.

/// Writes one line to the host's log. Control characters are escaped, so that nothing that a client
/// sent can begin a line of its own. Callers pass no codes, tokens, cookies or passwords.
pub fn line(text: &str) {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().take(2000) {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    eprintln!("{escaped}");
}
