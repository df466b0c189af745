//! A function's arguments, as a tool has them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Ident, LitStr, Pat, PatType, PathArguments, Result, Type,
    spanned::Spanned,
};

/// An argument of the function.
pub(crate) enum Argument {
    /// The context.
    Context,
    /// An argument of the tool.
    Field {
        /// What the function calls it.
        variable: Ident,
        /// What clients call it.
        name: String,
        kind: Box<Type>,
        /// The header that repeats it.
        header: Option<LitStr>,
        /// What stands on the field that it becomes.
        attributes: Vec<TokenStream>,
    },
}

/// Reads all arguments.
pub(crate) fn read_all<'a>(arguments: impl Iterator<Item = &'a mut FnArg>) -> Result<Vec<Argument>> {
    let mut all: Vec<Argument> = Vec::new();
    for argument in arguments {
        let span = argument.span();
        let next = read(argument)?;
        if let Some(clash) = all.iter().find_map(|earlier| next.clash(earlier)) {
            return Err(Error::new(span, clash));
        }
        all.push(next);
    }
    Ok(all)
}

impl Argument {
    /// Why the two cannot be arguments of one tool.
    fn clash(&self, earlier: &Self) -> Option<String> {
        match (self, earlier) {
            (Self::Context, Self::Context) => Some("there is one context".to_owned()),
            (
                Self::Field { name, header, .. },
                Self::Field { name: earlier_name, header: earlier_header, .. },
            ) => {
                let header = header.as_ref().map(LitStr::value);
                let earlier_header = earlier_header.as_ref().map(LitStr::value);
                match (header, earlier_header) {
                    _ if name == earlier_name => Some(format!("two arguments have the name `{name}`")),
                    // RFC 9110 section 5.1: they are the same whatever their case.
                    (Some(header), Some(earlier)) if header.eq_ignore_ascii_case(&earlier) => {
                        Some(format!("two arguments have the header `{header}`"))
                    }
                    _ => None,
                }
            }
            (Self::Context, Self::Field { .. }) | (Self::Field { .. }, Self::Context) => None,
        }
    }
}

/// Reads an argument, and leaves on it what is not for us.
fn read(argument: &mut FnArg) -> Result<Argument> {
    let PatType { attrs, pat, ty, .. } = match argument {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(receiver.span(), "a tool is a function, not a method: it has no `self`"));
        }
    };
    let Taken { attributes, name, header } = take_attributes(attrs, ty)?;
    if let Type::Reference(reference) = &**ty {
        if is_named(&reference.elem, "Context") && reference.mutability.is_none() {
            return match attributes.is_empty() && name.is_none() {
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
    let Pat::Ident(variable) = &**pat else {
        return Err(Error::new(pat.span(), "an argument needs a name, for the client to give it by"));
    };
    let variable = variable.ident.clone();
    let name = name.unwrap_or_else(|| variable.to_string().trim_start_matches("r#").to_owned());
    Ok(Argument::Field { variable, name, kind: ty.clone(), header, attributes })
}

/// What stood on an argument.
struct Taken {
    attributes: Vec<TokenStream>,
    name: Option<String>,
    header: Option<LitStr>,
}

/// Takes away the attributes that are for the field: functions may not have them.
fn take_attributes(attributes: &mut Vec<Attribute>, kind: &Type) -> Result<Taken> {
    let mut taken = Taken { attributes: Vec::new(), name: None, header: None };
    for attribute in std::mem::take(attributes) {
        let path = attribute.path();
        if path.is_ident("doc") || path.is_ident("schemars") {
            taken.attributes.push(quote!(#attribute));
        } else if path.is_ident("header") {
            let header = header(&attribute, kind)?;
            taken.attributes.push(quote!(#[schemars(extend("x-mcp-header" = #header))]));
            taken.header = Some(header);
        } else if path.is_ident("name") {
            let name: LitStr = attribute.parse_args()?;
            taken.name = Some(name.value());
            taken.attributes.push(quote!(#[schemars(rename = #name)]));
        } else if path.is_ident("serde") {
            return Err(Error::new(
                attribute.span(),
                "an argument is read by itself, so there is nothing for serde to do here: \
                 rename it with `#[name(\"…\")]`, and make it an `Option` if it may be left out",
            ));
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
    if ["f32", "f64", "Vec"].iter().any(|other| is_named(optional(kind), other)) {
        return Err(Error::new(kind.span(), "a header is for a text, an integer or a `bool`"));
    }
    Ok(name)
}

/// What is in an `Option`; another type itself.
fn optional(kind: &Type) -> &Type {
    if let Type::Path(path) = kind
        && let Some(last) = path.path.segments.last()
        && last.ident == "Option"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return inner;
    }
    kind
}

/// Whether a type is a path that ends in this name.
pub(crate) fn is_named(kind: &Type, name: &str) -> bool {
    let Type::Path(path) = kind else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}
