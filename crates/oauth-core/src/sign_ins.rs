//! The sign-ins of a user at browsers: which are good, how one ends, and how all end.
//!
//! A sign-in lives in the browser's cookie ([`BrowserSession`]), and a copy of that cookie can be anywhere. So the
//! end of a sign-in is a fact in the user's record: its id, kept until the cookie would have expired. The record
//! stays bounded: when it holds [`MAX_ENDED`] such facts, the next one raises the user's epoch of sign-ins, which
//! ends every sign-in of the user and takes the place of the list.
//!
//! A sign-in is refused on evidence only. One that is missing from the list is good: it may have been dropped from
//! a full list, or be older than the list. Facts only grow until they expire, so a copy of the record that is
//! behind forgets nothing that a newer one merges with.

use crate::{
    browser::BrowserSession,
    records::{EndedSignIn, SignIn, SignIns, UserGrants, user_key},
};
use store_core::{Change, Random, RecordError, Records, Store, TransitionError};

/// The most sign-ins that are listed. The oldest is dropped from the list, and goes on.
pub const MAX_LISTED: usize = 10;

/// The most ended sign-ins that are kept one by one.
pub const MAX_ENDED: usize = 32;

impl UserGrants {
    /// Returns whether this sign-in of the user has neither been ended nor been left behind by an epoch.
    pub fn is_signed_in(&self, session: &BrowserSession) -> bool {
        (self.epoch, self.sign_in_epoch) == (session.user_epoch, session.sign_in_epoch)
            && !self.sign_ins.ended.iter().any(|ended| ended.id == session.id)
    }

    /// Lists a new sign-in.
    pub fn begin_sign_in(&mut self, sign_in: SignIn, now: u64) {
        let SignIns { listed, unlisted_until, .. } = &mut self.sign_ins;
        listed.retain(|other| other.id != sign_in.id && other.expires_at > now);
        listed.push(sign_in);
        while listed.len() > MAX_LISTED {
            *unlisted_until = listed.remove(0).expires_at.max(*unlisted_until);
        }
    }

    /// Ends one sign-in, or all when there is no room to remember one more.
    pub fn end_sign_in(&mut self, id: &str, expires_at: u64, now: u64) {
        let SignIns { listed, ended, .. } = &mut self.sign_ins;
        listed.retain(|sign_in| sign_in.id != id && sign_in.expires_at > now);
        ended.retain(|ended| ended.id != id && ended.expires_at > now);
        if expires_at <= now {
            return;
        }
        if ended.len() >= MAX_ENDED {
            return self.end_sign_ins();
        }
        ended.push(EndedSignIn { id: id.to_owned(), expires_at });
    }

    /// Ends every sign-in, and no grant.
    pub fn end_sign_ins(&mut self) {
        self.sign_in_epoch = self.sign_in_epoch.saturating_add(1);
        self.sign_ins = SignIns::default();
    }

    /// Ends every grant and every sign-in.
    pub fn end_everything(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.sign_ins = SignIns::default();
    }
}

impl SignIns {
    /// The browser of a sign-in that is listed, in a few words.
    pub fn browser_of(&self, id: &str) -> Option<String> {
        self.listed.iter().find(|sign_in| sign_in.id == id)?.browser.clone()
    }
}

/// Writes a new sign-in into its user's record, and ends the one that it replaces in the same browser. Makes the
/// record at the user's first sign-in. Returns the record, whose epochs the session has to carry.
pub async fn begin<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    session: &BrowserSession,
    browser: Option<String>,
    replaced: Option<&BrowserSession>,
    now: u64,
) -> Result<UserGrants, RecordError> {
    let (subject, sign_in) = (&session.subject, session.to_sign_in(browser));
    // The browser may have been another user's before.
    let own = replaced.filter(|old| old.subject == *subject);
    if let (Some(other), None) = (replaced, own) {
        end(records, &other.subject, &other.id, other.expires_at, now).await?;
    }
    let key = user_key(subject);
    let begun = records.transition(&key, |user: &UserGrants| {
        let mut user = user.clone();
        if let Some(old) = own.filter(|old| user.is_signed_in(old)) {
            user.end_sign_in(&old.id, old.expires_at, now);
        }
        user.begin_sign_in(sign_in.clone(), now);
        Ok::<_, ()>(Change::Write(user.clone(), user))
    });
    match begun.await {
        Ok(user) => return Ok(user),
        Err(
            TransitionError::NotFound
            | TransitionError::Refused(())
            | TransitionError::Record(RecordError::Retired),
        ) => {}
        Err(TransitionError::Record(error)) => return Err(error),
    }
    // There may have been a record: one that was sealed with a secret since retired, or one that another
    // sign-in is making at this moment. Grants that it had are in no index now, and must not live on: the
    // user starts with an epoch that none of them has.
    let epoch = u32::from_be_bytes(records.random.bytes()).into();
    let mut user = UserGrants { epoch, ..UserGrants::default() };
    user.begin_sign_in(sign_in, now);
    records.create(&key, &user).await?;
    Ok(user)
}

/// Ends one sign-in of the user. A user without a record has none.
pub async fn end<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    id: &str,
    expires_at: u64,
    now: u64,
) -> Result<(), RecordError> {
    change(records, subject, &|user| user.end_sign_in(id, expires_at, now)).await.map(drop)
}

/// Changes the user's record, and returns it. `None` when there is none.
pub async fn change<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    change: &dyn Fn(&mut UserGrants),
) -> Result<Option<UserGrants>, RecordError> {
    let key = user_key(subject);
    let changed = records.transition(&key, |user: &UserGrants| {
        let mut changed = user.clone();
        change(&mut changed);
        Ok::<_, ()>(Change::Write(changed.clone(), changed))
    });
    match changed.await {
        Ok(user) => Ok(Some(user)),
        Err(
            TransitionError::NotFound
            | TransitionError::Refused(())
            | TransitionError::Record(RecordError::Retired),
        ) => Ok(None),
        Err(TransitionError::Record(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::Arrival;
    use http::{HeaderMap, Method};
    use web_core::Head;

    const NOW: u64 = 1_800_000_000;

    fn session(id: &str, user: &UserGrants) -> BrowserSession {
        let head = Head {
            method: Method::GET,
            path: "/".into(),
            query: None,
            authority: None,
            headers: HeaderMap::new(),
        };
        BrowserSession {
            id: id.into(),
            subject: "s".into(),
            display_name: "alice".into(),
            user_epoch: user.epoch,
            sign_in_epoch: user.sign_in_epoch,
            signed_in_at: NOW,
            signed_in_for: Arrival::of(&head, ""),
            is_kept: true,
            expires_at: NOW + 100,
            device: String::new(),
        }
    }

    fn sign_in(id: &str) -> SignIn {
        SignIn { id: id.into(), signed_in_at: NOW, expires_at: NOW + 100, browser: None }
    }

    /// S4.
    #[test]
    fn one_sign_in_ends_and_others_go_on() {
        let mut user = UserGrants::default();
        let (one, other) = (session("one", &user), session("other", &user));
        user.begin_sign_in(sign_in("one"), NOW);
        assert!(user.is_signed_in(&one) && user.is_signed_in(&other), "a list proves nothing");
        user.end_sign_in("one", NOW + 100, NOW);
        assert!(!user.is_signed_in(&one) && user.is_signed_in(&other));
        assert!(user.sign_ins.listed.is_empty());
    }

    /// The record is bounded, and nothing that was ended comes back for it.
    #[test]
    fn too_many_ended_sign_ins_end_all() {
        let mut user = UserGrants::default();
        let sessions: Vec<_> = (0..=MAX_ENDED).map(|id| session(&id.to_string(), &user)).collect();
        let other = session("other", &user);
        for ended in &sessions {
            assert!(user.is_signed_in(&other), "{}", ended.id);
            user.end_sign_in(&ended.id, ended.expires_at, NOW);
            assert!(user.sign_ins.ended.len() <= MAX_ENDED);
        }
        assert!(sessions.iter().chain([&other]).all(|session| !user.is_signed_in(session)));
        assert_eq!((user.sign_in_epoch, user.epoch), (1, 0));
        assert!(user.is_signed_in(&session("new", &user)));
    }

    /// What has expired takes no room.
    #[test]
    fn ended_sign_ins_are_forgotten_when_their_cookies_expire() {
        let mut user = UserGrants::default();
        for id in 0..MAX_ENDED {
            user.end_sign_in(&id.to_string(), NOW + 100, NOW);
        }
        user.end_sign_in("later", NOW + 200, NOW + 100);
        assert_eq!((user.sign_in_epoch, user.sign_ins.ended.len()), (0, 1));
        user.end_sign_in("expired", NOW + 100, NOW + 100);
        assert_eq!(user.sign_ins.ended.len(), 1);
    }

    #[test]
    fn list_is_bounded_and_says_what_it_leaves_out() {
        let mut user = UserGrants::default();
        for id in 0..=MAX_LISTED {
            user.begin_sign_in(sign_in(&id.to_string()), NOW);
        }
        assert_eq!(user.sign_ins.listed.len(), MAX_LISTED);
        assert_eq!(user.sign_ins.listed[0].id, "1");
        assert_eq!(user.sign_ins.unlisted_until, NOW + 100);
        user.begin_sign_in(sign_in("late"), NOW + 100);
        assert_eq!(user.sign_ins.listed.len(), 1);
    }
}
