//! What is shown of settings: where each comes from, and no secret.

use super::*;

#[test]
fn a_description_shows_origins_and_no_secret() {
    let desk = Desk::settings(
        "[databases.primary]\nurl = '${SHOP_URL}'\ndev_url = 'sqlite:///dev.db'\nmigrations = 'm/{env}'\nschema = '${S}'\nsession = [\"SET k = '${KEY}'\"]\nmodels = ['a', 'b']\ndirect_url = '${MISSING}'\n[databases.primary.safety]\nlock_timeout = '5s'\n",
    )
    .file(".env.dev", "SHOP_URL=postgresql://app:hunter2@h/shop?sslpassword=hunter2\n")
    .set("S", "sales")
    .set("KEY", "hunter2")
    .set("ENV", "dev")
    .set("DB_POOL_SIZE", "4");
    let entries = desk.load().describe(None).unwrap();
    let lines: Vec<String> = entries
        .iter()
        .map(|it| {
            let problem = it.problem.as_ref().map(|it| format!("  !! {it}")).unwrap_or_default();
            format!("{} = {}  [{}]{problem}", it.key, it.value, it.origin)
        })
        .collect();
    let text = lines.join("\n");
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(text);

    let parts = "engine = 'mysql'\ndatabase = 'd'\npassword = 'hunter2'\nparameters = { key = 'hunter2' }";
    let entries = Desk::settings(parts).load().describe(None).unwrap();
    assert!(!format!("{entries:?}").contains("hunter2"));
    let dev = Overrides { dev: true, ..Overrides::default() };
    let desk = Desk::settings(&one("${NOT_SET}", "dev_url = 'sqlite:x'")).flags(dev);
    let entries = desk.load().describe(None).unwrap();
    let keys: Vec<_> = entries.iter().take(3).map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["dev", "dev_url", "migrations"]);
    let command = "engine = 'mysql'\ndatabase = 'd'\npassword_command = 'touch ran'";
    let desk = Desk::settings(command);
    desk.load().describe(None).unwrap();
    assert!(!desk.path("ran").exists(), "a description runs nothing");
}

#[test]
fn nothing_formats_a_secret() {
    let desk = Desk::settings(&one(
        "${SHOP_URL}",
        "session = ['SET k = ${SHOP_URL}']\nhooks.before = '${SHOP_URL}'",
    ))
    .set("SHOP_URL", "postgresql://app:hunter2@h/shop")
    .flags(Overrides { url: Some("postgresql://app:hunter2@h/shop".into()), ..Overrides::default() });
    let project = desk.load();
    let shown =
        format!("{:?} {project:?} {:?} {:?}", desk.sources, project.select(None), project.describe(None));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_key_and_variable_is_documented() {
    let page = include_str!("../../../../docs/reference/settings.md");
    for key in dbwarden::project::keys() {
        assert!(page.contains(&format!("`{key}`")), "{key} is not in docs/reference/settings.md");
    }
    for name in dbwarden::project::variables() {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/reference/settings.md");
    }
}

#[test]
fn the_default_of_nothing_is_a_default() {
    let entries = Desk::settings("url = 'sqlite:a'").load().describe(None).unwrap();
    let of = |key: &str| entries.iter().find(|it| it.key == key).map(|it| (it.value.as_str(), &it.origin));
    assert_eq!(of("safety.lock_timeout"), Some(("10s", &Origin::Default)));
    assert_eq!(of("migrations"), Some(("migrations", &Origin::Default)));
    assert_eq!(of("schema"), None);
    assert_eq!(of("protected"), Some(("false", &Origin::Default)));
    let empty: BTreeMap<String, String> = BTreeMap::new();
    assert_eq!(Sources::default().environment, empty);
}

#[test]
fn production_is_shown_as_protected() {
    let protected = |desk: Desk| {
        let entries = desk.load().describe(None).unwrap();
        let entry = entries.into_iter().find(|it| it.key == "protected");
        entry.map(|it| format!("{} {}", it.value, it.origin))
    };
    let desk = |settings: &str| Desk::settings(settings);
    assert_eq!(protected(desk("url = 'sqlite:a'").set("ENV", "prod")), Some("true ENV".to_owned()));
    let open = "url = 'sqlite:a'\nprotected = false";
    assert_eq!(protected(desk(open).set("ENV", "production")), Some("true ENV".to_owned()));
    assert!(protected(desk(open).set("ENV", "staging")).unwrap().starts_with("false warden.toml:2:"));
    let dev = Overrides { dev: true, ..Overrides::default() };
    assert_eq!(protected(desk("url = 'sqlite:a'\ndev_url = 'sqlite:b'").set("ENV", "prod").flags(dev)), None);
}
