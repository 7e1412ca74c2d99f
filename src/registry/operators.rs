//! Operators: the callers of Latchkey itself.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Permission, Role};
use crate::model::time::Timestamp;
use crate::model::token::Token;
use crate::model::violations::Violations;
use crate::storage::{self, OperatorFilter};

use super::error::{Error, Precondition, ResourceKind, Result, TakenValue};
use super::input::{Choice, OperatorDraft, PageInput, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Lines, Mask};
use super::write::{Write, check_etag, work};
use super::{Caller, Listed, Registry, Written};

/// The possible roles.
const ROLES: &str = "ROLE_ADMIN, ROLE_EDITOR, ROLE_VIEWER or ROLE_AUTHORIZER";
/// The fields that can be changed.
const FIELDS: [&str; 3] = ["name", "role", "expire_time"];

/// An operator and its token, which is available only now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorWithToken {
    /// The operator.
    pub operator: Operator,
    /// The token.
    pub token: Token,
}

/// A request for a page of operators; all filters that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOperators {
    /// The requested page.
    pub page: PageInput,
    /// The role.
    pub role: Choice<Role>,
    /// Include revoked operators.
    pub include_revoked: bool,
}

impl Registry {
    /// Creates an operator and returns its token.
    pub async fn create_operator(
        &self,
        caller: &Caller,
        draft: &OperatorDraft,
        options: &WriteOptions,
    ) -> Result<(OperatorWithToken, Written)> {
        let mut violations = Violations::new();
        let (role, expires) = violations.within("operator", |violations| {
            name(violations, &draft.name);
            let role = validate::required(violations, "role", draft.role, ROLES);
            (role, validate::time(violations, "expire_time", draft.expires))
        });
        let options = validate::options(&mut violations, options);
        let Some(role) = role.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let (name, token) = (draft.name.clone(), Token::issue_operator(self.random.bytes()));
        let work = work(move |write| Box::pin(create(write, name, role, expires, token)));
        self.write("create operator", caller, Permission::Administer, options, work).await
    }

    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&self, id: &str) -> Result<Operator> {
        let mut violations = Violations::new();
        let Some(id) = validate::parse::<OperatorId>(&mut violations, "id", id) else { return Err(violations.into()) };
        self.operator_by_id(id).await
    }

    /// Returns the caller itself.
    pub async fn current_operator(&self, caller: &Caller) -> Result<Operator> {
        self.operator_by_id(caller.id).await
    }

    async fn operator_by_id(&self, id: OperatorId) -> Result<Operator> {
        self.storage.operator(id).await?.ok_or_else(|| Error::not_found(ResourceKind::Operator, id))
    }

    /// Returns a page of operators, the newest first.
    pub async fn operators(&self, list: &ListOperators) -> Result<Listed<Operator>> {
        let mut violations = Violations::new();
        let filter = OperatorFilter {
            role: validate::optional(&mut violations, "role", list.role, ROLES),
            include_revoked: list.include_revoked,
        };
        let binding = Binding::new("operators")
            .with("role", filter.role.as_ref())
            .with("include_revoked", filter.include_revoked.then_some(&true));
        let page = binding.request(&mut violations, &list.page);
        if !violations.is_empty() {
            return Err(violations.into());
        }
        let page = self.storage.operators(&filter, &page).await?;
        Ok(Listed { next: binding.token(page.next.as_deref()), items: page.items })
    }

    /// Changes the masked fields of an operator.
    pub async fn update_operator(
        &self,
        caller: &Caller,
        update: &Update<OperatorDraft>,
        options: &WriteOptions,
    ) -> Result<(Operator, Written)> {
        let mut violations = Violations::new();
        let mask = validate::mask(&mut violations, &update.mask, &FIELDS);
        let draft = &update.draft;
        let id = violations.within("operator", |violations| {
            if mask.has("name") {
                name(violations, &draft.name);
            }
            if mask.has("role") {
                validate::required(violations, "role", draft.role, ROLES);
            }
            if mask.has("expire_time") {
                validate::time(violations, "expire_time", draft.expires);
            }
            validate::parse::<OperatorId>(violations, "id", &update.id)
        });
        let options = validate::options(&mut violations, options);
        let Some(id) = id.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let (etag, draft) = (update.etag.clone(), update.draft.clone());
        let work = work(move |write| Box::pin(change(write, id, etag, mask, draft)));
        self.write("update operator", caller, Permission::Administer, options, work).await
    }

    /// Gives an operator a new token; the old one is revoked immediately.
    pub async fn rotate_operator(
        &self,
        caller: &Caller,
        id: &str,
        options: &WriteOptions,
    ) -> Result<(OperatorWithToken, Written)> {
        let mut violations = Violations::new();
        let id = validate::parse::<OperatorId>(&mut violations, "id", id);
        let options = validate::options(&mut violations, options);
        let Some(id) = id.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let token = Token::issue_operator(self.random.bytes());
        let work = work(move |write| Box::pin(rotate(write, id, token)));
        self.write("rotate operator", caller, Permission::Administer, options, work).await
    }

    /// Revokes an operator immediately. Repeating it is not an error.
    pub async fn revoke_operator(
        &self,
        caller: &Caller,
        id: &str,
        options: &WriteOptions,
    ) -> Result<(Operator, Written)> {
        let mut violations = Violations::new();
        let id = validate::parse::<OperatorId>(&mut violations, "id", id);
        let options = validate::options(&mut violations, options);
        let Some(id) = id.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let work = work(move |write| Box::pin(revoke(write, id)));
        self.write("revoke operator", caller, Permission::Administer, options, work).await
    }
}

fn name(violations: &mut Violations, name: &str) {
    validate::text(violations, "name", name, (1, 200), Lines::One);
}

async fn existing(write: &mut Write, id: OperatorId) -> Result<Operator> {
    write.tx.operator(id).await?.ok_or_else(|| Error::not_found(ResourceKind::Operator, id))
}

async fn check_name_is_free(write: &mut Write, name: &str) -> Result<()> {
    match write.tx.operator_by_name(name).await? {
        Some(_) => Err(Error::taken(
            TakenValue::OperatorName,
            "operator.name",
            "is taken by another operator; names must be unique so that the audit trail is clear",
        )),
        None => Ok(()),
    }
}

/// Adds an operator with this token.
pub(super) async fn insert(
    write: &mut Write,
    action: Action,
    (name, role, expires): (String, Role, Option<Timestamp>),
    token: &Token,
) -> Result<Operator> {
    let operator = Operator {
        id: write.new_operator_id(),
        name,
        role,
        expires,
        revoked: None,
        hint: token.hint(),
        created: write.now(),
        updated: write.now(),
        row_revision: write.revision(),
    };
    write.tx.insert_operator(&operator, &token.digest()).await?;
    record_change(write, action, None, operator.id).await
}

async fn create(
    write: &mut Write,
    name: String,
    role: Role,
    expires: Option<Timestamp>,
    token: Token,
) -> Result<OperatorWithToken> {
    check_name_is_free(write, &name).await?;
    let operator = insert(write, Action::Create, (name, role, expires), &token).await?;
    Ok(OperatorWithToken { operator, token })
}

/// Returns whether it is an admin that never expires: at least one must remain.
fn is_permanent_admin(operator: &Operator) -> bool {
    operator.role == Role::Admin && operator.revoked.is_none() && operator.expires.is_none()
}

async fn check_permanent_admin_remains(write: &mut Write, before: &Operator, after: &Operator) -> Result<()> {
    if is_permanent_admin(before) && !is_permanent_admin(after) && write.tx.permanent_admin_count().await? < 2 {
        return Err(Precondition::LastAdmin.into());
    }
    Ok(())
}

async fn change(write: &mut Write, id: OperatorId, etag: String, mask: Mask, draft: OperatorDraft) -> Result<Operator> {
    let before = existing(write, id).await?;
    check_etag(&etag, SubjectKind::Operator, before.row_revision)?;
    if before.revoked.is_some() {
        return Err(Precondition::OperatorRevoked.into());
    }
    let mut after = before.clone();
    if mask.has("name") && draft.name != before.name {
        check_name_is_free(write, &draft.name).await?;
        after.name = draft.name;
    }
    if let (true, Choice::Is(role)) = (mask.has("role"), draft.role) {
        after.role = role;
    }
    if mask.has("expire_time") {
        after.expires = validate::time(&mut Violations::new(), "expire_time", draft.expires);
    }
    if after == before {
        return Ok(before);
    }
    check_permanent_admin_remains(write, &before, &after).await?;
    save(write, Action::Update, &before, after, None).await
}

async fn rotate(write: &mut Write, id: OperatorId, token: Token) -> Result<OperatorWithToken> {
    let before = existing(write, id).await?;
    if before.revoked.is_some() {
        return Err(Precondition::OperatorRevoked.into());
    }
    let after = Operator { hint: token.hint(), ..before.clone() };
    let operator = save(write, Action::Rotate, &before, after, Some(&token)).await?;
    Ok(OperatorWithToken { operator, token })
}

async fn revoke(write: &mut Write, id: OperatorId) -> Result<Operator> {
    let before = existing(write, id).await?;
    if before.revoked.is_some() {
        return Ok(before);
    }
    let after = Operator { revoked: Some(write.now()), ..before.clone() };
    check_permanent_admin_remains(write, &before, &after).await?;
    save(write, Action::Revoke, &before, after, None).await
}

async fn save(
    write: &mut Write,
    action: Action,
    before: &Operator,
    mut after: Operator,
    token: Option<&Token>,
) -> Result<Operator> {
    after.updated = write.now();
    after.row_revision = write.revision();
    let digest = token.map(Token::digest);
    write.tx.update_operator(&after, digest.as_ref()).await?;
    record_change(write, action, Some(before), before.id).await
}

/// Records a change of an operator and returns its new state.
async fn record_change(
    write: &mut Write,
    action: Action,
    before: Option<&Operator>,
    id: OperatorId,
) -> Result<Operator> {
    let after = write.tx.operator(id).await?;
    let after =
        after.ok_or_else(|| storage::Error::bug(format!("{id} cannot be read by the write that created it")))?;
    write.record(action, SubjectKind::Operator, &id, before.map(Operator::image), Some(after.image()));
    Ok(after)
}
