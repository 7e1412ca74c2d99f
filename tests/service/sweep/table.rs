//! Every call and the roles that may make it, listed a second time by hand.

use latchkey::proto::v1::Role;

/// The port that serves a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// For decisions of services.
    Decision,
    /// For management by people and their tools.
    Admin,
    /// Both.
    Both,
}

use Port::{Admin, Both, Decision};

/// Roles that may make a call; `None`: no credentials are required.
pub type Roles = Option<&'static [Role]>;

const ANYBODY: Roles = None;
const EVERY_ROLE: Roles = Some(&[Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer]);
const READERS: Roles = Some(&[Role::Admin, Role::Editor, Role::Viewer]);
const WRITERS: Roles = Some(&[Role::Admin, Role::Editor]);
const ADMINS: Roles = Some(&[Role::Admin]);

/// Every call, in byte order.
pub const CALLS: [(&str, Port, Roles); 40] = [
    ("/envoy.service.auth.v3.Authorization/Check", Decision, EVERY_ROLE),
    ("/grpc.health.v1.Health/Check", Both, ANYBODY),
    ("/grpc.health.v1.Health/Watch", Both, ANYBODY),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Admin, ANYBODY),
    ("/latchkey.v1.AuditService/ListChanges", Admin, READERS),
    ("/latchkey.v1.AuthorizationService/Authorize", Decision, EVERY_ROLE),
    ("/latchkey.v1.AuthorizationService/BatchAuthorize", Decision, EVERY_ROLE),
    ("/latchkey.v1.AuthorizationService/IntrospectKey", Decision, EVERY_ROLE),
    ("/latchkey.v1.AuthorizationService/WatchChanges", Decision, EVERY_ROLE),
    ("/latchkey.v1.KeyService/CreateKey", Admin, WRITERS),
    ("/latchkey.v1.KeyService/DeleteKey", Admin, WRITERS),
    ("/latchkey.v1.KeyService/FindKey", Admin, READERS),
    ("/latchkey.v1.KeyService/GetKey", Admin, READERS),
    ("/latchkey.v1.KeyService/ImportKeys", Admin, WRITERS),
    ("/latchkey.v1.KeyService/ListKeys", Admin, READERS),
    ("/latchkey.v1.KeyService/RevokeKey", Admin, WRITERS),
    ("/latchkey.v1.KeyService/RevokeSecret", Admin, WRITERS),
    ("/latchkey.v1.KeyService/RotateKey", Admin, WRITERS),
    ("/latchkey.v1.KeyService/UpdateKey", Admin, WRITERS),
    ("/latchkey.v1.MethodService/CreateMethod", Admin, WRITERS),
    ("/latchkey.v1.MethodService/DeleteMethod", Admin, WRITERS),
    ("/latchkey.v1.MethodService/GetMethod", Admin, READERS),
    ("/latchkey.v1.MethodService/ImportMethods", Admin, WRITERS),
    ("/latchkey.v1.MethodService/ListMethods", Admin, READERS),
    ("/latchkey.v1.MethodService/UpdateMethod", Admin, WRITERS),
    ("/latchkey.v1.OperatorService/CreateOperator", Admin, ADMINS),
    ("/latchkey.v1.OperatorService/GetCurrentOperator", Admin, EVERY_ROLE),
    ("/latchkey.v1.OperatorService/GetOperator", Admin, ADMINS),
    ("/latchkey.v1.OperatorService/ListOperators", Admin, ADMINS),
    ("/latchkey.v1.OperatorService/RevokeOperator", Admin, ADMINS),
    ("/latchkey.v1.OperatorService/RotateOperator", Admin, ADMINS),
    ("/latchkey.v1.OperatorService/UpdateOperator", Admin, ADMINS),
    ("/latchkey.v1.ReplicaService/ListLostChanges", Admin, READERS),
    ("/latchkey.v1.ReplicaService/ListReplicas", Admin, READERS),
    ("/latchkey.v1.StoreService/CreateStore", Admin, WRITERS),
    ("/latchkey.v1.StoreService/DeleteStore", Admin, WRITERS),
    ("/latchkey.v1.StoreService/GetStore", Admin, READERS),
    ("/latchkey.v1.StoreService/ListStores", Admin, READERS),
    ("/latchkey.v1.StoreService/UpdateStore", Admin, WRITERS),
    ("/latchkey.v1.UsageService/GetKeyUsage", Admin, READERS),
];
