//! Effect's AI: model calls follow the conventions, and tools have names without a namespace.

use super::{Dialect, OperationKind, Override, aliases, json};
use crate::SourceSpan;

pub(super) static EFFECT: Dialect = Dialect {
    name: "effect",
    recognises: |span| span.name == "Toolkit.handle" && span.attributes.contains("tool"),
    aliases: &aliases([("tool", "gen_ai.tool.name")]),
    operation: |_| Override::To("execute_tool"),
    adjust,
    ..Dialect::NONE
};

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    let attributes = &mut span.attributes;
    if let Some(arguments) = json::read(attributes, "parameters") {
        attributes.remove("parameters");
        json::put(attributes, super::ARGUMENTS, arguments);
    }
}
