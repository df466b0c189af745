//! Servers whose tools mean harm (`tests/hostile`), for the tests that look at what becomes of them.
//!
//! What is served is `spin.toml` with those tools in the place of the example's: in `target/hostile/spin.toml` as it
//! is, and in `target/hostile/granted.toml` with what an operator writes to let tools call out.

use crate::build::WASM_TARGET;
use crate::command::{Program, root, target_dir};
use crate::conformance::swapped;
use anyhow::{Context, Result, bail};

const SWAPS: [(&str, &str); 1] = [("tools.wasm", "hostile-tools")];

/// Lines of the manifest, and what they are with the grant. docs/tools.md says the same to operators.
const GRANT: [(&str, &str); 3] = [
    ("[variables]\n", "[variables]\ntool_hosts = { default = \"https://*:443\" }\n"),
    (
        "mcp.wasm\"\nkey_value_stores",
        "mcp.wasm\"\nallowed_outbound_hosts = [\"{{ tool_hosts }}\"]\nkey_value_stores",
    ),
    (
        "hostile_tools.wasm\" }",
        "hostile_tools.wasm\", inherit_configuration = [\"allowed_outbound_hosts\"] }",
    ),
];

/// Builds the tools, and writes the manifests.
pub(crate) fn prepare() -> Result<()> {
    Program::cargo().args(["build", "--release", "--target", WASM_TARGET, "-p", "hostile-tools"]).run()?;
    let manifest = std::fs::read_to_string(root().join("spin.toml")).context("no spin.toml")?;
    let manifest = swapped(&manifest, &SWAPS)?;
    let dir = target_dir().join("hostile");
    std::fs::create_dir_all(&dir)?;
    for (name, text) in [("granted.toml", granted(&manifest)?), ("spin.toml", manifest)] {
        let file = dir.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The manifest with the grant, for the tools of `mcp` only.
fn granted(manifest: &str) -> Result<String> {
    let mut granted = manifest.to_owned();
    for (from, to) in GRANT {
        if !granted.contains(from) {
            bail!("spin.toml has no {from:?} for a grant to be written there");
        }
        granted = granted.replacen(from, to, 1);
    }
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

    /// TL-05.
    #[test]
    fn grant_is_for_the_tools_of_one_component() {
        let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
        let granted: Table = granted(&swapped(&manifest, &SWAPS).unwrap()).unwrap().parse().unwrap();
        let tools = |component: &str| {
            granted["component"][component]["dependencies"]["postern:tools/tools@0.1.0"].clone()
        };
        let grant = tools("mcp")["inherit_configuration"].clone();
        assert_eq!(grant, toml::Value::from(vec!["allowed_outbound_hosts"]));
        assert!(tools("oauth").get("inherit_configuration").is_none());
    }
}
