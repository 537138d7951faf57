//! A report against `schema/replay.schema.json`: the part of JSON Schema that the file uses.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/replay.schema.json");

/// Fails unless the report is as the schema says.
pub(crate) fn check(report: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut mistakes = Vec::new();
    look(&schema, &schema, report, "report", &mut mistakes);
    assert_eq!(mistakes, [""; 0]);
}

fn look(root: &Value, schema: &Value, value: &Value, at: &str, mistakes: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        return look(root, target, value, at, mistakes);
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    if !types.iter().any(|wanted| is_of(wanted.as_str().expect("each schema names its type"), value)) {
        return mistakes.push(format!("{at} is no {}", schema["type"]));
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(number) = value.as_f64()
        && (bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most))
    {
        mistakes.push(format!("{at} is out of its range"));
    }
    if schema.get("pattern").is_some() && !is_moment(value.as_str().unwrap_or_default()) {
        mistakes.push(format!("{at} is no moment"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        look(root, &schema["items"], item, &format!("{at}[{place}]"), mistakes);
    }
    for wanted in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if value.get(wanted.as_str().expect("names are texts")).is_none() {
            mistakes.push(format!("{at} has no {wanted}"));
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let of_name = schema.get("properties").and_then(|properties| properties.get(name));
        match of_name.or(schema.get("additionalProperties")) {
            Some(Value::Bool(false)) | None => mistakes.push(format!("{at}.{name} is unknown")),
            Some(of_field) => look(root, of_field, field, &format!("{at}.{name}"), mistakes),
        }
    }
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "array" => value.is_array(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("the type {other} is not checked"),
    }
}

/// The only pattern of the schema: digits where it has a class, else the very mark.
fn is_moment(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000000000Z";
    let fits = |(mark, form): (char, char)| if form == '0' { mark.is_ascii_digit() } else { mark == form };
    text.len() == FORM.len() && text.chars().zip(FORM.chars()).all(fits)
}
