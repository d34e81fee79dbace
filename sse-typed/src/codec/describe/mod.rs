//! What stands on the wire, said of a type and not of a value: for outputs such as TypeScript.
//!
//! The derives implement [`DescribeEvent`] for every output that can describe the payloads. An output is a [`Describer`]: it
//! says what it makes of one type of data, by an impl of [`DescribeType`] for each type that it can describe. The bounds
//! stand on the output, so a payload needs `ts_rs::TS` only where TypeScript is asked for.
//!
//! What a description holds is what a receiver sees: variants that are never written are not in it, nor are fields that are
//! not in the JSON. For a type that is only received, it is what is read.
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

pub use self::values::{Data, Events, Field, Variant};
use crate::event::RawEvent;

/// An output that events are described to.
pub trait Describer {
    /// What the output knows a type of data by.
    type Type;
}

/// An output that can describe a `T`, as serde writes it.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be described to `{Self}`",
    label = "no description of `{T}`",
    note = "for TypeScript add `#[derive(ts_rs::TS)]` to `{T}`, or name a type that stands for it on the wire with \
            `#[sse(as = \"..\")]`"
)]
pub trait DescribeType<T: ?Sized>: Describer {
    /// What the type is known by.
    fn describe_type(&mut self) -> Self::Type;
}

/// A type whose events can be described to the output `D`. The derives implement it.
#[diagnostic::on_unimplemented(
    message = "the events of `{Self}` cannot be described",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`, `#[derive(EncodeEvent)]` or `#[derive(DecodeEvent)]`"
)]
pub trait DescribeEvent<D: Describer + ?Sized> {
    /// What stands on the wire.
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
