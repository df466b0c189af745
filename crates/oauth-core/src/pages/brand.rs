//! What an operator makes the pages their own with: name, logo text, colour, and where to get help. All of
//! it comes from variables, so it changes without a rebuild.

use crate::{client, config::ConfigError, pages, words};
use std::{borrow::Cow, fmt::Write};
use web_core::PublicUrl;

/// The most characters of a name.
const MAX_NAME_CHARACTERS: usize = 48;

/// The most characters of a logo text: it stands in a small square.
const MAX_LOGO_CHARACTERS: usize = 3;

/// How the pages present the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// Its name: as the operator has it, or else its host.
    pub name: String,
    /// Its host, which no variable can make into another. Empty while the configuration cannot be read.
    pub host: String,
    /// The path of its address, which links of its pages begin with. Empty where it has all of its host.
    pub path: String,
    /// What stands in the place of a logo.
    pub logo_text: String,
    /// Where to get help: an `https` or a `mailto` URL.
    pub support_url: Option<String>,
    accent: Option<Accent>,
}

impl Default for Brand {
    fn default() -> Self {
        let name = words::layout::NO_NAME;
        Self {
            name: name.to_owned(),
            host: String::new(),
            path: String::new(),
            logo_text: first_letter(name),
            support_url: None,
            accent: None,
        }
    }
}

impl Brand {
    /// Of a server whose operator says nothing.
    pub fn of(public_url: &PublicUrl) -> Self {
        let host = pages::host_of(public_url);
        Self { name: host.clone(), host, path: public_url.path().to_owned(), ..Self::default() }
    }

    /// What the variables say.
    pub fn read(public_url: &PublicUrl, variable: &impl Fn(&str) -> String) -> Result<Self, ConfigError> {
        let mut brand = Self::of(public_url);
        if let Some(name) = shown("server_name", &variable("server_name"), MAX_NAME_CHARACTERS)? {
            brand.logo_text = first_letter(&name);
            brand.name = name;
        }
        if let Some(text) = shown("logo_text", &variable("logo_text"), MAX_LOGO_CHARACTERS)? {
            brand.logo_text = text;
        }
        let accent = variable("accent_color");
        if !accent.trim().is_empty() {
            let color = parse_color(accent.trim());
            let color = color.ok_or(ConfigError::new("accent_color", "it must be written as #1f5fbf"))?;
            brand.accent = Some(Accent::of(color));
        }
        let support = variable("support_url");
        if !support.trim().is_empty() {
            brand.support_url = Some(parse_support_url(support.trim()).ok_or(ConfigError::new(
                "support_url",
                "it must be a web address (https) or an e-mail address (mailto), without spaces",
            ))?);
        }
        Ok(brand)
    }

    /// The stylesheet, with the operator's colour in it.
    pub(crate) fn style(&self) -> Cow<'static, str> {
        match &self.accent {
            None => Cow::Borrowed(pages::STYLE),
            Some(accent) => Cow::Owned(format!("{}{}", pages::STYLE, accent.style())),
        }
    }

    /// The icon, as an SVG document: the logo text on the colour.
    pub(crate) fn icon(&self) -> String {
        let ground = self.accent.as_ref().map_or(OWN_ACCENT, |accent| accent.light);
        let size = if self.logo_text.chars().count() > 1 { 13 } else { 19 };
        let mut text = String::new();
        for character in self.logo_text.chars() {
            match character {
                '&' => text.push_str("&amp;"),
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                other => text.push(other),
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"9\" \
             fill=\"{}\"/><text x=\"16\" y=\"16\" dy=\".36em\" text-anchor=\"middle\" font-family=\"sans-serif\" \
             font-weight=\"700\" font-size=\"{size}\" fill=\"{}\">{text}</text></svg>",
            css(ground),
            css(text_on(ground)),
        )
    }

    /// What clients are told to call the server: lower-case letters, digits and hyphens, which need no
    /// escaping in any shell, file or URL.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        if self.name != self.host {
            for character in self.name.chars() {
                if character.is_ascii_alphanumeric() {
                    slug.push(character.to_ascii_lowercase());
                } else if !slug.is_empty() && !slug.ends_with('-') {
                    slug.push('-');
                }
            }
        }
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() { "postern".to_owned() } else { slug.to_owned() }
    }
}

fn first_letter(name: &str) -> String {
    let first = name.chars().find(|character| character.is_alphanumeric());
    first.map(|first| first.to_ascii_uppercase().to_string()).unwrap_or_default()
}

/// A text that is shown as it is: refused rather than cleaned, because the operator can write it better.
fn shown(variable: &'static str, text: &str, max_characters: usize) -> Result<Option<String>, ConfigError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().count() > max_characters {
        return Err(ConfigError::new(variable, format_args!("it has more than {max_characters} characters")));
    }
    if client::clean_name(text) != text {
        return Err(ConfigError::new(variable, "it has characters that cannot be seen, or spaces in a row"));
    }
    Ok(Some(text.to_owned()))
}

/// A link that is safe to follow, and that has nothing in it that is not visible ASCII.
fn parse_support_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("mailto:"))?;
    let is_good = rest.bytes().all(|byte| byte.is_ascii_graphic()) && url::Url::parse(text).is_ok();
    (is_good && !rest.is_empty()).then(|| text.to_owned())
}

/// Red, green and blue (sRGB).
type Color = [u8; 3];

/// The colour of pages whose operator chose none: `--accent` of the stylesheet's light theme.
const OWN_ACCENT: Color = [0x1f, 0x5f, 0xbf];

const BLACK: Color = [0; 3];
const WHITE: Color = [255; 3];

/// What the accent stands on in the light theme, and in the dark one: `--paper` and `--ground`.
const LIGHT: [Color; 2] = [WHITE, [0xf4, 0xf5, 0xf7]];
const DARK: [Color; 2] = [[0x1a, 0x1d, 0x21], [0x0f, 0x11, 0x14]];

/// The contrast that text needs (WCAG 2.2, success criterion 1.4.3, level AA).
const ENOUGH: f32 = 4.5;

/// The operator's colour, as each theme can have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accent {
    light: Color,
    dark: Color,
}

impl Accent {
    /// The colour itself where it can be read, and otherwise the nearest to it on the way to black or white
    /// that can.
    fn of(color: Color) -> Self {
        Self { light: readable(color, BLACK, &LIGHT), dark: readable(color, WHITE, &DARK) }
    }

    fn style(&self) -> String {
        let mut style = String::new();
        let rule = |color| format!(":root{{--accent:{};--on-accent:{}}}", css(color), css(text_on(color)));
        // Writing to a string does not fail.
        let _ = write!(style, "{}@media(prefers-color-scheme:dark){{{}}}", rule(self.light), rule(self.dark));
        style
    }
}

fn parse_color(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |range| u8::from_str_radix(digits.get(range)?, 16).ok();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some([channel(0..2)?, channel(2..4)?, channel(4..6)?])
}

fn css([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The first colour from this one towards another that has enough contrast with all of these.
fn readable(color: Color, end: Color, grounds: &[Color]) -> Color {
    const STEPS: u16 = 32;
    let mut steps = (0..=STEPS).map(|step| {
        let mut mixed = color;
        for (channel, end) in mixed.iter_mut().zip(end) {
            let sum = u16::from(*channel) * (STEPS - step) + u16::from(end) * step;
            *channel = u8::try_from(sum / STEPS).unwrap_or(end);
        }
        mixed
    });
    steps.find(|mixed| grounds.iter().all(|ground| contrast(*mixed, *ground) >= ENOUGH)).unwrap_or(end)
}

/// Black or white, whichever can be read better on a colour. One of them always can.
fn text_on(color: Color) -> Color {
    if contrast(color, WHITE) >= ENOUGH { WHITE } else { BLACK }
}

/// The contrast ratio of two colours (WCAG 2.2, "contrast ratio"): 1 to 21.
fn contrast(one: Color, other: Color) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(color: Color) -> f32 {
    let [red, green, blue] = color.map(|channel| {
        let channel = f32::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Brand, ConfigError> {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        Brand::read(&url, &|variable| if variable == name { value.to_owned() } else { String::new() })
    }

    #[test]
    fn brand_is_the_host_until_the_operator_says_more() {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let brand = Brand::read(&url, &|_| String::new()).unwrap();
        assert_eq!(brand, Brand::of(&url));
        assert_eq!((brand.name.as_str(), brand.slug().as_str()), ("mcp.example.com", "postern"));
        let named = read("server_name", "Ünï Weather & Co.").unwrap();
        assert_eq!((named.name.as_str(), named.logo_text.as_str()), ("Ünï Weather & Co.", "Ü"));
        assert_eq!((named.slug().as_str(), named.host.as_str()), ("n-weather-co", "mcp.example.com"));
        assert_eq!(read("logo_text", "☂").unwrap().logo_text, "☂");
    }

    /// A mistake is told to the operator, by the variable's name and without its value.
    #[test]
    fn mistakes_are_refused() {
        for (name, value) in [
            ("server_name", "a\u{202e}b"),
            ("server_name", "a  b"),
            ("server_name", &"x".repeat(49)),
            ("logo_text", "LOGO"),
            ("logo_text", "\u{200b}"),
            ("accent_color", "red"),
            ("accent_color", "#12345"),
            ("accent_color", "#+12345"),
            ("accent_color", "#12345g"),
            ("accent_color", "#fff;}"),
            ("support_url", "javascript:alert(1)"),
            ("support_url", "http://example.com/"),
            ("support_url", "https://"),
            ("support_url", "https://a b/"),
            ("support_url", "mailto:"),
            ("support_url", "/help"),
        ] {
            let text = read(name, value).unwrap_err().to_string();
            assert!(text.starts_with(&format!("{name}: ")) && !text.contains(value), "{text}");
        }
        for (name, value) in
            [("support_url", "https://example.com/help?a=1"), ("support_url", "mailto:help@example.com")]
        {
            assert_eq!(read(name, value).unwrap().support_url.as_deref(), Some(value));
        }
    }

    /// WCAG's own numbers.
    #[test]
    fn contrast_is_computed_as_defined() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 0.001);
        assert!((contrast([0x77; 3], WHITE) - 4.48).abs() < 0.01);
        assert!((contrast([255, 0, 0], WHITE) - 4.0).abs() < 0.01);
    }

    /// Whatever colour the operator likes: it can be read as text, and what is written on it too.
    #[test]
    fn every_accent_can_be_read_in_both_themes() {
        let channel = [0, 51, 102, 153, 204, 255];
        for (red, green, blue) in channel
            .into_iter()
            .flat_map(|red| channel.into_iter().map(move |green| (red, green)))
            .flat_map(|(red, green)| channel.into_iter().map(move |blue| (red, green, blue)))
        {
            let accent = Accent::of([red, green, blue]);
            for (color, grounds) in [(accent.light, LIGHT), (accent.dark, DARK)] {
                for ground in grounds {
                    assert!(contrast(color, ground) >= ENOUGH, "{color:?} on {ground:?}");
                }
                assert!(contrast(text_on(color), color) >= ENOUGH, "on {color:?}");
            }
        }
        assert_eq!(Accent::of([0x1f, 0x5f, 0xbf]).light, [0x1f, 0x5f, 0xbf], "left as it is where it can be");
    }

    /// The colours of the stylesheet: those that are computed with are those that are there, and its own pairs
    /// can be read.
    #[test]
    fn stylesheet_has_the_colours_that_are_computed_with() {
        let (light, dark) = pages::STYLE.split_once("prefers-color-scheme: dark").unwrap();
        for (theme, [paper, ground]) in [(light, LIGHT), (dark, DARK)] {
            let color = |name: &str| {
                let (_, rest) = theme.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("{name}"));
                parse_color(&rest[..7]).unwrap()
            };
            assert_eq!((color("paper"), color("ground")), (paper, ground));
            for (text, on) in [
                ("ink", "paper"),
                ("ink", "ground"),
                ("soft", "paper"),
                ("soft", "ground"),
                ("accent", "paper"),
                ("accent", "ground"),
                ("on-accent", "accent"),
                ("warn", "paper"),
                ("warn", "warn-ground"),
                ("good", "good-ground"),
                ("caution", "caution-ground"),
            ] {
                let ratio = contrast(color(text), color(on));
                assert!(ratio >= ENOUGH, "{text} on {on}: {ratio}");
            }
            // WCAG 2.2, success criterion 1.4.11: the edge of what is filled in or pressed.
            assert!(contrast(color("edge"), paper) >= 3.0);
        }
    }

    /// The colour gets into the style as digits only, and the style stays one sheet.
    #[test]
    fn accent_is_in_the_style() {
        let style = read("accent_color", "#B00020").unwrap().style().into_owned();
        let (own, added) = style.split_at(pages::STYLE.len());
        assert_eq!(own, pages::STYLE);
        assert!(added.starts_with(":root{--accent:#b00020;--on-accent:#ffffff}@media"), "{added}");
    }
}
