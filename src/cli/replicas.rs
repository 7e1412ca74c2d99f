//! `latchkey replicas`: the running servers, and what they have applied.

use std::fmt::Write as _;

use super::exit::{Ending, Outcome};
use super::moment::told;
use super::output::Table;
use super::session::Session;
use super::words;
use crate::proto::v1;

/// Does it.
pub(super) async fn run(session: &Session) -> Outcome {
    let mut client = session.replicas().await?;
    let answer = session.call("listing servers", client.list_replicas(v1::ListReplicasRequest {})).await?;
    session.answer(&answer, told_of)?;
    Ok(Ending::Done)
}

fn told_of(answer: &v1::ListReplicasResponse) -> String {
    let mut table =
        Table::new(["REPLICA", "HOST", "VERSION", "STARTED", "REPORTED", "APPLIED", "BEHIND", "LIVE", "ANSWERS"]);
    for replica in &answer.replicas {
        table.row([
            replica.id.clone(),
            replica.host.clone(),
            replica.version.clone(),
            told(replica.start_time.as_ref()),
            told(replica.report_time.as_ref()),
            replica.applied_revision.to_string(),
            answer.head_revision.saturating_sub(replica.applied_revision).to_string(),
            words::yes(replica.live).to_owned(),
            words::yes(replica.id == answer.answered_by).to_owned(),
        ]);
    }
    let mut text = table.text("replicas");
    let staleness = answer.max_staleness.as_ref().map_or(0, |staleness| staleness.seconds);
    let _ = writeln!(
        text,
        "\nnewest revision {}; a server without proof of freshness allows for {staleness} s",
        answer.head_revision
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_each_server_is_behind_is_told() {
        let replica = |id: &str, applied_revision| v1::Replica {
            id: id.to_owned(),
            applied_revision,
            live: true,
            ..Default::default()
        };
        let answer = v1::ListReplicasResponse {
            replicas: vec![replica("rep_1", 9), replica("rep_2", 7)],
            head_revision: 9,
            answered_by: "rep_1".to_owned(),
            max_staleness: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        };
        let text = told_of(&answer);
        let row = text.lines().find(|line| line.contains("rep_2")).unwrap();
        assert!(row.split_whitespace().any(|cell| cell == "2"), "{row}");
        assert!(text.contains("newest revision 9") && text.contains("60 s"), "{text}");
    }
}
