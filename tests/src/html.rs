//! Forms, read from a page as a browser reads them. Not an HTML parser: our pages have no script, no
//! comments and quoted attributes.

use std::collections::BTreeMap;

/// A form.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// How, in upper case.
    pub method: String,
    /// Its fields and buttons, in order.
    pub controls: Vec<Control>,
}

/// A field or a button.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// Its `type`; a button without one submits.
    pub kind: String,
    /// Its `name`, which may be empty.
    pub name: String,
    /// Its `value`.
    pub value: String,
    /// Whether a check box is ticked.
    pub checked: bool,
}

impl Form {
    /// A control, by its name.
    pub fn find(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name)
    }

    /// A control, by its type.
    pub fn find_kind(&self, kind: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.kind == kind)
    }

    /// Types something into a field.
    pub fn fill(&mut self, name: &str, value: &str) {
        for control in self.controls.iter_mut().filter(|control| control.name == name) {
            control.value = value.to_owned();
        }
    }

    /// Takes the tick from a check box.
    pub fn untick(&mut self, name: &str, value: &str) {
        for control in &mut self.controls {
            if control.name == name && control.value == value {
                control.checked = false;
            }
        }
    }

    /// Ticks a check box.
    pub fn tick(&mut self, name: &str) {
        for control in self.controls.iter_mut().filter(|control| control.name == name) {
            control.checked = true;
        }
    }

    /// What is sent when the button of this value is pressed, or, without one, when Enter is.
    pub fn fields(&self, button: Option<&str>) -> Vec<(String, String)> {
        let sent = self.controls.iter().filter(|control| match control.kind.as_str() {
            _ if control.name.is_empty() => false,
            "checkbox" | "radio" => control.checked,
            "submit" => button == Some(control.value.as_str()),
            "button" | "reset" => false,
            _ => true,
        });
        sent.map(|control| (control.name.clone(), control.value.clone())).collect()
    }
}

/// The forms of a page.
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "form" => {
                let attributes = attributes(tag);
                let attribute = |name: &str| attributes.get(name).cloned().unwrap_or_default();
                forms.push(Form {
                    action: attribute("action"),
                    method: attribute("method").to_ascii_uppercase(),
                    controls: Vec::new(),
                });
                inside = true;
            }
            "/form" => inside = false,
            "input" | "button" if inside => {
                let attributes = attributes(tag);
                let attribute = |name: &str| attributes.get(name).cloned();
                let default = if name == "button" { "submit" } else { "text" };
                let kind = attribute("type").unwrap_or_else(|| default.to_owned());
                let default = if kind == "checkbox" { "on" } else { "" };
                if let Some(form) = forms.last_mut() {
                    form.controls.push(Control {
                        kind,
                        name: attribute("name").unwrap_or_default(),
                        value: attribute("value").unwrap_or_else(|| default.to_owned()),
                        checked: attributes.contains_key("checked"),
                    });
                }
            }
            _ => {}
        }
    }
    forms
}

/// The attributes of a tag, decoded.
fn attributes(tag: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut rest = tag.split_once(char::is_whitespace).map(|(_, rest)| rest).unwrap_or_default().trim();
    while !rest.is_empty() && rest != "/" {
        let end =
            rest.find(|character: char| character == '=' || character.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(after) => match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    after.strip_prefix(quote).and_then(|after| after.split_once(quote)).unwrap_or((after, ""))
                }
                _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            },
        };
        attributes.insert(name.to_ascii_lowercase(), decode(value));
        rest = after.trim_start();
    }
    attributes
}

/// Text without its character references.
pub fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let reference = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        match reference {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}
