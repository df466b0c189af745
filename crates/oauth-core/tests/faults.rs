//! The store fails in the middle of something: rows K-07 to K-17. The answer is "try again later", the
//! state is the old one or the new one, and the user can go on.

use crate::support::{
    Browser, PageForm, Params, Request, Tokens, World, body_text, header, json, location, refusal,
};
use http::StatusCode;
use oauth_core::{approvals::CONNECTIONS_PER_USER, ports::IdentityError};
use std::cell::Cell;
use store_core::{
    Store, StoreError,
    testing::{Fault, MemoryStore, MemorySwap, block_on},
};
use web_core::Reply;

/// More operations than any request makes.
const ENOUGH: usize = 40;

/// Rule 3, K-08: never a word about the grant, and when to come back.
#[track_caller]
fn assert_try_again(reply: &Reply, context: &str) {
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{context}: {}", body_text(reply));
    assert!(!header(reply, "retry-after").is_empty(), "{context}");
    assert_eq!(header(reply, "cache-control"), "no-store", "{context}");
    assert!(!body_text(reply).contains("injected"), "I12");
    assert!(!reply.headers.contains_key("location") && !reply.headers.contains_key("set-cookie"));
    if header(reply, "content-type") == "application/json" {
        assert_eq!(json(reply)["error"], "temporarily_unavailable");
    }
}

/// Fails every operation from the k-th on, for every k, until the request gets through, and gives each
/// broken world to `afterwards`.
fn sweep(
    prepare: impl Fn(&World) -> Request,
    success: StatusCode,
    afterwards: impl Fn(&World, Request, &str),
) {
    for fault in [Fault::Error, Fault::WriteError] {
        let mut failed = 0;
        for count in 0..ENOUGH {
            let world = World::local();
            let request = prepare(&world);
            world.store.fail_after(count, fault);
            let reply = world.send(request.clone());
            world.store.heal();
            if reply.status == success {
                break;
            }
            let context = format!("{fault:?} after {count}");
            assert_try_again(&reply, &context);
            afterwards(&world, request, &context);
            // K-07: whatever is left behind keeps nobody from starting again.
            let anew = world.tokens(&world.client());
            assert!(world.introspect(&anew.access).is_some(), "{context}");
            failed += 1;
        }
        assert!((2..ENOUGH).contains(&failed), "{fault:?}: {failed}");
    }
}

/// K-07, K-13, D9: approving. Nothing is live that nobody was told of.
#[test]
fn approval_survives_the_store() {
    sweep(consent_request, StatusCode::SEE_OTHER, |world, request, context| {
        assert!(world.grants().is_empty(), "{context}");
        let mut again = world.send(request.clone());
        if again.status != StatusCode::SEE_OTHER {
            // The page is in the index, and its grant was never made. For all that anybody knows it is being
            // made at this moment; later it is not.
            assert_try_again(&again, context);
            world.advance(61);
            again = world.send(request.clone());
        }
        let (_, params) = location(&again);
        assert_eq!(location(&world.send(request)).1["code"], params["code"], "{context}: one grant");
        Tokens::of(&world.send(world.client().redeem(&params["code"])));
    });
}

/// K-07: redeeming. The same code is good afterwards, unless it was the answer that got lost.
#[test]
fn redemption_survives_the_store() {
    sweep(redemption_request, StatusCode::OK, |world, request, context| {
        let was_issued = matches!(world.grant().state, oauth_core::records::GrantState::Issued { .. });
        let again = world.send(request);
        if was_issued {
            Tokens::of(&again);
        } else {
            assert_eq!(refusal(&again), (400, "invalid_grant".into()), "{context}");
        }
    });
}

/// K-07, D6: refreshing. The same token always gets an answer afterwards: the first one or the same.
#[test]
fn refresh_survives_the_store() {
    let prepare = |world: &World| {
        let client = world.client();
        client.refresh(&world.tokens(&client).refresh)
    };
    sweep(prepare, StatusCode::OK, |world, request, _| {
        let tokens = Tokens::of(&world.send(request));
        assert!(world.introspect(&tokens.access).is_some());
        Tokens::of(&world.send(world.client().refresh(&tokens.refresh)));
    });
}

/// K-07: signing in, and looking at the pages with a session.
#[test]
fn sign_in_survives_the_store() {
    sweep(sign_in_request, StatusCode::SEE_OTHER, |world, request, context| {
        assert_eq!(world.send(request).status, StatusCode::SEE_OTHER, "{context}");
    });
    let world = World::local();
    let browser = Browser::default();
    let query = world.client().request().encode();
    browser.sign_in(&world, "alice@example.com", &query);
    world.store.fail_after(0, Fault::Error);
    assert_try_again(&browser.get(&world, &format!("/authorize?{query}")), "consent page");
    let program = Request::get(&format!("/authorize?{query}")).with("accept", "application/json");
    assert_eq!(world.send(program).status, StatusCode::OK, "a program's question needs no store");
}

/// Rule 3: the token check says neither yes nor no.
#[test]
fn introspection_does_not_guess() {
    let world = World::local();
    let tokens = world.tokens(&world.client());
    for count in [0, 1] {
        world.store.fail_after(count, Fault::Error);
        assert!(world.try_introspect(&tokens.access).is_err(), "{count}");
        world.store.heal();
    }
    world.store.fail_after(0, Fault::WriteError);
    assert!(world.introspect(&tokens.access).is_some(), "K-19: it reads only");
}

/// Users or tools do not answer.
#[test]
fn other_components_may_fail_too() {
    let world = World::local();
    let browser = Browser::default();
    let target = format!("/authorize?{}", world.client().request().encode());
    for error in [IdentityError::Unavailable, IdentityError::Other("injected".into())] {
        *world.people.failure.borrow_mut() = Some(error);
        assert_try_again(&browser.get(&world, &target), "identity");
    }
    world.tools.fails.set(true);
    for target in [&target, "/", "/.well-known/oauth-authorization-server"] {
        let reply = browser.get(&world, target);
        assert_try_again(&reply, target);
        assert!(!body_text(&reply).contains("trapped"), "I12");
    }
    world.tools.fails.set(false);
    let page = browser.get(&world, &target);
    *world.people.failure.borrow_mut() = Some(IdentityError::InvalidState);
    let stale = browser.post_page(&world, &page, &[], None);
    assert_eq!(stale.status, StatusCode::BAD_REQUEST);
}

/// K-17, D11: records that somebody damaged, or exchanged for each other, are a fault and no answer.
#[test]
fn damaged_records_are_faults_and_only_of_themselves() {
    let world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    let untouched = world.code_for(&client, "bob@example.com", &client.request());
    for (key, value) in world.store.snapshot().into_iter().filter(|(_, value)| !value.is_empty()) {
        let other = world.store.snapshot().into_values().next_back().unwrap();
        for damaged in [b"".to_vec(), b"{}".to_vec(), value[..value.len() - 1].to_vec(), other] {
            if damaged == value {
                continue;
            }
            block_on(world.store.put(&key, &damaged)).unwrap();
            if let Ok(access) = world.try_introspect(&tokens.access) {
                assert!(access.is_some(), "{key} is not of this grant, or it is a fault");
            }
            let refreshed = world.send(client.refresh(&tokens.refresh));
            if refreshed.status != StatusCode::OK {
                assert_try_again(&refreshed, &key);
            }
            block_on(world.store.put(&key, &value)).unwrap();
        }
    }
    Tokens::of(&world.send(client.redeem(&untouched)));
}

/// A store in which one operation fails, done or not, and the next ones do not.
struct Blink<'a> {
    inner: &'a MemoryStore,
    countdown: Cell<usize>,
    is_done: bool,
}

impl Blink<'_> {
    async fn operate<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fails = self.countdown.replace(self.countdown.get().saturating_sub(1)) == 1;
        match fails {
            false => operation.await,
            true if self.is_done => {
                operation.await?;
                Err(StoreError { detail: "injected".into() })
            }
            true => Err(StoreError { detail: "injected".into() }),
        }
    }
}

impl Store for Blink<'_> {
    type Swap = MemorySwap;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(self.inner.get(key)).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.operate(self.inner.put(key, value)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.operate(self.inner.delete(key)).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.operate(self.inner.delete_many(keys)).await
    }

    async fn increment(&self, key: &str) -> Result<i64, StoreError> {
        self.operate(self.inner.increment(key)).await
    }

    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, MemorySwap), StoreError> {
        self.operate(self.inner.begin_swap(key)).await
    }

    async fn swap(&self, swap: MemorySwap, value: &[u8]) {
        let swapped = async {
            self.inner.swap(swap, value).await;
            Ok(())
        };
        drop(self.operate(swapped).await);
    }
}

/// K-11, K-13: one operation fails and was carried out all the same, or not: the truth is found by
/// reading back, and a client that tries again gets its answer.
#[test]
fn single_failure_is_found_out() {
    for is_done in [false, true] {
        for countdown in 1..ENOUGH {
            let world = World::local();
            let client = world.client();
            let tokens = world.tokens(&client);
            let store = Blink { inner: &world.store, countdown: Cell::new(countdown), is_done };
            let reply = block_on(world.answer_from(&store, client.refresh(&tokens.refresh)));
            if reply.status != StatusCode::OK {
                assert_try_again(&reply, &format!("{countdown}"));
            }
            let again = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
            if reply.status == StatusCode::OK {
                assert_eq!(Tokens::of(&reply), again);
            }
            Tokens::of(&world.send(client.refresh(&again.refresh)));
        }
    }
}

/// K-07, K-08: the same for every flow that writes: one operation fails, done or not, and those after it do
/// not. The answer is the right one or "try again", and the user gets on.
#[test]
fn single_failure_in_any_flow_is_found_out() {
    type Flow = (&'static str, fn(&World) -> Request, StatusCode);
    let flows: [Flow; 4] = [
        ("sign-in", sign_in_request, StatusCode::SEE_OTHER),
        ("consent", consent_request, StatusCode::SEE_OTHER),
        ("redemption", redemption_request, StatusCode::OK),
        ("revocation", revocation_request, StatusCode::OK),
    ];
    for (name, prepare, success) in flows {
        let mut failures = 0;
        for (is_done, countdown) in [false, true]
            .into_iter()
            .flat_map(|is_done| (1..ENOUGH).map(move |countdown| (is_done, countdown)))
        {
            let world = World::local();
            let request = prepare(&world);
            let store = Blink { inner: &world.store, countdown: Cell::new(countdown), is_done };
            let reply = block_on(world.answer_from(&store, request.clone()));
            let context = format!("{name}, operation {countdown}, {is_done}");
            if reply.status != success {
                assert_try_again(&reply, &context);
                failures += 1;
            }
            let mut again = world.send(request.clone());
            if again.status == StatusCode::SERVICE_UNAVAILABLE {
                // Entered in the index, and for all that anybody knows being made at this moment.
                world.advance(61);
                again = world.send(request);
            }
            match name {
                "redemption" if reply.status == success => {
                    assert!(world.introspect(&Tokens::of(&reply).access).is_some(), "{context}");
                    assert_eq!(refusal(&again).1, "invalid_grant", "{context}");
                }
                // It is as good as before, or it was redeemed and the answer is lost.
                "redemption" => assert!(
                    again.status == success || refusal(&again).1 == "invalid_grant",
                    "{context}: {}",
                    body_text(&again)
                ),
                "consent" => {
                    let (_, params) = location(&again);
                    if reply.status == success {
                        assert_eq!(location(&reply).1["code"], params["code"], "{context}: one grant");
                    }
                    Tokens::of(&world.send(world.client().redeem(&params["code"])));
                }
                _ => assert_eq!(again.status, success, "{context}"),
            }
            let anew = world.tokens(&world.client());
            assert!(world.introspect(&anew.access).is_some(), "{context}");
        }
        assert!(failures > 0, "{name}");
    }
}

/// S5: wherever a change of password fails, no password is changed while another browser stays signed in, and the
/// page does not say that nothing has been changed.
#[test]
fn password_is_not_changed_before_other_sign_ins_are_ended() {
    let blinks = (1..ENOUGH).flat_map(|countdown| [false, true].map(|is_done| (countdown, is_done)));
    for ((countdown, is_done), fails_to_apply) in
        blinks.flat_map(|blink| [false, true].map(|fails| (blink, fails)))
    {
        let context = format!("operation {countdown}, {is_done}, {fails_to_apply}");
        let world = World::local();
        world.people.can_change.set(true);
        let [browser, other] = [(), ()].map(|()| {
            let browser = Browser::default();
            let page = browser.get(&world, "/account");
            let good = [("email", "alice@example.com"), ("password", "good")];
            browser.post_page(&world, &page, &good, None);
            browser
        });
        let page = browser.get(&world, "/account");
        let form = browser.post_page(&world, &page, &[], Some("change:password"));
        let form = PageForm::of(&form).filled_in(&[("password", "good")], None);
        let request = browser.dress(browser.form_request("/account/change", &form));
        world.people.fails_to_apply.set(fails_to_apply);
        let store = Blink { inner: &world.store, countdown: Cell::new(countdown), is_done };
        let reply = block_on(world.answer_from(&store, request));
        browser.take_cookies(&reply);
        let is_changed = world.people.changed.get() > 0;
        let is_signed_in =
            |browser: &Browser| PageForm::of(&browser.get(&world, "/account")).action == "/account";
        assert_eq!(is_changed, reply.status == StatusCode::OK, "{context}: {}", body_text(&reply));
        assert!(!is_changed || !is_signed_in(&other), "{context}");
        if reply.status != StatusCode::OK {
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{context}");
            assert!(!body_text(&reply).contains("Nothing has been changed"), "{context}");
        }
        if fails_to_apply && reply.headers.contains_key("set-cookie") {
            assert!(body_text(&reply).contains("Your other browsers are signed out."), "{context}");
            assert!(is_signed_in(&browser) && !is_signed_in(&other), "{context}");
        }
    }
}

fn sign_in_request(world: &World) -> Request {
    let browser = Browser::default();
    let page = browser.get(world, &format!("/authorize?{}", world.client().request().encode()));
    let form = PageForm::of(&page).filled_in(&[("email", "bob@example.com"), ("password", "good")], None);
    browser.dress(browser.form_request("/sign-in", &form))
}

fn consent_request(world: &World) -> Request {
    let browser = Browser::default();
    let page = browser.sign_in(world, "alice@example.com", &world.client().request().encode());
    let form = PageForm::of(&page).filled_in(&[], Some("approve"));
    browser.dress(browser.form_request("/consent", &form))
}

fn redemption_request(world: &World) -> Request {
    let client = world.client();
    client.redeem(&world.code(&client))
}

fn revocation_request(world: &World) -> Request {
    let client = world.client();
    let tokens = world.tokens(&client);
    let params = Params::of(&[("client_id", &client.id), ("token", &tokens.refresh)]);
    Request::post_form("/revoke", &params)
}

/// D1, K-25: the oldest grant gives way and its record cannot be deleted: it is revoked all the same.
#[test]
fn grant_that_gave_way_is_dead_even_if_its_record_stays() {
    let world = World::local();
    let client = world.client();
    let oldest = world.tokens(&client);
    for _ in 1..CONNECTIONS_PER_USER {
        world.code(&client);
    }
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let approval = PageForm::of(&page).filled_in(&[], Some("approve"));
    let approval = browser.dress(browser.form_request("/consent", &approval));
    let store = WithoutDelete(&world.store);
    let reply = block_on(world.answer_from(&store, approval));
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "the approval is not undone for it");
    assert_eq!(world.grants().len(), CONNECTIONS_PER_USER + 1, "the record stayed");
    assert_eq!(world.introspect(&oldest.access), None);
    assert_eq!(refusal(&world.send(client.refresh(&oldest.refresh))), (400, "invalid_grant".into()));
}

/// A store that deletes nothing.
struct WithoutDelete<'a>(&'a MemoryStore);

impl Store for WithoutDelete<'_> {
    type Swap = MemorySwap;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.put(key, value).await
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(StoreError { detail: "injected".into() })
    }

    async fn increment(&self, key: &str) -> Result<i64, StoreError> {
        self.0.increment(key).await
    }

    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, MemorySwap), StoreError> {
        self.0.begin_swap(key).await
    }

    async fn swap(&self, swap: MemorySwap, value: &[u8]) {
        self.0.swap(swap, value).await;
    }
}
