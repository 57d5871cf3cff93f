//! What came too late.

use std::collections::BTreeSet;

use crate::migration::RevisionId;
use crate::migration::set::MigrationSet;

/// The newest applied one that comes after one of `late`: by the graph, else, without a file, by version. The row that was
/// written last may be another one.
pub(super) fn newest_above(
    set: &MigrationSet,
    late: &[RevisionId],
    versions: &BTreeSet<RevisionId>,
) -> Option<RevisionId> {
    let graph = set.graph();
    let above: BTreeSet<_> = late.iter().flat_map(|id| graph.descendants(id)).collect();
    let by_graph = graph.order().iter().rfind(|id| versions.contains(*id) && above.contains(*id));
    let without_file = || {
        versions
            .iter()
            .filter(|id| set.get(id).is_none() && late.iter().any(|late| late.version_cmp(id).is_lt()))
            .max_by(|a, b| a.version_cmp(b))
    };
    by_graph.or_else(without_file).cloned()
}
