//! The text of every error.

use dbwarden::migration::graph::GraphError;
use insta::assert_snapshot;

use crate::notation::{build, graph, ids, set};
use crate::repeatables;

fn wrong(lines: &[&str]) -> GraphError {
    build(lines).expect_err("an error")
}

fn no_up(lines: &[&str], target: &str, applied: &[&str]) -> GraphError {
    graph(lines).upgrade(&target.parse().expect("a target"), &set(applied)).expect_err("an error")
}

fn no_down(lines: &[&str], target: &str, applied: &[&str]) -> GraphError {
    let applied = ids(applied.iter().copied());
    graph(lines).downgrade(&target.parse().expect("a target"), &applied).expect_err("an error")
}

#[test]
fn of_files() {
    assert_snapshot!(wrong(&["0002 file=0002_b.sql", "0002 file=0002_a.sql"]), @"revision 0002 is in two files: 0002_a.sql and 0002_b.sql");
    assert_snapshot!(wrong(&["0002 file=0002_b.sql", "2 file=2_a.sql"]), @"0002_b.sql and 2_a.sql have the same version: 0002 and 2 are equal as numbers");
    assert_snapshot!(wrong(&["0001", "0002 down=0007"]), @r#"0002.sql: down_revision names "0007", and no file has that revision; the nearest: 0002"#);
    assert_snapshot!(wrong(&["a1b2c3d4", "a1b2c3d5 needs=a1b2c3ff"]), @r#"a1b2c3d5.sql: depends_on names "a1b2c3ff", and no file has that revision; the nearest: a1b2c3d4, a1b2c3d5"#);
    assert_snapshot!(wrong(&["0001 needs=zz"]), @r#"0001.sql: depends_on names "zz", and no file has that revision; the nearest: 0001"#);
    assert_snapshot!(wrong(&["a1b2", "a1c3", "d1 needs=a1"]), @r#"d1.sql: depends_on names "a1", which may be a1b2 (a1b2.sql) or a1c3 (a1c3.sql)"#);
    assert_snapshot!(wrong(&["0001", "0002 needs=2"]), @r#"0002.sql: depends_on names "2", which is this file's own revision or one it replaces"#);
    assert_snapshot!(wrong(&["0005 replaces=0001,0002 down=0002"]), @r#"0005.sql: down_revision names "0002", which is this file's own revision or one it replaces"#);
    assert_snapshot!(wrong(&["0001 needs=RA__views"]), @r#"0001.sql: depends_on names the repeatable "RA__views", which cannot be: repeatable migrations run after all versioned ones"#);
    assert_snapshot!(wrong(&["0001 down=main__ROC__policies"]), @r#"0001.sql: down_revision names the repeatable "main__ROC__policies", which cannot be: repeatable migrations run after all versioned ones"#);
}

#[test]
fn of_cycles() {
    assert_snapshot!(wrong(&["0001", "0002 needs=3", "0003 down=0002"]), @"the migrations need each other in a circle: 0002.sql depends on 0003.sql, 0003.sql has the parent 0002.sql");
    assert_snapshot!(wrong(&["0001 down=2", "0002"]), @"the migrations need each other in a circle: 0001.sql has the parent 0002.sql, 0002.sql follows 0001.sql by its version");
    assert_snapshot!(wrong(&["1 replaces=2", "2 replaces=1"]), @"the migrations need each other in a circle: 2.sql replaces 1.sql, 1.sql replaces 2.sql");
    assert_snapshot!(wrong(&["2 replaces=1", "3 replaces=1"]), @"revision 1 is replaced twice: by 2.sql and by 3.sql");
}

#[test]
fn of_references() {
    let chain = ["0001", "0002", "0003"];
    assert_snapshot!(no_up(&chain, "9", &[]), @r#"no revision "9"; the nearest: 0003"#);
    assert_snapshot!(no_up(&chain, "0003x", &[]), @r#"no revision "0003x"; the nearest: 0003"#);
    assert_snapshot!(no_up(&["a1b2", "a1c3", "a1d4"], "a1", &[]), @r#""a1" may be a1b2 (a1b2.sql), a1c3 (a1c3.sql) or a1d4 (a1d4.sql)"#);
    assert_snapshot!(no_up(&[], "0001", &[]), @r#"no revision "0001""#);
    assert_snapshot!(no_up(&chain, "2+2", &[]), @"there is nothing above 0003, so 2+2 leads nowhere");
    assert_snapshot!(no_up(&chain, "2-2", &[]), @"there is nothing below 0001, so 2-2 leads nowhere");
    assert_snapshot!(no_up(&["1", "2a down=1", "2b down=1"], "1+1", &[]), @"one step up from 1 may be 2a (2a.sql) or 2b (2b.sql)");
    assert_snapshot!(no_up(&["1", "2 down=none", "3 down=1,2"], "3-1", &[]), @"one step down from 3 may be 1 (1.sql) or 2 (2.sql)");
}

#[test]
fn of_heads_and_labels() {
    let forked = ["0006", "0007a down=0006 text=add_sms branch=sms", "0007b down=0006 text=add_push"];
    assert_snapshot!(no_up(&forked, "head", &["0006"]), @r#""head" is ambiguous: 0007a (add sms, 0007a.sql) and 0007b (add push, 0007b.sql); they part at 0006 (0006.sql)"#);
    assert_snapshot!(no_up(&["1", "2 down=none", "3 down=none"], "head", &[]), @r#""head" is ambiguous: 1 (1.sql), 2 (2.sql) and 3 (3.sql)"#);
    assert_snapshot!(no_up(&["1 branch=x", "2a down=1", "2b down=1"], "x@head", &[]), @r#""x@head" is ambiguous: 2a (2a.sql) and 2b (2b.sql); they part at 1 (1.sql)"#);
    assert_snapshot!(no_up(&forked, "push@head", &[]), @r#"no branch is labelled "push"; known: sms"#);
    assert_snapshot!(no_up(&["1"], "push@head", &[]), @r#"no branch is labelled "push"; no file has a label"#);
}

#[test]
fn of_counts_and_directions() {
    let chain = ["0001", "0002", "0003"];
    assert_snapshot!(no_up(&chain, "+3", &["0001"]), @"3 migrations were asked for, and 2 are pending");
    assert_snapshot!(no_up(&chain, "+1", &["0001", "0002", "0003"]), @"1 migration was asked for, and none is pending");
    assert_snapshot!(no_down(&chain, "-3", &["0001"]), @"3 migrations were to be undone, and 1 is applied");
    assert_snapshot!(graph(&chain).upgrade_count(0, &set(&[])).expect_err("an error"), @"a count of 0 asks for nothing");
    assert_eq!(graph(&chain).downgrade_count(0, &[]), Err(GraphError::ZeroCount));
    assert_snapshot!(no_up(&chain, "base", &["0001"]), @"base leads down, which is for a rollback");
    assert_snapshot!(no_up(&chain, "-1", &["0001"]), @"-1 leads down, which is for a rollback");
    assert_snapshot!(no_down(&chain, "head", &["0001"]), @"head leads up, and a rollback goes down");
    let nowhere = graph(&chain).closure(&"+1".parse().expect("a target"));
    assert_snapshot!(nowhere.expect_err("an error"), @"+1 counts from what is applied; a revision is needed here");
    assert_snapshot!(no_down(&chain, "+1", &["0001"]), @"+1 leads up, and a rollback goes down");
}

#[test]
fn of_rollbacks() {
    let chain = ["0001", "0002 text=orders", "0003"];
    assert_snapshot!(no_down(&chain, "2", &["0001"]), @"0002 (orders, 0002.sql) is not applied, so nothing can be rolled back to it");
    assert_snapshot!(no_down(&chain, "9", &["0001"]), @r#"no revision "9"; the nearest: 0003"#);
    assert_snapshot!(no_down(&chain, "2-3", &["0001", "0002"]), @"there is nothing below 0001, so 2-3 leads nowhere");
    assert_snapshot!(no_down(&["abc1"], "abc", &["abc1", "abc2"]), @r#""abc" may be abc1 (abc1.sql) or abc2 (without a file)"#);
}

#[test]
fn of_half_applied_squashes() {
    let squashed = ["0001 replaces=0001,0002,0003 file=0001_initial_schema.sql"];
    assert_snapshot!(no_up(&squashed, "head", &["0001'", "0002"]), @"0001_initial_schema.sql replaces revisions of which this database has only 0001 and 0002; what is left (0003) has no file any more");
    assert_snapshot!(no_up(&squashed, "2", &[]), @"2 is a part of 0001, which replaces it, and has no file of its own any more: 0001_initial_schema.sql goes past it");
}

#[test]
fn of_repeatables() {
    let wrong = |lines: &[&str]| repeatables(lines).expect_err("an error");
    assert_snapshot!(wrong(&["RA__a b", "RA__b RA__a"]), @"the migrations need each other in a circle: RA__a.sql depends on RA__b.sql, RA__b.sql depends on RA__a.sql");
    assert_snapshot!(wrong(&["RA__orders RA__custmers", "RA__customers"]), @r#"RA__orders.sql: depends_on names "RA__custmers", and no file has that revision; the nearest: RA__customers"#);
    assert_snapshot!(wrong(&["RA__a 0009"]), @r#"RA__a.sql: depends_on names "0009", and no file has that revision; the nearest: 0002"#);
    assert_snapshot!(wrong(&["RA__a a"]), @r#"RA__a.sql: depends_on names "a", which is this file's own revision or one it replaces"#);
    assert_snapshot!(wrong(&["RA__a x", "RA__x", "ROC__x"]), @r#"RA__a.sql: depends_on names "x", which may be RA__x (RA__x.sql) or ROC__x (ROC__x.sql)"#);
    assert_snapshot!(wrong(&["RA__a", "RA__a"]), @"revision RA__a is in two files: RA__a.sql and RA__a.sql");
}
