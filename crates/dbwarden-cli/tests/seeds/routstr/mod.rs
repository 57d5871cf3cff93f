//! x
use crate::walk::{Walk, walk};
walk!("routstr");
fn walk(_: &mut Walk) {}
