//! From a value of a file back to text.

use toml::de::{DeTable, DeValue};

/// A value on one line, as TOML has it.
pub(crate) fn inline(value: &DeValue) -> String {
    match value {
        // A string of JSON is one of TOML, too, but for the character 7F; the words of a recipe have none.
        DeValue::String(text) => serde_json::Value::from(text.as_ref()).to_string(),
        DeValue::Integer(number) => match number.radix() {
            16 => format!("0x{}", number.as_str()),
            8 => format!("0o{}", number.as_str()),
            2 => format!("0b{}", number.as_str()),
            _ => number.as_str().to_string(),
        },
        DeValue::Float(number) => number.as_str().to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(items) => table(items),
    }
}

/// A table on one line.
pub(crate) fn table(table: &DeTable) -> String {
    // The keys of recipes and operations need no quotes.
    let pairs: Vec<String> =
        table.iter().map(|(key, value)| format!("{} = {}", key.get_ref(), inline(value.get_ref()))).collect();
    format!("{{ {} }}", pairs.join(", "))
}
