//! Event streams of the real world, each with the enum that a user would write for it.
//!
//! The wire text was written for these tests in the documented format of each service. The head of each file lists the
//! peculiarities of its stream, and the file has a test for each.

mod anthropic;
mod auth0;
mod contracts;
mod datastar;
mod firebase;
mod gemini;
mod launchdarkly;
mod mastodon;
mod mcp;
mod mcp_legacy;
mod openai_assistants;
mod openai_chat;
mod openai_responses;
mod support;
mod turbo;
mod wikimedia;
