//! Event streams of the real world, each with the enum that a user would write for it.
//!
//! The wire text is ours, in the documented form of each service. A file says at its head what is particular about its
//! stream, and has a test for each of these.

mod anthropic;
mod auth0;
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
