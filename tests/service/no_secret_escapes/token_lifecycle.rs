//! Everything that can happen to a token.

use latchkey::model::token::Digest;
use latchkey::proto::v1 as proto;
use proto::imported_key::Secret;
use proto::{ImportedKey, Reason, Role, StoreUse};
use tonic::{Code, Status};

use crate::no_secret_escapes::secrets::Secrets;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key, long_ago};

const ANY: &str = "GET /api/v5/orders";

/// Output of the server that must not contain a secret, by name.
type Outputs = Vec<(String, String)>;

/// Makes everything happen, and collects the secrets and the output.
pub async fn run_all(server: &TestServer, secrets: &mut Secrets) -> Outputs {
    let mut outputs = Outputs::new();
    server.create_stores(&["berlin", "madrid"]).await;
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    operators(server, secrets, &mut outputs).await;
    issued(server, secrets, &mut outputs).await;
    supplied(server, secrets, &mut outputs).await;
    imported(server, secrets, &mut outputs).await;
    wrong(server, secrets, &mut outputs).await;
    outputs
}

fn record(outputs: &mut Outputs, what: &str, shown: &impl std::fmt::Debug) {
    outputs.push((what.to_owned(), format!("{shown:#?}")));
}

#[track_caller]
fn record_refusal<T>(outputs: &mut Outputs, what: &str, answer: Result<T, Status>, code: Code) {
    let Err(status) = answer else { panic!("{what} is refused") };
    assert_eq!(status.code(), code, "{what}: {status:?}");
    let details = String::from_utf8_lossy(status.details()).into_owned();
    outputs.push((what.to_owned(), format!("{status:?} {} {details}", status.message())));
}

async fn operators(server: &TestServer, secrets: &mut Secrets, outputs: &mut Outputs) {
    let mut client = server.admin.operators();
    let listed = client.list_operators(proto::ListOperatorsRequest::default()).await.expect("listed").into_inner();
    for operator in listed.operators.iter().filter(|operator| operator.role() != Role::Admin) {
        secrets.add("an operator's token", server.token_of(&operator.name));
    }
    let (rotated, first) = server.create_operator("rotated", Role::Viewer, None).await;
    secrets.add_unstored("a rotated operator's old token", &first);
    let request = proto::RotateOperatorRequest { id: rotated.id.clone(), options: None };
    let answer = client.rotate_operator(request).await.expect("rotated").into_inner();
    record(outputs, "RotateOperator, printed", &answer);
    secrets.add("a rotated operator's new token", &answer.token);
    let (gone, token) = server.create_operator("gone", Role::Admin, None).await;
    secrets.add("a revoked operator's token", &token);
    let request = proto::RevokeOperatorRequest { id: gone.id, options: None };
    record(outputs, "RevokeOperator", &client.revoke_operator(request).await.expect("revoked").into_inner());
    let (_, expired) = server.create_operator("expired", Role::Admin, Some(long_ago(0))).await;
    secrets.add("an expired operator's token", &expired);

    for token in [&first, &token, &expired] {
        let client = server.client(token);
        record_refusal(outputs, "a call by nobody", client.authorize("x", ANY, "").await, Code::Unauthenticated);
        let answer = client.keys().list_keys(proto::ListKeysRequest::default()).await;
        record_refusal(outputs, "a list for nobody", answer, Code::Unauthenticated);
    }
    let viewer = server.client(&answer.token);
    record_refusal(outputs, "a key by a viewer", viewer.create_key(key("no", All, All)).await, Code::PermissionDenied);
    let request = proto::ListOperatorsRequest { include_revoked: true, ..Default::default() };
    record(outputs, "ListOperators", &client.list_operators(request).await.expect("listed").into_inner());
}

async fn issued(server: &TestServer, secrets: &mut Secrets, outputs: &mut Outputs) {
    let mut keys = server.manager.keys();
    let request = proto::CreateKeyRequest { key: Some(key("printed", All, All)), ..Default::default() };
    let made = keys.create_key(request).await.expect("made").into_inner();
    record(outputs, "CreateKey, printed", &made);
    secrets.add("an issued token", &made.token);
    let printed = made.token;
    server.authorize(&printed, ANY, "berlin").await.must_allow();

    let first = server.create_key(key("rotated and rotated again", Only(&["berlin"]), All)).await;
    secrets.add("a token that was pushed out", &first.token);
    let mut tokens = vec![first.token.0.clone()];
    for overlap in [3_600, 0] {
        if tokens.len() == 2 {
            let id = first.key.secrets[0].id.clone();
            let request = proto::RevokeSecretRequest { secret_id: id, options: None };
            record(outputs, "RevokeSecret", &keys.revoke_secret(request).await.expect("ended").into_inner());
        }
        let request = proto::RotateKeyRequest {
            id: first.key.id.clone(),
            overlap: Some(prost_types::Duration { seconds: overlap, nanos: 0 }),
            ..Default::default()
        };
        let rotated = keys.rotate_key(request).await.expect("rotated").into_inner();
        record(outputs, "RotateKey, printed", &rotated);
        secrets.add("a rotated token", &rotated.token);
        tokens.push(rotated.token);
    }
    server.authorize(&tokens[0], ANY, "").await.must_refuse(Reason::KeyRevoked);
    server.authorize(&tokens[1], ANY, "").await.must_refuse(Reason::KeyRevoked);
    server.authorize(&tokens[2], ANY, "").await.must_allow();

    for (name, end) in [("revoked", true), ("deleted", false)] {
        let issued = server.create_key(key(name, All, All)).await;
        secrets.add("the token of a key that ended", &issued.token);
        server.authorize(&issued.token, ANY, "madrid").await.must_allow();
        if end {
            record(outputs, "RevokeKey", &server.revoke_key(&issued.key.id, "it leaked").await);
        } else {
            server.delete_key(&issued.key.id).await;
        }
        let decision = server.authorize(&issued.token, ANY, "madrid").await;
        assert!(!decision.allowed);
        record(outputs, "Authorize", &decision);
        tokens.push(issued.token.0);
    }
    tokens.push(printed);
    for token in &tokens {
        let request = proto::FindKeyRequest { token: token.clone() };
        record(outputs, "FindKey, asked", &request);
        record(outputs, "FindKey", &keys.find_key(request).await.expect("found").into_inner());
        let request = proto::IntrospectKeyRequest { key: token.clone(), ..Default::default() };
        record(outputs, "IntrospectKey, asked", &request);
        let answer = server.order_api.authorization().introspect_key(request).await.expect("reported").into_inner();
        record(outputs, "IntrospectKey", &answer);
    }
    let questions = tokens.iter().map(|token| proto::AuthorizeRequest {
        key: token.clone(),
        method: ANY.to_owned(),
        ..Default::default()
    });
    let request = proto::BatchAuthorizeRequest { requests: questions.collect() };
    record(outputs, "BatchAuthorize, asked", &request);
    let answer = server.crm.authorization().batch_authorize(request).await.expect("decided").into_inner();
    record(outputs, "BatchAuthorize", &answer);
    record(outputs, "ListKeys", &server.list_keys(proto::ListKeysRequest::default()).await);
}

async fn supplied(server: &TestServer, secrets: &mut Secrets, outputs: &mut Outputs) {
    let mut keys = server.manager.keys();
    let own = "brought-by-a-partner/9c1e7a2b!44d0~Zk";
    secrets.add("a supplied token", own);
    let request = |name: &str, request_id: &str| proto::CreateKeyRequest {
        key: Some(key(name, All, All)),
        token: own.to_owned(),
        request_id: request_id.to_owned(),
        options: None,
    };
    record(outputs, "CreateKey, asked", &request("brings its own", "req-1"));
    keys.create_key(request("brings its own", "req-1")).await.expect("made");
    keys.create_key(request("brings its own", "req-1")).await.expect("recognised");
    server.authorize(own, ANY, "").await.must_allow();
    record_refusal(
        outputs,
        "a token that is taken",
        keys.create_key(request("another", "")).await,
        Code::AlreadyExists,
    );

    let other = server.create_key(key("rotates to its own", All, All)).await;
    secrets.add("an issued token", &other.token);
    let next = "brought-for-rotation/0f3d5b7a?91c2~Qw";
    secrets.add("a supplied token to rotate to", next);
    let rotate = |token: &str| proto::RotateKeyRequest {
        id: other.key.id.clone(),
        overlap: Some(prost_types::Duration::default()),
        token: token.to_owned(),
        ..Default::default()
    };
    record(outputs, "RotateKey, asked", &rotate(next));
    keys.rotate_key(rotate(next)).await.expect("rotated");
    record_refusal(outputs, "rotating to a taken token", keys.rotate_key(rotate(own)).await, Code::AlreadyExists);
    server.authorize(next, ANY, "").await.must_allow();
}

async fn imported(server: &TestServer, secrets: &mut Secrets, outputs: &mut Outputs) {
    let mut keys = server.manager.keys();
    let tokens: Vec<String> = (0..6).map(|at| format!("old-system:{at}:b7e1c93f50a84d26{at}Xy")).collect();
    let sha256 = |token: &str| -> String {
        Digest::of(token.as_bytes()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let imports = |suffix: &str| -> Vec<ImportedKey> {
        let one = |(at, token): (usize, &String)| ImportedKey {
            key: Some(key(&format!("imported {at}{suffix}"), All, All)),
            secret: Some(if at % 2 == 0 { Secret::Token(token.clone()) } else { Secret::Sha256(sha256(token)) }),
            hint: String::new(),
        };
        tokens.iter().enumerate().map(one).collect()
    };
    for token in &tokens {
        secrets.add("an imported token", token);
    }
    let request = |dry_run, suffix| proto::ImportKeysRequest { keys: imports(suffix), dry_run, options: None };
    record(outputs, "ImportKeys, asked", &request(true, ""));
    record(outputs, "ImportKeys, dry", &keys.import_keys(request(true, "")).await.expect("reported").into_inner());
    record(outputs, "ImportKeys", &keys.import_keys(request(false, "")).await.expect("imported").into_inner());
    let again = keys.import_keys(request(false, " again")).await;
    record_refusal(outputs, "an import that was made", again, Code::AlreadyExists);
    let mut broken = imports(" broken");
    broken[1].secret = Some(Secret::Sha256(sha256(&tokens[1])[..63].to_owned()));
    broken[2].secret = Some(Secret::Token(format!("{} with a space", tokens[2])));
    broken[3].key = None;
    let request = proto::ImportKeysRequest { keys: broken, dry_run: false, options: None };
    record_refusal(outputs, "a broken import", keys.import_keys(request).await, Code::InvalidArgument);
    for token in &tokens {
        server.authorize(token, ANY, "").await.must_allow();
    }
}

async fn wrong(server: &TestServer, secrets: &mut Secrets, outputs: &mut Outputs) {
    let mut keys = server.manager.keys();
    let good = server.create_key(key("mistyped", All, All)).await.token;
    secrets.add("a token that is mistyped", &good);
    let mistyped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    secrets.add_unstored("a mistyped token", &mistyped);
    let unknown = "u7Qm-never-given-to-anybody-3Xc1-Lp9";
    secrets.add_unstored("an unknown token", unknown);
    let long = format!("{}{}", "far-too-long-", "z9Y8x7".repeat(200));
    secrets.add_unstored("a long token", &long);
    let short = "short-4b1d-but-a-token-5e";
    secrets.add_unstored("a short token", short);
    for token in [&mistyped, unknown, &long, short] {
        let decision = server.authorize(token, ANY, "berlin").await;
        assert!(!decision.allowed);
        record(outputs, "Authorize with a wrong token", &decision);
        // In the wrong field: as the operator's token, in the method, as the store.
        let nobody = server.client(token);
        record_refusal(outputs, "wrong credentials", nobody.authorize(token, ANY, "").await, Code::Unauthenticated);
        let find = keys.find_key(proto::FindKeyRequest { token: token.to_owned() }).await;
        let code = if token == unknown { Code::NotFound } else { Code::InvalidArgument };
        record_refusal(outputs, "FindKey with a wrong token", find, code);
        if token != unknown {
            let request = proto::CreateKeyRequest {
                key: Some(key("wrong", All, All)),
                token: token.to_owned(),
                ..Default::default()
            };
            record_refusal(
                outputs,
                "CreateKey with a wrong token",
                keys.create_key(request).await,
                Code::InvalidArgument,
            );
        }
    }
    let key_as_operator = server.client(&good).authorize(&good, ANY, "").await;
    record_refusal(outputs, "a key as an operator", key_as_operator, Code::Unauthenticated);
    let operator = server.token_of("order api").to_owned();
    let decision = server.authorize(&operator, ANY, "").await.must_refuse(Reason::KeyMalformed);
    record(outputs, "an operator as a key", &decision);
}
