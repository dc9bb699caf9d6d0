//! The explorer on real stores: its answers over HTTP, and its screens in a real Chromium.

mod answers;
mod bank;
mod browser;
mod hosts;
mod http;
#[cfg(unix)]
mod jetstream;
#[path = "../cli/place.rs"]
#[allow(dead_code, reason = "the tests of `es` use all of it")]
mod place;
mod running;
mod screens;
#[allow(dead_code, reason = "what only the tests of `es` call")]
#[path = "../cli/shop.rs"]
mod shop;
mod stocked;
mod typed;
mod verbs;
mod visit;
