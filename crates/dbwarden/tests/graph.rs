//! The revision graph from outside: what targets ask for, what rollbacks undo, every error's text, and properties on
//! every small graph and on random ones.

#[path = "graph/errors.rs"]
mod errors;
#[path = "graph/notation.rs"]
mod notation;
#[path = "graph/properties.rs"]
mod properties;
#[path = "graph/replaced.rs"]
mod replaced;

use std::collections::BTreeSet;

use dbwarden::migration::RevisionId;
use dbwarden::migration::graph::{
    EdgeKind, GraphError, Repeatable, RevisionGraph, Target, order_repeatables,
};
use notation::{down, graph, ids, node, set, text, up};

/// Two branches from 0002, `sms` and `push`, that are merged in 0005.
const MERGED: &[&str] = &[
    "0001",
    "0002",
    "0003a down=0002 branch=sms",
    "0003b down=0002 branch=push",
    "0004b down=0003b",
    "0005 down=0003a,0004b",
];

/// The same without the merge.
const FORKED: &[&str] =
    &["0001", "0002", "0003a down=0002 branch=sms", "0003b down=0002 branch=push", "0004b down=0003b"];

fn strings<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn files_without_headers_follow_each_other_as_versions() {
    let graph = graph(&["10", "9", "0002", "1"]);
    assert_eq!(text(graph.order()), "1 0002 9 10");
    assert_eq!(strings(graph.parents(&"9".into())), "0002");
    assert_eq!(strings(graph.children(&"9".into())), "10");
    assert_eq!(strings(graph.heads()), "10");
    assert_eq!(strings(graph.bases()), "1");
    assert_eq!(text(&ids(graph.ancestors(&"9".into()))), "0002 1");
    assert_eq!(text(&ids(graph.descendants(&"0002".into()))), "10 9");
}

#[test]
fn an_implicit_parent_is_the_file_before_whatever_it_is() {
    let graph = graph(&["0001", "0002 down=none", "0003", "0004 down=0001", "0005 branch=x"]);
    assert_eq!(strings(graph.parents(&"0002".into())), "");
    assert_eq!(strings(graph.parents(&"0003".into())), "0002");
    assert_eq!(strings(graph.parents(&"0005".into())), "0004");
    assert_eq!(strings(graph.bases()), "0001 0002");
    assert_eq!(strings(graph.heads()), "0003 0005");
}

#[test]
fn ties_go_by_version_and_dependencies_come_first() {
    let graph = graph(&["10 down=none", "9 down=none needs=11", "8 down=none", "11 down=none"]);
    assert_eq!(text(graph.order()), "8 10 11 9");
    assert_eq!(strings(graph.dependencies(&"9".into())), "11");
    assert_eq!(strings(graph.dependants(&"11".into())), "9");
    assert_eq!(
        strings(graph.heads()),
        "8 9 10".split(' ').filter(|id| *id != "9").collect::<Vec<_>>().join(" ") + " 9"
    );
    let edges = graph.edges();
    assert_eq!(edges.len(), 1);
    assert_eq!(
        (edges[0].from.as_str(), edges[0].to.as_str(), edges[0].kind),
        ("11", "9", EdgeKind::DependsOn)
    );
}

#[test]
fn references_are_ids_numbers_or_prefixes() {
    let graph = graph(&["0001", "0002", "1.2", "20240215_143000", "a1b2c3", "a1ffff"]);
    for (reference, id) in [
        ("0002", "0002"),
        ("2", "0002"),
        ("002", "0002"),
        ("V1.2", "1.2"),
        ("1.02", "1.2"),
        ("2024", "20240215_143000"),
        ("V20240215_143000", "20240215_143000"),
        ("a1b", "a1b2c3"),
        (" a1f ", "a1ffff"),
    ] {
        assert_eq!(graph.resolve_id(reference).as_ref().map(RevisionId::as_str), Ok(id), "{reference}");
    }
    for reference in ["a1", "000", "", "7", "RA__x"] {
        assert!(graph.resolve_id(reference).is_err(), "{reference}");
    }
}

#[test]
fn an_exact_id_wins_over_a_number_and_a_number_over_a_prefix() {
    let graph = graph(&["12", "1200", "0012a"]);
    assert_eq!(graph.resolve_id("12"), Ok("12".into()));
    assert_eq!(graph.resolve_id("012"), Ok("12".into()));
    assert_eq!(graph.resolve_id("120"), Ok("1200".into()));
}

#[test]
fn upgrade_asks_for_a_set_never_for_what_is_above_a_mark() {
    let graph = graph(&["0001", "0002", "0003", "0004"]);
    assert_eq!(up(&graph, "head", &["0001", "0003"]), "0002 0004");
    assert_eq!(up(&graph, "3", &["0001", "0003"]), "0002");
    assert_eq!(up(&graph, "3", &[]), "0001 0002 0003");
    assert_eq!(up(&graph, "+2", &["0001"]), "0002 0003");
    assert_eq!(up(&graph, "2+1", &["0001"]), "0002 0003");
    assert_eq!(up(&graph, "head-1", &["0001"]), "0002 0003");
    assert_eq!(up(&graph, "base+2", &[]), "0001 0002");
    assert_eq!(up(&graph, "head", &["0001", "0002", "0003", "0004", "0005"]), "");
    assert_eq!(text(&graph.late(&ids(["0002", "0004"]), &set(&["0001", "0003"]))), "0002");
    assert_eq!(text(&graph.late(&ids(["0004"]), &set(&["0001", "0005"]))), "0004");
}

#[test]
fn one_head_is_meant_where_no_more_than_one_is_open() {
    let graph = graph(FORKED);
    let to_fork = ["0001", "0002"];
    assert!(matches!(graph.upgrade(&Target::Head, &set(&to_fork)), Err(GraphError::MultipleHeads { .. })));
    assert_eq!(up(&graph, "heads", &to_fork), "0003a 0003b 0004b");
    assert_eq!(up(&graph, "head", &["0001", "0002", "0003a"]), "0003b 0004b");
    assert_eq!(up(&graph, "head", &["0002", "0003a", "0004b"]), "0001 0003b");
    assert_eq!(up(&graph, "+2", &[]), "0001 0002");
    assert!(graph.upgrade(&Target::Relative(3), &set(&[])).is_err());
    assert_eq!(up(&graph, "+1", &["0001", "0002", "0003a"]), "0003b");
    assert_eq!(up(&graph, "head", &["0001", "0002", "0003a", "0003b", "0004b"]), "");
    let empty = RevisionGraph::new(Vec::new()).expect("a graph");
    assert_eq!(up(&empty, "head", &["0007"]), "");
}

#[test]
fn labels_lead_to_the_head_above_them() {
    let forked = graph(FORKED);
    assert_eq!(up(&forked, "push@head", &["0001"]), "0002 0003b 0004b");
    assert_eq!(strings(forked.labels(&"0004b".into())), "push");
    let branches = forked.branches();
    assert_eq!(branches.len(), 1);
    assert_eq!(branches[0].point.as_str(), "0002");
    assert_eq!(strings(branches[0].children.iter().map(|(id, _)| id)), "0003a 0003b");
    assert_eq!(strings(branches[0].children.iter().flat_map(|(_, labels)| labels)), "sms push");
    assert_eq!(strings(forked.label_names().into_keys()), "push sms");

    let merged = graph(MERGED);
    assert_eq!(strings(merged.labels(&"0005".into())), "");
    assert_eq!(up(&merged, "sms@head", &["0001", "0002", "0003b"]), "0003a 0004b 0005");
}

#[test]
fn rollback_to_a_revision_undoes_its_descendants_alone() {
    let graph = graph(MERGED);
    let applied = ["0001", "0002", "0003b", "0003a", "0004b", "0005"];
    assert_eq!(down(&graph, "0003a", &applied), "0005");
    assert_eq!(down(&graph, "0003b", &applied), "0005 0004b");
    assert_eq!(down(&graph, "2", &applied), "0005 0004b 0003a 0003b");
    assert_eq!(down(&graph, "0004b-1", &applied), "0005 0004b");
    assert_eq!(down(&graph, "0001-1", &applied), "0005 0004b 0003a 0003b 0002 0001");
    assert_eq!(down(&graph, "base", &applied), "0005 0004b 0003a 0003b 0002 0001");
    assert_eq!(down(&graph, "-2", &applied), "0005 0004b");
    assert_eq!(down(&graph, "0005", &applied), "");
    assert_eq!(down(&graph, "base", &[]), "");
}

#[test]
fn what_depends_on_an_undone_one_is_undone_before_it() {
    let graph = graph(&["a1 down=none", "a2 down=a1", "b1 down=none", "b2 down=b1 needs=a2", "b3 down=b1"]);
    let applied = ["a1", "a2", "b1", "b2", "b3"];
    assert_eq!(down(&graph, "a1", &applied), "b2 a2");
    assert_eq!(down(&graph, "-3", &applied), "b3 b2 b1");
}

#[test]
fn a_late_one_is_undone_after_what_came_to_stand_on_it() {
    let graph = graph(&["0001", "0002", "0003"]);
    assert_eq!(down(&graph, "-1", &["0001", "0003", "0002"]), "0003");
    assert_eq!(down(&graph, "base", &["0001", "0003", "0002"]), "0003 0002 0001");
    assert_eq!(down(&graph, "base", &["0001", "0003"]), "0003 0001");
}

#[test]
fn applied_ids_without_a_file_have_their_place_by_the_record() {
    let graph = graph(&["0001", "0002"]);
    let applied = ["0001", "0002", "0003", "0004"];
    assert_eq!(down(&graph, "-1", &applied), "0004");
    assert_eq!(down(&graph, "2", &applied), "0004 0003");
    assert_eq!(down(&graph, "3", &applied), "0004");
    assert_eq!(down(&graph, "0003", &applied), "0004");
    assert_eq!(down(&graph, "1", &["0001", "0000x", "0002"]), "0002 0000x");
    assert_eq!(down(&graph, "0000", &["0001", "0000x", "0002"]), "0002");
    assert_eq!(down(&graph, "base", &["RA__v", "0001", "ROC__p"]), "0001");
    assert_eq!(up(&graph, "head", &["0001", "0002", "0003"]), "");
}

#[test]
fn current_is_what_no_applied_one_comes_after() {
    let graph = graph(MERGED);
    let current = |applied: &[&str]| text(&graph.current(&set(applied)));
    assert_eq!(current(&[]), "");
    assert_eq!(current(&["0001", "0002"]), "0002");
    assert_eq!(current(&["0001", "0002", "0003a", "0003b"]), "0003a 0003b");
    assert_eq!(current(&["0001", "0005"]), "0005");
    assert_eq!(current(&["0001", "0002", "0009", "0000", "RA__x"]), "0002 0009");
    assert_eq!(current(&["0000", "0001"]), "0001");
}

#[test]
fn a_stamp_records_the_target_and_its_ancestors() {
    let graph = graph(MERGED);
    let closure = |target: &str| graph.closure(&target.parse().expect("a target")).map(|ids| text(&ids));
    assert_eq!(closure("base"), Ok(String::new()));
    assert_eq!(closure("0004b"), Ok("0001 0002 0003b 0004b".to_owned()));
    assert_eq!(closure("head"), Ok("0001 0002 0003a 0003b 0004b 0005".to_owned()));
}

#[test]
fn an_id_that_looks_like_an_offset_is_an_id() {
    let graph = graph(&["2024-01", "2024-01-15", "2024-01-16"]);
    assert_eq!(up(&graph, "2024-01-15", &[]), "2024-01 2024-01-15");
    assert_eq!(down(&graph, "2024-01-15", &["2024-01", "2024-01-15", "2024-01-16"]), "2024-01-16");
    assert_eq!(down(&graph, "2024-01-16-1", &["2024-01", "2024-01-15", "2024-01-16"]), "2024-01-16");
}

#[test]
fn input_order_makes_no_difference() {
    let forward = graph(MERGED);
    let mut nodes: Vec<_> = MERGED.iter().map(|line| node(line)).collect();
    nodes.reverse();
    let backward = RevisionGraph::new(nodes).expect("a graph");
    assert_eq!(forward.order(), backward.order());
    assert_eq!(forward.edges(), backward.edges());
}

fn repeatable(line: &str) -> Repeatable {
    let (id, needs) = line.split_once(' ').unwrap_or((line, ""));
    let depends_on = needs.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    Repeatable { id: id.into(), depends_on, file: format!("{id}.sql") }
}

fn repeatables(lines: &[&str]) -> Result<Vec<RevisionId>, GraphError> {
    let nodes: Vec<_> = lines.iter().map(|line| repeatable(line)).collect();
    order_repeatables(&nodes, &graph(&["0001", "0002"]))
}

#[test]
fn repeatables_go_by_dependency_then_by_name() {
    let order = repeatables(&["RA__d", "ROC__c", "RA__b ROC__c,2", "RA__a primary__RA__d", "ROC__0 b"]);
    assert_eq!(order.map(|ids| text(&ids)), Ok("ROC__c RA__b ROC__0 RA__d RA__a".to_owned()));
}

#[test]
fn repeatables_of_one_name_need_their_prefix() {
    let order = repeatables(&["RA__x", "ROC__x", "RA__a ROC__x"]);
    assert_eq!(order.map(|ids| text(&ids)), Ok("RA__x ROC__x RA__a".to_owned()));
    let ambiguous = repeatables(&["RA__x", "ROC__x", "RA__a x"]);
    assert!(matches!(ambiguous, Err(GraphError::AmbiguousReference { .. })));
}

#[test]
fn an_empty_graph_has_nothing() {
    let graph = RevisionGraph::new(Vec::new()).expect("a graph");
    assert!(graph.order().is_empty() && graph.heads().is_empty() && graph.edges().is_empty());
    assert_eq!(graph.current(&BTreeSet::new()), Vec::new());
}
