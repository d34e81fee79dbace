//! The client against scripted servers: on real sockets, and in the process where time is paused.

mod backpressure;
mod budgets;
mod cancelled;
#[cfg(target_os = "linux")]
mod certificates;
mod compressed;
mod content_coding;
mod control;
mod crowded;
mod debug_output;
mod ends;
mod endurance;
mod floods;
mod hyper;
mod in_process;
#[cfg(target_os = "linux")]
mod lost_paths;
mod next_connection;
mod orders;
mod our_server;
mod prior_knowledge;
mod proxied;
mod reading;
mod reqwest;
mod response_timeout;
mod retry_status;
mod rules;
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
#[cfg(target_os = "linux")]
mod unreachable;
mod urls;
