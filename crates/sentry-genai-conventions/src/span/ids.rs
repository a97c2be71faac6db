//! The ids of traces and spans.

use std::fmt;

/// The id of a trace: 16 bytes, never all zeros, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a span: 8 bytes, never all zeros, written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId([u8; 8]);

macro_rules! id {
    ($id:ident, $bytes:literal) => {
        impl $id {
            /// Creates an id, unless all bytes are zero.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// Returns the bytes.
            #[must_use]
            pub fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }

            /// Parses hexadecimal digits. Returns `None` if their number is wrong, or if all are zero.
            #[must_use]
            pub fn parse(hex: &str) -> Option<Self> {
                let hex = hex.as_bytes();
                if hex.len() != $bytes * 2 {
                    return None;
                }
                let mut bytes = [0; $bytes];
                for (byte, digits) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
                    let high = (digits[0] as char).to_digit(16)?;
                    let low = (digits[1] as char).to_digit(16)?;
                    *byte = (high << 4 | low) as u8;
                }
                Self::from_bytes(bytes)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0; $bytes * 2];
                for (digits, byte) in text.chunks_exact_mut(2).zip(self.0) {
                    digits[0] = DIGITS[usize::from(byte >> 4)];
                    digits[1] = DIGITS[usize::from(byte & 15)];
                }
                f.write_str(str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        let text = "4c79f60c11214eb38604f4ae0781bfb2";
        let id = TraceId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(TraceId::parse(&text.to_uppercase()), Some(id));
        assert_eq!(SpanId::parse("0000000000000000"), None);
        assert_eq!(SpanId::parse("00000000000000g1"), None);
        assert_eq!(SpanId::parse("abc"), None);
    }
}
