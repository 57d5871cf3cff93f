//! What `new` writes beside files that say by their headers where they stand.

use crate::sandbox::{Sandbox, listing};

/// The text of the one file in `migrations/` whose name holds `part`, and that name.
fn found(sandbox: &Sandbox, part: &str) -> (String, String) {
    let name = listing(&sandbox.path("migrations")).into_iter().find(|name| name.contains(part)).unwrap();
    (sandbox.read(&format!("migrations/{name}")), name)
}

/// Writes a table into the new file and sees that it runs last, behind `before`.
#[track_caller]
fn runs_last(sandbox: &Sandbox, part: &str, before: &str) {
    let (text, name) = found(sandbox, part);
    let table = format!("-- upgrade\nCREATE TABLE {part} (id INTEGER);\n");
    sandbox.migration(&name, text.replacen("-- upgrade\n", &table, 1));
    sandbox.run(&["migrate"]).exits(0);
    assert!(sandbox.applied().starts_with(&format!("{before},")), "{}", sandbox.applied());
}

#[test]
fn hashes_with_headers() {
    let sandbox = Sandbox::holding(&[
        (
            "ffb2c3d4e5f6_users.sql",
            "-- revision: ffb2c3d4e5f6\n-- down_revision: none\nCREATE TABLE t1 (id INTEGER);\n",
        ),
        ("0a9f8e7d6c5b_posts.sql", "-- down_revision: ffb2c3d4e5f6\nCREATE TABLE t2 (id INTEGER);\n"),
    ]);
    sandbox.run(&["new", "coupons"]).exits(0);
    let (text, name) = found(&sandbox, "coupons");
    let id = name.split('_').next().unwrap();
    assert!(text.contains(&format!("-- revision: {id}\n-- down_revision: 0a9f8e7d6c5b\n")), "{text}");
    runs_last(&sandbox, "coupons", "ffb2c3d4e5f6,0a9f8e7d6c5b");
    sandbox.run(&["new", "vouchers"]).exits(0);
    runs_last(&sandbox, "vouchers", &format!("ffb2c3d4e5f6,0a9f8e7d6c5b,{id}"));
}

#[test]
fn hashes_without_headers() {
    let sandbox = Sandbox::holding(&[
        ("b1b2c3d4e5f6_users.sql", "CREATE TABLE t1 (id INTEGER);\n"),
        ("ffb2c3d4e5f6_posts.sql", "CREATE TABLE t2 (id INTEGER);\n"),
    ]);
    sandbox.run(&["new", "coupons"]).exits(0);
    runs_last(&sandbox, "coupons", "b1b2c3d4e5f6,ffb2c3d4e5f6");
    sandbox.run(&["new", "vouchers"]).exits(0);
    runs_last(&sandbox, "vouchers", &sandbox.applied());
}

#[test]
fn several_heads_want_one_named() {
    let sandbox = Sandbox::holding(&[
        ("aab2c3d4e5f6_users.sql", "-- down_revision: none\nCREATE TABLE t1 (id INTEGER);\n"),
        ("0a9f8e7d6c5b_posts.sql", "-- down_revision: aab2c3d4e5f6\nCREATE TABLE t2 (id INTEGER);\n"),
        ("1a9f8e7d6c5b_likes.sql", "-- down_revision: aab2c3d4e5f6\nCREATE TABLE t3 (id INTEGER);\n"),
    ]);
    insta::assert_snapshot!(sandbox.run(&["new", "coupons"]).exits(1).transcript);
    assert_eq!(listing(&sandbox.path("migrations")).len(), 3);
    sandbox.run(&["new", "coupons", "--head", "1a9f"]).exits(0);
    assert!(found(&sandbox, "coupons").0.contains("-- down_revision: 1a9f8e7d6c5b\n"));
}

#[test]
fn names_that_say_no_id() {
    let sandbox = Sandbox::holding(&[
        ("first.sql", "-- revision: 0001\n-- down_revision: none\nCREATE TABLE t1 (id INTEGER);\n"),
        ("second.sql", "-- revision: 0002\n-- down_revision: 0001\nCREATE TABLE t2 (id INTEGER);\n"),
    ]);
    sandbox.run(&["new", "Coupons"]).exits(0);
    let (text, name) = found(&sandbox, "coupons");
    assert_eq!(name, "coupons.sql");
    assert!(text.contains("-- revision: 0003\n-- down_revision: 0002\n"), "{text}");
    runs_last(&sandbox, "coupons", "0001,0002");
}

#[test]
fn numbers_get_headers_where_the_newest_has_them() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", "CREATE TABLE t1 (id INTEGER);\n")]);
    sandbox.run(&["new", "plain"]).exits(0);
    let (text, name) = found(&sandbox, "plain");
    assert!(name == "0002_plain.sql" && !text.contains("revision"), "{text}");
    sandbox.migration(&name, "-- down_revision: 0001\nCREATE TABLE t2 (id INTEGER);\n");
    sandbox.run(&["new", "linked"]).exits(0);
    let (text, name) = found(&sandbox, "linked");
    assert!(name == "0003_linked.sql" && text.contains("-- down_revision: 0002\n"), "{text}");
    assert!(!text.contains("-- revision:"), "{text}");
}

#[test]
fn two_with_short_hashes_within_one_second() {
    let sandbox = Sandbox::holding(&[
        ("111aaa_base.sql", "-- revision: 111aaa\n-- down_revision: none\nCREATE TABLE a (id INTEGER);\n"),
        ("abc123_two.sql", "-- revision: abc123\n-- down_revision: 111aaa\nCREATE TABLE b (id INTEGER);\n"),
    ]);
    for words in ["one more", "two more", "three more"] {
        let path = sandbox.run(&["new", words]).exits(0).out;
        let text = sandbox.read(path.trim());
        sandbox.write(
            path.trim(),
            format!("{text}SELECT 1;\n").replace("-- upgrade\n", "-- upgrade\nSELECT 1;\n"),
        );
    }
    let heads = sandbox.run(&["heads"]).exits(0);
    assert_eq!(heads.out.lines().count(), 1, "{}", heads.transcript);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.values("SELECT count(*) FROM dbwarden_migrations"), "5");
}
