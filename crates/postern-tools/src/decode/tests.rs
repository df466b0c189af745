#![expect(dead_code, reason = "some fields are only read by serde")]

use super::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    num::{NonZeroI8, NonZeroU16, NonZeroU64, NonZeroUsize},
};

fn read<T: DeserializeOwned>(text: &str) -> T {
    from_text(text).unwrap_or_else(|misfit| panic!("{text}: {misfit}"))
}

fn refused<T: DeserializeOwned + Debug>(text: &str) -> String {
    from_text::<T>(text).unwrap_err().to_string()
}

/// C3: `10.0` is an integer to JSON Schema, and runtimes of JavaScript and Python send it.
#[test]
fn whole_numbers_are_read_into_every_integer_type() {
    for text in ["10", "10.0", "1e1", "1.0E+1", "100e-1"] {
        assert_eq!((read::<i8>(text), read::<u8>(text)), (10, 10), "{text}");
        assert_eq!((read::<i16>(text), read::<u16>(text)), (10, 10), "{text}");
        assert_eq!((read::<i32>(text), read::<u32>(text)), (10, 10), "{text}");
        assert_eq!((read::<i64>(text), read::<u64>(text)), (10, 10), "{text}");
        assert_eq!((read::<i128>(text), read::<u128>(text)), (10, 10), "{text}");
        assert_eq!((read::<isize>(text), read::<usize>(text)), (10, 10), "{text}");
        assert_eq!((read::<NonZeroU16>(text).get(), read::<NonZeroI8>(text).get()), (10, 10), "{text}");
        assert_eq!((read::<NonZeroU64>(text).get(), read::<NonZeroUsize>(text).get()), (10, 10), "{text}");
        assert_eq!((read::<f64>(text), read::<f32>(text)), (10.0, 10.0), "{text}");
    }
    assert_eq!((read::<u8>("-0.0"), read::<i64>("-0.0"), read::<i64>("-1e2")), (0, 0, -100));
    assert_eq!(read::<u64>("18446744073709551615.0"), u64::MAX);
    assert_eq!(read::<i128>("-170141183460469231731687303715884105728.0"), i128::MIN);
    assert_eq!(read::<i64>("9007199254740993.0"), 9_007_199_254_740_993);
    assert!(read::<f64>("-0.0").is_sign_negative());
}

#[derive(Debug, PartialEq, Deserialize)]
struct Newtype(u32);

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Unit,
    Radius(u8),
    Box(i16, i16),
    Named { sides: usize },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Page { number: u32 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Count(i64),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Either {
    Count(i64),
    Name(String),
    Many(Vec<u8>),
}

#[derive(Debug, PartialEq, Deserialize)]
struct All {
    list: Vec<u8>,
    map: BTreeMap<String, i64>,
    keyed: HashMap<u16, u16>,
    option: Option<u32>,
    absent: Option<u32>,
    tuple: (i8, f32, [u64; 2]),
    newtype: Newtype,
    shapes: Vec<Shape>,
    tagged: Tagged,
    adjacent: Adjacent,
    either: Vec<Either>,
    boxed: Box<Option<Vec<Option<i32>>>>,
    #[serde(flatten)]
    more: Flat,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    flat: u8,
}

#[test]
fn whole_numbers_are_read_wherever_they_stand() {
    let whole = r#"{
        "list": [1.0, 2e0, 3], "map": {"a": 4.0}, "keyed": {"5": 6.0}, "option": 7.0, "absent": null,
        "tuple": [-8.0, 9, [10.0, 11]], "newtype": 12.0,
        "shapes": ["Unit", {"Radius": 13.0}, {"Box": [14.0, -15.0]}, {"Named": {"sides": 16.0}}],
        "tagged": {"kind": "page", "number": 17.0}, "adjacent": {"value": 18.0, "kind": "Count"},
        "either": [19.0, "20.0", [21.0]], "boxed": [22.0, null], "flat": 23.0
    }"#;
    let plain = whole
        .replace(".0,", ",")
        .replace(".0}", "}")
        .replace(".0]", "]")
        .replace("2e0", "2")
        .replace("23.0", "23");
    assert_ne!(whole, plain);
    assert_eq!(
        read::<All>(whole),
        serde_json::from_str::<All>(&plain.replace("\"20\"", "\"20.0\"")).unwrap()
    );
}

#[test]
fn what_does_not_fit_is_refused_with_its_place_its_value_and_the_bounds() {
    assert_eq!(refused::<u8>("256"), "256 is not between 0 and 255");
    assert_eq!(refused::<u8>("-1.0"), "-1.0 is not between 0 and 255");
    assert_eq!(refused::<i8>("1e3"), "1e3 is not between -128 and 127");
    assert_eq!(refused::<u32>("10.5"), "10.5 is not a whole number between 0 and 4294967295");
    assert_eq!(
        refused::<i64>("9223372036854775808"),
        "9223372036854775808 is not between -9223372036854775808 and 9223372036854775807"
    );
    for (text, why) in [
        (r#"{"a":1,"b":[1,2,300]}"#, "b[2]: 300 is not between 0 and 255"),
        (r#"{"a":1,"b":[1,2.5]}"#, "b[1]: 2.5 is not a whole number between 0 and 255"),
        (r#"{"a":{"x":-1},"b":[]}"#, "a: invalid type: map, expected i64"),
        (r#"{"b":[[]],"a":1}"#, "b[0]: invalid type: sequence, expected u8"),
        (r#"{"b":["7"],"a":1}"#, "b[0]: invalid type: string \"7\", expected u8"),
        (r#"{"b":[null],"a":1}"#, "b[0]: invalid type: null, expected u8"),
    ] {
        #[derive(Debug, Deserialize)]
        struct Members {
            a: i64,
            b: Vec<u8>,
        }
        assert_eq!(refused::<Members>(text), why, "{text}");
    }
    assert_eq!(
        refused::<BTreeMap<String, Vec<(u8, i8)>>>(r#"{"k":[[1,2],[3,-129]]}"#),
        "k[1][1]: -129 is not between -128 and 127"
    );
    assert_eq!(refused::<Option<u8>>("300.0"), "300.0 is not between 0 and 255");
    assert_eq!(
        refused::<Shape>(r#"{"Named":{"sides":-1}}"#),
        format!("Named.sides: -1 is not between 0 and {}", u64::MAX)
    );
    assert!(refused::<NonZeroU16>("0.0").contains("nonzero"));
    // Of what was read without a type, the place is that of something around it.
    assert!(refused::<Vec<Either>>("[1.0,2.5]").contains("data did not match any variant"));
}

/// S9: what a client sent comes back in part.
#[test]
fn a_refusal_is_bounded() {
    for text in [
        format!("1{}", "0".repeat(100_000)),
        format!("1.{}1", "0".repeat(100_000)),
        format!("\"{}\"", "x".repeat(100_000)),
        format!("[{}]", "1,".repeat(10_000) + "1"),
    ] {
        assert!(refused::<u64>(&text).len() < 300);
        assert!(refused::<Shape>(&text).len() < 600, "{}", refused::<Shape>(&text).len());
    }
    let name = format!("{{\"{}\":true}}", "é".repeat(10_000));
    assert!(refused::<BTreeMap<String, u8>>(&name).len() < 300);
}

/// A value that says nothing of its type keeps what its number is worth.
#[test]
fn a_value_is_read_as_it_is() {
    let value: serde_json::Value = read(r#"{"a":[10.0,2.5,"x",null,true,1e300]}"#);
    assert_eq!(value, serde_json::json!({ "a": [10, 2.5, "x", null, true, 1e300] }));
}
