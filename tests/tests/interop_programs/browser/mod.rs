//! Pages in a real browser.

mod bundles;
mod chromium;
mod cors;
mod gzip;
mod resuming;
mod tabs;

pub(crate) use self::chromium::{Browser, browser_found};
