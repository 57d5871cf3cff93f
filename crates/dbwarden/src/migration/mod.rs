//! Files become a plan, without a database: sources, checksums, the revision graph, the plan.

mod id;

pub use id::RevisionId;
