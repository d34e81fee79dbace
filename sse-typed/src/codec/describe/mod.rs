//! Descriptions of event types, from which outputs such as TypeScript are generated.
//!
//! An output is a generator, such as that of TypeScript. It implements [`Describer`], and [`DescribeType<T>`](DescribeType)
//! for each type `T` of data that it can describe. The derives implement [`DescribeEvent<D>`](DescribeEvent) for every output
//! `D` that can describe the type's payloads. The bounds are on the output, so a payload needs `ts_rs::TS` only if TypeScript
//! is generated.
//!
//! A description contains what a receiver sees. It omits variants that are never written and fields that are not in the JSON. For
//! a type that is only received, it contains what is decoded.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use sse_typed::{
//!     SseEvent,
//!     codec::describe::{Data, DescribeEvent, DescribeType, Describer},
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
//! let job = Job::describe(&mut RustNames);
//! let [progress, finished] = &job.variants[..] else { unreachable!() };
//! assert_eq!((progress.event_type, progress.doc), ("progress", "How far it is."));
//! let Data::Object(fields) = &progress.data else { unreachable!() };
//! assert_eq!((fields[0].name, fields[0].ty), ("done", Some("u32")));
//! assert!(finished.terminal && matches!(finished.data, Data::Unit));
//! ```

mod values;

use std::{rc::Rc, sync::Arc};

pub use self::values::{Data, Events, Field, RunEnd, Variant};
use crate::event::RawEvent;

/// An output that event types are described to.
pub trait Describer {
    /// The output's representation of a type of data, such as the name of a TypeScript type.
    type Type;
}

/// An output that can describe the type `T`, as serde serializes it.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be described to `{Self}`",
    label = "no description of `{T}`",
    note = "for TypeScript add `#[derive(ts_rs::TS)]` to `{T}`, or name the type that is on the wire with \
            `#[sse(as = \"..\")]`"
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
    /// Describes the events of this type.
    fn describe(describer: &mut D) -> Events<D::Type>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<E: DescribeEvent<D> + ?Sized, D: Describer + ?Sized> DescribeEvent<D> for $pointer {
            fn describe(describer: &mut D) -> Events<D::Type> {
                E::describe(describer)
            }
        }
    )*};
}

forward!(&E, Box<E>, Rc<E>, Arc<E>);

impl<D: Describer + ?Sized> DescribeEvent<D> for RawEvent {
    fn describe(_: &mut D) -> Events<D::Type> {
        Events::new("RawEvent").variant(Variant::new("other", "", Data::Raw).other())
    }
}
