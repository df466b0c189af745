//! A function's arguments, as a tool has them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, FnArg, Ident, LitStr, Pat, PatType, Result, Type, spanned::Spanned};

/// An argument of the function.
pub(crate) enum Argument {
    /// The context.
    Context,
    /// An argument of the tool.
    Field {
        name: Ident,
        kind: Box<Type>,
        /// What stands on the field that it becomes.
        attributes: Vec<TokenStream>,
    },
}

/// Reads an argument, and leaves on it what is not for us.
pub(crate) fn read(argument: &mut FnArg) -> Result<Argument> {
    let PatType { attrs, pat, ty, .. } = match argument {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(receiver.span(), "a tool is a function, not a method: it has no `self`"));
        }
    };
    let attributes = take_attributes(attrs, ty)?;
    if let Type::Reference(reference) = &**ty {
        if is_named(&reference.elem, "Context") && reference.mutability.is_none() {
            return match attributes.is_empty() {
                true => Ok(Argument::Context),
                false => Err(Error::new(ty.span(), "the context is no argument of the tool")),
            };
        }
        return Err(Error::new(
            ty.span(),
            "an argument owns what it is: `String` instead of `&str`, `Vec<T>` instead of `&[T]` \
             (only the context is `&Context`)",
        ));
    }
    if is_named(ty, "Context") {
        return Err(Error::new(ty.span(), "the context is borrowed: `&Context`"));
    }
    let Pat::Ident(name) = &**pat else {
        return Err(Error::new(pat.span(), "an argument needs a name, for the client to give it by"));
    };
    Ok(Argument::Field { name: name.ident.clone(), kind: ty.clone(), attributes })
}

/// Takes away the attributes that are for the field: functions may not have them.
fn take_attributes(attributes: &mut Vec<Attribute>, kind: &Type) -> Result<Vec<TokenStream>> {
    let mut taken = Vec::new();
    for attribute in std::mem::take(attributes) {
        let path = attribute.path();
        if path.is_ident("doc") || path.is_ident("serde") || path.is_ident("schemars") {
            taken.push(quote!(#attribute));
        } else if path.is_ident("header") {
            let header = header(&attribute, kind)?;
            taken.push(quote!(#[schemars(extend("x-mcp-header" = #header))]));
        } else {
            attributes.push(attribute);
        }
    }
    Ok(taken)
}

/// The name in `#[header("Name")]`: an HTTP field name (RFC 9110 section 5.6.2).
fn header(attribute: &Attribute, kind: &Type) -> Result<LitStr> {
    let name: LitStr = attribute
        .parse_args()
        .map_err(|_| Error::new(attribute.span(), "a header has a name: `#[header(\"Region\")]`"))?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.value().is_empty() || !name.value().bytes().all(is_allowed) {
        return Err(Error::new(name.span(), "this is no name of an HTTP header"));
    }
    if ["f32", "f64", "Vec"].iter().any(|other| is_named(kind, other)) {
        return Err(Error::new(kind.span(), "a header is for a text, an integer or a `bool`"));
    }
    Ok(name)
}

/// Whether a type is a path that ends in this name.
pub(crate) fn is_named(kind: &Type, name: &str) -> bool {
    let Type::Path(path) = kind else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}
