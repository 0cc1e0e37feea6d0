//! One way of writing each JSON text, after RFC 8785: two bodies that say the same are written alike, whatever the order of
//! their members, their white space, their escapes, and the form of their numbers (`1`, `1.0` and `1e0` are one number).
//!
//! It is for comparing, not for sending: nobody else reads it.

use serde_json::{Number, Value};

/// Writes a JSON text canonically. `None` when it is no JSON.
pub fn canonical(json: &[u8]) -> Option<String> {
    let mut written = String::new();
    write(&serde_json::from_slice(json).ok()?, &mut written)?;
    Some(written)
}

fn write(value: &Value, to: &mut String) -> Option<()> {
    match value {
        Value::Number(number) => to.push_str(&write_number(number)),
        Value::Array(items) => {
            to.push('[');
            for item in items {
                write(item, to)?;
                to.push(',');
            }
            to.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            to.push('{');
            for (name, value) in members {
                to.push_str(&serde_json::to_string(name).ok()?);
                to.push(':');
                write(value, to)?;
                to.push(',');
            }
            to.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => to.push_str(&serde_json::to_string(value).ok()?),
    }
    Some(())
}

/// A float is written with the fewest digits that read back, and a whole one like an integer. Adding zero takes the sign off
/// zero alone.
fn write_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => (float + 0.0).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A JSON value without two numbers that are one.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Writes a value with its members backwards, escapes everywhere, and white space between.
    fn otherwise(value: &Value) -> String {
        let text = |text: &str| {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            format!("\"{}\"", units.collect::<String>())
        };
        match value {
            Value::String(it) => text(it),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(otherwise).collect();
                format!("[ {} ]", items.join(" ,\n"))
            }
            Value::Object(members) => {
                let members = members.iter().rev();
                let members: Vec<_> = members
                    .map(|(name, value)| format!("{}\t: {}", text(name), otherwise(value)))
                    .collect();
                format!("{{\r\n{} }}", members.join(",  "))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn a_value_is_written_alike_however_it_came(value in value()) {
            let plain = canonical(value.to_string().as_bytes());
            prop_assert!(plain.is_some());
            prop_assert_eq!(canonical(otherwise(&value).as_bytes()), plain);
        }

        #[test]
        fn two_values_are_written_in_two_ways(one in value(), other in value()) {
            let written = |value: &Value| canonical(value.to_string().as_bytes());
            prop_assert_eq!(written(&one) == written(&other), one == other);
        }
    }

    #[test]
    fn a_number_is_one_number_in_every_form() {
        for forms in [
            ["1", "1.0", "1e0", "10E-1"],
            ["0", "-0", "0.0", "-0.0"],
            ["120", "1.2e2", "120.000", "12e1"],
            ["0.5", "5e-1", "0.50", "50e-2"],
            ["10000000000000000000", "1e19", "10000000000000000000.0", "10e18"],
        ] {
            let written = forms.map(|form| canonical(form.as_bytes()).unwrap());
            assert!(written.iter().all(|form| *form == written[0]), "{written:?}");
        }
        assert_ne!(canonical(b"1"), canonical(b"\"1\""));
        assert_ne!(canonical(b"9007199254740993"), canonical(b"9007199254740992"));
    }

    #[test]
    fn what_is_no_json_is_not_written() {
        for text in ["", "{", "{} {}", "nul", "\"\\ud800\""] {
            assert_eq!(canonical(text.as_bytes()), None, "{text}");
        }
    }
}
