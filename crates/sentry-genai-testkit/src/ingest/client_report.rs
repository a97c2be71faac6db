//! The losses that a client reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::envelope::ReceivedEnvelope;

/// Adds the client reports of `envelope` to `sums`: how many items of which category were lost, and why.
pub(super) fn add(envelope: &ReceivedEnvelope, sums: &mut BTreeMap<(String, String), u64>) {
    let items = envelope.items.iter();
    let reports = items.filter(|item| item.kind() == Some("client_report"));
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
}
