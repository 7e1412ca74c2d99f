//! The rules for a method's fields.

use crate::model::book::MethodNumber;
use crate::model::change::Revision;
use crate::model::method::{StoreLocation, StorePlace, StoreUse};
use crate::model::pattern::{MethodIdentity, Segment};
use crate::model::reference::Method;
use crate::model::text::is_word;
use crate::model::time::Timestamp;
use crate::model::violations::Violations;
use crate::registry::input::MethodDraft;
use crate::registry::validate::{self, Field, Lines, Mask};

const MAX_PLACES: usize = 20;
const USES: &str = "STORE_USE_NONE, STORE_USE_SHARED, STORE_USE_OPTIONAL or STORE_USE_REQUIRED";

const TEXTS: [Field<MethodDraft>; 3] = [
    ("block", |violations, draft| validate::text(violations, "block", &draft.block, (1, 100), Lines::One)),
    ("summary", |violations, draft| validate::text(violations, "summary", &draft.summary, (1, 300), Lines::One)),
    ("description", |violations, draft| {
        validate::text(violations, "description", &draft.description, (0, 2_000), Lines::Several);
    }),
];

/// Checks all fields of a new method except its position.
pub(super) fn method(violations: &mut Violations, draft: &MethodDraft) -> Option<Method> {
    let identity = validate::parse::<MethodIdentity>(violations, "method", &draft.method);
    for (_, check) in TEXTS {
        check(violations, draft);
    }
    let store_use = validate::required(violations, "store_use", draft.store_use, USES);
    if let (Some(store_use), Some(identity)) = (store_use, &identity) {
        shared(violations, store_use, identity, !draft.store_places.is_empty());
    }
    let store_places = store_places(violations, &draft.store_places, identity.as_ref());
    scope(violations, &draft.scope);
    Some(Method {
        number: MethodNumber(0),
        identity: identity?,
        block: draft.block.clone(),
        summary: draft.summary.clone(),
        description: draft.description.clone(),
        store_use: store_use?,
        store_places,
        scope: Some(draft.scope.clone()).filter(|scope| !scope.is_empty()),
        position: draft.position,
        retired: None,
        // Storage sets these when it writes the method.
        created: Timestamp::EPOCH,
        updated: Timestamp::EPOCH,
        row_revision: Revision::default(),
    })
}

/// Checks the masked fields of a method.
pub(super) fn masked(violations: &mut Violations, mask: &Mask, draft: &MethodDraft, identity: Option<&MethodIdentity>) {
    mask.check(violations, &TEXTS, draft);
    if mask.has("store_use") {
        validate::required(violations, "store_use", draft.store_use, USES);
    }
    if mask.has("store_places") {
        store_places(violations, &draft.store_places, identity);
    }
    if mask.has("scope") {
        scope(violations, &draft.scope);
    }
    if mask.has("position") {
        position(violations, draft.position);
    }
}

pub(super) fn position(violations: &mut Violations, position: i32) {
    if position < 0 {
        violations.add("position", "must not be negative; 0 means after all others");
    }
}

/// Checks that a method that is shared by keys of all stores only reads, and has no store location.
pub(super) fn shared(violations: &mut Violations, store_use: StoreUse, identity: &MethodIdentity, has_places: bool) {
    if store_use == StoreUse::Shared
        && let Some(fault) = StoreUse::shared_error(identity.verb, has_places)
    {
        violations.add("store_use", fault);
    }
}

fn scope(violations: &mut Violations, scope: &str) {
    if !scope.is_empty() && !is_word(scope, 64, b"_") {
        violations.add("scope", "must be empty or 1–64 of a-z 0-9 _, starting with a letter");
    }
}

/// Checks the locations of the store in the method's calls; a path parameter must occur in the pattern.
pub(super) fn store_places(
    violations: &mut Violations,
    texts: &[String],
    identity: Option<&MethodIdentity>,
) -> Vec<StorePlace> {
    if !validate::bounded(violations, "store_places", texts.len(), MAX_PLACES) {
        return Vec::new();
    }
    let mut places: Vec<StorePlace> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let field = format_args!("store_places[{at}]");
        let Some(place) = validate::parse::<StorePlace>(violations, field, text) else { continue };
        if places.contains(&place) {
            violations.add(format_args!("store_places[{at}]"), format_args!("repeats the location `{place}`"));
        }
        if place.location() == StoreLocation::Path
            && let Some(identity) = identity
            && !identity.pattern.parameters().any(|name| name == place.name())
        {
            violations.add(
                format_args!("store_places[{at}]"),
                format_args!("names a parameter that is not in the pattern: add {{{}}} to the pattern", place.name()),
            );
        }
        places.push(place);
    }
    places
}

/// Returns a method's pattern without the names of its parameters: methods of one shape match the same requests.
pub(super) fn shape(identity: &MethodIdentity) -> String {
    let mut shape = identity.verb.to_string();
    for segment in identity.pattern.segments() {
        shape.push('/');
        match segment {
            Segment::Literal(text) => shape.push_str(text),
            Segment::Partial(prefix) => {
                shape.push_str(prefix);
                shape.push('*');
            }
            Segment::Parameter(_) => shape.push_str("{}"),
            Segment::Rest => shape.push_str("**"),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::book::{Book, Entry};
    use crate::model::method::StoreUse;
    use crate::registry::validate::tests::fields_in;

    fn violations_in(draft: &MethodDraft) -> Vec<String> {
        fields_in(|violations| violations.within("method", |violations| method(violations, draft)))
    }

    fn valid_draft() -> MethodDraft {
        MethodDraft {
            method: "GET /api/v*/orders/{site}".to_owned(),
            block: "Orders".to_owned(),
            summary: "Get an order".to_owned(),
            store_use: crate::registry::input::Choice::Is(StoreUse::Optional),
            store_places: vec!["query:site".to_owned(), "path:site".to_owned()],
            scope: "order_read".to_owned(),
            ..MethodDraft::default()
        }
    }

    #[test]
    fn a_good_method_passes_and_an_empty_one_hears_of_everything() {
        assert!(violations_in(&valid_draft()).is_empty());
        assert_eq!(
            violations_in(&MethodDraft::default()),
            ["method.method", "method.block", "method.summary", "method.store_use"]
        );
    }

    #[test]
    fn places_are_read_and_fit_the_pattern() {
        let places = ["query:site", "query:site", "body:x", "path:code"].map(str::to_owned).to_vec();
        assert_eq!(
            violations_in(&MethodDraft { store_places: places, scope: "Order".to_owned(), ..valid_draft() }),
            ["method.store_places[1]", "method.store_places[2]", "method.store_places[3]", "method.scope"]
        );
    }

    /// This rule must be the same as the compiled book's, or a stored book might not compile.
    #[test]
    fn methods_are_of_one_shape_exactly_when_the_book_says_so() {
        let texts = "GET /a/{x}, GET /a/{y}, POST /a/{x}, GET /a/v*, GET /a/v1, GET /a/**, GET /a, GET /, GET \
                     /a/{x}/b, GET /a/{y}/b, GET /a/V*, GET /a/{x}/**, GET /a/{z}/**";
        let texts: Vec<&str> = texts.split(", ").collect();
        for (at, first) in texts.iter().enumerate() {
            for second in &texts[at + 1..] {
                let identity = |text: &str| text.parse::<MethodIdentity>().unwrap();
                let entry = |number, text| Entry {
                    number: MethodNumber(number),
                    identity: identity(text),
                    store_use: StoreUse::None,
                    retired: false,
                };
                let clash = Book::compile([entry(1, first), entry(2, second)]).is_err();
                assert_eq!(shape(&identity(first)) == shape(&identity(second)), clash, "{first} and {second}");
            }
        }
    }
}
