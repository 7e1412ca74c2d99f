//! The profile in the book is valid.

use std::collections::BTreeMap;

use latchkey::config::profiles::{ErrorFormat, KeyLocation};
use latchkey::config::{Config, Sources};

#[test]
fn the_profile_in_the_book_can_be_read() {
    let chapter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/profiles.md")).unwrap();
    let (_, block) = chapter.split_once("<!-- test: profile -->\n```toml\n").expect("the chapter marks the profile");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, block.split("```").next().unwrap()).unwrap();
    let flags = BTreeMap::from([("config".to_owned(), file.display().to_string())]);
    let config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
    let shop = &config.profiles["shop"];
    assert_eq!(
        (&*shop.prefix, shop.wording, shop.host, shop.by_prefix),
        ("/shop/api", ErrorFormat::RetailCrm, true, true)
    );
    assert!(shop.keys.contains(&KeyLocation::Bearer) && shop.reads_bodies() && shop.not_stores.len() == 1);
}
