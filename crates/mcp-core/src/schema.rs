//! JSON Schema: whether what a client sent is what was asked for.
//!
//! Schemas are tool authors', instances are strangers'. `boon` compiles the one and judges the other; this module
//! bounds what that may cost, and keeps it to what is here: a schema that refers to another document is not usable,
//! because nothing is ever fetched (MCP-B-19, MP-20). Patterns are matched in time linear in the text. How deep
//! an instance is, and how long, was bounded when it was read ([`json`](crate::json)); what an author's schema can
//! still make of that ends with the host's deadline.

use crate::{
    json,
    plain_schema::{Fit, PlainSchema},
};
use boon::{Compiler, Draft, SchemaIndex, Schemas, UrlLoader, ValidationError};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    error::Error,
    fmt::{self, Write as _},
    rc::Rc,
};

/// The longest schema that is used, in bytes (MCP-B-20).
const MAX_SCHEMA: usize = 64 * 1024;

/// The most objects that a schema may have in it, which bounds how many subschemas it has.
const MAX_SUBSCHEMAS: usize = 2000;

/// How many compiled schemas an instance keeps. They are the tools', nobody's in particular.
const MAX_KEPT: usize = 64;

/// From which length on, in bytes, an instance is told only the first reason that is found, if that is certain.
const LARGE: usize = 64 * 1024;

/// How many reasons are given, and the most bytes of all of them.
const MAX_REASONS: usize = 8;
const MAX_REASON_BYTES: usize = 1000;

/// Where a schema stands while it is compiled. Relative references lead nowhere from here.
const LOCATION: &str = "postern://schema/";

/// Why an instance does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    /// It does not fit; how, in words for who sent it.
    #[error("{0}")]
    Instance(String),
    /// The schema cannot be used; why.
    #[error("the schema cannot be used: {0}")]
    Schema(&'static str),
}

thread_local! {
    /// What this instance has read, by the schema's text.
    static KEPT: RefCell<HashMap<String, Rc<Checker>>> = RefCell::default();
}

/// A schema that comes again: it is read once.
pub(crate) struct Checker {
    schema: String,
    /// For most, this is enough to see that something fits.
    plain: Option<PlainSchema>,
    compiled: OnceCell<Result<Compiled, &'static str>>,
}

impl Checker {
    fn new(schema: &str) -> Self {
        let plain = is_of_usual_size(schema).then(|| PlainSchema::read(schema)).flatten();
        Self { schema: schema.to_owned(), plain, compiled: OnceCell::new() }
    }

    /// Checks a JSON text.
    pub(crate) fn check(&self, instance: &str) -> Result<(), Misfit> {
        match self.plain.as_ref().map(|plain| plain.judge(instance)) {
            Some(Fit::Yes) => return Ok(()),
            // A tree of it would take many times its memory, for the sake of better words.
            Some(Fit::No(why)) if instance.len() > LARGE => return Err(Misfit::Instance(why)),
            Some(Fit::No(_) | Fit::Unknown) | None => {}
        }
        let instance = parse(instance)?;
        judge(self.compiled.get_or_init(|| Compiled::new(&self.schema)), &instance)
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checker").field(&self.schema).finish()
    }
}

/// Checks a JSON text against a schema that comes once.
pub(crate) fn check(schema: &str, instance: &str) -> Result<(), Misfit> {
    judge(&Compiled::new(schema), &parse(instance)?)
}

/// What checks texts against this schema. It is kept, because tools are listed again and again.
pub(crate) fn checker(schema: &str) -> Rc<Checker> {
    if let Some(known) = KEPT.with_borrow(|kept| kept.get(schema).cloned()) {
        return known;
    }
    let new = Rc::new(Checker::new(schema));
    if schema.len() <= MAX_SCHEMA {
        KEPT.with_borrow_mut(|kept| {
            if kept.len() >= MAX_KEPT {
                kept.clear();
            }
            kept.insert(schema.to_owned(), Rc::clone(&new));
        });
    }
    new
}

fn parse(instance: &str) -> Result<Value, Misfit> {
    serde_json::from_str(instance).map_err(|_| Misfit::Instance("it is not JSON".to_owned()))
}

fn judge(compiled: &Result<Compiled, &'static str>, instance: &Value) -> Result<(), Misfit> {
    let compiled = compiled.as_ref().map_err(|why| Misfit::Schema(why))?;
    let judged = compiled.schemas.validate(instance, compiled.index);
    judged.map_err(|error| Misfit::Instance(reasons(&error)))
}

/// Whether a schema is small enough to be used.
fn is_of_usual_size(schema: &str) -> bool {
    schema.len() <= MAX_SCHEMA && schema.matches('{').count() <= MAX_SUBSCHEMAS
}

/// Whether a schema says that it is of a dialect that is not known (MCP-B-18). Without `$schema` it is of 2020-12.
pub(crate) fn has_unknown_dialect(schema: &str) -> bool {
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(rename = "$schema", default, borrow, deserialize_with = "json::present")]
        dialect: Option<&'a RawValue>,
    }
    // Most say nothing, and are not parsed for it.
    let root = Some(schema).filter(|schema| schema.contains("\"$schema\""));
    let root = root.and_then(|schema| serde_json::from_str::<Root<'_>>(schema).ok());
    let dialect = root.and_then(|root| root.dialect);
    dialect.is_some_and(|dialect| json::string(dialect).as_deref().and_then(Draft::from_url).is_none())
}

struct Compiled {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Compiled {
    fn new(text: &str) -> Result<Self, &'static str> {
        if !is_of_usual_size(text) {
            return Err("it is too large");
        }
        let schema: Value = serde_json::from_str(text).map_err(|_| "it is not JSON")?;
        if has_unknown_dialect(text) {
            return Err("it is of an unknown dialect");
        }
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.use_loader(Box::new(NoLoader));
        let mut schemas = Schemas::new();
        const UNUSABLE: &str = "it is not valid, or refers to another document";
        compiler.add_resource(LOCATION, schema).map_err(|_| UNUSABLE)?;
        let index = compiler.compile(LOCATION, &mut schemas).map_err(|_| UNUSABLE)?;
        Ok(Self { schemas, index })
    }
}

/// Fetches nothing.
struct NoLoader;

impl UrlLoader for NoLoader {
    fn load(&self, _: &str) -> Result<Value, Box<dyn Error>> {
        Err("nothing is fetched".into())
    }
}

/// The reasons at the ends of an error's branches, each with the place that it is about.
fn reasons(error: &ValidationError<'_, '_>) -> String {
    let mut leaves = Vec::new();
    collect(error, &mut leaves);
    let mut text = String::new();
    for leaf in leaves {
        let mut reason = leaf.kind.to_string();
        let place = leaf.instance_location.to_string();
        if !place.is_empty() {
            reason = format!("at '{place}': {reason}");
        }
        let separator = if text.is_empty() { "" } else { "; " };
        if text.len() + reason.len() > MAX_REASON_BYTES {
            // Whoever sent it sees what is wrong first.
            let _ = write!(text, "{separator}and more");
            break;
        }
        let _ = write!(text, "{separator}{reason}");
    }
    text
}

fn collect<'e, 's, 'v>(error: &'e ValidationError<'s, 'v>, leaves: &mut Vec<&'e ValidationError<'s, 'v>>) {
    if leaves.len() >= MAX_REASONS {
        return;
    }
    if error.causes.is_empty() {
        leaves.push(error);
    }
    for cause in &error.causes {
        collect(cause, leaves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: &str = r#"{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"integer"}},
        "required":["a"],"additionalProperties":false}"#;

    fn misfit(schema: &str, instance: &str) -> String {
        let misfit = check(schema, instance).unwrap_err();
        assert_eq!(checker(schema).check(instance), Err(misfit.clone()));
        misfit.to_string()
    }

    /// TL-01.
    #[test]
    fn misfits_are_told_with_their_place() {
        for (good, schema) in [(r#"{"a":1.5,"b":2}"#, NUMBERS), ("{}", r#"{"type":"object"}"#), ("7", "{}")] {
            assert_eq!(check(schema, good), Ok(()));
            assert_eq!(checker(schema).check(good), Ok(()));
            assert_eq!(checker(schema).check(good), Ok(()), "from what was kept");
        }
        for (bad, reason) in [
            (r#"{"a":"1"}"#, "at '/a': want number, but got string"),
            ("{}", "missing properties 'a'"),
            (r#"{"a":1,"__proto__":{}}"#, "additionalProperties '__proto__' not allowed"),
            (
                r#"{"a":null,"b":1.5}"#,
                "at '/a': want number, but got null; at '/b': want integer, but got number",
            ),
        ] {
            assert_eq!(misfit(NUMBERS, bad), reason, "{bad}");
        }
    }

    /// Many faults make no long answer.
    #[test]
    fn reasons_are_bounded() {
        let many: Vec<_> = (0..5000).map(|_| format!("\"{}\"", "x".repeat(90))).collect();
        let told = misfit(r#"{"items":{"type":"number"}}"#, &format!("[{}]", many.join(",")));
        assert!(told.len() < 1100, "{}", told.len());
        let long = misfit(r#"{"additionalProperties":false}"#, &format!("{{\"{}\":1}}", "k".repeat(5000)));
        assert_eq!(long, "and more");
    }

    /// S3: what is large and does not fit is refused without a tree.
    #[test]
    fn a_large_misfit_is_told_with_its_column() {
        let schema = r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"number"}}}}"#;
        let instance = format!(r#"{{"a":[{}"x"]}}"#, "0,".repeat(LARGE));
        let misfit = checker(schema).check(&instance).unwrap_err().to_string();
        assert_eq!(misfit, format!("want number, but got string at line 1 column {}", 2 * LARGE + 9));
    }

    /// C3: to JSON Schema, a number without a fraction is an integer, and the same as any other way to write it.
    #[test]
    fn whole_numbers_are_integers() {
        for (schema, instance) in [
            (r#"{"type":"integer"}"#, "10.0"),
            (r#"{"type":"integer"}"#, "1e1"),
            (r#"{"type":"integer"}"#, "-0.0"),
            (r#"{"type":"integer"}"#, "1e300"),
            (r#"{"type":"integer","minimum":10,"maximum":10,"multipleOf":5}"#, "10.0"),
            (r#"{"enum":[1,10]}"#, "10.0"),
            (r#"{"const":10}"#, "1e1"),
            (r#"{"oneOf":[{"type":"integer"},{"type":"string"}]}"#, "10.0"),
            (r#"{"type":"array","items":{"type":["integer","null"]},"uniqueItems":true}"#, "[1.0,null,2]"),
        ] {
            assert_eq!(check(schema, instance), Ok(()), "{schema} {instance}");
        }
        for (schema, instance) in [
            (r#"{"type":"integer"}"#, "10.5"),
            (r#"{"type":"integer"}"#, "1e-1"),
            (r#"{"uniqueItems":true}"#, "[1,1.0]"),
        ] {
            assert!(matches!(check(schema, instance), Err(Misfit::Instance(_))), "{schema} {instance}");
        }
    }

    /// MCP-B-19, MP-20: the schema is unusable, and says so, rather than that anything goes.
    #[test]
    fn schema_that_refers_elsewhere_is_not_usable() {
        for reference in
            ["https://example.com/schema", "http://127.0.0.1:1/", "file:///etc/passwd", "other.json", "//x/y"]
        {
            let schema = format!(r#"{{"$ref":"{reference}"}}"#);
            assert!(matches!(check(&schema, "{}"), Err(Misfit::Schema(_))), "{reference}");
        }
        let local = r##"{"$defs":{"n":{"$anchor":"n","type":"number"}},"items":{"$ref":"#n"}}"##;
        assert_eq!(check(local, "[1]"), Ok(()));
        assert!(check(local, "[\"1\"]").is_err());
    }

    /// MCP-B-18.
    #[test]
    fn dialect_is_2020_12_unless_the_schema_says_otherwise() {
        // `prefixItems` is 2020-12's; in draft 7, an array of `items` says the same.
        assert!(check(r#"{"prefixItems":[{"type":"string"}]}"#, "[1]").is_err());
        let draft = r#"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}]}"#;
        assert!(check(draft, "[1]").is_err());
        for unknown in [r#"{"$schema":"https://example.com/mine"}"#, r#"{"$schema":5}"#] {
            assert_eq!(check(unknown, "{}"), Err(Misfit::Schema("it is of an unknown dialect")));
        }
    }

    /// What patterns may say: what ECMA-262 says without its classes of Unicode characters.
    #[test]
    fn pattern_that_is_not_known_makes_a_schema_unusable() {
        assert_eq!(check(r#"{"pattern":"^[A-Z\\d_-]{2,3}$"}"#, r#""A7_""#), Ok(()));
        for (pattern, good, bad) in [
            (r"^[\\w.-]+$", "a.b-c_9", "a b"),
            (r"^[^\\s@]+@[^\\D]$", "x@9", "x @9"),
            (r"^\\S+\\s\\d{2}$", "ab 12", "ab  12"),
        ] {
            let schema = format!(r#"{{"pattern":"{pattern}"}}"#);
            assert_eq!(check(&schema, &format!("\"{good}\"")), Ok(()), "{pattern}");
            assert!(matches!(check(&schema, &format!("\"{bad}\"")), Err(Misfit::Instance(_))), "{pattern}");
        }
        assert!(check(r#"{"pattern":"^[A-Z]$"}"#, r#""a""#).is_err());
        for unknown in [r#"{"pattern":"\\p{L}+"}"#, r#"{"pattern":"(?=a)"}"#, r#"{"pattern":"("}"#] {
            assert!(matches!(check(unknown, r#""a""#), Err(Misfit::Schema(_))), "{unknown}");
        }
    }

    /// MCP-B-20, MP-09: what would take for ever is refused or ends.
    #[test]
    fn cost_is_bounded() {
        let large = format!(r#"{{"enum":["{}"]}}"#, "x".repeat(MAX_SCHEMA));
        assert_eq!(check(&large, "{}"), Err(Misfit::Schema("it is too large")));
        let many = format!("{{\"allOf\":[{}]}}", vec!["{}"; MAX_SUBSCHEMAS].join(","));
        assert_eq!(check(&many, "{}"), Err(Misfit::Schema("it is too large")));
        // A reference to itself, and a pattern that backtracking would never finish.
        assert!(check(r##"{"$ref":"#"}"##, "{}").is_err());
        let text = format!("\"{}!\"", "a".repeat(5000));
        assert!(check(r#"{"pattern":"^(a+)+$"}"#, &text).is_err());
        // Recursive schemas go as deep as the instance does.
        let tree = r##"{"properties":{"child":{"$ref":"#"}},"additionalProperties":false}"##;
        assert_eq!(check(tree, &format!("{}{{}}{}", "{\"child\":".repeat(60), "}".repeat(60))), Ok(()));
    }
}
