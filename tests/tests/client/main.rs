//! The client with scripted servers: on real sockets, and within the process, where time is paused.

mod backpressure;
mod budgets;
mod cancelled;
#[cfg(target_os = "linux")]
mod certificates;
mod commands;
mod compressed;
mod content_coding;
mod control;
mod cut_sessions;
mod debug_output;
mod endurance;
mod floods;
mod full_headers;
mod hostile_peers;
mod hyper;
mod in_process;
#[cfg(target_os = "linux")]
mod lost_paths;
mod next_connection;
mod our_server;
mod prior_knowledge;
mod proxied;
mod reading;
mod reqwest;
mod response_timeout;
mod retry_status;
mod rules;
mod run_ends;
mod silent_peers;
mod source;
mod states;
mod stream;
mod tail;
#[cfg(target_os = "linux")]
mod tls;
mod tls_settings;
mod traces;
mod typed;
mod unfinished_events;
#[cfg(target_os = "linux")]
mod unreachable;
mod urls;
