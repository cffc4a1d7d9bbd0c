//! What docs/contract.md says of a layout, one file a noun, through the public interface; every test that writes ends with a
//! check that shares no code with this crate.
//!
//! `fixture` images and short verbs · `opening` making and opening · `rows` names, whoever wrote them · `fidelity` what
//! survives · `hostile` layouts that mean harm · `writers` many at once, killed and slow ones · `taking_away` removal,
//! collection, leases · `child` this program started again

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod fidelity;
mod fixture;
mod hostile;
mod opening;
mod rows;
mod taking_away;
mod writers;
