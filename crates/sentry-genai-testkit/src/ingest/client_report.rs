//! The losses that a client reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::envelope::ReceivedEnvelope;

/// Sums the client reports of `envelopes`: how many items of which category were lost, and why.
pub(super) fn sum<'a>(
    envelopes: impl IntoIterator<Item = &'a ReceivedEnvelope>,
) -> BTreeMap<(String, String), u64> {
    let mut sums = BTreeMap::new();
    let reports = envelopes
        .into_iter()
        .flat_map(|envelope| &envelope.items)
        .filter(|item| item.kind() == Some("client_report"));
    for report in reports {
        let discarded = report
            .payload
            .as_ref()
            .and_then(|payload| payload.get("discarded_events"))
            .and_then(Value::as_array);
        for entry in discarded.into_iter().flatten() {
            let text = |key: &str| {
                let value = entry.get(key).and_then(Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            let quantity = entry.get("quantity").and_then(Value::as_u64);
            *sums.entry((text("category"), text("reason"))).or_default() += quantity.unwrap_or(0);
        }
    }
    sums
}
