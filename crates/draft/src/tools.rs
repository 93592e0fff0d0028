//! Tool lists: an object of names, or the result of MCP `tools/list`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Largest tool list in bytes.
pub const MAX_TOOLS_BYTES: usize = 4 << 20;
/// Most tools of a list: as many as a pact has interactions.
pub const MAX_TOOLS: usize = 400;

/// Tools by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tools(pub(crate) BTreeMap<String, Tool>);

/// One tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tool {
    pub(crate) description: String,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    /// MCP `destructiveHint`.
    pub(crate) destructive: bool,
    /// MCP `readOnlyHint`, only heard where nothing else is known.
    pub(crate) read_only: Option<bool>,
    /// MCP `openWorldHint`.
    pub(crate) open_world: bool,
}

/// One argument.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) description: String,
    pub(crate) format: String,
    pub(crate) kinds: Vec<String>,
    /// The only values, when the schema lists them and all are texts.
    pub(crate) one_of: Vec<String>,
    /// Objects, or lists of them.
    pub(crate) nested: bool,
}

/// Why bytes are no tool list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// No tool in it.
    #[error("the list names no tool")]
    Empty,
    /// A name that a pact cannot hold.
    #[error("the name of tool {at} is no identifier")]
    Name {
        /// Place in the list.
        at: usize,
    },
    /// Another shape.
    #[error("neither an object of tools nor the result of tools/list")]
    Shape,
    /// Over [`MAX_TOOLS_BYTES`] or [`MAX_TOOLS`].
    #[error("more than {MAX_TOOLS} tools or {MAX_TOOLS_BYTES} bytes")]
    TooLarge,
}

impl ToolsError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "tools-empty",
            Self::Name { .. } => "tools-name",
            Self::Shape => "tools-malformed",
            Self::TooLarge => "tools-too-large",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Empty => "list at least one tool",
            Self::Name { .. } => "use 1 to 128 letters, digits and any of . _ - : /",
            Self::Shape => {
                "write {\"name\": {\"description\": .., \"parameters\": JSON Schema}}, or save what \
                 the server answers to tools/list"
            }
            Self::TooLarge => "split the list: one pact for each server",
        }
    }
}

impl Tools {
    /// Reads a list: `{name: {description, parameters}}`, the same under `tools`, or an MCP
    /// `tools/list` result (`{"tools": [{name, description, inputSchema, annotations}]}`), also
    /// inside a JSON-RPC answer.
    ///
    /// # Errors
    /// [`ToolsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ToolsError> {
        if bytes.len() > MAX_TOOLS_BYTES {
            return Err(ToolsError::TooLarge);
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|_| ToolsError::Shape)?;
        let value = value.get("result").unwrap_or(&value);
        let listed = value.get("tools").filter(|t| t.is_array() || is_tools(t)).unwrap_or(value);
        let tools = match listed {
            Value::Array(list) => list.iter().map(of_mcp).collect::<Result<Vec<_>, _>>()?,
            Value::Object(map) => map
                .iter()
                .map(|(name, tool)| Ok((name.clone(), of_object(tool)?)))
                .collect::<Result<Vec<_>, _>>()?,
            _ => return Err(ToolsError::Shape),
        };
        if tools.is_empty() {
            return Err(ToolsError::Empty);
        }
        if tools.len() > MAX_TOOLS {
            return Err(ToolsError::TooLarge);
        }
        if let Some(at) = tools.iter().position(|(name, _)| !is_name(name)) {
            return Err(ToolsError::Name { at });
        }
        Ok(Self(tools.into_iter().collect()))
    }

    /// Names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn is_tools(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().all(Value::is_object))
}

fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:/".contains(&b))
}

fn of_mcp(tool: &Value) -> Result<(String, Tool), ToolsError> {
    let name = tool.get("name").and_then(Value::as_str).ok_or(ToolsError::Shape)?;
    let hint = |name: &str| tool.pointer(&format!("/annotations/{name}")).and_then(Value::as_bool);
    let read = Tool {
        description: text(tool, "description"),
        parameters: parameters(tool.get("inputSchema").unwrap_or(&Value::Null)),
        destructive: hint("destructiveHint") == Some(true),
        read_only: hint("readOnlyHint"),
        open_world: hint("openWorldHint") == Some(true),
    };
    Ok((name.to_owned(), read))
}

fn of_object(tool: &Value) -> Result<Tool, ToolsError> {
    if !tool.is_object() {
        return Err(ToolsError::Shape);
    }
    let schema = tool.get("parameters").or_else(|| tool.get("inputSchema"));
    Ok(Tool {
        description: text(tool, "description"),
        parameters: parameters(schema.unwrap_or(&Value::Null)),
        ..Tool::default()
    })
}

fn parameters(schema: &Value) -> BTreeMap<String, Parameter> {
    let empty = Map::new();
    let listed = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let places = listed.iter().take(MAX_PARAMETERS);
    places.map(|(name, terms)| (name.clone(), parameter(schema, terms))).collect()
}

fn parameter(root: &Value, terms: &Value) -> Parameter {
    let mut read = Parameter {
        description: text(terms, "description"),
        format: text(terms, "format"),
        ..Parameter::default()
    };
    read_schema(root, terms, &mut read, 0);
    read
}

/// What a schema and its alternatives say; references only into `$defs` and `definitions`.
fn read_schema(root: &Value, terms: &Value, read: &mut Parameter, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let inner = depth.saturating_add(1);
    if let Some(place) = terms.get("$ref").and_then(Value::as_str)
        && let Some(place) = place.strip_prefix('#')
        && let Some(target) = root.pointer(place)
    {
        read_schema(root, target, read, inner);
    }
    match terms.get("type") {
        Some(Value::String(kind)) => read.kinds.push(kind.clone()),
        Some(Value::Array(kinds)) => {
            read.kinds.extend(kinds.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    if let Some(values) = terms.get("enum").and_then(Value::as_array) {
        read.one_of.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    read.nested |= terms.get("properties").is_some()
        || terms.get("additionalProperties").is_some_and(|a| *a != Value::Bool(false))
        || terms.get("type").and_then(Value::as_str) == Some("object");
    if let Some(items) = terms.get("items") {
        read_schema(root, items, read, inner);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for choice in terms.get(key).and_then(Value::as_array).into_iter().flatten() {
            read_schema(root, choice, read, inner);
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
    text.chars().take(MAX_DESCRIPTION).collect()
}

const MAX_PARAMETERS: usize = 128;
const MAX_DESCRIPTION: usize = 4096;
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read_alike() {
        let object = Tools::parse(
            br#"{"a": {"description": "D", "parameters": {"properties": {"x": {"type": "string"}}}}}"#,
        );
        let mcp = Tools::parse(
            br#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a", "description": "D",
                "inputSchema": {"properties": {"x": {"type": "string"}}}}]}}"#,
        );
        assert_eq!(object.unwrap(), mcp.unwrap());
    }

    #[test]
    fn alternatives_and_references_are_followed() {
        let tools = Tools::parse(
            br##"{"a": {"parameters": {"$defs": {"P": {"enum": ["r", "rw"], "type": "string"}},
                "properties": {"p": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]},
                "loop": {"$ref": "#/properties/loop"}}}}}"##,
        );
        let tools = tools.unwrap();
        assert_eq!(tools.0["a"].parameters["p"].one_of, ["r", "rw"]);
    }

    #[test]
    fn each_fault_has_its_code() {
        for (bytes, error) in [
            (&b"{}"[..], ToolsError::Empty),
            (b"[1]", ToolsError::Shape),
            (b"{\"a b\": {}}", ToolsError::Name { at: 0 }),
            (b"nonsense", ToolsError::Shape),
        ] {
            assert_eq!(Tools::parse(bytes), Err(error));
        }
        let many: Vec<String> = (0..=MAX_TOOLS).map(|n| format!("\"t{n}\": {{}}")).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(Tools::parse(many.as_bytes()), Err(ToolsError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(Tools::parse(&bytes));
        }
    }
}
