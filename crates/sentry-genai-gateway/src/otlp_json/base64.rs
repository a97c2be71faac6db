//! Decodes Base64, in which protobuf's JSON mapping writes bytes.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

static ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// Decodes either alphabet of Base64, with or without padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    ALPHABETS
        .iter()
        .find_map(|alphabet| alphabet.decode(text).ok())
}
