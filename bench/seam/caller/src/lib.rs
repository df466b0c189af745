//! Calls a tool that does nothing, again and again: at `/composed` the one of another component, at `/in-process` the same
//! in this one. The difference is what a call through `postern:tools` takes, with a caller and arguments such as `mcp` hands
//! over.

use bindings::postern::tools::tools::{
    self, Call, Caller, ClientCapabilities, ClientInfo, Error, Outcome, Reply, ToolResult,
};
use platform::http;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use std::hint::black_box;
use web_core::{Body, Reply as HttpReply};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package postern:seam;
            world seam {
                import postern:tools/tools@0.1.0;
            }
        ",
        world: "postern:seam/seam",
        path: ["../../../wit/tools"],
        generate_all,
    });
}

/// How many calls there are in a request.
const CALLS: u32 = 1000;

#[spin_sdk::http_service]
async fn serve(request: Request) -> impl IntoResponse {
    http::serve(request, async |head, _| {
        let is_composed = head.path == "/composed";
        for _ in 0..CALLS {
            let reply = match is_composed {
                true => tools::call_tool(caller(), call()).await,
                false => in_process(black_box(caller()), black_box(call())).await,
            };
            if black_box(reply).is_err() {
                return HttpReply::<Body>::from(HttpReply::empty(StatusCode::INTERNAL_SERVER_ERROR));
            }
        }
        HttpReply::empty(StatusCode::NO_CONTENT).into()
    })
    .await
}

/// What `noop` does.
async fn in_process(_: Caller, _: Call) -> Result<Reply, Error> {
    let result = ToolResult { content: Vec::new(), structured_content: None, is_error: false };
    Ok(Reply::Done(Outcome::Complete(result)))
}

fn caller() -> Caller {
    Caller {
        subject: "sXh1nTkqvE6Yd3mWb0pZ2A".to_owned(),
        client_id: "https://client.example.com/mcp/client.json".to_owned(),
        scopes: vec!["math:basic".to_owned(), "math:statistics".to_owned()],
        client_info: Some(ClientInfo { name: "Client".to_owned(), version: "1.0.0".to_owned() }),
    }
}

fn call() -> Call {
    Call {
        name: "add".to_owned(),
        arguments: r#"{"a":23,"b":19}"#.to_owned(),
        resumption: None,
        client: ClientCapabilities {
            elicit_form: false,
            elicit_url: false,
            sample: false,
            sample_with_tools: false,
            list_roots: false,
            tasks: false,
        },
        wants_progress: false,
        log_level: None,
    }
}
