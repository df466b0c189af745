//! What is asked: one form for each thing that a person can do.

use crate::{SignUp, words};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// E-mail and password.
    SignIn,
    /// A new account, for anybody.
    SignUp,
    /// A new account, for whom the operator invited.
    Invitation,
    /// Whether a new account is meant, or the address was mistyped; on a developer's machine.
    NewAccount,
    /// Another password, for whoever is signed in.
    ChangePassword,
}

/// A form to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Which.
    pub form: Form,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// What was wrong with the last answer.
    pub problem: Option<String>,
    /// The e-mail address to fill in beforehand.
    pub email: String,
    /// The invitation code to fill in beforehand.
    pub code: String,
    /// In how many seconds the next answer is looked at, if there is a pause.
    pub retry_after: Option<u32>,
    /// The hash of the password that was typed for a new account, which is to be confirmed.
    pub password_hash: Option<String>,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// An e-mail address.
    Email,
    /// A password.
    Password,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in the answer.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// HTML's `autocomplete`.
    pub autocomplete: &'static str,
}

pub(crate) const EMAIL: &str = "email";
pub(crate) const PASSWORD: &str = "password";
pub(crate) const NEW_PASSWORD: &str = "new-password";
pub(crate) const REPEATED_PASSWORD: &str = "repeated-password";
pub(crate) const CODE: &str = "invitation";
pub(crate) const ALTERNATIVE: &str = "alternative";

const EMAIL_FIELD: Field =
    Field { name: EMAIL, label: words::EMAIL, kind: FieldKind::Email, autocomplete: "username" };
const NEW_PASSWORD_FIELD: Field = Field {
    name: NEW_PASSWORD,
    label: words::CHOSEN_PASSWORD,
    kind: FieldKind::Password,
    autocomplete: "new-password",
};
const CODE_FIELD: Field =
    Field { name: CODE, label: words::INVITATION, kind: FieldKind::Text, autocomplete: "one-time-code" };

/// The longest invitation code that a form comes back with. Codes have 32 characters.
const MAX_CODE_CHARACTERS: usize = 64;

/// A field for a password that there is already.
const fn password_field(label: &'static str) -> Field {
    Field { name: PASSWORD, label, kind: FieldKind::Password, autocomplete: "current-password" }
}

const ALL: [Form; 5] = [Form::SignIn, Form::SignUp, Form::Invitation, Form::NewAccount, Form::ChangePassword];

impl Form {
    /// The name by which a conversation comes back to the form, and by which another form leads to it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::Invitation => "invitation",
            Self::NewAccount => "new-account",
            Self::ChangePassword => "change-password",
        }
    }

    pub(crate) fn from_state(state: &[u8]) -> Option<Self> {
        let name = state.split(|byte| *byte == b' ').next().unwrap_or_default();
        ALL.into_iter().find(|form| form.name().as_bytes() == name)
    }

    pub(crate) fn from_alternative(name: &str) -> Option<Self> {
        ALL.into_iter().find(|form| form.name() == name)
    }

    /// The fields, in order.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::SignIn => const { &[EMAIL_FIELD, password_field(words::PASSWORD)] },
            Self::SignUp => const { &[EMAIL_FIELD, NEW_PASSWORD_FIELD] },
            Self::NewAccount => &[],
            Self::Invitation => const { &[CODE_FIELD, EMAIL_FIELD, NEW_PASSWORD_FIELD] },
            Self::ChangePassword => {
                const {
                    &[
                        password_field(words::CURRENT_PASSWORD),
                        NEW_PASSWORD_FIELD,
                        Field {
                            name: REPEATED_PASSWORD,
                            label: words::REPEATED_PASSWORD,
                            kind: FieldKind::Password,
                            autocomplete: "new-password",
                        },
                    ]
                }
            }
        }
    }

    /// What the form is for, if its page does not say so by itself.
    pub const fn heading(self) -> Option<&'static str> {
        match self {
            Self::SignIn | Self::ChangePassword => None,
            Self::SignUp | Self::Invitation | Self::NewAccount => Some(words::NEW_ACCOUNT_HEADING),
        }
    }

    /// The button's text.
    pub const fn submit(self) -> &'static str {
        match self {
            Self::SignIn => words::SIGN_IN,
            Self::SignUp | Self::Invitation | Self::NewAccount => words::CREATE_ACCOUNT,
            Self::ChangePassword => words::CHANGE_PASSWORD,
        }
    }

    /// The other forms that this one leads to.
    pub fn alternatives(self, sign_up: SignUp) -> &'static [Self] {
        match (self, sign_up) {
            (Self::SignIn, SignUp::Open) => &[Self::SignUp],
            (Self::SignIn, SignUp::Invited) => &[Self::Invitation],
            (Self::SignUp | Self::Invitation | Self::NewAccount, _) => &[Self::SignIn],
            _ => &[],
        }
    }

    /// The text of the button that leads here.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SignIn => words::TO_SIGN_IN,
            Self::SignUp | Self::NewAccount => words::TO_SIGN_UP,
            Self::Invitation => words::TO_INVITATION,
            Self::ChangePassword => words::CHANGE_PASSWORD,
        }
    }
}

/// What the page of [`Form::NewAccount`] carries.
pub(crate) struct Pending<'a> {
    pub(crate) email: &'a str,
    pub(crate) password_hash: &'a str,
}

impl<'a> Pending<'a> {
    /// The inverse of [`Prompt::state`]. Neither part has a space.
    pub(crate) fn from_state(state: &'a [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(state).ok()?.split(' ');
        let (Some(_), Some(email), Some(password_hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        Some(Self { email, password_hash })
    }
}

impl Prompt {
    /// What the conversation goes on with. The page carries it sealed.
    pub fn state(&self) -> Vec<u8> {
        match &self.password_hash {
            Some(password_hash) => format!("{} {} {password_hash}", self.form.name(), self.email).into(),
            None => self.form.name().into(),
        }
    }

    /// What to say before.
    pub fn notice(&self) -> Option<String> {
        let notice = match (self.form, self.sign_up) {
            (Form::NewAccount, _) => return Some(words::confirm_account(&self.email)),
            // It is no help to who has just typed a wrong one.
            (Form::SignIn, SignUp::AtFirstSignIn) if self.problem.is_none() => words::LOOPBACK,
            (Form::SignIn, _) | (Form::ChangePassword, SignUp::AtFirstSignIn) => return None,
            (Form::SignUp | Form::Invitation, _) => words::NEW_ACCOUNT,
            (Form::ChangePassword, _) => words::NEW_PASSWORD,
        };
        Some(notice.to_owned())
    }

    /// The text to fill in beforehand into a field. Never a password.
    pub fn value(&self, field: &Field) -> &str {
        match field.name {
            EMAIL => &self.email,
            CODE => &self.code,
            _ => "",
        }
    }

    /// The same form with this invitation code in it, as far as it can be one.
    pub(crate) fn with_code(self, code: &str) -> Self {
        Self { code: code.trim().chars().take(MAX_CODE_CHARACTERS).collect(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Password managers go by these, and take a new password for one (BR-17).
    #[test]
    fn password_managers_are_told_what_is_what() {
        for form in ALL {
            for field in form.fields() {
                let expected = match field.name {
                    EMAIL => "username",
                    PASSWORD => "current-password",
                    CODE => "one-time-code",
                    _ => "new-password",
                };
                assert_eq!(field.autocomplete, expected);
                assert_eq!(field.kind == FieldKind::Password, field.name.contains("password"));
            }
        }
    }

    #[test]
    fn every_form_is_found_again() {
        for form in ALL {
            assert_eq!(Form::from_state(form.name().as_bytes()), Some(form));
            assert_eq!(Form::from_alternative(form.name()), Some(form));
        }
        assert_eq!(Form::from_state(b"password"), None);
    }
}
