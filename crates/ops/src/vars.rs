//! The map of `--vars`: YAML or JSON, which is YAML too.

use headwater_plan::{Code, Diagnostic};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// Reads `--vars`.
///
/// # Errors
/// A text that is not a map.
pub fn parse(text: &str) -> Result<Map<String, Value>, Diagnostic> {
    let wrong = |why: &str| {
        Diagnostic::error(Code::InvalidArgument, format!("`--vars` is not a map: {why}"))
            .help("write it as YAML or JSON: `--vars '{incoming: /data, days: 7}'`")
    };
    let documents = Yaml::load_from_str(text).map_err(|error| wrong(&error.to_string()))?;
    match documents.as_slice() {
        [] => Ok(Map::new()),
        [document] => match value(document).map_err(|why| wrong(&why))? {
            Value::Object(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            _ => Err(wrong(&format!("found `{}`", text.trim()))),
        },
        _ => Err(wrong("found more than one document")),
    }
}

fn value(yaml: &Yaml<'_>) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(boolean) => Value::Bool(*boolean),
            Scalar::Integer(integer) => Value::Number((*integer).into()),
            Scalar::FloatingPoint(float) => {
                Value::Number(Number::from_f64(float.into_inner()).ok_or("a number must be finite")?)
            }
            Scalar::String(text) => Value::String(text.to_string()),
        },
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(pairs) => {
            let mut map = Map::new();
            for (key, item) in pairs {
                let key = key.as_str().ok_or("a name must be a text")?;
                map.insert(key.to_owned(), value(item)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(_, inner) => value(inner)?,
        Yaml::Representation(text, ..) => Value::String(text.to_string()),
        Yaml::Alias(_) | Yaml::BadValue => return Err("found something that is no value".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_read_alike() {
        let json = parse(r#"{"incoming": "/data", "days": 7, "on": true, "list": [1.5, null]}"#).unwrap();
        assert_eq!(parse("{incoming: /data, days: 7, on: true, list: [1.5, ~]}").unwrap(), json);
        assert_eq!(Value::Object(json).to_string(), r#"{"incoming":"/data","days":7,"on":true,"list":[1.5,null]}"#);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for wrong in ["incoming", "[1]", "{a: 1", "{1: a}"] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument, "{wrong}");
        }
    }
}
