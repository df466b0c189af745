//! Every flow that writes, up to the request that does, and what must hold when that request did not get
//! its answer.

use postern_tests::mcp::{ping, post};
use postern_tests::oauth::{consent_form, find_confirmation, is_sign_in, sign_in_form};
use postern_tests::{Authorization, Browser, Client, Person, Request, Response, Server, Tokens};

/// The flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The first sign-in of somebody who has no account yet.
    SignUp,
    /// Approving on the consent page.
    Consent,
    /// Redeeming the code.
    Redemption,
    /// Using the refresh token.
    Refresh,
    /// Giving the grant back.
    Revocation,
}

pub(crate) const FLOWS: [Flow; 5] =
    [Flow::SignUp, Flow::Consent, Flow::Redemption, Flow::Refresh, Flow::Revocation];

/// A flow, just before the request.
pub(crate) struct Scene {
    flow: Flow,
    pub(crate) client: Client,
    person: Person,
    authorization: Authorization,
    browser: Browser,
    request: Request,
    /// What was handed out before.
    tokens: Option<Tokens>,
}

impl Scene {
    pub(crate) fn set(server: &Server, flow: Flow) -> Self {
        let client = Client::register(server);
        let person = Person::new();
        let authorization = Authorization::new(&client);
        let mut browser = Browser::new(server);
        let mut tokens = None;
        let request = match flow {
            Flow::SignUp => {
                let page = browser.open(&authorization.target()).page().expect_page(200);
                let mut form = sign_in_form(&page);
                form.fill("email", &person.email);
                form.fill("password", &person.password);
                // What is written, is written when the new account is confirmed.
                let page = browser.submit(&form, None).page().expect_page(200);
                browser.submission(&find_confirmation(&page).unwrap(), None)
            }
            Flow::Consent => {
                let form = consent_form(&person.consent_page(&mut browser, &authorization));
                browser.submission(&form, Some("approve"))
            }
            Flow::Redemption => {
                let answer = person.approve(&mut browser, &authorization);
                client.redemption(answer.code(), &authorization.verifier)
            }
            Flow::Refresh | Flow::Revocation => {
                let answer = person.approve(&mut browser, &authorization);
                let first = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
                let request = match flow {
                    Flow::Refresh => client.refreshment(&first.refresh_token),
                    _ => Request::form(
                        "/revoke",
                        &[("client_id", client.client_id.as_str()), ("token", &first.refresh_token)],
                    ),
                };
                tokens = Some(first);
                request
            }
        };
        Self { flow, client, person, authorization, browser, request, tokens }
    }

    /// Sends the request, once.
    pub(crate) fn send(&self) -> Response {
        self.browser.clone().send(self.request.clone())
    }

    /// Sends the request, if anybody is there to answer.
    pub(crate) fn try_send(&self) -> Option<Response> {
        self.browser.server().try_send(&self.request.clone().cookies(&self.browser)).ok()
    }

    /// Whether the answer says that it was done.
    pub(crate) fn is_done(&self, response: &Response) -> bool {
        response.status
            == match self.flow {
                Flow::SignUp | Flow::Consent => 303,
                Flow::Redemption | Flow::Refresh | Flow::Revocation => 200,
            }
    }

    /// When nobody was told how it ended: the old state or the new one, and a way on. `writes` were made.
    #[track_caller]
    pub(crate) fn assert_sound(&self, writes: u32) {
        let server = self.browser.server().clone();
        let is_good = |tokens: &Tokens| server.send(&post(&tokens.access_token, &ping())).status == 200;
        let again = self.send();
        match self.flow {
            // The account is there or not; the same form signs in, and its password is the one.
            Flow::SignUp => {
                assert!(self.is_done(&again), "{again}");
                let mut browser = Browser::new(&server);
                let page = browser.open(&Authorization::new(&self.client).target()).page();
                let stranger = Person { password: "another".into(), ..self.person.clone() };
                assert!(is_sign_in(&stranger.sign_in(&mut browser, &page).page()));
            }
            // Entered in the index and not made: this page may have to wait. A new one does not.
            Flow::Consent if writes > 0 => assert_try_again(&again),
            Flow::Consent => {
                let answer = self.authorization.answer(&server, again.expect(303).expect_header("location"));
                Tokens::of(&self.client.redeem(answer.code(), &self.authorization.verifier));
            }
            // The code is as good as before, or it was redeemed and the answer is lost.
            Flow::Redemption if writes == 0 => assert!(is_good(&Tokens::of(&again))),
            Flow::Redemption => drop(again.expect_oauth_error(400, "invalid_grant")),
            // Whatever was written, it is the same answer, and the line goes on from it.
            Flow::Refresh => {
                let tokens = Tokens::of(&again);
                assert!(is_good(&tokens));
                let next = Tokens::of(&self.client.refresh(&tokens.refresh_token));
                assert!(is_good(&next));
            }
            Flow::Revocation => {
                again.expect(200);
                assert!(!self.tokens.as_ref().is_some_and(is_good), "nobody was told so before");
            }
        }
        // The user is not locked out: with the same browser, from the beginning.
        let mut browser = self.browser.clone();
        let authorization = Authorization::new(&self.client);
        let answer = self.person.approve(&mut browser, &authorization);
        let tokens = Tokens::of(&self.client.redeem(answer.code(), &authorization.verifier));
        assert!(is_good(&tokens));
    }

    /// Whether what the user has had from before the request still works.
    pub(crate) fn is_untouched(&self) -> bool {
        let server = self.browser.server();
        self.tokens
            .as_ref()
            .is_none_or(|tokens| server.send(&post(&tokens.access_token, &ping())).status == 200)
    }
}

/// Rule 3, K-08: "try again", and when; no word about the grant, no cookie, nowhere to go.
#[track_caller]
pub(crate) fn assert_try_again(response: &Response) {
    assert_eq!(response.status, 503, "{response}");
    assert!(response.header("retry-after").is_some(), "{response}");
    assert!(
        response.all("set-cookie").next().is_none() && response.header("location").is_none(),
        "{response}"
    );
    assert!(response.all("www-authenticate").next().is_none(), "{response}");
    assert!(
        !response.text().contains("injected") && !response.text().contains("invalid_grant"),
        "{response}"
    );
}
