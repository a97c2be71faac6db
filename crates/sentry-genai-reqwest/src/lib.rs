#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod body;
mod client;
mod events;
mod members;
mod messages;
mod observer;
mod provider;
mod reason;
mod request;
mod span;
mod usage;

pub use client::GenAiClient;
