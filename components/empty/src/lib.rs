//! Nothing to read and nothing to say, for a server that has only tools. `spin.toml` names this file in the place
//! of resources, of prompts, or of both.

use bindings::exports::postern::{
    prompts::prompts::{self, Prompt},
    resources::resources::{self, Resource, Template},
};

struct Empty;

impl resources::Guest for Empty {
    async fn list_resources(_: resources::Caller) -> Result<Vec<Resource>, resources::Error> {
        Ok(Vec::new())
    }

    async fn list_templates(_: resources::Caller) -> Result<Vec<Template>, resources::Error> {
        Ok(Vec::new())
    }

    async fn read_resource(
        _: resources::Caller,
        _: resources::Read,
    ) -> Result<resources::Outcome, resources::Error> {
        Err(resources::Error::NotFound)
    }

    async fn complete(
        _: resources::Caller,
        _: resources::Completion,
    ) -> Result<resources::Suggestions, resources::Error> {
        Err(resources::Error::NotFound)
    }
}

impl prompts::Guest for Empty {
    async fn list_prompts(_: prompts::Caller) -> Result<Vec<Prompt>, prompts::Error> {
        Ok(Vec::new())
    }

    async fn get_prompt(_: prompts::Caller, _: prompts::Get) -> Result<prompts::Outcome, prompts::Error> {
        Err(prompts::Error::UnknownPrompt)
    }

    async fn complete(
        _: prompts::Caller,
        _: prompts::Completion,
    ) -> Result<prompts::Suggestions, prompts::Error> {
        Err(prompts::Error::UnknownPrompt)
    }
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package postern:empty;
            world empty {
                export postern:resources/resources@0.1.0;
                export postern:prompts/prompts@0.1.0;
            }
        ",
        world: "postern:empty/empty",
        path: ["../../wit/resources", "../../wit/prompts"],
        generate_all,
    });
    use super::Empty;
    export!(Empty);
}
