//! A received span.

use serde_json::{Map, Value};

/// A span as Sentry receives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// The trace id, 32 hex digits.
    pub trace_id: String,
    /// The span id, 16 hex digits.
    pub span_id: String,
    /// The parent's span id.
    pub parent_span_id: Option<String>,
    /// The name, such as `chat gpt-5-mini`.
    pub name: String,
    /// `ok` or `error`.
    pub status: String,
    /// Whether the span is the root of its segment.
    pub is_segment: bool,
    /// When the span started, in seconds since the Unix epoch.
    pub start: f64,
    /// When the span ended, in seconds since the Unix epoch.
    pub end: f64,
    /// Links to other spans, as received.
    pub links: Vec<Value>,
    /// The attributes as received: each is a `{"type", "value"}` object.
    pub attributes: Map<String, Value>,
}

impl ReceivedSpan {
    /// Reads a span from an entry of a span container. Returns `None` if its ids, name or times are missing.
    #[must_use]
    pub fn from_json(span: &Value) -> Option<Self> {
        let text = |key: &str| span.get(key)?.as_str().map(str::to_owned);
        Some(Self {
            trace_id: text("trace_id")?,
            span_id: text("span_id")?,
            parent_span_id: text("parent_span_id"),
            name: text("name")?,
            status: text("status").unwrap_or_else(|| "ok".to_owned()),
            is_segment: span.get("is_segment").and_then(Value::as_bool) == Some(true),
            start: span.get("start_timestamp")?.as_f64()?,
            end: span.get("end_timestamp")?.as_f64()?,
            links: match span.get("links") {
                Some(Value::Array(links)) => links.clone(),
                _ => Vec::new(),
            },
            attributes: match span.get("attributes") {
                Some(Value::Object(attributes)) => attributes.clone(),
                _ => Map::new(),
            },
        })
    }

    /// Returns the operation (`sentry.op`), or an empty string if there is none.
    #[must_use]
    pub fn op(&self) -> &str {
        self.str("sentry.op").unwrap_or_default()
    }

    /// Returns the value of an attribute, whatever its type.
    #[must_use]
    pub fn attr(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)?.get("value")
    }

    /// Returns the type of an attribute: `string`, `boolean`, `integer`, `double` or `array`.
    #[must_use]
    pub fn attr_type(&self, key: &str) -> Option<&str> {
        self.attributes.get(key)?.get("type")?.as_str()
    }

    /// Returns the value of a string attribute; `None` for other types.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.attr(key)?.as_str()
    }

    /// Returns the value of an integer attribute; `None` for other types.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        self.attr(key)?.as_i64()
    }

    /// Returns the conversation the span belongs to.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&str> {
        self.str("gen_ai.conversation.id")
    }

    /// Returns the name of the agent that the span belongs to.
    #[must_use]
    pub fn agent_name(&self) -> Option<&str> {
        self.str("gen_ai.agent.name")
    }

    /// Returns the model that answered, or else the requested model.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.str("gen_ai.response.model")
            .or_else(|| self.str("gen_ai.request.model"))
    }

    /// Returns how long the span took, in seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.end - self.start
    }

    /// Returns whether the operation failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status == "error"
    }

    /// Returns the input messages of the model call, parsed.
    #[must_use]
    pub fn input_messages(&self) -> Option<Value> {
        self.json("gen_ai.input.messages")
    }

    /// Returns the output messages of the model call, parsed.
    #[must_use]
    pub fn output_messages(&self) -> Option<Value> {
        self.json("gen_ai.output.messages")
    }

    /// Parses a string attribute that holds JSON. Returns `None` if the attribute is missing or does not parse.
    #[must_use]
    pub fn json(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.str(key)?).ok()
    }
}
