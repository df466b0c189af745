//! Who may make an account.

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Nobody.
    Closed,
    /// Whom the operator gave an [invitation](crate::invitation).
    Invited,
    /// Everybody who reaches the page.
    Open,
    /// Everybody, by signing in for the first time, with any password. On a developer's machine only.
    AtFirstSignIn,
}

impl SignUp {
    /// Reads the variable `sign_up`. On a loopback server the first sign-in makes the account whatever it
    /// says: whoever reaches that sits at the machine.
    pub fn parse(text: &str, is_loopback: bool) -> Result<Self, InvalidSignUp> {
        let sign_up = match text.trim() {
            "closed" | "" => Self::Closed,
            "invited" => Self::Invited,
            "open" => Self::Open,
            _ => return Err(InvalidSignUp),
        };
        Ok(if is_loopback { Self::AtFirstSignIn } else { sign_up })
    }
}

/// The variable `sign_up` is none of the words that it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sign_up must be closed, invited or open")]
pub struct InvalidSignUp;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_open_unless_the_word_is_wrong() {
        assert_eq!(SignUp::parse("", true), Ok(SignUp::AtFirstSignIn));
        assert_eq!(SignUp::parse("", false), Ok(SignUp::Closed));
        assert_eq!(SignUp::parse("closed", false), Ok(SignUp::Closed));
        assert_eq!(SignUp::parse("invited", false), Ok(SignUp::Invited));
        assert_eq!(SignUp::parse("open", false), Ok(SignUp::Open));
        assert_eq!(SignUp::parse("yes", true), Err(InvalidSignUp));
    }
}
