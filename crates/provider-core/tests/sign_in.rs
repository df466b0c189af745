//! Signing in at providers that keep to the rules, and at some that do not.

use crate::bench::{ISSUER, JWKS, METADATA, START, jwks, key};
use jwt_core::testing::TestKey;
use provider_core::{
    KeyMemory,
    sign_in::{Departure, Person, SignIn, SignInError, UpstreamProvider},
};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};
use store_core::{
    Keyring, Records,
    testing::{MemoryStore, SequenceRandom, block_on},
};
use web_core::{
    PublicUrl,
    fetch::testing::{Answer, End, FakeNetwork},
};

const TOKEN: &str = "https://id.example.com/token";
const RETURN: &str = "https://mcp.example.com/sign-in/callback";
const BACK: &str = "https://mcp.example.com/sign-in/callback/id";
const SECRET: &str = "s/cret +1";

const PROVIDERS: &str = r#"[
    {"name":"id","label":"The provider","issuer":"https://id.example.com","client_id":"us","client_secret":"s/cret +1"},
    {"name":"other","issuer":"https://other.example.com","client_id":"us"},
    {"name":"staff","issuer":"https://id.example.com","client_id":"us","client_secret":"x","allowed_domains":["example.com"]},
    {"name":"hosted","issuer":"https://id.example.com","client_id":"us","client_secret":"x","allowed_domains":["example.com"],
     "claims":{"domain":"hd","display_name":"nickname"}},
    {"name":"github","type":"github","client_id":"hub","client_secret":"x"},
    {"name":"acme","type":"github","client_id":"hub","client_secret":"x","allowed_organizations":["other","Acme"]}
]"#;

struct Scene {
    network: FakeNetwork,
    store: MemoryStore,
    keys: Keyring,
    random: SequenceRandom,
    memory: KeyMemory,
    providers: Vec<UpstreamProvider>,
    log: RefCell<Vec<String>>,
    now: Cell<u64>,
}

fn metadata(changes: &Value) -> Answer {
    let document = json!({
        "issuer": ISSUER,
        "jwks_uri": JWKS,
        "authorization_endpoint": "https://id.example.com/authorize?x=1",
        "token_endpoint": TOKEN,
    });
    Answer::json(with(document, changes).to_string())
}

fn with(mut document: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(name);
        } else {
            document[name] = value.clone();
        }
    }
    document
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Scene {
    fn new() -> Self {
        let network = FakeNetwork::default();
        network.serve(METADATA, metadata(&json!({})));
        network.serve(JWKS, jwks(&[key().jwk("one")]));
        Self {
            network,
            store: MemoryStore::default(),
            keys: Keyring::from_secret(&[7; 32]).unwrap(),
            random: SequenceRandom::default(),
            memory: KeyMemory::default(),
            providers: UpstreamProvider::parse_all(
                PROVIDERS,
                &PublicUrl::parse("https://mcp.example.com").unwrap(),
            )
            .unwrap(),
            log: RefCell::default(),
            now: Cell::new(START),
        }
    }

    fn run<T>(
        &self,
        act: impl AsyncFnOnce(SignIn<'_, MemoryStore, SequenceRandom, web_core::fetch::Fetcher<FakeNetwork>>) -> T,
    ) -> T {
        let log = |line: &str| self.log.borrow_mut().push(line.to_owned());
        let fetch = self.network.fetcher();
        block_on(act(SignIn {
            providers: &self.providers,
            records: Records { store: &self.store, keys: &self.keys, random: &self.random },
            fetch: &fetch,
            memory: &self.memory,
            now: self.now.get(),
            log: &log,
        }))
    }

    fn try_start(&self, provider: &str) -> Result<Departure, SignInError> {
        self.run(async |sign_in| {
            let provider = sign_in.provider(provider).unwrap();
            sign_in.start(provider, Some("alice@example.com"), RETURN).await
        })
    }

    fn start(&self, provider: &str) -> (Departure, BTreeMap<String, String>) {
        let departure = self.try_start(provider).unwrap();
        let query = departure.url.split_once('?').unwrap().1;
        let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        (departure, parameters)
    }

    fn finish(
        &self,
        departure: &Departure,
        back: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Person, SignInError> {
        self.run(async |sign_in| sign_in.finish(&departure.pending, back, &pairs(parameters)).await)
    }

    /// A whole sign-in at the OpenID provider, whose ID token has these claims in place of its own.
    fn sign_in(&self, provider: &str, changes: &Value) -> Result<Person, SignInError> {
        self.sign_in_with(provider, changes, &|claims| {
            key().sign(&json!({ "alg": "ES256", "kid": "one", "typ": "JWT" }), claims)
        })
    }

    fn sign_in_with(
        &self,
        provider: &str,
        changes: &Value,
        sign: &dyn Fn(&Value) -> String,
    ) -> Result<Person, SignInError> {
        let (departure, sent) = self.start(provider);
        let claims = json!({
            "iss": ISSUER, "sub": "1234", "aud": "us", "exp": START + 300, "iat": START, "nonce": sent["nonce"],
            "email": "alice@example.com", "email_verified": true,
        });
        let token = sign(&with(claims, changes));
        self.network.serve(
            TOKEN,
            Answer::json(
                json!({ "id_token": token, "access_token": "theirs", "token_type": "Bearer" }).to_string(),
            ),
        );
        self.finish(&departure, &format!("{RETURN}/{provider}"), &[("code", "c")])
    }

    fn refused(&self, why: &str) {
        let log = self.log.take();
        assert!(log.iter().any(|line| line.contains(why)), "{why}: {log:?}");
    }
}

#[test]
fn request_is_new_each_time_and_bound_to_its_redemption() {
    let scene = Scene::new();
    let (departure, sent) = scene.start("id");
    assert!(departure.url.starts_with("https://id.example.com/authorize?x=1&response_type=code&"));
    assert_eq!(sent["client_id"], "us");
    assert_eq!(sent["redirect_uri"], BACK);
    assert_eq!(sent["scope"], "openid email profile");
    assert_eq!(sent["code_challenge_method"], "S256");
    assert_eq!(sent["login_hint"], "alice@example.com");
    assert_eq!(sent["state"], departure.return_token);
    let (_, again) = scene.start("id");
    for fresh in ["state", "nonce", "code_challenge"] {
        assert!(sent[fresh].len() >= 43 && sent[fresh] != again[fresh], "{fresh}");
    }
    assert_eq!(scene.network.take_requests().len(), 1, "what the provider says of itself is kept");
    scene.network.take_bodies();
    let person = scene.sign_in("id", &json!({})).unwrap();
    assert_eq!(
        person,
        Person {
            issuer: ISSUER.into(),
            subject: "1234".into(),
            display_name: "alice@example.com".into(),
            domain: Some("example.com".into())
        }
    );
    let requests = scene.network.take_requests();
    assert_eq!(requests[0].0, TOKEN);
    let credentials = requests[0].1["authorization"].to_str().unwrap();
    assert_eq!(credentials, "Basic dXM6cyUyRmNyZXQrJTJCMQ==", "us:s%2Fcret+%2B1");
    let body = scene.network.take_bodies().remove(0).unwrap();
    let posted: BTreeMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    assert_eq!(posted["grant_type"], "authorization_code");
    assert_eq!(posted["code"], "c");
    assert_eq!(posted["redirect_uri"], BACK);
    assert_eq!(posted["code_verifier"].len(), 43);
    assert!(!posted.contains_key("client_secret") && scene.log.take().is_empty());
}

#[test]
fn secret_goes_where_the_provider_wants_it() {
    let scene = Scene::new();
    let methods =
        json!({ "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"] });
    scene.network.serve(METADATA, metadata(&methods));
    scene.sign_in("id", &json!({})).unwrap();
    let requests = scene.network.take_requests();
    assert!(requests.iter().all(|(_, headers)| !headers.contains_key("authorization")));
    let posted = scene.network.take_bodies().into_iter().flatten().next().unwrap();
    let posted: BTreeMap<_, _> = form_urlencoded::parse(&posted).into_owned().collect();
    assert_eq!((posted["client_id"].as_str(), posted["client_secret"].as_str()), ("us", SECRET));
}

/// FD-03: a browser that comes back from one provider is not taken for one that comes from another.
#[test]
fn providers_are_not_mixed_up() {
    let scene = Scene::new();
    let (departure, _) = scene.start("id");
    scene.network.take_requests();
    for back in [RETURN, "https://mcp.example.com/sign-in/callback/other"] {
        let came = scene.finish(&departure, back, &[("code", "c"), ("iss", ISSUER)]);
        assert_eq!(came, Err(SignInError::Unproven));
        scene.refused("another provider's address");
    }
    for iss in ["https://other.example.com", "https://id.example.com/", "HTTPS://id.example.com"] {
        for answer in [("code", "c"), ("error", "access_denied")] {
            let came = scene.finish(&departure, BACK, &[answer, ("iss", iss)]);
            assert_eq!(came, Err(SignInError::Unproven), "{iss}");
            scene.refused("issuer");
        }
    }
    let twice = [("code", "c"), ("code", "d")];
    assert_eq!(scene.finish(&departure, BACK, &twice), Err(SignInError::Unproven));
    assert!(scene.network.take_requests().is_empty(), "no code went anywhere");

    // RFC 9207 section 2.4: where it is promised, it is not left out.
    let promise = json!({ "authorization_response_iss_parameter_supported": true });
    let scene = Scene::new();
    scene.network.serve(METADATA, metadata(&promise));
    assert_eq!(scene.sign_in("id", &json!({})), Err(SignInError::Unproven));
    scene.refused("issuer is wrong or missing");
}

/// FD-04: a code of another sign-in.
#[test]
fn injected_code_signs_nobody_in() {
    let scene = Scene::new();
    let (departure, _) = scene.start("id");
    scene.network.serve(TOKEN, Answer::json(r#"{"error":"invalid_grant"}"#).status(400));
    assert_eq!(scene.finish(&departure, BACK, &[("code", "c")]), Err(SignInError::Unproven));
    scene.refused("refused the code");
    // At a provider that does not know PKCE, the nonce tells.
    let (_, other) = scene.start("id");
    let injected = scene.sign_in("id", &json!({ "nonce": other["nonce"] }));
    assert_eq!(injected, Err(SignInError::Unproven));
    scene.refused("of another sign-in");
}

/// FD-05.
#[test]
fn id_token_is_judged() {
    let scene = Scene::new();
    for (changes, why) in [
        (json!({ "iss": "https://other.example.com" }), "issuer"),
        (json!({ "iss": "https://id.example.com/" }), "issuer"),
        (json!({ "aud": "others" }), "audience"),
        (json!({ "aud": [] }), "audience"),
        (json!({ "aud": null }), "audience"),
        (json!({ "aud": ["us", "others"] }), "has other audiences too"),
        (json!({ "aud": ["us", "others"], "azp": "us" }), "has other audiences too"),
        (json!({ "azp": "others" }), "has other audiences too"),
        (json!({ "nonce": "x" }), "of another sign-in"),
        (json!({ "nonce": null }), "of another sign-in"),
        (json!({ "nonce": 1 }), "of another sign-in"),
        (json!({ "exp": START - 31 }), "expired"),
        (json!({ "exp": null }), "not a signed JWT"),
        (json!({ "iat": START + 31 }), "not valid yet"),
        (json!({ "nbf": START + 31 }), "not valid yet"),
        (json!({ "iat": null }), "when it was issued"),
        (json!({ "sub": null }), "who it is about"),
        (json!({ "sub": "" }), "who it is about"),
        (json!({ "sub": "x".repeat(256) }), "who it is about"),
    ] {
        assert_eq!(scene.sign_in("id", &changes), Err(SignInError::Unproven), "{changes}");
        scene.refused(why);
    }
    let header = |alg: &str| json!({ "alg": alg, "kid": "one", "typ": "JWT" });
    let unsigned = |claims: &Value| {
        let token = key().sign(&header("none"), claims);
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    let stranger = TestKey::p256(8);
    type Sign<'a> = &'a dyn Fn(&Value) -> String;
    let forgeries: [(Sign<'_>, &str); 8] = [
        (&unsigned, "algorithm"),
        (&|claims| key().sign(&header("none"), claims), "algorithm"),
        (&|claims| key().sign(&header("HS256"), claims), "algorithm"),
        (&|claims| key().sign(&header("RS256"), claims), "key set"),
        (&|claims| stranger.sign(&header("ES256"), claims), "signature"),
        (&|claims| key().sign(&json!({ "alg": "ES256", "kid": "one", "typ": "at+jwt" }), claims), "type"),
        (
            &|claims| {
                let header = json!({ "alg": "ES256", "kid": "one", "jwk": stranger.jwk("one") });
                stranger.sign(&header, claims)
            },
            "header",
        ),
        (&|_| "opaque".into(), "not a signed JWT"),
    ];
    for (sign, why) in forgeries {
        assert_eq!(scene.sign_in_with("id", &json!({}), sign), Err(SignInError::Unproven), "{why}");
        scene.refused(why);
    }
    let plain = |claims: &Value| key().sign(&json!({ "alg": "ES256" }), claims);
    assert!(scene.sign_in_with("id", &json!({ "azp": "us" }), &plain).is_ok(), "without typ and kid");
}

/// FD-07: the text of a provider's error goes no further.
#[test]
fn errors_have_words_of_our_own() {
    let scene = Scene::new();
    let (departure, _) = scene.start("id");
    let hostile = "<script>secret</script>";
    let denied = [("error", "access_denied"), ("error_description", hostile)];
    assert_eq!(scene.finish(&departure, BACK, &denied), Err(SignInError::Denied));
    for error in ["server_error", "login_required", hostile] {
        let answer = [("error", error), ("error_description", hostile), ("code", "c")];
        assert_eq!(scene.finish(&departure, BACK, &answer), Err(SignInError::Failed));
        scene.refused("with an error");
    }
    assert_eq!(scene.finish(&departure, BACK, &[]), Err(SignInError::Unproven));
    for (answer, why) in [
        (Answer::json(format!(r#"{{"error":"{hostile}"}}"#)).status(401), "status 401"),
        (Answer::json(format!(r#"{{"error":"{hostile}"}}"#)).status(500), "status 500"),
        (Answer::json(r#"{"access_token":"secret"}"#), "no ID token"),
        (Answer::json(hostile), "no ID token"),
        (Answer::json("{").end(End::Silent), "took too long"),
        (Answer::json(" ".repeat(65_537)), "too long"),
    ] {
        scene.network.serve(TOKEN, answer);
        assert_eq!(scene.finish(&departure, BACK, &[("code", "c")]), Err(SignInError::Failed), "{why}");
        assert!(!scene.log.borrow().iter().any(|line| line.contains("secret")));
        scene.refused(why);
    }
}

/// FD-08: their tokens, our secret, the code and the verifier are neither kept nor logged.
#[test]
fn nothing_of_a_sign_in_is_kept() {
    let scene = Scene::new();
    let _ = scene.sign_in("id", &json!({ "nonce": "x" }));
    scene.sign_in("id", &json!({})).unwrap();
    let bodies = scene.network.take_bodies();
    let verifier = bodies.into_iter().flatten().next_back().unwrap();
    let verifier: BTreeMap<_, _> = form_urlencoded::parse(&verifier).into_owned().collect();
    let records = scene.store.snapshot();
    assert_eq!(records.len(), 2, "keys and endpoints: {:?}", records.keys());
    let log = scene.log.take().join("\n");
    for secret in ["theirs", SECRET, verifier["code_verifier"].as_str()] {
        assert!(!log.contains(secret));
        for (name, value) in &records {
            assert!(!format!("{name} {}", String::from_utf8_lossy(value)).contains(secret));
        }
    }
}

/// FD-11: a provider that is down, slow or changes its keys. The limits on asking for keys are those of access
/// tokens (`key_rotation.rs`).
#[test]
fn provider_that_is_down_is_no_judgement() {
    let scene = Scene::new();
    scene.network.serve(METADATA, metadata(&json!({})).end(End::Silent));
    assert_eq!(scene.try_start("id"), Err(SignInError::Failed));
    scene.network.serve(METADATA, metadata(&json!({})));
    assert!(scene.sign_in("id", &json!({})).is_ok());
    // What was known serves for a day.
    scene.network.unplug(METADATA);
    scene.now.set(START + 24 * 3600 - 1);
    let later = json!({ "exp": START + 100_000, "iat": START + 80_000 });
    assert!(scene.sign_in("id", &later).is_ok());
    scene.now.set(START + 24 * 3600);
    assert_eq!(scene.try_start("id"), Err(SignInError::Failed));
    // A new key is found.
    let scene = Scene::new();
    assert!(scene.sign_in("id", &json!({})).is_ok());
    scene.network.serve(JWKS, jwks(&[TestKey::p256(9).jwk("two")]));
    let by_two = |claims: &Value| TestKey::p256(9).sign(&json!({ "alg": "ES256", "kid": "two" }), claims);
    assert!(scene.sign_in_with("id", &json!({}), &by_two).is_ok());
    assert_eq!(scene.sign_in("id", &json!({})), Err(SignInError::Unproven), "the old one is gone");
}

/// FD-12: no browser is sent to an address that is not a web address.
#[test]
fn metadata_of_somebody_else_is_refused() {
    for (changes, why) in [
        (json!({ "issuer": "https://other.example.com" }), "another issuer"),
        (json!({ "issuer": null }), "lacks a member"),
        (json!({ "authorization_endpoint": null }), "lacks a member"),
        (json!({ "authorization_endpoint": "javascript:alert(1)" }), "an endpoint"),
        (json!({ "authorization_endpoint": "http://id.example.com/authorize" }), "an endpoint"),
        (json!({ "token_endpoint": "https://127.0.0.1/token" }), "an endpoint"),
        (json!({ "token_endpoint": "https://user@id.example.com/token" }), "an endpoint"),
    ] {
        let scene = Scene::new();
        scene.network.serve(METADATA, metadata(&changes));
        assert_eq!(scene.try_start("id"), Err(SignInError::Failed), "{changes}");
        scene.refused(why);
        assert!(scene.store.is_empty());
    }
}

/// FD-06: an e-mail address says something only where the provider has verified it.
#[test]
fn domain_is_that_of_a_verified_address() {
    let scene = Scene::new();
    assert!(scene.sign_in("staff", &json!({})).is_ok());
    assert!(scene.sign_in("staff", &json!({ "email": "bob@EXAMPLE.com", "email_verified": "true" })).is_ok());
    for changes in [
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email_verified": "false" }),
        json!({ "email": "alice@sub.example.com" }),
        json!({ "email": "alice@example.com.evil.example" }),
        json!({ "email": "alice@example.com@evil.example" }),
        json!({ "email": "example.com" }),
        json!({ "email": null, "hd": "example.com" }),
    ] {
        assert_eq!(scene.sign_in("staff", &changes), Err(SignInError::NotAdmitted), "{changes}");
    }
    let hosted =
        scene.sign_in("hosted", &json!({ "hd": "example.com", "nickname": "al\u{7}ice\n" })).unwrap();
    assert_eq!(hosted.display_name, "alice");
    assert_eq!(
        scene.sign_in("hosted", &json!({})),
        Err(SignInError::NotAdmitted),
        "the address does not count"
    );
    let nameless = scene.sign_in("id", &json!({ "email_verified": false })).unwrap();
    assert_eq!(nameless.display_name, "1234", "an unverified address is no name");
}

const HUB_TOKEN: &str = "https://github.com/login/oauth/access_token";
const HUB_USER: &str = "https://api.github.com/user";
const HUB_BACK: &str = "https://mcp.example.com/sign-in/callback/github";

#[test]
fn github_user_is_a_number() {
    let scene = Scene::new();
    let (departure, sent) = scene.start("github");
    assert!(departure.url.starts_with("https://github.com/login/oauth/authorize?"));
    assert!(
        !sent.contains_key("scope") && !sent.contains_key("nonce") && sent.contains_key("code_challenge")
    );
    scene
        .network
        .serve(HUB_TOKEN, Answer::json(r#"{"access_token":"gho_x","scope":"","token_type":"bearer"}"#));
    scene.network.serve(HUB_USER, Answer::json(r#"{"id":583231,"login":"octocat","email":null}"#));
    let person = scene.finish(&departure, HUB_BACK, &[("code", "c")]).unwrap();
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), ("https://github.com", "583231"));
    assert_eq!(person.display_name, "octocat");
    let requests = scene.network.take_requests();
    assert_eq!(requests[1].0, HUB_USER);
    assert_eq!(requests[1].1["authorization"], "Bearer gho_x");
    let with_iss = [("code", "c"), ("iss", "https://github.com/login/oauth")];
    assert!(scene.finish(&departure, HUB_BACK, &with_iss).is_ok());
    let foreign = [("code", "c"), ("iss", "https://github.com.evil.example")];
    assert_eq!(scene.finish(&departure, HUB_BACK, &foreign), Err(SignInError::Unproven));
    scene.log.take();
    // GitHub says so with status 200.
    scene.network.serve(HUB_TOKEN, Answer::json(r#"{"error":"bad_verification_code"}"#));
    assert_eq!(scene.finish(&departure, HUB_BACK, &[("code", "c")]), Err(SignInError::Unproven));
    scene.refused("refused the code");
}

#[test]
fn github_organization_is_asked_about() {
    let scene = Scene::new();
    let membership =
        |organization: &str| format!("https://api.github.com/user/memberships/orgs/{organization}");
    scene.network.serve(HUB_TOKEN, Answer::json(r#"{"access_token":"gho_x"}"#));
    scene.network.serve(HUB_USER, Answer::json(r#"{"id":1,"login":"o"}"#));
    let (departure, sent) = scene.start("acme");
    assert_eq!(sent["scope"], "read:org");
    let back = "https://mcp.example.com/sign-in/callback/acme";
    let come = || scene.finish(&departure, back, &[("code", "c")]);
    scene.network.serve(&membership("other"), Answer::json("{}").status(404));
    for (answer, outcome) in [
        (Answer::json(r#"{"state":"active"}"#), None),
        (Answer::json(r#"{"state":"pending"}"#), Some(SignInError::NotAdmitted)),
        (Answer::json("{}"), Some(SignInError::NotAdmitted)),
        (Answer::json("{}").status(404), Some(SignInError::NotAdmitted)),
        (Answer::json("{}").status(403), Some(SignInError::NotAdmitted)),
        (Answer::json("{}").status(500), Some(SignInError::Failed)),
    ] {
        scene.network.serve(&membership("Acme"), answer);
        assert_eq!(come().err(), outcome);
    }
}
