//! The endpoints of the fake providers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::{
    anthropic::Messages,
    api::{Api, Ids},
    chat_completions::ChatCompletions,
    embeddings,
    failure::Failure,
    openai,
    responses::Responses,
    sse,
};
use crate::server::header_texts;

/// One request to a fake provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The path, such as `/v1/chat/completions`.
    pub path: String,
    /// The HTTP headers, names in lower case; among them the tracing headers.
    pub http_headers: BTreeMap<String, String>,
    /// The body; null if it was not JSON.
    pub body: Value,
}

/// The state that the endpoints share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    requests: Mutex<Vec<ReceivedRequest>>,
    ids: Ids,
}

impl Shared {
    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        let requests = self.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records a request and returns its body.
    fn receive(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Value, Failure> {
        let parsed = serde_json::from_slice::<Value>(body);
        let request = ReceivedRequest {
            path: uri.path().to_owned(),
            http_headers: header_texts(headers),
            body: parsed.as_ref().map_or(Value::Null, Value::clone),
        };
        let requests = self.requests.lock();
        requests
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        let body = parsed.map_err(|error| Failure::Malformed(error.to_string()))?;
        let model = body.get("model").and_then(Value::as_str);
        match model.and_then(Failure::of) {
            Some(failure) => Err(failure),
            None => Ok(body),
        }
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(ChatCompletions::PATH, post(serve::<ChatCompletions>))
        .route(Responses::PATH, post(serve::<Responses>))
        .route(Messages::PATH, post(serve::<Messages>))
        .route("/v1/embeddings", post(embed))
        .fallback(unknown)
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

async fn serve<A: Api>(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let ids = &shared.ids;
    let answer = || {
        let request = shared.receive(&uri, &headers, &body)?;
        let prompt = A::prompt(&request)?;
        let reply = prompt.reply();
        Ok(if prompt.stream {
            sse::respond(A::stream(&request, &prompt, &reply, ids))
        } else {
            Json(A::answer(&request, &prompt, &reply, ids)).into_response()
        })
    };
    answer().unwrap_or_else(|failure: Failure| {
        (failure.status(), Json(A::error(&failure, ids))).into_response()
    })
}

async fn embed(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match shared
        .receive(&uri, &headers, &body)
        .and_then(|request| embeddings::answer(&request))
    {
        Ok(answer) => Json(answer).into_response(),
        Err(failure) => (failure.status(), Json(openai::error(&failure))).into_response(),
    }
}

async fn unknown(uri: Uri) -> Response {
    let message = format!("Invalid URL ({})", uri.path());
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
