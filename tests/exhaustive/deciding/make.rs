//! Random worlds, keys and calls: the model's types, and the same facts as plain lists for the naive implementation.

use std::sync::Arc;

use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::grant::{Grant, NumberSet, Standing};
use latchkey::model::id::{KeyId, SecretId};
use latchkey::model::method::StoreUse;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreKind, StoreNumber};
use latchkey::model::time::Timestamp;
use latchkey::model::world::{MethodTable, OperatorTable, StoreTable, World};

use helpers::naive;
use helpers::naive_decide::{Facts, GatewayEvidence};
use helpers::random::{self, Methods, Random};

/// A world, a key and a call, in both forms.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) grant: Grant,
    pub(crate) method: String,
    pub(crate) store: String,
    pub(crate) stores: Vec<String>,
    pub(crate) client: Option<String>,
    pub(crate) now: i64,
    // The same as lists.
    pub(crate) list_stores: Vec<(u32, String, bool)>,
    pub(crate) list_methods: Methods,
    pub(crate) list_required: Vec<u32>,
    pub(crate) list_storeless: Vec<u32>,
    pub(crate) list_shared: Vec<u32>,
    pub(crate) gateway: Option<GatewayEvidence>,
    pub(crate) list_standing: &'static str,
    pub(crate) key_stores: Option<Vec<u32>>,
    pub(crate) key_methods: Option<Vec<u32>>,
    pub(crate) times: [Option<i64>; 3],
    pub(crate) local_only: bool,
}

const CODES: [&str; 6] = ["a", "b", "c", "A", "b.b", "zz"];

impl Case {
    /// Returns the case as input of the naive implementation; `book` is made of its methods.
    pub(crate) fn facts<'a>(&'a self, book: &'a [naive::Method]) -> Facts<'a> {
        let local = self.client.as_deref().is_some_and(|client| client.ends_with("10.1.2.3"));
        Facts {
            standing: self.list_standing,
            times: self.times,
            admitted: !self.local_only || local,
            key_stores: self.key_stores.as_deref(),
            key_methods: self.key_methods.as_deref(),
            stores: &self.list_stores,
            methods: &self.list_methods,
            book,
            required: &self.list_required,
            storeless: &self.list_storeless,
            shared: &self.list_shared,
            gateway: self.gateway,
            method: &self.method,
            store: &self.store,
            further: &self.stores,
            now: self.now,
        }
    }

    /// Draws a world; returns `None` if its book has conflicts.
    pub(crate) fn world(random: &mut Random) -> Option<Self> {
        let list_methods = random::small_book(random);
        let (mut list_required, mut list_storeless, mut list_shared) = (Vec::new(), Vec::new(), Vec::new());
        for (number, ..) in &list_methods {
            match random.below(10) {
                0..3 => list_required.push(*number),
                3..5 => list_storeless.push(*number),
                5 | 6 => list_shared.push(*number),
                _ => {}
            }
        }
        let store_use = |number: &u32| match number {
            number if list_required.contains(number) => StoreUse::Required,
            number if list_storeless.contains(number) => StoreUse::None,
            number if list_shared.contains(number) => StoreUse::Shared,
            _ => StoreUse::Optional,
        };
        let mut list_stores = Vec::new();
        for (number, code) in (1..).zip(CODES) {
            // Numbers 1 to 6 may belong to stores that were deleted, or recreated under another number.
            if random.percent(75) {
                let number = if random.percent(15) { number + 10 } else { number };
                list_stores.push((number, code.to_owned(), random.percent(80)));
            }
        }
        let methods = MethodTable::new(list_methods.iter().map(|(number, text, retired)| Method {
            number: MethodNumber(*number),
            identity: text.parse().expect("an identity"),
            block: "b".into(),
            summary: "s".into(),
            description: String::new(),
            store_use: store_use(number),
            store_places: Vec::new(),
            scope: None,
            position: 0,
            retired: retired.then_some(Revision(1)),
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: Revision(1),
        }))
        .ok()?;
        let stores = StoreTable::new(list_stores.iter().map(|(number, code, active)| Store {
            number: StoreNumber(*number),
            code: code.parse().expect("a code"),
            name: code.clone(),
            kind: StoreKind::Site,
            platform: String::new(),
            hosts: Vec::new(),
            active: *active,
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: Revision(1),
        }));
        let world = World {
            cursor: Cursor { revision: Revision(7), nonce: 1 },
            stores: Arc::new(stores),
            methods: Arc::new(methods),
            operators: Arc::new(OperatorTable::default()),
        };
        let grant = Grant {
            key: KeyId::new(Timestamp::EPOCH, [1; 10]),
            secret: SecretId::new(Timestamp::EPOCH, [2; 10]),
            name: "key".into(),
            standing: Standing::Active,
            not_before: None,
            expires: None,
            secret_expires: None,
            networks: Box::default(),
            stores: NumberSet::All,
            methods: NumberSet::All,
            row_revision: Revision(1),
        };
        Some(Self {
            world,
            grant,
            method: String::new(),
            store: String::new(),
            stores: Vec::new(),
            client: None,
            now: 0,
            list_stores,
            list_methods,
            list_required,
            list_storeless,
            list_shared,
            gateway: None,
            list_standing: "active",
            key_stores: None,
            key_methods: None,
            times: [None; 3],
            local_only: false,
        })
    }

    /// Draws another key and another call in the same world.
    pub(crate) fn next(&mut self, random: &mut Random) {
        self.next_key(random);
        let path = random::small_path(random, &self.list_methods);
        self.method = match random.below(20) {
            0 => String::new(),
            1 => format!("get {path}"),
            _ => random::verb(random).map_or(path.clone(), |verb| format!("{verb} {path}")),
        };
        let code = |random: &mut Random| {
            let codes = ["a", "a", "b", "c", "A", "b.b", "zz", "gone"];
            codes[random.below(codes.len())].to_owned()
        };
        self.store = if random.percent(40) { code(random) } else { String::new() };
        self.stores =
            if random.percent(20) { (0..random.below(4)).map(|_| code(random)).collect() } else { Vec::new() };
        let clients = [None, Some("10.1.2.3"), Some("::ffff:10.1.2.3"), Some("192.0.2.1"), Some("2001:db8::1")];
        self.client = clients[random.below(clients.len())].map(str::to_owned);
        self.gateway = random.percent(40).then(|| GatewayEvidence {
            whole: random.percent(85),
            verb: random.percent(96),
            // Only a named store can limit the call.
            limited: (!self.store.is_empty() || !self.stores.is_empty()) && random.percent(50),
            can_add: [0, 1, 200][random.below(3)],
            scope_applied: random.percent(15),
        });
        self.now = i64::try_from(random.below(10)).expect("small");
    }

    fn next_key(&mut self, random: &mut Random) {
        let (standing, name) = match random.below(24) {
            0 => (Standing::Inactive, "inactive"),
            1 => (Standing::Revoked, "revoked"),
            2 => (Standing::Deleted, "deleted"),
            _ => (Standing::Active, "active"),
        };
        self.list_standing = name;
        self.key_stores = random.percent(70).then(|| {
            let chance = [10, 30, 90][random.below(3)];
            (1..=16).filter(|_| random.percent(chance)).collect()
        });
        self.key_methods = random.percent(60).then(|| {
            let chance = [30, 95][random.below(2)];
            self.list_methods.iter().filter(|_| random.percent(chance)).map(|(number, ..)| *number).collect()
        });
        self.times =
            std::array::from_fn(|_| random.percent(10).then(|| i64::try_from(random.below(10)).expect("small")));
        self.local_only = random.percent(10);
        let time = |time: Option<i64>| time.map(Timestamp::from_micros);
        self.grant.standing = standing;
        self.grant.not_before = time(self.times[0]);
        self.grant.expires = time(self.times[1]);
        self.grant.secret_expires = time(self.times[2]);
        self.grant.networks =
            if self.local_only { ["10.0.0.0/8".parse().expect("a network")].into() } else { Box::default() };
        self.grant.stores = self.key_stores.as_ref().map_or(NumberSet::All, |numbers| {
            NumberSet::selected(numbers.iter().map(|number| StoreNumber(*number)).collect())
        });
        self.grant.methods = self.key_methods.as_ref().map_or(NumberSet::All, |numbers| {
            NumberSet::selected(numbers.iter().map(|number| MethodNumber(*number)).collect())
        });
    }
}
