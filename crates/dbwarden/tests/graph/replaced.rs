//! Files that replace others: fresh databases, old ones, and those in between.

use dbwarden::migration::graph::{GraphError, Target};

use crate::notation::{build, down, graph, id, set, text, up};

/// A squash of four under the oldest id; the old files are gone.
const SQUASHED: &[&str] = &["0001 replaces=0001,0002,0003,0004", "0005", "0006 needs=3"];

/// A squash beside the files that it replaces.
const BESIDE: &[&str] = &["0001", "0002", "0003", "0004 replaces=0001,0002,0003", "0005"];

#[test]
fn a_replaced_id_leads_to_the_file_that_replaces_it() {
    let graph = graph(SQUASHED);
    assert_eq!(text(graph.order()), "0001 0005 0006");
    assert_eq!(graph.resolve_id("3"), Ok("0001".into()));
    assert_eq!(graph.replaced_by(&"0003".into()), Some(&"0001".into()));
    assert_eq!(graph.replaced_by(&"0001".into()), None);
    assert_eq!(graph.dependencies(&"0006".into()), [&"0001".into()]);
    assert!(!graph.contains(&"0003".into()));
}

#[test]
fn where_the_replaced_are_applied_the_replacing_one_is() {
    let graph = graph(SQUASHED);
    assert_eq!(up(&graph, "head", &[]), "0001 0005 0006");
    assert_eq!(up(&graph, "head", &["0001"]), "0005 0006");
    // The old 0001 beside the others, or alone.
    assert_eq!(up(&graph, "head", &["0001'", "0002", "0003", "0004"]), "0005 0006");
    assert_eq!(text(&graph.current(&set(&["0001'", "0002", "0003", "0004"]))), "0001");
    assert!(matches!(graph.upgrade(&Target::Head, &set(&["0001'"])), Err(GraphError::HalfReplaced { .. })));
}

#[test]
fn half_applied_without_files_is_an_error_only_where_it_is_wanted() {
    let graph = graph(SQUASHED);
    for applied in [&["0001'", "0002"][..], &["0002"], &["0002", "0003", "0004"]] {
        let plan = graph.upgrade(&Target::Head, &set(applied));
        assert!(matches!(plan, Err(GraphError::HalfReplaced { .. })), "{applied:?}");
    }
    let other = self::graph(&["a down=none", "b down=none replaces=c,d"]);
    assert_eq!(up(&other, "a", &["c"]), "a");
}

#[test]
fn half_applied_goes_on_with_the_files_that_lie_there() {
    let graph = graph(BESIDE);
    assert_eq!(text(graph.order()), "0004 0005");
    assert_eq!(up(&graph, "head", &[]), "0004 0005");
    assert_eq!(up(&graph, "head", &["0004"]), "0005");
    assert_eq!(up(&graph, "head", &["0001"]), "0002 0003 0005");
    assert_eq!(up(&graph, "head", &["0001", "0003"]), "0002 0005");
    assert_eq!(up(&graph, "+1", &["0001"]), "0002");
    assert_eq!(up(&graph, "+3", &["0001"]), "0002 0003 0005");
    assert_eq!(up(&graph, "head", &["0001", "0002", "0003"]), "0005");
    assert_eq!(text(&graph.current(&set(&["0001", "0002"]))), "0002");
    assert_eq!(text(&graph.late(&["0002".into()], &set(&["0001", "0005"]))), "0002");
}

/// The same with the old files in a folder, where the old 0001 lies too.
const IN_A_FOLDER: &[&str] = &["0001 replaces=0001,0002,0003", "0001'", "0002", "0003", "0004"];

#[test]
fn the_old_file_of_the_same_id_is_another_edition() {
    let graph = graph(IN_A_FOLDER);
    assert_eq!(text(graph.order()), "0001 0004");
    assert_eq!(up(&graph, "head", &[]), "0001 0004");
    assert_eq!(up(&graph, "head", &["0001"]), "0004");
    assert_eq!(up(&graph, "head", &["0001'"]), "0002 0003 0004");
    assert_eq!(up(&graph, "head", &["0002"]), "0001' 0003 0004");
    assert_eq!(up(&graph, "head", &["0001'", "0002", "0003"]), "0004");
    assert_eq!(down(&graph, "2", &["0001'", "0002", "0003", "0004"]), "0004 0003");
    assert_eq!(graph.replaced_by(&id("0001'")), Some(&"0001".into()));
    // A second squash over the first.
    let twice = self::graph(&[
        "0001 replaces=0001,0004",
        "0001' replaces=0001,0002",
        "0001''",
        "0002",
        "0004",
        "0005",
    ]);
    assert_eq!(up(&twice, "head", &[]), "0001 0005");
    assert_eq!(up(&twice, "head", &["0001'"]), "0004 0005");
    assert_eq!(up(&twice, "head", &["0001''", "0002"]), "0004 0005");
    assert_eq!(up(&twice, "head", &["0001''"]), "0002 0004 0005");
    assert_eq!(up(&twice, "head", &["0001''", "0002", "0004"]), "0005");
}

#[test]
fn hidden_files_that_name_their_parents_stay_in_order() {
    // By name alone `b` would come first.
    let graph = graph(&["f replaces=f,b,a down=none", "f' down=none", "b down=f", "a down=b", "x down=a"]);
    assert_eq!(up(&graph, "head", &[]), "f x");
    assert_eq!(up(&graph, "head", &["b"]), "f' a x");
    assert_eq!(up(&graph, "a", &["f'"]), "b a");
}

#[test]
fn a_target_within_what_is_replaced_is_kept_to() {
    let graph = graph(IN_A_FOLDER);
    assert_eq!(up(&graph, "2", &[]), "0001' 0002");
    assert_eq!(up(&graph, "2", &["0001'"]), "0002");
    assert_eq!(up(&graph, "2", &["0001"]), "");
    assert_eq!(text(&graph.closure(&"2".parse().unwrap()).unwrap()), "0001' 0002");
    assert_eq!(text(&graph.closure(&"4".parse().unwrap()).unwrap()), "0001 0004");
    assert_eq!(graph.ancestors(&"0003".into()), set(&["0001'", "0002"]));
    let gone = self::graph(SQUASHED);
    let within = |applied: &[&str]| gone.upgrade(&"3".parse().unwrap(), &set(applied));
    assert!(matches!(within(&[]), Err(GraphError::Within { .. })));
    assert_eq!(within(&["0001"]), Ok(Vec::new()));
    assert_eq!(within(&["0001'", "0002", "0003", "0004"]), Ok(Vec::new()));
}

#[test]
fn what_a_hidden_file_needs_elsewhere_its_unit_needs() {
    let graph = graph(&["0001", "0002 needs=x", "0003 replaces=0001,0002", "x down=none"]);
    assert_eq!(text(graph.order()), "x 0003");
    assert_eq!(up(&graph, "3", &["0001"]), "x 0002");
}

#[test]
fn a_squash_with_a_later_id_stands_where_the_first_stood() {
    let graph = graph(&["0001", "0009 replaces=0002,0003", "0004", "0005"]);
    assert_eq!(text(graph.order()), "0001 0009 0004 0005");
}

#[test]
fn a_squash_of_a_squash_counts_the_inner_one() {
    let graph = graph(&["1", "2", "3 replaces=1,2", "4", "5 replaces=3,4", "6"]);
    assert_eq!(text(graph.order()), "5 6");
    assert_eq!(up(&graph, "head", &["1", "2", "4"]), "6");
    assert_eq!(up(&graph, "head", &["3", "4"]), "6");
    assert_eq!(up(&graph, "head", &["1", "2"]), "4 6");
    assert_eq!(up(&graph, "head", &["1"]), "2 4 6");
    assert_eq!(up(&graph, "head", &["4"]), "3 6");
    assert_eq!(graph.replaced_by(&"1".into()), Some(&"5".into()));
}

#[test]
fn replaced_ids_may_be_written_as_numbers() {
    let gone = graph(&["0003 replaces=1,2", "0004"]);
    assert_eq!(up(&gone, "head", &["0001", "0002"]), "0004");
    assert_eq!(down(&gone, "base", &["0001", "0002", "0004"]), "0004 0002 0001");
    let beside = graph(&["0001", "0002", "0003 replaces=1,2", "0004"]);
    assert_eq!(up(&beside, "head", &["0001", "0002"]), "0004");
    assert_eq!(text(beside.order()), "0003 0004");
}

#[test]
fn rollback_knows_the_replaced_rows_one_by_one() {
    let graph = graph(SQUASHED);
    let applied = ["0001'", "0002", "0003", "0004", "0005"];
    assert_eq!(down(&graph, "2", &applied), "0005 0004 0003");
    assert_eq!(down(&graph, "4", &applied), "0005");
    assert_eq!(down(&graph, "-2", &applied), "0005 0004");
    assert_eq!(down(&graph, "base", &applied), "0005 0004 0003 0002 0001'");
    let later = self::graph(&["0009 replaces=0001,0002", "0010"]);
    assert_eq!(down(&later, "9", &["0001", "0002", "0010"]), "0010");
    assert_eq!(down(&later, "base", &["0009", "0010"]), "0010 0009");
}

#[test]
fn replacing_each_other_or_one_twice_is_an_error() {
    assert!(matches!(build(&["1 replaces=2", "2 replaces=1"]), Err(GraphError::Cycle { .. })));
    assert!(matches!(build(&["1", "2 replaces=1", "3 replaces=1"]), Err(GraphError::ReplacedTwice { .. })));
    assert!(matches!(build(&["2 replaces=1", "3 replaces=1"]), Err(GraphError::ReplacedTwice { .. })));
    assert!(build(&["2 replaces=1", "3 replaces=1,2"]).is_ok());
}
