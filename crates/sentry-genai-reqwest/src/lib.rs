#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod body;
mod calls;
mod client;
mod documents;
mod members;
mod messages;
#[cfg(feature = "middleware")]
mod middleware;
mod observer;
mod provider;
mod reason;
mod request;
mod span;
mod usage;

pub use client::GenAiClient;
#[cfg(feature = "middleware")]
pub use middleware::GenAiMiddleware;
