//! Where in a JSON text something is.

/// The most of a member's name that is shown, in bytes, and the longest place.
const MAX_NAME: usize = 40;
const MAX_PLACE: usize = 200;

/// What the position is in.
enum Inside<'a> {
    Object { name: &'a str, is_name: bool },
    Array(usize),
}

/// The offset of a line and a column, which count from 1 and from 0 as `serde_json`'s do.
pub(crate) fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + column
}

/// The path to the value at an offset in a valid JSON text, such as `.b[2]`. At the end of a value, it is that value's.
pub(crate) fn find(text: &str, offset: usize) -> String {
    let mut stack = Vec::new();
    let bytes = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        position += 1;
        match byte {
            b'{' => stack.push(Inside::Object { name: "", is_name: true }),
            b'[' => stack.push(Inside::Array(0)),
            b'}' | b']' => drop(stack.pop()),
            b',' => match stack.last_mut() {
                Some(Inside::Object { is_name, .. }) => *is_name = true,
                Some(Inside::Array(index)) => *index += 1,
                None => {}
            },
            b'"' => {
                let start = position;
                while let Some(byte) = bytes.get(position).filter(|byte| **byte != b'"') {
                    position += if *byte == b'\\' { 2 } else { 1 };
                }
                if let Some(Inside::Object { name, is_name: is_name @ true }) = stack.last_mut() {
                    (*name, *is_name) = (text.get(start..position).unwrap_or_default(), false);
                }
                position += 1;
            }
            _ => {}
        }
    }
    let mut place = String::new();
    for inside in stack {
        if place.len() > MAX_PLACE {
            place.push('…');
            break;
        }
        match inside {
            Inside::Object { name: "", .. } => {}
            Inside::Object { name, .. } => {
                place.push('.');
                place.push_str(&crate::decode::shortened(name, MAX_NAME));
            }
            Inside::Array(index) => place.push_str(&format!("[{index}]")),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_path_to_a_value() {
        let text = r#"{"a": 1, "b\"{": [0, {"c,]": "x\\"}, 3],
            "d": true}"#;
        let at = |needle: &str| find(text, text.find(needle).unwrap());
        assert_eq!(at("1,"), ".a");
        assert_eq!(at("0,"), ".b\\\"{[0]");
        assert_eq!(at("\"x"), ".b\\\"{[1].c,]");
        assert_eq!(at("3]"), ".b\\\"{[2]");
        assert_eq!(at("true"), ".d");
        assert_eq!(find(text, text.find("]: ").unwrap_or(text.len())), "");
        assert_eq!(offset(text, 2, 5), text.find('\n').unwrap() + 6);
    }

    #[test]
    fn a_place_is_bounded() {
        let deep = "{\"a-name-of-some-length\":".repeat(60);
        assert!(find(&deep, deep.len()).len() < MAX_PLACE + 50);
        let long = format!("{{\"{}\":1}}", "é".repeat(5000));
        assert!(find(&long, long.len() - 1).len() < 50);
    }
}
