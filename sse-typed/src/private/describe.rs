//! The parts of generated descriptions.

use std::any::type_name;

use crate::codec::describe::Field;
pub use crate::codec::describe::{Data, DescribeEvent, DescribeType, Describer, Events, Line, RunEnd, Side, Variant};

/// The output's type for `T`.
pub fn ty<T: ?Sized, D: DescribeType<T> + ?Sized>(describer: &mut D) -> Option<D::Type> {
    Some(describer.describe_type())
}

/// The name of a type whose values are text.
#[must_use]
pub fn name_of<T: ?Sized>() -> &'static str {
    type_name::<T>()
}

/// A field with its name, doc comment and type.
pub const fn field<T>(name: &'static str, doc: &'static str, ty: Option<T>) -> Field<T> {
    let mut field = Field::new(name, ty);
    field.doc = doc;
    field
}

/// The data of named fields.
pub fn object<T, const N: usize>(fields: [Field<T>; N]) -> Data<T> {
    Data::Object(fields.into())
}

/// The data of a nested payload. A payload has the sides of the type that it is nested in, because that type encodes and decodes
/// it.
pub fn nested<E: DescribeEvent<D> + ?Sized, D: Describer + ?Sized>(describer: &mut D, side: Side) -> Data<D::Type> {
    Data::Nested(Box::new(E::describe(describer, side).unwrap_or(Events::new(""))))
}

/// `None` if a side is not the one that a type has.
#[must_use]
pub fn only(side: Side, own: Side) -> Option<()> {
    (side == own).then_some(())
}
