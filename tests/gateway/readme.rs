//! The README's profile is one.

use std::collections::BTreeMap;

use latchkey::config::profiles::{KeyPlace, Wording};
use latchkey::config::{Config, Sources};

#[test]
fn the_profile_in_the_readme_can_be_read() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let block = readme.split("```toml\n").find(|block| block.starts_with("[profiles.shop]")).expect("it is there");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, block.split("```").next().unwrap()).unwrap();
    let flags = BTreeMap::from([("config".to_owned(), file.display().to_string())]);
    let config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
    let shop = &config.profiles["shop"];
    assert_eq!((&*shop.prefix, shop.wording, shop.host, shop.by_prefix), ("/shop/api", Wording::RetailCrm, true, true));
    assert!(shop.keys.contains(&KeyPlace::Bearer) && shop.reads_bodies() && shop.not_stores.len() == 1);
}
