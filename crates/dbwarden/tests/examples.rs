//! The examples: each directory is applied, rolled back and applied again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dbwarden::apply::run::Silent;
use dbwarden::migration::graph::Target;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use dbwarden::ops::rollback::{RollbackOptions, rollback};
use dbwarden::ops::verify::verify;
use dbwarden::project::{Overrides, Project, Sources};
use rusqlite::Connection;

/// One directory on a database of its own.
struct Example {
    deployment: Deployment<'static>,
    folder: tempfile::TempDir,
}

impl Example {
    fn new(directory: &str, others: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let sources = Sources {
            directory: folder.path().to_owned(),
            environment: BTreeMap::new(),
            overrides: Overrides {
                url: Some("sqlite:///example.db".to_owned()),
                migrations: Some(root.join(directory)),
                ..Overrides::default()
            },
        };
        let settings = Project::load(&sources).unwrap().select(None).unwrap();
        let mut deployment = Deployment::new(settings);
        deployment.others = others.iter().map(|name| (*name).to_owned()).collect();
        Self { deployment, folder }
    }

    /// Applies everything, with the tags; returns the ids in order.
    fn up(&mut self, tags: &[&str]) -> Vec<String> {
        let tags: BTreeSet<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let options = MigrateOptions { tags, ..MigrateOptions::default() };
        let report = migrate(&mut self.deployment, &options, &mut Silent).unwrap();
        assert_eq!(report.pending, []);
        report.steps.iter().map(|step| step.version.to_string()).collect()
    }

    /// Rolls everything back; returns the ids in order.
    fn down(&mut self) -> Vec<String> {
        let options = RollbackOptions { target: Some(Target::Base), ..RollbackOptions::default() };
        let report = rollback(&mut self.deployment, &options, &mut Silent).unwrap();
        report.steps.iter().map(|step| step.version.to_string()).collect()
    }

    fn holds(&mut self) {
        let found = verify(&mut self.deployment, None).unwrap();
        assert!(found.holds(), "{:?}", found.findings);
    }

    fn ask(&self, query: &str) -> Vec<String> {
        let connection = Connection::open(self.folder.path().join("example.db")).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// What the migrations made, by name.
    fn objects(&self) -> Vec<String> {
        self.ask(
            "SELECT type || ' ' || name FROM sqlite_schema \
             WHERE tbl_name NOT LIKE 'dbwarden_%' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
        )
    }
}

/// Up, down, up; `left` is what repeatables leave behind a rollback. Returns the order of the first run.
#[track_caller]
fn there_and_back(directory: &str, others: &[&str], left: &[&str]) -> Vec<String> {
    let mut example = Example::new(directory, others);
    let applied = example.up(&[]);
    example.holds();
    let made = example.objects();
    assert_eq!(
        example.up(&[]),
        applied.iter().filter(|id| id.starts_with("RA__")).cloned().collect::<Vec<_>>()
    );
    let mut undone = example.down();
    undone.reverse();
    // Repeatables are forgotten beside what they stand on.
    undone.retain(|id| !id.starts_with('R'));
    let versioned: Vec<_> = applied.iter().filter(|id| !id.starts_with('R')).cloned().collect();
    assert_eq!(undone, versioned);
    assert_eq!(example.objects(), left);
    example.up(&[]);
    assert_eq!(example.objects(), made);
    applied
}

#[test]
fn the_shop_goes_there_and_back() {
    let applied = there_and_back("shop/migrations", &[], &[]);
    assert_eq!(applied.len(), 19, "{applied:?}");
    assert_eq!(applied[17..], ["ROC__order_rules", "RA__sales_by_product"]);
}

#[test]
fn the_shop_keeps_its_rows() {
    let mut shop = Example::new("shop/migrations", &[]);
    shop.up(&[]);
    assert_eq!(shop.up(&["demo"]), ["0018", "RA__sales_by_product"], "demo data may come later");
    shop.holds();
    assert_eq!(shop.ask("SELECT group_concat(price_cents) FROM products"), ["4990,1450,8900,995,2725"]);
    assert_eq!(
        shop.ask("SELECT coalesce(given_name, '-') || '|' || family_name FROM customers ORDER BY id"),
        ["Counter|Sales", "Ana Maria|Silva", "Ben|Okafor"]
    );
    assert_eq!(shop.ask("SELECT what FROM order_events"), ["ordered", "ordered", "paid"]);
    assert_eq!(shop.ask("SELECT sku FROM sales_by_product WHERE sold = 2"), ["GT-0001"]);
    assert_eq!(shop.ask("SELECT 'violated' FROM pragma_foreign_key_check"), [""; 0]);
    assert_eq!(shop.down().iter().filter(|id| !id.starts_with('R')).count(), 18);
    assert_eq!(shop.objects(), [""; 0]);
}

#[test]
fn every_style_of_files_goes_there_and_back() {
    assert_eq!(
        there_and_back("styles/classic", &[], &[]),
        ["20240215_143000", "20240215_143001", "20240215_143002"]
    );
    assert_eq!(
        there_and_back("styles/numbered", &[], &["view service_names"]),
        ["0001", "0002", "ROC__policies", "RA__refresh_views"]
    );
    assert_eq!(
        there_and_back("styles/prefixed", &["analytics"], &["view users_by_email"]),
        ["0001", "0002", "RA__users_by_email"]
    );
    assert_eq!(
        there_and_back("styles/undo", &[], &[]),
        ["20230101120000", "20230102093000", "20230103101500"]
    );
    assert_eq!(
        there_and_back("styles/graph", &[], &[]),
        ["f6e5d4c3b2a1", "a1b2c3d4e5f6", "b2c3d4e5f6a1", "c3d4e5f6a1b2"]
    );
    assert_eq!(
        there_and_back("styles/mixed", &[], &["view user_emails"]),
        ["0001", "1.2", "20230101120000", "a1b2c3d4e5f6", "ROC__user_emails"]
    );
}
