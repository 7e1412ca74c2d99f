//! Operators who may call Latchkey itself, and the immediate effect when they lose that right.

use latchkey::proto::v1 as proto;
use proto::{Operator, Role};
use tonic::{Code, Status};

use helpers::calls::{Client, reason};
use helpers::test_server::Selection::All;
use helpers::test_server::{TestServer, far_future, key, long_ago, mask};

on_both_engines!(
    each_role_may_do_what_it_is_for,
    a_revoked_operator_is_nobody_at_once,
    a_rotated_operators_old_token_ends_at_once,
    a_changed_role_holds_at_once,
    the_last_admin_cannot_be_lost,
    operators_are_listed_and_read_without_their_tokens,
);

async fn whoami(client: &Client) -> Result<Operator, Status> {
    let answer = client.operators().get_current_operator(proto::GetCurrentOperatorRequest {}).await?;
    Ok(answer.into_inner().operator.expect("an operator"))
}

async fn update(server: &TestServer, operator: Operator, fields: &[&str]) -> Result<Operator, Status> {
    let request = proto::UpdateOperatorRequest { operator: Some(operator), update_mask: mask(fields), options: None };
    let answer = server.admin.operators().update_operator(request).await?;
    Ok(answer.into_inner().operator.expect("an operator"))
}

async fn revoke(server: &TestServer, id: &str) -> Result<Operator, Status> {
    let request = proto::RevokeOperatorRequest { id: id.to_owned(), options: None };
    let answer = server.admin.operators().revoke_operator(request).await?;
    Ok(answer.into_inner().operator.expect("an operator"))
}

async fn each_role_may_do_what_it_is_for(server: &TestServer) {
    let clients = [&server.admin, &server.manager, &server.officer, &server.order_api];
    let mut seen = Vec::new();
    for client in clients {
        let me = whoami(client).await.expect("everyone may ask who they are");
        let asked = client.authorize("a-token-that-was-never-given-to-anybody", "GET /", "").await;
        let listed = client.keys().list_keys(proto::ListKeysRequest::default()).await;
        let made = client.create_key(key("by whom", All, All)).await;
        let hired = client.operators().list_operators(proto::ListOperatorsRequest::default()).await;
        seen.push((me.role(), asked.is_ok(), listed.is_ok(), made.is_ok(), hired.is_ok()));
        let refused = listed.err().into_iter().chain(made.err()).chain(hired.err());
        for status in refused {
            assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
            assert!(
                status.message().contains(me.role().as_str_name().trim_start_matches("ROLE_").to_lowercase().as_str())
            );
        }
    }
    let expected = [
        (Role::Admin, true, true, true, true),
        (Role::Editor, true, true, true, false),
        (Role::Viewer, true, true, false, false),
        (Role::Authorizer, true, false, false, false),
    ];
    assert_eq!(seen, expected);
}

async fn a_revoked_operator_is_nobody_at_once(server: &TestServer) {
    let (operator, token) = server.create_operator("temporary", Role::Editor, None).await;
    let client = server.client(&token);
    whoami(&client).await.expect("hired");
    client.create_key(key("one", All, All)).await.expect("an editor may");
    let revoked = revoke(server, &operator.id).await.expect("revoked");
    assert!(revoked.revoke_time.is_some());
    assert_eq!(whoami(&client).await.expect_err("nobody").code(), Code::Unauthenticated);
    assert_eq!(client.create_key(key("two", All, All)).await.expect_err("nobody").code(), Code::Unauthenticated);
    assert_eq!(client.authorize("x", "GET /", "").await.expect_err("nobody").code(), Code::Unauthenticated);

    let head = server.latest_revision().await;
    assert_eq!(revoke(server, &operator.id).await.expect("again is no error"), revoked);
    assert_eq!(server.latest_revision().await, head);
    let back = Operator { id: operator.id.clone(), role: Role::Admin.into(), ..Default::default() };
    let refused = update(server, back, &["role"]).await.expect_err("a revocation is final");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OPERATOR_REVOKED"));
    let rotate = proto::RotateOperatorRequest { id: operator.id.clone(), options: None };
    let refused = server.admin.operators().rotate_operator(rotate).await.expect_err("a revocation is final");
    assert_eq!(reason(&refused), "OPERATOR_REVOKED");
    let (again, _) = server.create_operator("temporary", Role::Viewer, None).await;
    assert_ne!(again.id, operator.id, "the name is free again");
}

async fn a_rotated_operators_old_token_ends_at_once(server: &TestServer) {
    let (operator, first) = server.create_operator("deployment", Role::Viewer, None).await;
    assert!(first.starts_with("lko_") && first.ends_with(&operator.hint));
    let request = proto::RotateOperatorRequest { id: operator.id.clone(), options: None };
    let answer = server.admin.operators().rotate_operator(request).await.expect("rotated").into_inner();
    let rotated = answer.operator.expect("an operator");
    assert!(answer.token != *first && answer.token.ends_with(&rotated.hint));
    assert_eq!((rotated.id.as_str(), rotated.name.as_str()), (operator.id.as_str(), "deployment"));
    let old = whoami(&server.client(&first)).await.expect_err("the old token is nobody's");
    assert_eq!(old.code(), Code::Unauthenticated);
    assert_eq!(whoami(&server.client(&answer.token)).await.expect("the new one is").id, operator.id);
}

async fn a_changed_role_holds_at_once(server: &TestServer) {
    let (operator, token) = server.create_operator("new colleague", Role::Viewer, None).await;
    let client = server.client(&token);
    let may_make = async || match client.create_key(key("attempt", All, All)).await {
        Ok(_) => true,
        Err(status) if status.code() == Code::PermissionDenied => false,
        Err(status) => panic!("{status:?}"),
    };
    assert!(!may_make().await);
    for (role, may) in [(Role::Editor, true), (Role::Authorizer, false), (Role::Admin, true), (Role::Viewer, false)] {
        let changed = Operator { id: operator.id.clone(), role: role.into(), ..Default::default() };
        assert_eq!(update(server, changed, &["role"]).await.expect("changed").role(), role);
        assert_eq!(may_make().await, may, "{role:?}");
    }
    let ended = Operator { id: operator.id.clone(), expire_time: Some(long_ago(0)), ..Default::default() };
    update(server, ended, &["expire_time"]).await.expect("changed");
    assert_eq!(whoami(&client).await.expect_err("expired").code(), Code::Unauthenticated);
    let extended = Operator { id: operator.id.clone(), expire_time: Some(far_future()), ..Default::default() };
    update(server, extended, &["expire_time"]).await.expect("changed");
    whoami(&client).await.expect("good again");
}

async fn the_last_admin_cannot_be_lost(server: &TestServer) {
    let admin = whoami(&server.admin).await.expect("the admin");
    let head = server.latest_revision().await;
    let demoted = Operator { id: admin.id.clone(), role: Role::Viewer.into(), ..Default::default() };
    let expiring = Operator { id: admin.id.clone(), expire_time: Some(far_future()), ..Default::default() };
    let refusals = [
        revoke(server, &admin.id).await.expect_err("the last one"),
        update(server, demoted.clone(), &["role"]).await.expect_err("the last one"),
        update(server, expiring.clone(), &["expire_time"]).await.expect_err("the last one"),
    ];
    for refused in refusals {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "LAST_ADMIN"));
    }
    assert_eq!(server.latest_revision().await, head);
    server.create_operator("passing admin", Role::Admin, Some(far_future())).await;
    let refused = update(server, demoted.clone(), &["role"]).await.expect_err("the other one will expire");
    assert_eq!(reason(&refused), "LAST_ADMIN");

    let (_, token) = server.create_operator("second admin", Role::Admin, None).await;
    update(server, demoted, &["role"]).await.expect("another one stays");
    let listed = server.admin.operators().list_operators(proto::ListOperatorsRequest::default()).await;
    assert_eq!(listed.expect_err("a viewer now").code(), Code::PermissionDenied);
    let listed = server.client(&token).operators().list_operators(proto::ListOperatorsRequest::default()).await;
    listed.expect("the second admin goes on");
}

async fn operators_are_listed_and_read_without_their_tokens(server: &TestServer) {
    let (operator, token) = server.create_operator("auditor", Role::Viewer, Some(far_future())).await;
    let (gone, _) = server.create_operator("gone", Role::Viewer, None).await;
    revoke(server, &gone.id).await.expect("revoked");
    let list = async |role: Role, include_revoked: bool| {
        let request = proto::ListOperatorsRequest { role: role.into(), include_revoked, ..Default::default() };
        let answer = server.admin.operators().list_operators(request).await.expect("listed").into_inner();
        answer.operators
    };
    let names = |operators: &[Operator]| operators.iter().map(|operator| operator.name.clone()).collect::<Vec<_>>();
    let every = list(Role::Unspecified, false).await;
    let expected = ["auditor", "crm", "order api", "security officer", "integration manager", "admin"];
    assert_eq!(names(&every), expected, "the newest first");
    assert_eq!(every[0], operator);
    assert_eq!(names(&list(Role::Viewer, true).await), ["gone", "auditor", "security officer"]);
    assert_eq!(names(&list(Role::Authorizer, false).await), ["crm", "order api"]);
    let read = server.admin.operators().get_operator(proto::GetOperatorRequest { id: operator.id.clone() }).await;
    assert_eq!(read.expect("read").into_inner().operator, Some(operator.clone()));
    assert_eq!(operator.expire_time, Some(far_future()));
    assert!(!format!("{every:?}").contains(&*token), "the token is nowhere in the list");

    let taken = proto::CreateOperatorRequest {
        operator: Some(Operator { name: "auditor".to_owned(), role: Role::Viewer.into(), ..Default::default() }),
        options: None,
    };
    let refused = server.admin.operators().create_operator(taken).await.expect_err("the name is taken");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "OPERATOR_NAME_TAKEN"));
}
