//! The parts of generated descriptions.

use crate::codec::describe::Field;
pub use crate::codec::describe::{Data, DescribeEvent, DescribeType, Describer, Events, RunEnd, Variant};

/// The output's type for `T`.
pub fn ty<T: ?Sized, D: DescribeType<T> + ?Sized>(describer: &mut D) -> Option<D::Type> {
    Some(describer.describe_type())
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

/// The data of a nested payload.
pub fn nested<E: DescribeEvent<D> + ?Sized, D: Describer + ?Sized>(describer: &mut D) -> Data<D::Type> {
    Data::Nested(Box::new(E::describe(describer)))
}
