//! Model calls that a program sends with reqwest, and what Sentry receives of them.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod async_openai_client;
mod compatible;
mod cuts;
mod middleware;
mod network;
mod recorded;
mod requests;
mod server;
