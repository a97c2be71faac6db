//! Generates plausible values for JSON schemas.

use serde_json::{Map, Value, json};

/// Returns a value that fits `schema`, with required properties only, `Vienna` for a city, and 2 and then 3 for numbers.
pub(super) fn example(schema: &Value) -> Value {
    let mut generator = ExampleGenerator {
        root: schema,
        next_number: 2,
    };
    generator.generate(schema, "", 0)
}

struct ExampleGenerator<'a> {
    root: &'a Value,
    next_number: u64,
}

/// Deeper than the arguments of any tool. Stops at schemas that require themselves.
const MAX_DEPTH: usize = 16;

impl<'a> ExampleGenerator<'a> {
    fn generate(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
            return value.clone();
        }
        if let Some(value) = schema.pointer("/enum/0") {
            return value.clone();
        }
        if let Some(target) = self.resolve_ref(schema).or_else(|| alternative(schema)) {
            return self.generate(target, name, depth + 1);
        }
        match type_of(schema) {
            Some("string") => string(name),
            Some("number" | "integer") => self.number(),
            Some("boolean") => Value::Bool(true),
            Some("null") => Value::Null,
            Some("array") => match schema.get("items") {
                Some(items) => json!([self.generate(items, name, depth + 1)]),
                None => json!([]),
            },
            _ => self.object(schema, depth),
        }
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let property = schema.get("properties").and_then(|it| it.get(name));
            let value = self.generate(property.unwrap_or(&Value::Null), name, depth + 1);
            object.insert(name.to_owned(), value);
        }
        Value::Object(object)
    }

    fn number(&mut self) -> Value {
        let number = self.next_number;
        self.next_number += 1;
        number.into()
    }

    /// Follows a `$ref` inside the same document.
    fn resolve_ref(&self, schema: &Value) -> Option<&'a Value> {
        let path = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(path)
    }
}

/// Chooses the first alternative that is not null.
fn alternative(schema: &Value) -> Option<&Value> {
    ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten()
        .find(|alternative| type_of(alternative) != Some("null"))
}

fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null"),
        name => name.as_str(),
    }
}

fn string(name: &str) -> Value {
    let name = name.to_lowercase();
    if ["city", "location", "place"]
        .iter()
        .any(|it| name.contains(it))
    {
        json!("Vienna")
    } else {
        json!("example")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::example;

    #[test]
    fn required_properties_get_plausible_values() {
        let schema = json!({
            "type": "object",
            "properties": {
                "y": {"type": "integer"}, "x": {"type": "number"}, "city": {"type": "string"},
                "note": {"type": ["null", "string"]}, "exact": {"type": "boolean"}, "unused": {"type": "string"},
                "unit": {"enum": ["celsius", "fahrenheit"]}, "tags": {"type": "array", "items": {"type": "string"}},
                "who": {"$ref": "#/$defs/who"}, "when": {"anyOf": [{"type": "null"}, {"const": "now"}]},
            },
            "required": ["x", "y", "city", "note", "exact", "unit", "tags", "who", "when"],
            "$defs": {"who": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        });
        assert_eq!(
            example(&schema),
            json!({
                "x": 2, "y": 3, "city": "Vienna", "note": "example", "exact": true, "unit": "celsius",
                "tags": ["example"], "who": {"name": "example"}, "when": "now",
            })
        );
    }

    #[test]
    fn recursive_schemas_terminate() {
        assert_eq!(example(&json!(null)), json!({}));
        let recursive =
            json!({"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}});
        assert!(example(&recursive)["next"].is_object());
    }
}
