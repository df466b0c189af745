//! What stands in `#[tool(…)]`.

use syn::{
    Error, Expr, ExprLit, Ident, Lit, LitBool, LitStr, Result, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// What stands in `#[tool(…)]`.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) scopes: Vec<Expr>,
    pub(crate) read_only: Option<bool>,
    pub(crate) destructive: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) open_world: Option<bool>,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if seen.contains(&key) {
                return Err(Error::new(key.span(), format!("`{key}` is said twice")));
            }
            match key.to_string().as_str() {
                "name" => attributes.name = Some(name(input)?),
                "title" => attributes.title = Some(text(input)?),
                "scopes" => attributes.scopes = scopes(input)?,
                "read_only" => attributes.read_only = Some(flag(input)?),
                "destructive" => attributes.destructive = Some(flag(input)?),
                "idempotent" => attributes.idempotent = Some(flag(input)?),
                "open_world" => attributes.open_world = Some(flag(input)?),
                "description" => {
                    return Err(Error::new(key.span(), "a tool's description is its doc comment"));
                }
                _ => return Err(Error::new(key.span(), format!("unknown `{key}`: there are {KEYS}"))),
            }
            seen.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attributes)
    }
}

const KEYS: &str = "name, title, scopes(…), read_only, destructive, idempotent and open_world";

/// `= "text"`.
fn text(input: ParseStream<'_>) -> Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn name(input: ParseStream<'_>) -> Result<LitStr> {
    let name = text(input)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !(1..=64).contains(&name.value().len()) || !name.value().bytes().all(is_allowed) {
        return Err(Error::new(name.span(), "a tool's name is 1 to 64 of A-Z a-z 0-9 _ - ."));
    }
    Ok(name)
}

/// Nothing, `= true` or `= false`.
fn flag(input: ParseStream<'_>) -> Result<bool> {
    if !input.peek(Token![=]) {
        return Ok(true);
    }
    input.parse::<Token![=]>()?;
    Ok(input.parse::<LitBool>()?.value)
}

/// `("a", B)`.
fn scopes(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let content;
    syn::parenthesized!(content in input);
    let scopes = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    for scope in &scopes {
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = scope {
            // RFC 6749 section 3.3.
            let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            if text.value().is_empty() || !text.value().bytes().all(is_allowed) {
                return Err(Error::new(
                    text.span(),
                    "a scope is printable ASCII without space, `\"` and `\\`; several are separated by commas",
                ));
            }
        }
    }
    Ok(scopes.into_iter().collect())
}
