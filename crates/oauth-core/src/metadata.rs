//! Authorization server metadata (RFC 8414), made from the same constants that the endpoints use.

use crate::{
    Config,
    authorize::interaction,
    client::{self, authentication, lookup::takes_documents},
    error::WireError,
    introspection_endpoint, pkce,
    ports::{Catalog, Network, Offer},
    resource, routes,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use web_core::{Head, Reply, cors};

/// The document, RFC 8414 section 2. It is not to be had under OpenID Connect's name: what is there has to have
/// members about ID tokens (Discovery section 3), of which there are none here, and strict clients stop at a document
/// without them where they would have gone on after a 404.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    /// RG-18: only while registration is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    scopes_supported: Vec<&'a str>,
    response_types_supported: [&'a str; 1],
    response_modes_supported: [&'a str; 1],
    grant_types_supported: [&'a str; 2],
    token_endpoint_auth_methods_supported: &'a [&'a str],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    /// RFC 7009 has both of these (RFC 8414 section 2).
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    revocation_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    /// RFC 7662, likewise.
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'a str>,
    introspection_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    code_challenge_methods_supported: [&'a str; 1],
    /// Initiating User Registration via OpenID Connect section 4.
    prompt_values_supported: [&'a str; 4],
    /// RFC 9207 section 3.
    authorization_response_iss_parameter_supported: bool,
    /// OP-05: left out unless it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id_metadata_document_supported: Option<bool>,
    /// RFC 9728 section 4.
    protected_resources: Vec<String>,
}

/// Answers a request for the document.
pub async fn serve(
    head: &Head,
    config: &Config,
    catalog: &impl Catalog,
    network: &dyn Network,
    log: &dyn Fn(&str),
) -> Reply {
    let reply = match head.method {
        Method::GET | Method::HEAD => match catalog.list().await {
            Ok(offer) => document(config, &offer, takes_documents(config, network).await),
            Err(error) => {
                log(&format!("metadata: {error}"));
                WireError::UNAVAILABLE.reply()
            }
        },
        Method::OPTIONS => cors::preflight(head, "GET, HEAD, OPTIONS"),
        _ => Reply::method_not_allowed("GET, HEAD, OPTIONS"),
    };
    cors::allow_any(reply)
}

fn document(config: &Config, offer: &Offer, takes_documents: bool) -> Reply {
    let url = &config.public_url;
    let metadata = Metadata {
        issuer: url.as_str(),
        authorization_endpoint: url.join(routes::AUTHORIZE),
        token_endpoint: url.join(routes::TOKEN),
        registration_endpoint: config.clients.registration.then(|| url.join(routes::REGISTER)),
        scopes_supported: offer.scopes.iter().map(|scope| scope.name.as_str()).collect(),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: ["authorization_code", "refresh_token"],
        token_endpoint_auth_methods_supported: authentication::METHODS,
        token_endpoint_auth_signing_alg_values_supported: &client::SIGNING_ALGORITHMS,
        revocation_endpoint: url.join(routes::REVOKE),
        revocation_endpoint_auth_methods_supported: authentication::METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: &client::SIGNING_ALGORITHMS,
        introspection_endpoint: url.join(routes::INTROSPECT),
        introspection_endpoint_auth_methods_supported: introspection_endpoint::authentication_methods(),
        introspection_endpoint_auth_signing_alg_values_supported: &client::SIGNING_ALGORITHMS,
        code_challenge_methods_supported: [pkce::METHOD],
        prompt_values_supported: interaction::PROMPTS,
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: takes_documents.then_some(true),
        protected_resources: resource::endpoints(url),
    };
    Reply::json(StatusCode::OK, &metadata)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
}
