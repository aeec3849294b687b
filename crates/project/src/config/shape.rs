//! What a JSON Schema allows at one place, as the checker asks for it.

use serde_json::Value;

/// The alternatives at one place: a union has several.
#[derive(Debug, Clone)]
pub(crate) struct Branches<'s>(Vec<Branch<'s>>);

/// One alternative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branch<'s> {
    /// The Rust type that it stands in.
    pub(crate) definition: &'s str,
    schema: &'s Value,
}

/// The kind of a value in JSON Schema's words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl<'s> Branches<'s> {
    /// The definition of that name, or the root if none has it.
    pub(crate) fn named(root: &'s Value, definition: &'s str) -> Self {
        let schema = root.get("definitions").and_then(|all| all.get(definition)).unwrap_or(root);
        Self::of(root, definition, schema)
    }

    /// No limits.
    pub(crate) fn anything() -> Self {
        Self(vec![Branch { definition: "", schema: &Value::Bool(true) }])
    }

    fn of(root: &'s Value, definition: &'s str, schema: &'s Value) -> Self {
        let mut branches = Vec::new();
        flatten(root, definition, schema, &mut branches);
        Self(branches)
    }

    /// The alternative for values of a kind.
    pub(crate) fn accepting(&self, kind: &str) -> Option<Branch<'s>> {
        self.0.iter().find(|branch| branch.accepts(kind)).copied()
    }

    /// Whether any value will do.
    pub(crate) fn accept_anything(&self) -> bool {
        self.0.iter().any(|branch| branch.kinds().is_empty() && branch.literals().is_empty())
    }

    /// Whether any text will do.
    pub(crate) fn accept_free_text(&self) -> bool {
        self.0.iter().any(|branch| branch.literals().is_empty() && branch.accepts("string"))
    }

    /// The texts that are allowed by name.
    pub(crate) fn literals(&self) -> Vec<&'s str> {
        self.0.iter().flat_map(|branch| branch.literals()).collect()
    }

    /// The alternatives, in the order of the type.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Branch<'s>> {
        self.0.iter()
    }

    /// The types that the alternatives stand in.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &'s str> {
        self.0.iter().map(|branch| branch.definition)
    }
}

fn flatten<'s>(root: &'s Value, definition: &'s str, schema: &'s Value, branches: &mut Vec<Branch<'s>>) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
        && let Some(target) = root.get("definitions").and_then(|all| all.get(name))
    {
        return flatten(root, name, target, branches);
    }
    let union = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key).and_then(Value::as_array));
    match union {
        // `allOf` has one member: schemars wraps a reference in it, to say more beside.
        Some(members) => members.iter().for_each(|member| flatten(root, definition, member, branches)),
        None => branches.push(Branch { definition, schema }),
    }
}

impl<'s> Branch<'s> {
    pub(super) fn kinds(&self) -> Vec<&'s str> {
        match self.schema.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn accepts(&self, kind: &str) -> bool {
        let kinds = self.kinds();
        kinds.is_empty() || kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"))
    }

    pub(super) fn literals(&self) -> Vec<&'s str> {
        let listed = self.schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        self.schema.get("const").into_iter().chain(listed).filter_map(Value::as_str).collect()
    }

    /// What it is called in messages.
    pub(crate) fn title(&self) -> &'s str {
        self.schema.get("title").and_then(Value::as_str).unwrap_or("this mapping")
    }

    /// The alternatives of a list's items.
    pub(crate) fn items(&self, root: &'s Value) -> Branches<'s> {
        Branches::of(root, self.definition, self.schema.get("items").unwrap_or(&Value::Bool(true)))
    }

    /// The alternatives of a key's value; `None` for a key that may not be there.
    pub(crate) fn property(&self, root: &'s Value, key: &str) -> Option<Branches<'s>> {
        let own = self.schema.get("properties").and_then(|properties| properties.get(key));
        match own.or_else(|| self.schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(Branches::of(root, self.definition, schema)),
            None => Some(Branches::of(root, self.definition, &Value::Bool(true))),
        }
    }

    /// Whether the key is a property with a name of its own.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }

    /// The keys that have names.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
    }

    /// The keys that must be there.
    pub(crate) fn required(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the key must be there.
    pub(crate) fn is_required(&self, key: &str) -> bool {
        self.required().any(|required| required == key)
    }

    /// The first sentence of a key's description.
    pub(crate) fn description_of(&self, root: &'s Value, key: &str) -> Option<String> {
        let schema = self.schema.get("properties")?.get(key)?;
        let own = schema.get("description").and_then(Value::as_str);
        let text = own.or_else(|| {
            let branches = Branches::of(root, self.definition, schema);
            branches.0.first().and_then(|branch| branch.schema.get("description")).and_then(Value::as_str)
        })?;
        let sentence = text.split(". ").next().unwrap_or(text).trim_end_matches('.');
        Some(sentence.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// A limit.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.schema.get(key).and_then(Value::as_f64)
    }
}
