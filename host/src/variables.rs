//! The application's variables and the components' templates over them.
//!
//! Stands in for Spin's resolver with its environment provider: a value given with `--variable` wins,
//! then `SPIN_VARIABLE_NAME` in the environment, then the default. Everything is resolved once, at
//! start, so a required variable without a value stops the start and not a request. Spin also reads a
//! `.env` file and remote vaults; this host does not.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::manifest::Variable;

/// Values by name.
pub type Values = BTreeMap<String, String>;

/// The environment variable that overrides `name`.
pub fn environment_name(name: &str) -> String {
    format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())
}

/// The value of every declared variable. `environment` looks up one environment variable.
pub fn resolve(
    declared: &BTreeMap<String, Variable>,
    given: &Values,
    environment: impl Fn(&str) -> Result<Option<String>>,
) -> Result<Values> {
    if let Some(name) = given.keys().find(|name| !declared.contains_key(*name)) {
        bail!("the manifest declares no variable {name:?}");
    }
    let mut values = Values::new();
    for (name, variable) in declared {
        check_name(name)?;
        let value = match given.get(name) {
            Some(value) => Some(value.clone()),
            None => environment(&environment_name(name))?,
        };
        let value = value.or_else(|| variable.default.clone()).with_context(|| {
            format!("variable {name:?} is required and has no value; set {}", environment_name(name))
        })?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Fill a component's variables.
pub fn fill_all(templates: &Values, values: &Values) -> Result<Values> {
    templates
        .iter()
        .map(|(name, template)| {
            check_name(name)?;
            let value = fill(template, values).with_context(|| format!("variable {name:?}"))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// Replace each `{{ name }}` in `template` by that variable's value.
pub fn fill(template: &str, values: &Values) -> Result<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("a template has \"{{\" without \"}}\"")?;
        let name = name.trim();
        filled.push_str(literal);
        filled.push_str(
            values.get(name).with_context(|| format!("a template names the unknown variable {name:?}"))?,
        );
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Spin's rule for names, which lets them be turned into environment variables and back.
fn check_name(name: &str) -> Result<()> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(known)
            && !name.ends_with('_')
            && !name.contains("__"),
        "variable {name:?} is not named in lower-case letters, digits and single underscores"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(default: Option<&str>) -> BTreeMap<String, Variable> {
        let variable = Variable {
            default: default.map(str::to_owned),
            required: default.is_none(),
            secret: false,
            description: String::new(),
        };
        BTreeMap::from([("public_url".to_owned(), variable)])
    }

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn given_beats_environment_beats_default() {
        let environment = |name: &str| Ok((name == "SPIN_VARIABLE_PUBLIC_URL").then(|| "env".to_owned()));
        let nothing = |_: &str| Ok(None);
        let given = values(&[("public_url", "given")]);
        assert_eq!(resolve(&declared(Some("default")), &given, environment).unwrap()["public_url"], "given");
        assert_eq!(
            resolve(&declared(Some("default")), &Values::new(), environment).unwrap()["public_url"],
            "env"
        );
        assert_eq!(
            resolve(&declared(Some("default")), &Values::new(), nothing).unwrap()["public_url"],
            "default"
        );
    }

    #[test]
    fn a_required_variable_without_a_value_is_named() {
        let error = resolve(&declared(None), &Values::new(), |_| Ok(None)).unwrap_err().to_string();
        assert!(error.contains("\"public_url\"") && error.contains("SPIN_VARIABLE_PUBLIC_URL"), "{error}");
    }

    #[test]
    fn an_undeclared_variable_cannot_be_given() {
        let error = resolve(&declared(Some("")), &values(&[("nope", "")]), |_| Ok(None)).unwrap_err();
        assert!(error.to_string().contains("\"nope\""));
    }

    #[test]
    fn templates_are_filled() {
        let values = values(&[("a", "1"), ("b", "2")]);
        for (template, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("{{ a }}", "1"),
            ("x{{a}}y{{  b  }}z", "x1y2z"),
            ("{ a } }}", "{ a } }}"),
        ] {
            assert_eq!(fill(template, &values).unwrap(), filled);
        }
        assert!(fill("{{ c }}", &values).is_err());
        assert!(fill("{{ a", &values).is_err());
    }

    #[test]
    fn names_follow_spins_rule() {
        for name in ["a", "a1", "a_b", "public_url"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
