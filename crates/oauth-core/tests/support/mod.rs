//! A world to test in: an authorization server with everything around it, and the parts that people,
//! browsers and clients play.

mod browser;
mod http;
mod ports;
mod world;

pub(crate) use browser::{Browser, PageForm};
pub(crate) use http::{Params, Request, body_text, header, json, location};
pub(crate) use ports::{Elsewhere, People, Tools};
pub(crate) use world::{CHALLENGE, Client, Proxy, START, Tokens, VERIFIER, World, basic, refusal};
