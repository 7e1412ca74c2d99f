//! The permission that each call needs. Checked before a call's body is read; writes check again in storage.

use crate::model::operator::Permission;

/// Returns the permission needed for the call of this path (`/package.Service/Method`); `None` if it is not part of the
/// contract, such as health and reflection, which need no credentials.
pub(super) fn permission(path: &str) -> Option<Permission> {
    if path == "/envoy.service.auth.v3.Authorization/Check" {
        return Some(Permission::Authorize);
    }
    let (service, method) = path.strip_prefix("/latchkey.v1.")?.split_once('/')?;
    Some(match (service, method) {
        ("AuthorizationService", "Authorize" | "BatchAuthorize" | "IntrospectKey" | "WatchChanges")
        | ("OperatorService", "GetCurrentOperator") => Permission::Authorize,
        ("KeyService", "GetKey" | "ListKeys" | "FindKey")
        | ("StoreService", "GetStore" | "ListStores")
        | ("MethodService", "GetMethod" | "ListMethods")
        | ("AuditService", "ListChanges")
        | ("UsageService", "GetKeyUsage")
        | ("ReplicaService", "ListReplicas" | "ListLostChanges") => Permission::View,
        (
            "KeyService",
            "CreateKey" | "UpdateKey" | "RotateKey" | "RevokeSecret" | "RevokeKey" | "DeleteKey" | "ImportKeys",
        )
        | ("StoreService", "CreateStore" | "UpdateStore" | "DeleteStore")
        | ("MethodService", "CreateMethod" | "UpdateMethod" | "DeleteMethod" | "ImportMethods") => Permission::Edit,
        (
            "OperatorService",
            "CreateOperator" | "GetOperator" | "ListOperators" | "UpdateOperator" | "RotateOperator" | "RevokeOperator",
        ) => Permission::Administer,
        _ => return None,
    })
}

/// Returns whether the call's result depends on its caller: a decision is the same for every caller.
pub(super) fn needs_caller(path: &str) -> bool {
    !path.starts_with("/latchkey.v1.AuthorizationService/") && !path.starts_with("/envoy.")
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// Returns the path of every call of the contract.
    fn paths() -> Vec<String> {
        let set = FileDescriptorSet::decode(crate::proto::FILE_DESCRIPTOR_SET).unwrap();
        let files = set.file.iter().filter(|file| file.package() == "latchkey.v1");
        let services = files.flat_map(|file| &file.service);
        let calls = services.flat_map(|service| service.method.iter().map(move |method| (service, method)));
        calls.map(|(service, method)| format!("/latchkey.v1.{}/{}", service.name(), method.name())).collect()
    }

    #[test]
    fn every_call_of_the_contract_needs_something() {
        let paths = paths();
        assert_eq!(paths.len(), 36);
        for path in &paths {
            assert!(permission(path).is_some(), "{path}");
        }
    }

    #[test]
    fn what_only_reads_needs_no_right_to_change_and_what_changes_does() {
        for path in paths() {
            let (service, method) = path.rsplit_once('/').unwrap();
            let expected = match service.strip_prefix("/latchkey.v1.").unwrap() {
                "AuthorizationService" => Permission::Authorize,
                "OperatorService" if method == "GetCurrentOperator" => Permission::Authorize,
                "OperatorService" => Permission::Administer,
                _ if ["Get", "List", "Find"].iter().any(|verb| method.starts_with(verb)) => Permission::View,
                _ => Permission::Edit,
            };
            assert_eq!(permission(&path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_of_the_contract_is_not_known() {
        for path in [
            "",
            "/",
            "/grpc.health.v1.Health/Check",
            "/latchkey.v1.KeyService",
            "/latchkey.v1.KeyService/",
            "/latchkey.v1.KeyService/getKey",
            "/latchkey.v1.KeyService/GetKey/",
            "/latchkey.v2.KeyService/GetKey",
        ] {
            assert_eq!(permission(path), None, "{path}");
        }
    }
}
