//! What of a row says which name it claims: read without the rest, since an index may have many rows.

use image_format::{Claim, Rank, annotation};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What is read of every row: enough to tell what it claims.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head<'a> {
    #[serde(borrow)]
    pub(crate) digest: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(crate) annotations: Names<'a>,
}

impl Head<'_> {
    pub(crate) fn claim(&self) -> Option<(Claim, Rank)> {
        // A referrer belongs to its subject, whatever tag it was copied with.
        if self.annotations.subject.is_some() {
            return None;
        }
        Claim::of(self.annotations.ref_name.as_deref(), self.annotations.containerd.as_deref())
    }

    /// The bare tag that a row has besides the name that it claims: `umoci tag` copies a row with its containerd name.
    ///
    /// A tag that is the claimed name's own (docker's and BuildKit's rows have both) is none.
    pub(crate) fn own_tag(&self) -> Option<&str> {
        let tag = self.annotations.ref_name.as_deref().filter(|tag| !tag.is_empty())?;
        match self.claim()? {
            (Claim::Name(name), Rank::Containerd) if name.tag().is_some_and(|own| own.as_str() == tag) => {
                None
            }
            (_, Rank::Containerd) => Some(tag),
            (_, Rank::RefName) => None,
        }
    }

    /// The tag of the claimed name that the row has as a bare `ref.name` too, as docker and BuildKit write it.
    pub(crate) fn short_tag(&self) -> Option<&str> {
        let tag = self.annotations.ref_name.as_deref().filter(|tag| !tag.is_empty())?;
        let (_, rank) = self.claim()?;
        (rank == Rank::Containerd && self.own_tag().is_none()).then_some(tag)
    }

    /// Does the row hold its image without a name?
    pub(crate) fn is_unnamed(&self) -> bool {
        self.annotations.subject.is_none() && self.claim().is_none()
    }
}

/// The annotations that name a row.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    ref_name: Option<Cow<'a, str>>,
    containerd: Option<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
}

/// A key.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value, if it is a text: one that is not names nothing, and the rest of its row still counts.
struct AnyText<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for AnyText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyText<'a>, D::Error> {
        deserializer.deserialize_any(AnyTextVisitor)
    }
}

struct AnyTextVisitor;

impl<'de> Visitor<'de> for AnyTextVisitor {
    type Value = AnyText<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<AnyText<'de>, E> {
        Ok(AnyText(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<AnyText<'de>, E> {
        Ok(AnyText(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<AnyText<'de>, E> {
        Ok(AnyText(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<AnyText<'de>, E> {
        Ok(AnyText(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<AnyText<'de>, E> {
        Ok(AnyText(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<AnyText<'de>, E> {
        Ok(AnyText(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<AnyText<'de>, E> {
        Ok(AnyText(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AnyText<'de>, A::Error> {
        IgnoredAny.visit_seq(list)?;
        Ok(AnyText(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AnyText<'de>, A::Error> {
        IgnoredAny.visit_map(map)?;
        Ok(AnyText(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Names<'a>, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations")
    }

    fn visit_unit<E>(self) -> Result<Names<'de>, E> {
        Ok(Names::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<'de>, A::Error> {
        let mut names = Names::default();
        while let Some(Text(key)) = map.next_key()? {
            let slot = match &*key {
                annotation::REF_NAME => &mut names.ref_name,
                annotation::CONTAINERD_NAME => &mut names.containerd,
                annotation::SUBJECT => &mut names.subject,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = map.next_value::<AnyText<'de>>()?.0;
        }
        Ok(names)
    }
}
