//! The envelope endpoint: a request is received, then recorded, then answered.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::{envelope::ReceivedEnvelope, record::Record};
use crate::server::header_texts;

pub(super) fn router(record: Arc<Record>) -> Router {
    Router::new()
        .route("/api/{project}/envelope/", post(receive))
        .layer(DefaultBodyLimit::disable())
        .with_state(record)
}

async fn receive(
    State(record): State<Arc<Record>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let envelope = ReceivedEnvelope::read(project, header_texts(&headers), body.to_vec());
    let answer = Answer::to(&envelope);
    record.push(envelope);
    answer.into_response()
}

/// What the ingest says to an envelope.
enum Answer {
    /// The envelope keeps to the protocol.
    Accepted { event_id: Value },
    /// It does not; the lines say why.
    Refused { violations: Vec<String> },
}

impl Answer {
    fn to(envelope: &ReceivedEnvelope) -> Self {
        if envelope.is_valid() {
            let event_id = envelope.header.get("event_id").cloned();
            Self::Accepted {
                event_id: event_id.unwrap_or_default(),
            }
        } else {
            Self::Refused {
                violations: envelope.violations.clone(),
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Accepted { event_id } => Json(json!({ "id": event_id })).into_response(),
            Self::Refused { violations } => {
                let body =
                    json!({"detail": "the envelope breaks the protocol", "causes": violations});
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
        }
    }
}
