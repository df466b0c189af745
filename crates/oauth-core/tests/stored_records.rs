//! The stored format. A record that was written once must be readable for as long as it lives: a change
//! to one of the golden files needs a "Stored data" line in the changelog.
//! `UPDATE_GOLDEN=1 cargo test` rewrites the JSON ones.

use oauth_core::client::{approval::ApprovedClient, authentication::Method};
use oauth_core::records::{
    EndedSignIn, Grant, GrantEntry, GrantId, GrantState, RememberedConsent, SignIn, SignIns, UserGrants,
    user_key,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use store_core::{
    Keyring, Records, Store, seal,
    testing::{MemoryStore, SequenceRandom, block_on},
};

fn path(name: &str) -> String {
    format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn grant(state: GrantState) -> Grant {
    Grant {
        subject: "acct_AAAAAAAAAAAAAAAAAAAAAA".into(),
        user_epoch: 3,
        client_id: "postern_cl_sealed".into(),
        client: None,
        client_name: "Inspector".into(),
        redirect_uri: "http://localhost:3334/oauth/callback".into(),
        browser: None,
        scopes: vec!["math:basic".into()],
        declined_scopes: vec!["math:statistics".into(), "openid".into()],
        audience: vec!["https://mcp.example.com/mcp".into()],
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
        approved_at: 1_800_000_000,
        expires_at: 1_802_592_000,
        state,
    }
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, record: &T) {
    let written = serde_json::to_string_pretty(record).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path(name), format!("{written}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(written, golden.trim_end(), "{name}: what is written has changed");
    assert_eq!(
        &serde_json::from_str::<T>(&golden).unwrap(),
        record,
        "{name}: what was written reads differently"
    );
}

/// The records, in each of their states.
#[test]
fn records_stay_as_they_are() {
    check("grant_issued.json", &grant(GrantState::Issued { code_expires_at: 1_800_000_060 }));
    let active = GrantState::Active {
        redeemed_at: 1_800_000_010,
        generation: 2,
        rotated_at: 1_800_000_900,
        refresh_expires_at: 1_801_210_500,
    };
    check("grant_active.json", &grant(active.clone()));
    check("grant_in_browser.json", &Grant { browser: Some("Firefox on Linux".into()), ..grant(active) });
    let approved = ApprovedClient {
        digest: "6Y1dQvmDQ0cQ1p0oF3hXm0v9k8m1nKcW8oYbY1qg2bQ".into(),
        authentication: Method::PrivateKeyJwt,
        jwks_uri: Some("https://client.example/jwks".into()),
        keys: Some(
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
                .into(),
        ),
    };
    let published = Grant {
        client_id: "https://client.example/metadata.json".into(),
        client: Some(approved),
        ..grant(GrantState::Issued { code_expires_at: 1_800_000_060 })
    };
    check("grant_of_published_client.json", &published);
    let nothing_declined =
        Grant { declined_scopes: Vec::new(), ..grant(GrantState::Revoked { revoked_at: 1_800_001_000 }) };
    check("grant_revoked.json", &nothing_declined);
    let entry = |first, approved_at, attempt: &str| GrantEntry {
        id: GrantId([first; 16]),
        approved_at,
        expires_at: approved_at + 2_592_000,
        attempt: attempt.into(),
        remembered: None,
        place: String::new(),
    };
    let remembered = RememberedConsent { digest: "digest".into(), expires_at: 1_802_592_060 };
    let remembered = GrantEntry { remembered: Some(remembered), ..entry(255, 1_800_000_060, "AQEBAQEBAQEB") };
    // The first is older than `attempt`.
    let grants = vec![entry(1, 1_800_000_000, ""), remembered];
    let user = UserGrants { epoch: 3, sign_in_epoch: 2, grants, ..UserGrants::default() };
    check("user_grants.json", &user);
    let placed = GrantEntry { place: "AQEBAQEBAQEB".into(), ..entry(2, 1_800_000_120, "AgICAgICAgIC") };
    check("user_grants_placed.json", &UserGrants { grants: vec![placed], ..user.clone() });
    let sign_in = |id: &str, browser: Option<&str>| SignIn {
        id: id.into(),
        signed_in_at: 1_800_000_000,
        expires_at: 1_800_043_200,
        browser: browser.map(str::to_owned),
    };
    let sign_ins = SignIns {
        listed: vec![
            sign_in("AQEBAQEBAQEBAQEBAQEBAQ", Some("Firefox on Linux")),
            sign_in("AgICAgICAgICAgICAgICAg", None),
        ],
        ended: vec![EndedSignIn { id: "AwMDAwMDAwMDAwMDAwMDAw".into(), expires_at: 1_800_043_100 }],
        unlisted_until: 1_800_043_000,
    };
    check("user_grants_sign_ins.json", &UserGrants { sign_ins, ..user });
}

/// The seal around them, keys and their derivation included: what was sealed once still opens, and the
/// same secret and chance give the same bytes. Never rewritten; a new format gets a file beside it.
#[test]
fn sealed_record_still_opens() {
    let keys = Keyring::from_secret(&[7; 32]).unwrap();
    let (store, random) = (MemoryStore::default(), SequenceRandom::new(5));
    let records = Records { store: &store, keys: &keys, random: &random };
    let entry = |approved_at| GrantEntry {
        id: GrantId([1; 16]),
        approved_at,
        expires_at: 9,
        attempt: String::new(),
        remembered: None,
        place: String::new(),
    };
    let key = user_key("acct_AAAAAAAAAAAAAAAAAAAAAA");
    // The first is older than `approved_at`.
    for (name, approved_at) in [("sealed_user_grants.txt", 0), ("sealed_user_grants_2.txt", 5)] {
        let user = UserGrants {
            epoch: 3,
            sign_in_epoch: 0,
            grants: vec![entry(approved_at)],
            ..UserGrants::default()
        };
        let golden = std::fs::read_to_string(path(name)).unwrap();
        let sealed = seal::from_text(golden.trim_end()).unwrap();
        block_on(store.put(&key, &sealed)).unwrap();
        assert_eq!(block_on(records.find(&key)), Ok(Some(user.clone())), "{name}");
    }
    let newest = UserGrants { epoch: 3, sign_in_epoch: 0, grants: vec![entry(5)], ..UserGrants::default() };
    block_on(records.create(&key, &newest)).unwrap();
    let golden = std::fs::read_to_string(path("sealed_user_grants_2.txt")).unwrap();
    assert_eq!(seal::to_text(&store.snapshot()[&key]), golden.trim_end());
}

/// The keys under which they are found.
#[test]
fn keys_stay_as_they_are() {
    assert_eq!(GrantId([0xab; 16]).key(), format!("postern:g:{}", "ab".repeat(16)));
    assert_eq!(user_key("acct_AAAAAAAAAAAAAAAAAAAAAA"), "postern:u:075c5ffe40d948df394b752f72b66377");
}
