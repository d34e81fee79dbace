//! Pages in a browser.

mod bundles;
mod chromium;
mod cors;
mod example;
mod gzip;
mod pages;
mod resuming;
mod tabs;
mod typed;

pub(crate) use self::chromium::{Browser, browser_found};
