//! The examples of the RFCs.

use jwt_core::{Algorithm, Audience, Expected, JwtError, KeySet, UnverifiedToken, VerifiedToken};

const JOE: Expected<'static> = Expected {
    algorithms: &Algorithm::ALL,
    types: &[""],
    issuer: "joe",
    audience: Audience::LeftToCaller,
    max_lifetime: None,
    now: 1_300_819_379,
};

const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn check(token: &str, key: &str) -> Result<VerifiedToken, JwtError> {
    let keys = KeySet::parse(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap();
    UnverifiedToken::parse(token, &JOE)?.verify(&keys)
}

/// RFC 7515 appendix A.2.
#[test]
fn rs256_example_of_the_rfc() {
    let key = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{signature}");
    let token = check(&token, key).unwrap();
    assert_eq!(token.claims.issuer, "joe");
    assert_eq!(token.claims.expires_at, 1_300_819_380);
    let others: serde_json::Value = token.claims_as().unwrap();
    assert_eq!(others["http://example.com/is_root"], true);
}

/// RFC 7515 appendix A.3.
#[test]
fn es256_example_of_the_rfc() {
    let key = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(&format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{signature}"), key).unwrap();
}

/// RFC 8037 appendix A.1 and A.2: the key. Its signed example is not JSON.
#[test]
fn ed25519_key_of_the_rfc() {
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let example = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(check(example, key).unwrap_err(), JwtError::Malformed);
    let (input, signature) = example.rsplit_once('.').unwrap();
    assert!(jwt_core::testing::verify("EdDSA", key, input, signature));
    assert!(!jwt_core::testing::verify("EdDSA", key, &input[1..], signature));
}

/// Made with OpenSSL. The salt is as long as the hash (RFC 7518 section 3.5), and no other length.
#[test]
fn ps256_with_a_salt_of_32_bytes_only() {
    let modulus = include_str!("vectors/ps256_modulus.txt").trim();
    let key = |alg: &str| format!(r#"{{"kty":"RSA","kid":"rsa-1","e":"AQAB","n":"{modulus}"{alg}}}"#);
    let token = include_str!("vectors/ps256.txt").trim();
    check(token, &key("")).unwrap();
    check(token, &key(r#","alg":"PS256""#)).unwrap();
    let other_salt = include_str!("vectors/ps256_salt_of_20.txt").trim();
    assert_eq!(check(other_salt, &key("")).unwrap_err(), JwtError::Signature);
    // A key that is bound to another algorithm is not used for this one.
    assert_eq!(check(token, &key(r#","alg":"RS256""#)).unwrap_err(), JwtError::UnknownKey);
}
