//! Documents about an event stream for other tools: OpenAPI and AsyncAPI.

mod asyncapi;
mod components;
mod openapi;

pub use self::{asyncapi::AsyncApi, openapi::OpenApi};
