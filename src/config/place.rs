//! Where in a YAML text a value stands.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// Line and column, from 1, of the value that the keys of `path` lead to; `None` where there is none.
pub(super) fn of(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    let error = Walk { path }.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    error.location().map(|l| (l.line(), l.column()))
}

/// Goes to a value and fails there: a YAML reader tells places in its errors alone.
struct Walk<'a> {
    path: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.path {
                [last] if *last == key => map.next_value::<Here>().map(drop)?,
                [first, path @ ..] if *first == key => map.next_value_seed(Walk { path })?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// A value of any type, which is refused.
struct Here;

impl<'de> Deserialize<'de> for Here {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Here, D::Error> {
        deserializer.deserialize_any(Here)
    }
}

impl Visitor<'_> for Here {
    type Value = Here;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("another value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_are_found() {
        let text = "a: {b: 1, c: [1, 2]}\nd:\n  e: word\n  'f g':\n    h: 2.5\n";
        let places: [(&[&str], _); 7] = [
            (&["a"], Some((1, 4))),
            (&["a", "b"], Some((1, 8))),
            (&["a", "c"], Some((1, 14))),
            (&["d", "e"], Some((3, 6))),
            (&["d", "f g", "h"], Some((5, 8))),
            (&["d", "x"], None),
            (&["x"], None),
        ];
        for (path, place) in places {
            assert_eq!(of(text, path), place, "{path:?}");
        }
    }
}
