//! Images, audio, video and documents: their type is kept, their content is not.

use serde_json::Value;

use super::{
    Object,
    shapes::fields::{take, take_text, text_of},
};

/// The type of content if the library did not state it. This is Sentry's own term.
const UNKNOWN: &str = "unknown";

/// A piece of media in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) source: MediaSource,
    /// `image`, `audio`, `video`, `document`, or the library's own word.
    pub(crate) modality: String,
    /// The media type, or `unknown`; Sentry shows it in place of the content.
    pub(crate) mime_type: String,
}

/// Where the content of a piece of media is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MediaSource {
    /// Inside the message, from which it has been removed.
    Blob,
    /// At a URI, whose query and credentials have been removed.
    Uri(String),
    /// In a file store of the provider.
    File(String),
}

const REFERENCE_KEYS: &[&str] = &[
    "uri",
    "url",
    "image_url",
    "imageUrl",
    "input_image",
    "input_audio",
    "audio_url",
    "video_url",
    "document_url",
    "file_url",
    "fileUrl",
    "file_uri",
    "fileUri",
    "image",
    "audio",
    "video",
    "document",
    "file",
    "image_file",
    "inline_data",
    "inlineData",
    "file_data",
    "fileData",
    "source",
    "data",
    "bytes",
    "b64_json",
    "base64",
    "binary_content",
    "blob",
    "content",
    "s3Location",
];
const FILE_KEYS: &[&str] = &["file_id", "fileId"];
const MIME_KEYS: &[&str] = &[
    "mime_type",
    "mimeType",
    "media_type",
    "mediaType",
    "contentType",
    "format",
];

/// Returns whether a part whose type is a kind of media refers to some.
pub(super) fn has_media_fields(part: &Object) -> bool {
    // Not everything binary is media.
    let is_binary = part.get("type").and_then(Value::as_str) == Some("binary");
    let references = if is_binary { &[][..] } else { REFERENCE_KEYS };
    let mut keys = references.iter().chain(FILE_KEYS).chain(MIME_KEYS);
    keys.any(|key| part.contains_key(*key)) || part.len() == 1
}

/// Returns whether a part has, or refers to, the content of media.
pub(super) fn has_reference(part: &Object) -> bool {
    let mut keys = REFERENCE_KEYS.iter().chain(FILE_KEYS);
    keys.any(|key| match part.get(*key) {
        None | Some(Value::Null) => false,
        Some(Value::Object(nested)) => has_reference(nested),
        Some(_) => true,
    })
}

impl Media {
    /// Reads a part with media, however the library nests `url`, `source`, `data` and the like.
    ///
    /// `kind` is the part's type, or the name of the field that held it.
    pub(super) fn read(kind: &str, mut part: Object) -> Self {
        let modality = take_text(&mut part, &["modality"]);
        let mut fields = MediaFields::default();
        fields.search(part, kind == "uri", 4);
        let mime_type = fields.mime.filter(|mime| !mime.is_empty());
        let modality = modality
            .filter(|modality| !is_contradicted(modality, mime_type.as_deref()))
            .or_else(|| modality_of(mime_type.as_deref().unwrap_or_default()))
            .unwrap_or_else(|| modality_of(kind).unwrap_or_else(|| "document".to_owned()));
        let mime_type = match mime_type {
            // Some providers state a format: `png`, `mp3`, `pdf`.
            Some(format) if !format.contains('/') && format != UNKNOWN => match modality.as_str() {
                "document" => format!("application/{format}"),
                modality => format!("{modality}/{format}"),
            },
            Some(mime) => mime,
            None => UNKNOWN.to_owned(),
        };
        Self {
            source: fields.source.unwrap_or(MediaSource::Blob),
            modality,
            mime_type,
        }
    }
}

#[derive(Default)]
struct MediaFields {
    source: Option<MediaSource>,
    mime: Option<String>,
}

impl MediaFields {
    fn search(&mut self, mut part: Object, is_uri: bool, levels: usize) {
        for key in MIME_KEYS {
            if self.mime.is_none() {
                self.mime = take_text(&mut part, &[key]);
            }
        }
        if let Some(id) = take(&mut part, FILE_KEYS)
            && self.source.is_none()
        {
            self.source = Some(MediaSource::File(text_of(id)));
        }
        for key in REFERENCE_KEYS {
            match part.remove(*key) {
                Some(Value::String(text)) => self.read_reference(text, is_uri && *key == "uri"),
                Some(Value::Object(nested)) if levels > 0 => {
                    self.search(nested, is_uri, levels - 1);
                }
                // Bytes, as serde writes them.
                Some(Value::Array(_)) if self.source.is_none() => {
                    self.source = Some(MediaSource::Blob);
                }
                _ => {}
            }
        }
    }

    fn read_reference(&mut self, text: String, is_uri: bool) {
        if let Some(header) = text.get(..5).filter(|s| s.eq_ignore_ascii_case("data:")) {
            let mime = text[header.len()..].split([';', ',']).next();
            if self.mime.is_none() {
                self.mime = mime.filter(|mime| mime.len() < 100).map(str::to_owned);
            }
            self.source.get_or_insert(MediaSource::Blob);
        } else if let Some(reference) = text.strip_prefix("@@@langfuseMedia:type=") {
            // Langfuse stores the media itself.
            if self.mime.is_none() {
                self.mime = reference.split(['|', '@']).next().map(str::to_owned);
            }
            self.source.get_or_insert(MediaSource::Blob);
        } else if is_uri || has_scheme(&text) {
            self.source
                .get_or_insert_with(|| MediaSource::Uri(without_credentials(&text)));
        } else if !text.is_empty() {
            self.source.get_or_insert(MediaSource::Blob);
        }
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        rest.starts_with("//")
            && !scheme.is_empty()
            && scheme.len() <= 16
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Removes what may be secret: a query (as in signed URLs), a fragment, a user name and password.
fn without_credentials(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => uri.to_owned(),
    }
}

/// Returns whether media is no image, although it is called one. Version 7 of Vercel's AI SDK does so with all documents.
fn is_contradicted(modality: &str, mime_type: Option<&str>) -> bool {
    let actual = mime_type
        .filter(|mime| mime.contains('/') && *mime != "application/octet-stream")
        .and_then(modality_of);
    modality == "image" && actual.is_some_and(|actual| actual != "image")
}

fn modality_of(text: &str) -> Option<String> {
    let known = ["image", "audio", "video"]
        .into_iter()
        .find(|modality| text.contains(modality))
        .or_else(|| text.ends_with("_screenshot").then_some("image"));
    let is_document = || text.starts_with("application/") || text.starts_with("text/");
    known
        .or_else(|| is_document().then_some("document"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(part: Value) -> (MediaSource, String, String) {
        let Value::Object(part) = part else {
            unreachable!()
        };
        let kind = part["type"].as_str().unwrap().to_owned();
        let media = Media::read(&kind, part);
        (media.source, media.modality, media.mime_type)
    }

    #[test]
    fn media_of_every_provider_is_read() {
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
        let blob = |part, modality: &str, mime: &str| {
            let expected = (MediaSource::Blob, modality.to_owned(), mime.to_owned());
            assert_eq!(read(part), expected);
        };
        blob(
            json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{png}")}}),
            "image",
            "image/png",
        );
        blob(
            json!({"type": "input_image", "image_url": format!("data:image/webp;base64,{png}")}),
            "image",
            "image/webp",
        );
        blob(
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": png}}),
            "image",
            "image/jpeg",
        );
        blob(
            json!({"type": "file", "mediaType": "image/png", "data": png}),
            "image",
            "image/png",
        );
        blob(
            json!({"type": "input_audio", "input_audio": {"data": png, "format": "wav"}}),
            "audio",
            "audio/wav",
        );
        blob(
            json!({"type": "inline_data", "mime_type": "application/pdf", "data": png}),
            "document",
            "application/pdf",
        );
        blob(
            json!({"type": "image", "format": "png", "source": {"bytes": [137, 80]}}),
            "image",
            "image/png",
        );
        blob(
            json!({"type": "binary", "media_type": "image/png", "content": png}),
            "image",
            "image/png",
        );
        blob(json!({"type": "anthropic_image"}), "image", "unknown");
        blob(
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}}),
            "document",
            "application/pdf",
        );
        blob(
            json!({"type": "image_url", "image_url": {
                "url": "@@@langfuseMedia:type=image/png|id=LPJNul-wow4m6Dsqxbninh|source=base64_data_uri@@@",
            }}),
            "image",
            "image/png",
        );
    }

    #[test]
    fn a_document_that_is_called_an_image_is_a_document() {
        let modality = |mime: &str| {
            let part = json!({"type": "uri", "modality": "image", "mime_type": mime, "uri": "https://example.com/a"});
            read(part).1
        };
        assert_eq!(modality("application/pdf"), "document");
        assert_eq!(modality("text/csv"), "document");
        assert_eq!(modality("image/svg+xml"), "image");
        // These do not say what it is.
        assert_eq!(modality("application/octet-stream"), "image");
        assert_eq!(modality("*/*"), "image");
    }

    #[test]
    fn references_lose_their_secrets() {
        let (source, ..) = read(
            json!({"type": "image_url", "image_url": {"url": "https://u:p@example.com/cat.png?X-Amz-Signature=s#f"}}),
        );
        assert_eq!(
            source,
            MediaSource::Uri("https://example.com/cat.png".into())
        );
        let (source, modality, _) = read(json!({"type": "input_file", "file_id": "file-abc"}));
        assert_eq!(
            (source, modality.as_str()),
            (MediaSource::File("file-abc".into()), "document")
        );
        for part in [
            json!({"type": "document-url", "url": "https://example.com/a.pdf"}),
            json!({"type": "document_url", "document_url": "https://example.com/a.pdf?sig=s"}),
        ] {
            let (source, modality, _) = read(part);
            let expected = MediaSource::Uri("https://example.com/a.pdf".into());
            assert_eq!((source, modality.as_str()), (expected, "document"));
        }
        let (source, _, mime) = read(
            json!({"type": "file_data", "fileData": {"fileUri": "gs://bucket/a.mp4", "mimeType": "video/mp4"}}),
        );
        assert_eq!(
            (source, mime.as_str()),
            (MediaSource::Uri("gs://bucket/a.mp4".into()), "video/mp4")
        );
    }
}
