//! Operators: the callers of Latchkey itself.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::OperatorId;
use crate::model::operator::Permission::Administer;
use crate::model::operator::{Operator, Role};
use crate::model::time::Timestamp;
use crate::model::token::Token;
use crate::model::violations::Violations;
use crate::storage::OperatorFilter;

use super::error::{Error, Precondition, ResourceKind, Result, TakenValue};
use super::input::{Choice, OperatorDraft, PageInput, Update, WriteOptions};
use super::page::Binding;
use super::validate::{self, Field, Lines, Mask};
use super::write::{Write, check_etag};
use super::{Caller, Done, Listed, Registry};

const ROLES: &str = "ROLE_ADMIN, ROLE_EDITOR, ROLE_VIEWER or ROLE_AUTHORIZER";
const FIELDS: [Field<OperatorDraft>; 3] = [
    ("name", |violations, draft| validate::text(violations, "name", &draft.name, (1, 200), Lines::One)),
    ("role", |violations, draft| _ = validate::required(violations, "role", draft.role, ROLES)),
    ("expire_time", |violations, draft| _ = validate::time(violations, "expire_time", draft.expires)),
];

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
    ) -> Done<OperatorWithToken> {
        let check = |violations: &mut Violations| {
            violations.within("operator", |violations| {
                for (_, check) in FIELDS {
                    check(violations, draft);
                }
            });
            let Choice::Is(role) = draft.role else { return None };
            Some(((draft.name.clone(), role, expiry(draft)), self.new_operator_token()))
        };
        self.write((caller, Administer), options, check, create).await
    }

    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&self, id: &str) -> Result<Operator> {
        self.operator_by_id(validate::checked(|violations| validate::parse(violations, "id", id))?).await
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
        let page = binding.request(violations, &list.page)?;
        Ok(binding.listed(self.storage.operators(&filter, &page).await?))
    }

    /// Changes the masked fields of an operator.
    pub async fn update_operator(
        &self,
        caller: &Caller,
        update: &Update<OperatorDraft>,
        options: &WriteOptions,
    ) -> Done<Operator> {
        let check = |violations: &mut Violations| {
            let mask = validate::mask(violations, &update.mask, &FIELDS.map(|(name, _)| name));
            violations.within("operator", |violations| {
                mask.check(violations, &FIELDS, &update.draft);
                Some((validate::parse(violations, "id", &update.id)?, mask, update.clone()))
            })
        };
        self.write((caller, Administer), options, check, change).await
    }

    /// Gives an operator a new token; the old one is revoked immediately.
    pub async fn rotate_operator(&self, caller: &Caller, id: &str, options: &WriteOptions) -> Done<OperatorWithToken> {
        let check =
            |violations: &mut Violations| Some((validate::parse(violations, "id", id)?, self.new_operator_token()));
        self.write((caller, Administer), options, check, rotate).await
    }

    /// Revokes an operator immediately. Repeating it is not an error.
    pub async fn revoke_operator(&self, caller: &Caller, id: &str, options: &WriteOptions) -> Done<Operator> {
        let check = |violations: &mut Violations| validate::parse(violations, "id", id);
        self.write((caller, Administer), options, check, revoke).await
    }

    pub(super) fn new_operator_token(&self) -> Token {
        Token::issue_operator(self.random.bytes())
    }
}

/// Returns the expiry in a draft that was checked.
fn expiry(draft: &OperatorDraft) -> Option<Timestamp> {
    validate::time(&mut Violations::new(), "expire_time", draft.expires)
}

async fn existing(write: &mut Write, id: OperatorId) -> Result<Operator> {
    write.tx.operator(id).await?.ok_or_else(|| Error::not_found(ResourceKind::Operator, id))
}

async fn check_name_is_free(write: &mut Write, name: &str) -> Result<()> {
    if write.tx.operator_by_name(name).await?.is_some() {
        let description = "is taken by another operator; names must be unique so that the audit trail is clear";
        return Err(Error::taken(TakenValue::OperatorName, "operator.name", description));
    }
    Ok(())
}

/// Name, role and expiry of a new operator.
type NewOperator = (String, Role, Option<Timestamp>);

pub(super) async fn insert(
    write: &mut Write,
    action: Action,
    (name, role, expires): NewOperator,
    token: &Token,
) -> Result<Operator> {
    let operator = Operator {
        id: OperatorId::new(write.tx.now(), write.random.bytes()),
        name,
        role,
        expires,
        revoked: None,
        hint: token.hint(),
        created: write.tx.now(),
        updated: write.tx.now(),
        row_revision: write.tx.revision(),
    };
    write.tx.insert_operator(&operator, &token.digest()).await?;
    write.record(action, SubjectKind::Operator, &operator.id, None, Some(operator.image()));
    Ok(operator)
}

async fn create(write: &mut Write, (new, token): (NewOperator, Token)) -> Result<OperatorWithToken> {
    check_name_is_free(write, &new.0).await?;
    let operator = insert(write, Action::Create, new, &token).await?;
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

async fn change(write: &mut Write, (id, mask, update): (OperatorId, Mask, Update<OperatorDraft>)) -> Result<Operator> {
    let before = existing(write, id).await?;
    check_etag(&update.etag, SubjectKind::Operator, before.row_revision)?;
    if before.revoked.is_some() {
        return Err(Precondition::OperatorRevoked.into());
    }
    let (mut after, draft) = (before.clone(), update.draft);
    if mask.has("name") && draft.name != before.name {
        check_name_is_free(write, &draft.name).await?;
        after.name.clone_from(&draft.name);
    }
    mask.set("role", &mut after.role, draft.role.or(before.role));
    mask.set("expire_time", &mut after.expires, expiry(&draft));
    if after == before {
        return Ok(before);
    }
    check_permanent_admin_remains(write, &before, &after).await?;
    save(write, Action::Update, &before, after, None).await
}

async fn rotate(write: &mut Write, (id, token): (OperatorId, Token)) -> Result<OperatorWithToken> {
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
    let after = Operator { revoked: Some(write.tx.now()), ..before.clone() };
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
    after.updated = write.tx.now();
    after.row_revision = write.tx.revision();
    let digest = token.map(Token::digest);
    write.tx.update_operator(&after, digest.as_ref()).await?;
    write.record(action, SubjectKind::Operator, &after.id, Some(before.image()), Some(after.image()));
    Ok(after)
}
