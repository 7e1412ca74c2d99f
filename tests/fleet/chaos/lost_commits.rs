//! Commits that the database loses: the log and the API list them, and one command revokes the keys again.

use std::process::Command;
use std::time::Duration;

use latchkey::proto::v1 as proto;
use tonic::Code;

use crate::chaos::at;
use crate::chaos::local;
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::{Fleet, RECOVERY, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};
use helpers::support::relay::{Relay, Traffic};

const MAX_STALENESS: Duration = Duration::from_secs(60);

async fn create_key(client: &Client, name: &str) -> (proto::Key, String) {
    client.create_key(key_with_access(name, &STORES[..2], &METHODS[1..2])).await.expect("a key is made")
}

async fn reason(client: &Client, token: &str) -> Option<proto::Reason> {
    client.authorize(token, STATUSES, STORES[0]).await.ok().map(|decision| decision.reason())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_revocations_are_named_and_one_command_does_them_again() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let relay = Relay::to(local(cluster.port()));
    let url = at(database.url(), relay.address());
    let fleet = Fleet::start((0..2).map(|_| server(&url, MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let clients = fleet.clients();
    let client = &clients[0];
    let (revoked, revoked_token) = create_key(client, "revoked").await;
    let (deleted, deleted_token) = create_key(client, "deleted").await;
    let (off, off_token) = create_key(client, "switched off").await;
    let (ended, ended_token) = create_key(client, "one token ended").await;
    let (_, kept_token) = create_key(client, "kept").await;
    let dump = database.dump();

    let request = proto::RevokeKeyRequest { id: revoked.id.clone(), reason: "stolen".to_owned(), ..Default::default() };
    let written = client.keys().revoke_key(request).await.expect("it is revoked").into_inner().written;
    let lost_revision = written.expect("a write tells").revision;
    let request = proto::DeleteKeyRequest { id: deleted.id.clone(), ..Default::default() };
    client.keys().delete_key(request).await.expect("it is deleted");
    let request = proto::UpdateKeyRequest {
        key: Some(proto::Key { id: off.id.clone(), active: Some(false), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["active".to_owned()] }),
        ..Default::default()
    };
    client.keys().update_key(request).await.expect("it is switched off");
    let secret = ended.secrets[0].id.clone();
    let request = proto::RevokeSecretRequest { secret_id: secret.clone(), ..Default::default() };
    client.keys().revoke_secret(request).await.expect("its token is ended");
    for client in &clients {
        for token in [&revoked_token, &deleted_token, &off_token, &ended_token] {
            eventually_async("it is refused", RECOVERY, async || {
                reason(client, token).await.filter(|reason| *reason != proto::Reason::Unspecified)
            })
            .await;
        }
    }
    relay.set(Traffic::Closed);
    database.restore(&cluster, &dump);
    // Other writers commit before the followers of the lost history poll again, so revision numbers repeat.
    let served = server(database.url(), MAX_STALENESS).start();
    let newcomer = Client::new(served.addresses(), &fleet.token);
    for number in 0..6 {
        create_key(&newcomer, &format!("of the new history {number}")).await;
    }
    relay.set(Traffic::Open);
    for client in &clients {
        eventually_async("what was lost is lost", RECOVERY, async || {
            client.authorize(&revoked_token, STATUSES, STORES[0]).await.ok().filter(|decision| decision.allowed)
        })
        .await;
    }
    for member in &fleet.members {
        let log = member.server.stderr();
        for (id, action) in
            [(&revoked.id, "revoke"), (&deleted.id, "delete"), (&off.id, "update"), (&ended.id, "revoke_secret")]
        {
            let named = log.lines().any(|line| {
                line.contains("lost change") && line.contains(id.as_str()) && line.contains(&format!("\"{action}\""))
            });
            assert!(named, "{action} of {id} is named:\n{log}");
        }
    }
    // Servers that followed the lost history and servers that never saw it refuse the lost keys alike.
    for client in [&clients[0], &clients[1], &newcomer] {
        let request = proto::AuthorizeRequest {
            key: kept_token.clone(),
            method: STATUSES.to_owned(),
            store: STORES[0].to_owned(),
            min_revision: lost_revision.clone(),
            ..Default::default()
        };
        let status = client.authorization().authorize(request).await.expect_err("it is of a lost history");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    }
    let listed =
        newcomer.replicas().list_lost_changes(proto::ListLostChangesRequest {}).await.expect("they are listed");
    let listed = listed.into_inner().changes;
    assert_eq!(listed.len(), 4, "each once: {listed:?}");
    assert!(listed.iter().any(|change| change.ended_secret_ids == [secret.clone()]), "{listed:?}");

    let file = cluster.folder().join("admin.token");
    std::fs::write(&file, &fleet.token).expect("a file is written");
    let reapply = || {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .args(["replicas", "lost", "--reapply"])
            .env("LATCHKEY_ADMIN_URL", format!("http://{}", served.addresses().admin))
            .env("LATCHKEY_TOKEN_FILE", &file)
            .env("LATCHKEY_DATA_DIR", cluster.folder())
            .output()
            .expect("it runs");
        let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{said}");
        out.into_owned()
    };
    let head = || database.query("SELECT value FROM revision")[0][0].clone();
    let out = reapply();
    assert!(out.contains(&format!("revoke key {}", revoked.id)) && out.contains(&secret), "{out}");
    for client in [&clients[0], &clients[1], &newcomer] {
        for (token, expected) in [
            (&revoked_token, proto::Reason::KeyRevoked),
            (&off_token, proto::Reason::KeyInactive),
            (&ended_token, proto::Reason::KeyRevoked),
        ] {
            eventually_async("it is refused again", RECOVERY, async || {
                reason(client, token).await.filter(|reason| *reason == expected)
            })
            .await;
        }
        assert!(!client.authorize(&deleted_token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
        assert!(client.authorize(&kept_token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    }
    let before = head();
    reapply();
    assert_eq!(head(), before, "doing it again changes nothing");
}
