//! What a piece costs: from the bytes of an STL file to a price in cents.
//!
//! Pure calculation. Bytes and numbers come in, numbers and progress reports go out; nothing here opens a
//! file or a socket, knows a clock, or starts a thread. All of it is CPU-bound: a service calls it from a
//! blocking thread.
//!
//! | stage | call |
//! |---|---|
//! | `price.load_model` | [`stl::load`]`(&[u8]) -> Result<`[`Mesh`]`, `[`StlError`]`>` |
//! | `price.simplify_model` | [`simplify()`]`(Mesh, &mut dyn FnMut(f64)) -> Mesh` |
//! | `price.estimate` | [`estimate()`]`(&Mesh, &mut dyn FnMut(f64)) -> `[`Estimate`] |
//! | `price.final` | [`price()`]`(`[`Material`]`, &`[`Estimate`]`) -> `[`Price`] |
//!
//! At the upload, [`Glimpse`] looks at a file while it streams by. The text of a [`StlError`] is written for the
//! customer: it is the reason in a 422 answer. Errors exist there alone: whatever [`stl::load`] returns can
//! be simplified, estimated and priced. To keep a mesh between two attempts, [`stl::write`]`(&Mesh) ->
//! Vec<u8>` makes a file that it reads again; [`Estimate`], [`Material`] and [`Price`] implement serde's
//! traits and fit into a JSON column.
//!
//! A progress callback gets the finished part of the work, 0 to 1: about a hundred times per call, always
//! more than before, and 1 exactly once, at the end. It may take its time: the calculation waits for it.

mod estimate;
mod material;
mod mesh;
mod price;
mod progress;
mod simplify;
pub(crate) mod stl;
mod stl_head;

pub(crate) use estimate::{Estimate, estimate};
pub(crate) use material::Material;
pub(crate) use mesh::Mesh;
pub(crate) use price::{Price, price};
pub(crate) use simplify::simplify;
pub(crate) use stl::StlError;
pub(crate) use stl_head::Glimpse;
