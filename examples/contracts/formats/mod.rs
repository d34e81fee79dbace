//! Event streams of other people, each as one enum in one file. A file depends on no other: copy those you need. Two formats
//! are sent by [`DataOnly`](data_only::DataOnly).
//!
//! The README of this folder lists the source of each.

pub mod a2a;
pub mod ag_ui;
pub mod anthropic;
pub mod data_only;
pub mod openai_chat;
pub mod openai_responses;
pub mod vercel_ai;
