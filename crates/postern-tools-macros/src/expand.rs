//! From a function to a tool.

use crate::{
    arguments::{self, Argument, is_named},
    attributes::Attributes,
};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, Expr, ExprLit, Ident, ItemFn, Lit, Meta, Result, ReturnType, Signature, Type,
    spanned::Spanned,
};

/// The function, and beside it a type of the same name that is the tool. A function is a value and this type is none, so
/// that the two do not get into each other's way, and one `use` brings both.
pub(crate) fn tool(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), format!("a tool is a function: {error}")))?;
    let Attributes { name, title, scopes, read_only, destructive, idempotent, open_world } =
        syn::parse2(attribute)?;
    check(&function.sig)?;
    let description = description(&function.attrs, &function.sig.ident)?;
    let read = arguments::read_all(function.sig.inputs.iter_mut())?;

    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name =
        name.map_or_else(|| ident.to_string().trim_start_matches("r#").to_owned(), |name| name.value());
    let title = option(title);
    // What changes nothing destroys nothing, and may be called again.
    let is_read_only = read_only == Some(true);
    let [read_only, destructive, idempotent, open_world] = [
        read_only,
        destructive.or(is_read_only.then_some(false)),
        idempotent.or(is_read_only.then_some(true)),
        open_world,
    ]
    .map(option);

    let fields = read.iter().filter_map(|argument| match argument {
        Argument::Context => None,
        Argument::Field { variable, kind, attributes, .. } => Some(quote!(#(#attributes)* #variable: #kind)),
    });
    // Names that no argument has: a tool may call one of its own `context`.
    let context = format_ident!("__context", span = Span::mixed_site());
    let text = format_ident!("__text", span = Span::mixed_site());
    let taken = read.iter().filter_map(|argument| match argument {
        Argument::Context => None,
        Argument::Field { variable, name, kind, .. } => {
            Some(quote_spanned!(kind.span()=> let #variable: #kind = #text.take(#name)?;))
        }
    });
    let names = read.iter().filter_map(|argument| match argument {
        Argument::Context => None,
        Argument::Field { name, .. } => Some(name),
    });
    let values = read.iter().map(|argument| match argument {
        Argument::Context => quote!(&#context),
        Argument::Field { variable, .. } => quote!(#variable),
    });
    let arguments = format_ident!("__Arguments", span = Span::mixed_site());

    let wait = function.sig.asyncness.map(|_| quote!(.await));
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, kind) => quote!(#kind),
    };
    let (output, finish) = match &function.sig.output {
        ReturnType::Type(_, kind) if is_named(kind, "Result") => {
            (quote!(<#output as ::postern_tools::__private::Fallible>::Output), quote!(finish_result))
        }
        _ => (output, quote!(finish)),
    };
    let span = match &function.sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, kind) => kind.span(),
    };
    let output = quote_spanned!(span=> type Output = #output;);
    let called = quote!(#ident(#(#values),*)#wait);
    let finished = match returns_nothing(&function.sig.output) {
        true => quote!({ #called; ::postern_tools::__private::finish(()) }),
        false => quote_spanned!(span=> ::postern_tools::__private::#finish(#called)),
    };

    let variables: Vec<_> = read
        .iter()
        .filter_map(|argument| match argument {
            Argument::Context => None,
            Argument::Field { variable, .. } => Some(variable),
        })
        .collect();
    let read_arguments = match variables.is_empty() {
        true => quote!(::postern_tools::__private::Arguments::read(&#text)?.end(&[])?;),
        false => quote! {
            let (#(#variables,)*) = {
                let mut #text = ::postern_tools::__private::Arguments::read(&#text)?;
                #(#taken)*
                #text.end(&[#(#names),*])?;
                (#(#variables,)*)
            };
        },
    };
    let body = quote! {
        #read_arguments
        // It may be long, and the tool may take its time.
        ::core::mem::drop(#text);
        #finished
    };
    // A function that waits for nothing needs no future of its own kind.
    let work = match function.sig.asyncness {
        Some(_) => quote!(::std::boxed::Box::pin(async move { #body })),
        None => quote!(::postern_tools::__private::done((move || { #body })())),
    };

    let documentation = format!("The tool `{name}`.");
    Ok(quote! {
        #function

        #[doc = #documentation]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}

        const _: () = {
            #[derive(::postern_tools::__private::JsonSchema)]
            #[schemars(crate = "::postern_tools::__private::schemars", deny_unknown_fields)]
            #[allow(dead_code)]
            #visibility struct #arguments { #(#fields),* }

            #[automatically_derived]
            impl ::postern_tools::Tool for #ident {
                const NAME: &'static str = #name;
                const TITLE: ::core::option::Option<&'static str> = #title;
                const DESCRIPTION: &'static str = #description;
                const ANNOTATIONS: ::postern_tools::contract::Annotations =
                    ::postern_tools::contract::Annotations {
                        read_only: #read_only,
                        destructive: #destructive,
                        idempotent: #idempotent,
                        open_world: #open_world,
                    };
                const SCOPES: &'static [&'static str] = &[#(#scopes),*];
                type Arguments = #arguments;
                #output

                fn call(
                    #context: ::postern_tools::Context,
                    #text: ::std::string::String,
                ) -> ::postern_tools::__private::Work {
                    #work
                }
            }
        };
    })
}

fn check(signature: &Signature) -> Result<()> {
    let generics = &signature.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let what = "a tool has no type or lifetime parameters: its arguments are what a client can send";
        return Err(Error::new(generics.span(), what));
    }
    if let Some(unsafety) = signature.unsafety {
        return Err(Error::new(unsafety.span(), "a tool is called by whoever likes to: it cannot be unsafe"));
    }
    if let ReturnType::Type(_, kind) = &signature.output
        && let Type::ImplTrait(_) = **kind
    {
        return Err(Error::new(kind.span(), "a tool's result is a type that has a name"));
    }
    Ok(())
}

fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, kind) => matches!(&**kind, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// The doc comment, as a text.
fn description(attributes: &[Attribute], function: &Ident) -> Result<String> {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(doc) = &attribute.meta
            && doc.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &doc.value
        {
            let line = line.value();
            lines.push(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
        }
    }
    let description = lines.join("\n").trim().to_owned();
    if description.is_empty() {
        return Err(Error::new(
            function.span(),
            "a tool needs a doc comment: it is what a model reads to decide whether to call it",
        ));
    }
    Ok(description)
}

/// `Some(value)` or `None`, in the code that is written.
fn option(value: Option<impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
