//! Synchronizing the book with a list: new, changed and missing methods, and the affected keys.

use std::collections::HashMap;

use crate::model::book::MethodNumber;
use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::operator::Permission::Edit;
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::violations::Violations;
use crate::registry::error::{Error, Result, TakenValue};
use crate::registry::input::{MethodDraft, WriteOptions};
use crate::registry::validate;
use crate::registry::write::Write;
use crate::registry::{Caller, Registry, Written};
use crate::storage::AffectedKey;

use super::check;

const MAX_METHODS: usize = 5_000;
/// The most affected keys that are listed, and the most methods of each.
const MAX_LISTED: usize = 100;

/// A request to synchronize the book with a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportMethods {
    /// The methods, 1..=5 000, in their new order; their positions are ignored.
    pub methods: Vec<MethodDraft>,
    /// Also retire the methods that are in the book and not in the list.
    pub retire_missing: bool,
    /// Returns what would change and writes nothing.
    pub dry_run: bool,
}

/// What an import changed, or would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodsDiff {
    /// Added.
    pub added: Vec<MethodIdentity>,
    /// Changed in some field.
    pub changed: Vec<MethodIdentity>,
    /// Retired.
    pub retired: Vec<MethodIdentity>,
    /// The number of unchanged methods.
    pub unchanged: usize,
    /// Keys that gain methods, at most 100, and their total number.
    pub gaining: (Vec<AffectedMethods>, u64),
    /// Keys that lose methods, at most 100, and their total number.
    pub losing: (Vec<AffectedMethods>, u64),
}

/// A key that an import affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedMethods {
    /// Its id.
    pub key: KeyId,
    /// Its name.
    pub name: String,
    /// The methods that it gains or loses, at most 100.
    pub methods: Vec<MethodIdentity>,
}

#[derive(Debug, Default)]
struct ImportPlan {
    added: Vec<Method>,
    /// Before and after.
    changed: Vec<(Method, Method)>,
    retired: Vec<Method>,
    unchanged: usize,
}

impl Registry {
    /// Synchronizes the book with a list: all of it or nothing. Returns no [`Written`] if nothing was written.
    pub async fn import_methods(
        &self,
        caller: &Caller,
        request: &ImportMethods,
        options: &WriteOptions,
    ) -> Result<(MethodsDiff, Option<Written>)> {
        let check = |violations: &mut Violations| {
            Some((check_all(violations, &request.methods), request.retire_missing, request.dry_run))
        };
        let (diff, written) = self.write((caller, Edit), options, check, import).await?;
        let same = diff.added.is_empty() && diff.changed.is_empty() && diff.retired.is_empty();
        Ok((diff, Some(written).filter(|_| !request.dry_run && !same)))
    }
}

fn check_all(violations: &mut Violations, drafts: &[MethodDraft]) -> Vec<Method> {
    if drafts.is_empty() {
        violations.add("methods", "must have at least one entry");
    }
    if !validate::bounded(violations, "methods", drafts.len(), MAX_METHODS) {
        return Vec::new();
    }
    let mut methods = Vec::with_capacity(drafts.len());
    let mut shapes: HashMap<String, usize> = HashMap::with_capacity(drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        let checked = violations.within(format_args!("methods[{at}]"), |violations| check::method(violations, draft));
        let Some(method) = checked else { continue };
        let first = *shapes.entry(check::shape(&method.identity)).or_insert(at);
        if first != at {
            let description = format_args!("matches the same requests as methods[{first}]");
            violations.add(format_args!("methods[{at}].method"), description);
        }
        methods.push(method);
    }
    methods
}

async fn import(
    write: &mut Write,
    (methods, retire_missing, dry_run): (Vec<Method>, bool, bool),
) -> Result<MethodsDiff> {
    write.dry_run = dry_run;
    let live = write.tx.live_methods().await?;
    let mut plan = plan_import(live, methods, retire_missing)?;
    let now = write.tx.now();
    for method in &mut plan.added {
        method.created = now;
        method.updated = now;
    }
    for (_, method) in &mut plan.changed {
        method.updated = now;
    }
    // Queried before anything is written: afterwards no key selects the retired methods.
    let diff = build_diff(write, &plan).await?;
    if dry_run {
        return Ok(diff);
    }
    if !plan.retired.is_empty() {
        let numbers: Vec<MethodNumber> = plan.retired.iter().map(|method| method.number).collect();
        write.tx.retire_methods(&numbers).await?;
    }
    if !plan.changed.is_empty() {
        let changed: Vec<Method> = plan.changed.iter().map(|(_, method)| method.clone()).collect();
        write.tx.update_methods(&changed).await?;
    }
    if !plan.added.is_empty() {
        write.tx.insert_methods(&plan.added).await?;
    }
    for method in &plan.retired {
        write.record(Action::Retire, SubjectKind::Method, &method.identity, Some(method.image()), None);
    }
    for (before, after) in &plan.changed {
        let (before, image) = (before.image(), after.image());
        write.record(Action::Update, SubjectKind::Method, &after.identity, Some(before), Some(image));
    }
    for method in &plan.added {
        write.record(Action::Import, SubjectKind::Method, &method.identity, None, Some(method.image()));
    }
    Ok(diff)
}

/// Returns the writes that bring the book in line with the list.
fn plan_import(live: Vec<Method>, listed: Vec<Method>, retire_missing: bool) -> Result<ImportPlan> {
    let at: HashMap<MethodIdentity, usize> =
        live.iter().enumerate().map(|(at, method)| (method.identity.clone(), at)).collect();
    let mut missing = vec![true; live.len()];
    let found: Vec<Option<usize>> = listed.iter().map(|method| at.get(&method.identity).copied()).collect();
    for at in found.iter().flatten() {
        missing[*at] = false;
    }
    if !retire_missing {
        refuse_same_shapes(&live, &missing, &listed, &found)?;
    }
    let positions = positions(&live, &found);
    let mut plan = ImportPlan::default();
    for ((mut method, found), position) in listed.into_iter().zip(found).zip(positions) {
        method.position = position;
        let Some(before) = found.map(|at| &live[at]) else {
            plan.added.push(method);
            continue;
        };
        // Fields that the list does not contain stay unchanged.
        method.number = before.number;
        method.created = before.created;
        method.updated = before.updated;
        method.row_revision = before.row_revision;
        if method == *before {
            plan.unchanged += 1;
        } else {
            plan.changed.push((before.clone(), method));
        }
    }
    if retire_missing {
        plan.retired = live.into_iter().zip(missing).filter_map(|(method, gone)| gone.then_some(method)).collect();
    }
    Ok(plan)
}

/// Refuses listed methods that match the same requests as methods that stay in the book under another name.
fn refuse_same_shapes(live: &[Method], missing: &[bool], listed: &[Method], found: &[Option<usize>]) -> Result<()> {
    let staying: HashMap<String, &MethodIdentity> = live
        .iter()
        .zip(missing)
        .filter(|(_, missing)| **missing)
        .map(|(method, _)| (check::shape(&method.identity), &method.identity))
        .collect();
    let mut violations = Violations::new();
    for (at, method) in listed.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
        if let Some(other) = staying.get(&check::shape(&method.identity)) {
            let description =
                format_args!("matches the same requests as the existing method `{other}`: retire that one first");
            violations.add(format_args!("methods[{at}].method"), description);
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Taken { what: TakenValue::Method, violations }) }
}

/// Returns ascending positions for the listed methods. Those already in the book keep theirs if the order allows it, so
/// that repeating an import changes nothing; if none is, all go after the existing methods.
fn positions(live: &[Method], found: &[Option<usize>]) -> Vec<i32> {
    let kept = |found: &Option<usize>| found.map(|at| live[at].position);
    let mut last = match found.iter().filter_map(kept).min() {
        Some(first) => first.saturating_sub(1),
        None => live.iter().map(|method| method.position).max().unwrap_or(0),
    };
    found
        .iter()
        .map(|found| {
            last = kept(found).filter(|position| *position > last).unwrap_or(last.saturating_add(1));
            last
        })
        .collect()
}

async fn build_diff(write: &mut Write, plan: &ImportPlan) -> Result<MethodsDiff> {
    let identities = |methods: &[Method]| methods.iter().map(|method| method.identity.clone()).collect::<Vec<_>>();
    let mut diff = MethodsDiff {
        added: identities(&plan.added),
        changed: plan.changed.iter().map(|(_, method)| method.identity.clone()).collect(),
        retired: identities(&plan.retired),
        unchanged: plan.unchanged,
        ..MethodsDiff::default()
    };
    if !diff.added.is_empty() {
        let (keys, total) = write.tx.all_method_users(MAX_LISTED).await?;
        let gained: Vec<MethodIdentity> = diff.added.iter().take(MAX_LISTED).cloned().collect();
        diff.gaining = (affected(keys, |_| gained.clone()), total);
    }
    if !plan.retired.is_empty() {
        let names: HashMap<MethodNumber, &MethodIdentity> =
            plan.retired.iter().map(|method| (method.number, &method.identity)).collect();
        let numbers: Vec<MethodNumber> = plan.retired.iter().map(|method| method.number).collect();
        let (keys, total) = write.tx.method_users(&numbers, MAX_LISTED).await?;
        let lost = |numbers: &[MethodNumber]| {
            numbers.iter().filter_map(|number| names.get(number)).take(MAX_LISTED).map(|name| (*name).clone()).collect()
        };
        diff.losing = (affected(keys, lost), total);
    }
    Ok(diff)
}

fn affected(keys: Vec<AffectedKey>, methods: impl Fn(&[MethodNumber]) -> Vec<MethodIdentity>) -> Vec<AffectedMethods> {
    let affected = |key: AffectedKey| AffectedMethods { key: key.id, name: key.name, methods: methods(&key.methods) };
    keys.into_iter().map(affected).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::method::StoreUse;
    use crate::registry::input::Choice;
    use crate::registry::validate::tests::fields_in;

    fn draft(method: &str) -> MethodDraft {
        MethodDraft {
            method: method.to_owned(),
            block: "Orders".to_owned(),
            summary: "Does it".to_owned(),
            store_use: Choice::Is(StoreUse::Optional),
            ..MethodDraft::default()
        }
    }

    fn listed(methods: &[&str]) -> Vec<Method> {
        let mut violations = Violations::new();
        let drafts: Vec<_> = methods.iter().map(|method| draft(method)).collect();
        let methods = check_all(&mut violations, &drafts);
        assert!(violations.is_empty(), "{violations:?}");
        methods
    }

    /// Builds the stored methods at these positions.
    fn live(methods: &[(&str, i32)]) -> Vec<Method> {
        let names: Vec<&str> = methods.iter().map(|(name, _)| *name).collect();
        let mut live = listed(&names);
        for (at, (method, (_, position))) in live.iter_mut().zip(methods).enumerate() {
            method.number = MethodNumber(u32::try_from(at).unwrap() + 1);
            method.position = *position;
            method.row_revision = crate::model::change::Revision(7);
        }
        live
    }

    fn names(methods: &[Method]) -> Vec<(String, i32)> {
        methods.iter().map(|method| (method.identity.pattern.to_string(), method.position)).collect()
    }

    #[test]
    fn the_same_list_again_changes_nothing() {
        let book = live(&[("GET /a", 1), ("GET /b", 2), ("GET /c", 9)]);
        let plan = plan_import(book, listed(&["GET /a", "GET /b", "GET /c"]), true).unwrap();
        assert_eq!((plan.unchanged, plan.added.len(), plan.changed.len(), plan.retired.len()), (3, 0, 0, 0));
    }

    #[test]
    fn what_is_new_goes_where_the_list_has_it_and_what_is_missing_only_goes_if_asked() {
        let book = || live(&[("GET /a", 1), ("GET /b", 5), ("GET /old", 6)]);
        let kept = plan_import(book(), listed(&["GET /a", "GET /new", "GET /b"]), false).unwrap();
        assert_eq!(names(&kept.added), [("/new".to_owned(), 2)]);
        assert_eq!((kept.unchanged, kept.retired.len()), (2, 0));
        let retired = plan_import(book(), listed(&["GET /a", "GET /b"]), true).unwrap();
        assert_eq!(names(&retired.retired), [("/old".to_owned(), 6)]);
    }

    #[test]
    fn a_second_book_goes_behind_the_first() {
        let plan = plan_import(live(&[("GET /a", 1), ("GET /b", 2)]), listed(&["GET /x", "GET /y"]), false).unwrap();
        assert_eq!(names(&plan.added), [("/x".to_owned(), 3), ("/y".to_owned(), 4)]);
    }

    #[test]
    fn another_order_moves_only_what_must_move() {
        let plan = plan_import(
            live(&[("GET /a", 1), ("GET /b", 2), ("GET /c", 3)]),
            listed(&["GET /b", "GET /a", "GET /c"]),
            false,
        )
        .unwrap();
        let moved: Vec<_> = plan.changed.iter().map(|(_, after)| after.clone()).collect();
        assert_eq!(names(&moved), [("/a".to_owned(), 3), ("/c".to_owned(), 4)]);
    }

    #[test]
    fn a_new_text_is_a_change_and_keeps_the_number() {
        let mut list = listed(&["GET /a"]);
        list[0].summary = "Does something else".to_owned();
        let plan = plan_import(live(&[("GET /a", 4)]), list, false).unwrap();
        let (before, after) = &plan.changed[0];
        assert_eq!((before.number, before.position), (after.number, after.position));
        assert_eq!(after.summary, "Does something else");
    }

    #[test]
    fn a_renamed_parameter_is_another_method_and_needs_the_old_one_retired() {
        let book = || live(&[("GET /a/{id}", 1)]);
        let refused = plan_import(book(), listed(&["GET /a/{code}"]), false).unwrap_err();
        assert_eq!(refused.reason(), "METHOD_TAKEN");
        let plan = plan_import(book(), listed(&["GET /a/{code}"]), true).unwrap();
        assert_eq!((plan.added.len(), plan.retired.len()), (1, 1));
    }

    #[test]
    fn methods_that_read_the_same_requests_are_told_with_every_other_fault() {
        let bad = MethodDraft { block: String::new(), ..draft("GET /x") };
        let drafts = [draft("GET /a/{x}"), draft("GET /a/{y}"), bad, draft("get /")];
        let fields = fields_in(|violations| check_all(violations, &drafts));
        assert_eq!(fields, ["methods[1].method", "methods[2].block", "methods[3].method"]);
    }
}
