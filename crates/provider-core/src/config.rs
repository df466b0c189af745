//! The variables that describe the provider.

use jwt_core::Algorithm;
use web_core::{
    Issuer, IssuerError, PublicUrl,
    fetch::{FetchPolicy, FetchUrl, FetchUrlError},
};

/// The values of the variables.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// `authorization_server`: the issuer.
    pub authorization_server: &'a str,
    /// `jwks_uri`: the address of its keys. When empty, its metadata has the address.
    pub jwks_uri: &'a str,
    /// `token_algorithms`: the accepted signature algorithms, separated by spaces.
    pub token_algorithms: &'a str,
    /// `token_types`: the accepted values of `typ`, separated by spaces; `none`
    /// stands for tokens without one.
    pub token_types: &'a str,
}

/// The provider whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its issuer identifier.
    pub issuer: Issuer,
    /// The address of its keys, if it is configured.
    pub jwks_uri: Option<FetchUrl>,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The accepted types; `""` stands for a token without one.
    pub token_types: Vec<String>,
    /// The addresses from which its documents may be fetched.
    pub(crate) policy: FetchPolicy,
}

/// Why the variables do not describe a provider. Each text names the variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No provider is named, or this server itself, whose tokens another component checks.
    #[error("authorization_server must name the provider whose tokens are accepted")]
    NoProvider,
    /// The issuer is not a valid issuer identifier.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The address of the keys is not valid.
    #[error("jwks_uri: {0}")]
    JwksUri(FetchUrlError),
    /// An algorithm is not supported.
    #[error("token_algorithms must be some of RS256, PS256, ES256 and EdDSA, separated by spaces")]
    Algorithms,
    /// There are no types.
    #[error("token_types must be values of `typ` such as at+jwt, separated by spaces, or none")]
    Types,
}

impl Provider {
    /// Reads the variables of a server at `public_url`.
    pub fn parse(settings: &Settings<'_>, public_url: &PublicUrl) -> Result<Self, ConfigError> {
        let issuer = Issuer::parse(settings.authorization_server, public_url)?;
        if issuer == Issuer::own(public_url) {
            return Err(ConfigError::NoProvider);
        }
        // Both addresses were written by the operator, so their hosts need not be public names.
        let policy = FetchPolicy::of(public_url).trusting(issuer.authority());
        let jwks_uri = match settings.jwks_uri {
            "" => None,
            uri => {
                let authority = uri.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
                let policy = policy.clone().trusting(authority.unwrap_or_default());
                Some(FetchUrl::parse(uri, &policy).map_err(ConfigError::JwksUri)?)
            }
        };
        let algorithms: Option<Vec<_>> =
            settings.token_algorithms.split_whitespace().map(Algorithm::from_name).collect();
        let algorithms = algorithms.filter(|names| !names.is_empty()).ok_or(ConfigError::Algorithms)?;
        let token_types: Vec<_> = settings.token_types.split_whitespace().map(token_type).collect();
        if token_types.is_empty() {
            return Err(ConfigError::Types);
        }
        Ok(Self { issuer, jwks_uri, algorithms, token_types, policy })
    }
}

fn token_type(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    match word.strip_prefix("application/").unwrap_or(&word) {
        "none" => String::new(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Settings<'static> = Settings {
        authorization_server: "https://id.example.com",
        jwks_uri: "",
        token_algorithms: "RS256 ES256",
        token_types: "at+jwt",
    };

    fn parse(settings: Settings<'_>) -> Result<Provider, ConfigError> {
        Provider::parse(&settings, &PublicUrl::parse("https://mcp.example.com").unwrap())
    }

    #[test]
    fn variables_describe_a_provider() {
        let provider = parse(GOOD).unwrap();
        assert_eq!(provider.issuer.as_str(), "https://id.example.com");
        assert_eq!(provider.algorithms, [Algorithm::Rs256, Algorithm::Es256]);
        let typed = parse(Settings { token_types: " Application/AT+jwt  JWT none", ..GOOD }).unwrap();
        assert_eq!(typed.token_types, ["at+jwt", "jwt", ""]);
        let keys = "https://keys.corp.internal:8443/jwks";
        let configured = parse(Settings { jwks_uri: keys, ..GOOD }).unwrap();
        assert_eq!(configured.jwks_uri.unwrap().as_str(), keys);
    }

    #[test]
    fn mistakes_name_the_variable() {
        let error = |settings| parse(settings).unwrap_err();
        assert_eq!(error(Settings { authorization_server: "", ..GOOD }), ConfigError::NoProvider);
        let this_server = "https://mcp.example.com";
        assert_eq!(error(Settings { authorization_server: this_server, ..GOOD }), ConfigError::NoProvider);
        for issuer in ["id.example.com", "http://id.example.com", "https://id.example.com?x"] {
            let error = error(Settings { authorization_server: issuer, ..GOOD });
            assert_eq!(error, ConfigError::Issuer(IssuerError), "{issuer}");
        }
        for uri in ["http://id.example.com/jwks", "https://id.example.com", "file:///etc/passwd", "/jwks"] {
            let error = error(Settings { jwks_uri: uri, ..GOOD });
            assert!(matches!(error, ConfigError::JwksUri(_)), "{uri}");
            assert!(error.to_string().starts_with("jwks_uri: "));
        }
        for algorithms in ["", "none", "HS256", "RS256 none", "RS256,ES256"] {
            assert_eq!(error(Settings { token_algorithms: algorithms, ..GOOD }), ConfigError::Algorithms);
        }
        assert_eq!(error(Settings { token_types: " ", ..GOOD }), ConfigError::Types);
    }
}
