//! From the text of a recipe to its operations.

use std::fmt;
use std::sync::Arc;

use super::kinds;
use crate::augment::{Canvas, Compose, CutMix, MixUp, Mixing, Place, Transform};
use crate::error::{Error, Result};
use crate::toml::{self, DeTable, DeValue, Fields, LineColumn, Source, Value, error};

/// More operations inside one another are taken for a mistake, and so are more of them at all.
const MAX_DEPTH: usize = 16;
const MAX_OPERATIONS: usize = 1000;

pub(super) struct Parsed {
    pub(super) train: Compose,
    pub(super) test: Test,
    pub(super) mixing: Mixing,
    /// All of it, on one line.
    pub(super) text: String,
}

/// The operations of testing.
#[derive(Default)]
pub(super) struct Test {
    pub(super) operations: Compose,
    /// The same without a `center_crop` at their end, if there is one.
    pub(super) uncropped: Option<Compose>,
    /// Their text; nothing if there are none.
    pub(super) text: String,
}

pub(super) fn parse(source: Source) -> Result<Parsed> {
    let table = source.table("a recipe")?;
    let fields = Fields::new(source, table.get_ref(), "the recipe", 0);
    let mut reader = Reader { source, origin: source.origin.into(), operations: 0 };
    let train = fields.require("train", "an array of operations such as [\"random_horizontal_flip\"]")?;
    let train = Compose(reader.chain(&fields, "train", train, 0)?);
    let test = fields.get("test").map_or(Ok(Test::default()), |value| reader.test(&fields, value))?;
    let mixing = mixing(&fields)?;
    fields.finish()?;
    Ok(Parsed { train, test, mixing, text: toml::table(table.get_ref()) })
}

/// The operations of testing that stand alone in a file, under `test`.
pub(super) fn test<'t>(fields: &Fields<'t>, value: Value<'t>) -> Result<Test> {
    let source = fields.source;
    Reader { source, origin: source.origin.into(), operations: 0 }.test(fields, value)
}

/// The kind of an operation.
fn kind<'t>(operation: Value<'t>) -> Option<&'t str> {
    match operation.get_ref() {
        DeValue::Table(table) => table.get("kind")?.get_ref().as_str(),
        _ => None,
    }
}

fn mixing(fields: &Fields) -> Result<Mixing> {
    let alpha = |key| fields.get(key).map(|value| fields.read_number(key, value)).transpose();
    let mix_up = alpha("mixup")?.map(|alpha| MixUp { alpha });
    let cut_mix = alpha("cutmix")?.map(|alpha| CutMix { alpha });
    let mixing = Mixing { mix_up, cut_mix, p: fields.number_or("mix_p", 1.0)? };
    // Each part alone, to point at what is wrong.
    let parts = [
        ("mixup", Mixing { mix_up, ..Mixing::DEFAULT }),
        ("cutmix", Mixing { cut_mix, ..Mixing::DEFAULT }),
        ("mix_p", Mixing { p: mixing.p, ..Mixing::DEFAULT }),
    ];
    for (key, part) in parts {
        let at = fields.get(key).map_or(0, |value| value.span().start);
        part.check().map_err(|e| fields.source.error(at, e))?;
    }
    Ok(mixing)
}

pub(super) struct Reader<'t> {
    pub(super) source: Source<'t>,
    origin: Arc<str>,
    operations: usize,
}

impl<'t> Reader<'t> {
    fn test(&mut self, fields: &Fields<'t>, value: Value<'t>) -> Result<Test> {
        let mut test = Test { operations: Compose(self.chain(fields, "test", value, 0)?), ..Test::default() };
        if let Some((last, before)) = value.get_ref().as_array().and_then(|items| items.split_last()) {
            test.text = toml::inline(value.get_ref());
            if kind(last) == Some("center_crop") {
                let before = before.iter().map(|item| self.operation(item, 0)).collect::<Result<_>>()?;
                test.uncropped = Some(Compose(before));
            }
        }
        Ok(test)
    }

    /// The operations of an array.
    pub(super) fn chain(
        &mut self,
        fields: &Fields<'t>,
        key: &str,
        value: Value<'t>,
        depth: usize,
    ) -> Result<Vec<Box<dyn Transform>>> {
        let expected = "an array of operations such as [\"random_horizontal_flip\"]";
        let items = value.get_ref().as_array().ok_or_else(|| fields.mismatch(key, value, expected))?;
        if depth > MAX_DEPTH {
            let fault = format!("more than {MAX_DEPTH} operations inside each other");
            return Err(self.source.error(value.span().start, fault));
        }
        items.iter().map(|item| self.operation(item, depth)).collect()
    }

    /// A table, or for an operation that needs no other keys its name.
    fn operation(&mut self, value: Value<'t>, depth: usize) -> Result<Box<dyn Transform>> {
        let (mut at, empty) = (value.span().start, DeTable::new());
        self.operations += 1;
        if self.operations > MAX_OPERATIONS {
            return Err(self.source.error(at, format!("more than {MAX_OPERATIONS} operations")));
        }
        let inner = match value.get_ref() {
            DeValue::String(name) => kinds::plain(name, &Fields::new(self.source, &empty, name.as_ref(), at), at)?,
            DeValue::Table(table) => {
                let fields = Fields::new(self.source, table, "an operation", at);
                let expected = "the name of an operation such as \"random_crop\"";
                let kind = fields.require("kind", expected)?;
                at = kind.span().start;
                let DeValue::String(name) = kind.get_ref() else { return Err(fields.mismatch("kind", kind, expected)) };
                let fields = Fields::new(self.source, table, name.as_ref(), at);
                fields.get("kind");
                let operation = match kinds::nested(self, name, &fields, depth)? {
                    Some(operation) => operation,
                    None => kinds::plain(name, &fields, at)?,
                };
                fields.finish()?;
                operation
            }
            _ => {
                return Err(self
                    .source
                    .error(at, "an operation must be a table such as { kind = \"cutout\" }, or a name"));
            }
        };
        Ok(Box::new(Located { inner, origin: self.origin.clone(), at: self.source.position(at) }))
    }
}

/// An operation that knows where it stands in a file.
struct Located {
    inner: Box<dyn Transform>,
    origin: Arc<str>,
    at: LineColumn,
}

/// What it does, not where it stands.
impl fmt::Debug for Located {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Transform for Located {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        self.inner.out_shape(shape).map_err(|e| match e {
            Error::Augment { .. } => error(&self.origin, self.at, e),
            // It has its place already: that of an operation in this one.
            other => other,
        })
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        self.inner.apply(place, canvas)
    }

    fn streams(&self) -> u32 {
        self.inner.streams()
    }
}
