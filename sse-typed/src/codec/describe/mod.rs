//! Descriptions of event types, from which outputs such as TypeScript are generated.
//!
//! An output is a generator, such as that of TypeScript. It implements [`Describer`], and [`DescribeType<T>`](DescribeType)
//! for each type `T` of data that it can describe. The derives implement [`DescribeEvent<D>`](DescribeEvent) for every output
//! `D` that can describe the type's payloads. The bounds are on the output, so a payload needs `ts_rs::TS` only if TypeScript
//! is generated.
//!
//! A type is described for one [`Side`]: as it is written, or as it is read. A description omits variants and fields that are not
//! on the wire on that side.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use sse_typed::{
//!     SseEvent,
//!     codec::describe::{Data, DescribeEvent, DescribeType, Describer, Side},
//! };
//!
//! #[derive(SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Job {
//!     /// How far it is.
//!     Progress { done: u32 },
//!     #[sse(terminal)]
//!     Finished,
//! }
//!
//! /// An output that names Rust's types.
//! struct RustNames;
//!
//! impl Describer for RustNames {
//!     type Type = &'static str;
//! }
//!
//! impl<T: ?Sized> DescribeType<T> for RustNames {
//!     fn describe_type(&mut self) -> &'static str {
//!         std::any::type_name::<T>()
//!     }
//! }
//!
//! let job = Job::describe(&mut RustNames, Side::Written).expect("a type that is sent");
//! let [progress, finished] = &job.variants[..] else { unreachable!() };
//! assert_eq!((progress.event_type, progress.doc), ("progress", "How far it is."));
//! let Data::Object(fields) = &progress.data else { unreachable!() };
//! assert_eq!((fields[0].name, fields[0].ty), ("done", Some("u32")));
//! assert!(finished.terminal && matches!(finished.data, Data::Unit));
//! ```

mod values;

use std::{rc::Rc, sync::Arc};

pub use self::values::{Data, Events, Field, Line, RunEnd, Variant};
use crate::event::RawEvent;

/// A side of an event type. The two sides may differ, such as in the fields that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an event is written or read, and generated code matches on it")]
pub enum Side {
    /// The events as they are sent.
    Written,
    /// The events as they are received.
    Read,
}

/// An output that event types are described to.
pub trait Describer {
    /// The output's representation of a type of data, such as the name of a TypeScript type.
    type Type;
}

/// An output that can describe the type `T`, as serde serializes it.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be described to `{Self}`",
    label = "no description of `{T}`",
    note = "for TypeScript add `#[derive(ts_rs::TS)]` to `{T}`, for a contract `#[derive(schemars::JsonSchema)]`, or name the \
            type that is on the wire with `#[sse(as = \"..\")]`"
)]
pub trait DescribeType<T: ?Sized>: Describer {
    /// The output's representation of `T`.
    fn describe_type(&mut self) -> Self::Type;
}

/// A type whose events can be described to the output `D`. The derives implement it.
#[diagnostic::on_unimplemented(
    message = "the events of `{Self}` cannot be described",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`, `#[derive(EncodeEvent)]` or `#[derive(DecodeEvent)]`"
)]
pub trait DescribeEvent<D: Describer + ?Sized> {
    /// Describes one side of the events of this type. `None` if the type does not have that side: a type that is only sent is
    /// not read, and a type that is only received is not written.
    fn describe(describer: &mut D, side: Side) -> Option<Events<D::Type>>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<E: DescribeEvent<D> + ?Sized, D: Describer + ?Sized> DescribeEvent<D> for $pointer {
            fn describe(describer: &mut D, side: Side) -> Option<Events<D::Type>> {
                E::describe(describer, side)
            }
        }
    )*};
}

forward!(&E, Box<E>, Rc<E>, Arc<E>);

impl<D: Describer + ?Sized> DescribeEvent<D> for RawEvent {
    fn describe(_: &mut D, _: Side) -> Option<Events<D::Type>> {
        Some(Events::new("RawEvent").variant(Variant::new("other", "", Data::Raw).other()))
    }
}
