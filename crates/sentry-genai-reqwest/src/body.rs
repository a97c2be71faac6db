//! The body of an answer, which is observed while the program reads it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::{Body, Response, ResponseBuilderExt as _};

use crate::observer::Observer;

/// Returns the same response, with a body that passes on what is read of it to `observer`.
pub(crate) fn observe(response: Response, mut observer: Observer) -> Response {
    observer.head(&response);
    let url = response.url().clone();
    let (head, body) = http::Response::from(response).into_parts();
    let body = ObservedBody {
        body,
        observer: Some(observer),
    };
    // The address is an extension of a type that only the builder knows.
    let with_url = http::Response::builder().url(url).body(());
    let url = with_url.map(|response| response.into_parts().0.extensions);
    let mut response = http::Response::from_parts(head, Body::wrap(body));
    response.extensions_mut().extend(url.unwrap_or_default());
    Response::from(response)
}

struct ObservedBody {
    body: Body,
    /// Until the body has ended.
    observer: Option<Observer>,
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<reqwest::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(observer) = &mut this.observer {
            match &frame {
                Some(Ok(frame)) => {
                    if let Some(piece) = frame.data_ref() {
                        observer.piece(piece);
                    }
                }
                Some(Err(error)) => observer.failed(error),
                None => {}
            }
        }
        // A body that might have been compressed tells only by its length that it has ended.
        let has_ended = this.body.is_end_stream() || this.body.size_hint().exact() == Some(0);
        if !matches!(frame, Some(Ok(_))) || has_ended {
            this.observer = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
