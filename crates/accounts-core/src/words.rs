//! Every sentence that a person reads.

/// One text for an unknown e-mail and for a wrong password (LG-01).
pub(crate) const WRONG: &str = "The e-mail or the password is wrong.";
pub(crate) const NOT_AN_ADDRESS: &str = "That is not an e-mail address.";
pub(crate) const PASSWORD_TOO_LONG: &str = "The password is too long.";
pub(crate) const PASSWORD_MISSING: &str = "Type a password.";
pub(crate) const PASSWORD_TOO_SHORT: &str =
    "A new password needs at least 15 characters. A few words that you remember will do.";
pub(crate) const PASSWORD_GUESSABLE: &str =
    "That password is among the first that somebody would guess. Take another one.";
pub(crate) const PASSWORDS_DIFFER: &str = "The two new passwords are not the same.";
pub(crate) const PASSWORD_WRONG: &str = "The current password is wrong.";
pub(crate) const PASSWORD_SAME: &str = "That is the password that you have.";
pub(crate) const ACCOUNT_EXISTS: &str =
    "There is an account with this e-mail, and it has another password. Sign in instead.";
pub(crate) const ACCOUNT_MADE_MEANWHILE: &str = "There is an account with this e-mail now. Sign in.";
pub(crate) const INVITATION_WRONG: &str =
    "The invitation is not for this e-mail, was used before, or is too old. Ask whoever sent it for another.";

pub(crate) const LOOPBACK: &str =
    "This server runs on your own machine. For a new account, any e-mail and password will do.";
pub(crate) const NEW_ACCOUNT_HEADING: &str = "Create your account";
pub(crate) const NEW_ACCOUNT: &str =
    "Choose a password of at least 15 characters: a few words that you remember.";
pub(crate) const NEW_PASSWORD: &str = "Choose a password of at least 15 characters: a few words that you remember. Other browsers will be signed out.";
pub(crate) const CHANGED: &str = "Your password is changed, and other browsers are signed out.";

pub(crate) const EMAIL: &str = "E-mail";
pub(crate) const PASSWORD: &str = "Password";
pub(crate) const CURRENT_PASSWORD: &str = "Current password";
pub(crate) const CHOSEN_PASSWORD: &str = "New password";
pub(crate) const REPEATED_PASSWORD: &str = "New password, once more";
pub(crate) const INVITATION: &str = "Invitation code";

pub(crate) const SIGN_IN: &str = "Sign in";
pub(crate) const CREATE_ACCOUNT: &str = "Create account";
pub(crate) const CHANGE_PASSWORD: &str = "Change password";
pub(crate) const TO_SIGN_IN: &str = "I have an account";
pub(crate) const TO_SIGN_UP: &str = "Create an account";
pub(crate) const TO_INVITATION: &str = "I have an invitation";

/// Too many strangers sign in at once.
pub(crate) const BUSY: &str = "Many people are signing in at this moment. Nothing is wrong with what you typed. Try again in a few seconds.";

/// Whether to make an account. A mistyped address must not make one unasked.
pub(crate) fn confirm_account(email: &str) -> String {
    format!("There is no account for {email} yet. Check the address. If it is right, create the account.")
}

/// Too many wrong answers. `seconds` is how long there is to wait.
pub(crate) fn wait(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        _ if seconds == 1 => "Too many wrong passwords. Try again in 1 second.".to_owned(),
        0 | 1 if seconds <= 50 => format!("Too many wrong passwords. Try again in {seconds} seconds."),
        0 | 1 => "Too many wrong passwords. Try again in a minute.".to_owned(),
        minutes => format!("Too many wrong passwords. Try again in {minutes} minutes."),
    }
}

#[cfg(test)]
mod tests {
    use super::wait;

    /// U21.
    #[test]
    fn pause_is_counted_in_good_english() {
        for (seconds, words) in [
            (1, "in 1 second."),
            (2, "in 2 seconds."),
            (50, "in 50 seconds."),
            (51, "in a minute."),
            (60, "in a minute."),
            (61, "in 2 minutes."),
        ] {
            assert!(wait(seconds).ends_with(words), "{seconds}: {}", wait(seconds));
        }
    }
}
