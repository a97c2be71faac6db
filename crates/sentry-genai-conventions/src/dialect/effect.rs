//! Effect's AI: model calls follow the conventions, and tools have names without a namespace.

use super::{ARGUMENTS, Dialect, Override, aliases, json};

pub(super) static EFFECT: Dialect = Dialect {
    name: "effect",
    recognises: |span| span.name == "Toolkit.handle" && span.attributes.contains("tool"),
    aliases: &aliases([("tool", "gen_ai.tool.name")]),
    operation: |_| Override::To("execute_tool"),
    adjust: |span, _| json::rename(&mut span.attributes, "parameters", ARGUMENTS),
    ..Dialect::NONE
};
