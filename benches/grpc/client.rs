//! The client process: loads a server as fast as it answers.

use std::io::BufRead as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::uri::PathAndQuery;
use latchkey::proto::v1 as proto;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::noop;
use super::{CONNECTIONS, KEYS, Load, STREAMS};
use crate::common::data;
use crate::common::stats::Draw;

/// Load before anything is counted.
const WARMING: Duration = Duration::from_secs(1);

const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";

/// Counts calls while it is told to.
#[derive(Debug, Default)]
struct Count {
    calls: AtomicU64,
    over: AtomicBool,
}

/// Says `warm`, waits for a line, and then tells how many calls were answered in `time`.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(crate) fn run(address: &str, token: &str, load: Load, time: Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse().expect("a token is ASCII");
    let count = Arc::new(Count::default());
    runtime.block_on(async {
        let mut callers = Vec::new();
        for connection in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
            let channel = endpoint.connect().await.expect("the server is there");
            for stream in 0..STREAMS {
                let seed = (connection * STREAMS + stream) as u64;
                let caller = calls(channel.clone(), bearer.clone(), load, seed, Arc::clone(&count));
                #[expect(clippy::disallowed_methods, reason = "awaited below")]
                callers.push(tokio::task::spawn(caller));
            }
        }
        tokio::time::sleep(WARMING).await;
        println!("warm");
        std::io::stdin().lock().lines().next();
        let before = count.calls.load(Ordering::Relaxed);
        tokio::time::sleep(time).await;
        println!("{}", count.calls.load(Ordering::Relaxed) - before);
        count.over.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.expect("every call is answered");
        }
    });
}

async fn calls(channel: Channel, bearer: MetadataValue<Ascii>, load: Load, seed: u64, count: Arc<Count>) {
    let mut draw = Draw::new(seed);
    // Keys that are good for everything at the one store that is named: every call must be allowed.
    let good: Vec<String> = (0..KEYS).filter(|number| data::opens_all(*number)).map(text).collect();
    let mut client = Grpc::new(channel);
    while !count.over.load(Ordering::Relaxed) {
        client.ready().await.expect("the server is there");
        match load {
            Load::Authorize | Load::Echo => {
                let key = good[draw.place(good.len())].clone();
                let message = proto::AuthorizeRequest {
                    key,
                    method: "GET /api/v5/orders".to_owned(),
                    store: data::store_code(7),
                    ..Default::default()
                };
                let codec = ProstCodec::<_, proto::AuthorizeResponse>::default();
                let mut request = tonic::Request::new(message);
                request.metadata_mut().insert("authorization", bearer.clone());
                let answer = client.unary(request, PathAndQuery::from_static(AUTHORIZE), codec).await;
                let decision = answer.expect("a call is answered").into_inner().decision.expect("with a decision");
                assert!(decision.allowed, "{decision:?}");
            }
            Load::Nothing => {
                let codec = ProstCodec::<(), ()>::default();
                let request = tonic::Request::new(());
                client.unary(request, PathAndQuery::from_static(noop::PATH), codec).await.expect("a call is answered");
            }
        }
        count.calls.fetch_add(1, Ordering::Relaxed);
    }
}

fn text(number: u64) -> String {
    data::token(number).reveal().to_owned()
}
