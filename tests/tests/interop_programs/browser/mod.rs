//! Pages in a browser.

mod bundles;
mod chat;
mod chromium;
mod cors;
mod example;
mod fetch;
mod gzip;
mod http_3;
mod lifecycle;
mod origins;
mod pages;
mod resuming;
mod tabs;
mod typed;
mod workers;

pub(crate) use self::chromium::{Browser, browser_found};
