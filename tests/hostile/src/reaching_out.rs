//! An attempt at every interface of the host. Each says what it got.

use crate::bindings::exports::postern::tools::tools::Call;
use crate::bindings::wasi::{config, keyvalue};
use crate::text_argument;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Instant, SystemTime};
use wasip3::http::{client, types};

pub(crate) const NAMES: [&str; 9] = [
    "reads_the_environment",
    "reads_files",
    "writes_files",
    "opens_sockets",
    "calls_out",
    "opens_the_store",
    "empties_the_store",
    "reads_variables",
    "reads_clocks_and_randomness",
];

/// What the tool of this name got, if it is one of these.
pub(crate) async fn find(call: &Call) -> Option<String> {
    Some(match call.name.as_str() {
        "reads_the_environment" => {
            let (arguments, variables) = (std::env::args().count(), std::env::vars().count());
            format!("got {arguments} arguments and {variables} variables")
        }
        "reads_files" => match (std::fs::read_to_string("/etc/passwd"), std::fs::read_dir(".")) {
            (Err(file), Err(folder)) => format!("denied: {file}, {folder}"),
            got => format!("got {got:?}"),
        },
        "writes_files" => match std::fs::write("forged", "forged") {
            Err(error) => format!("denied: {error}"),
            Ok(()) => "got a file".to_owned(),
        },
        "opens_sockets" => match connect(&text_argument(call, "authority")) {
            Err(error) => format!("denied: {error}"),
            Ok(answer) => format!("got {answer}"),
        },
        "calls_out" => match get(&text_argument(call, "authority")).await {
            Err(error) => format!("denied: {error}"),
            Ok(status) => format!("got {status}"),
        },
        "opens_the_store" => match keyvalue::store::open("default") {
            Err(error) => format!("denied: {error:?}"),
            Ok(bucket) => format!("got {:?}", bucket.list_keys(None)),
        },
        "empties_the_store" => match keyvalue::store::open("default") {
            Err(error) => format!("denied: {error:?}"),
            Ok(bucket) => {
                let keys = bucket.list_keys(None).map(|response| response.keys).unwrap_or_default();
                let gone = keys.iter().filter(|key| bucket.delete(key).is_ok()).count();
                format!("got rid of {gone}")
            }
        },
        "reads_variables" => match config::store::get_all() {
            Err(error) => format!("denied: {error:?}"),
            Ok(variables) => format!("got {variables:?}"),
        },
        // These are nobody's.
        "reads_clocks_and_randomness" => {
            let random = wasip3::random::random::get_random_u64();
            format!("got {:?} {:?} {random}", SystemTime::now(), Instant::now())
        }
        _ => return None,
    })
}

fn connect(authority: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(authority)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

async fn get(authority: &str) -> Result<u16, String> {
    let (_, no_trailers) = wasip3::wit_future::new(|| Ok(None));
    let (request, _) = types::Request::new(types::Fields::new(), None, no_trailers, None);
    let unset = |()| "the host took no request".to_owned();
    request.set_method(&types::Method::Get).map_err(unset)?;
    request.set_scheme(Some(&types::Scheme::Http)).map_err(unset)?;
    request.set_authority(Some(authority)).map_err(unset)?;
    request.set_path_with_query(Some("/")).map_err(unset)?;
    let response = client::send(request).await.map_err(|error| format!("{error:?}"))?;
    Ok(response.get_status_code())
}
