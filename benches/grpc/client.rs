//! The client process: loads a server as fast as it answers, or at a given pace.

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
use super::{BATCH, CONNECTIONS, KEYS, Load, STREAMS};
use crate::common::cpu;
use crate::common::data;
use crate::common::stats::{Draw, Sample};

/// Load before anything is counted.
const WARMING: Duration = Duration::from_secs(1);

const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";
const BATCH_AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/BatchAuthorize";

/// Counts calls while it is told to.
#[derive(Debug, Default)]
struct Count {
    calls: AtomicU64,
    /// Whether what calls take is written down.
    timed: AtomicBool,
    over: AtomicBool,
}

/// Says `warm`, waits for a line, and then tells how many calls were answered in `time`, and the median and the 99th
/// percentile of what they took, in microseconds. With a `pace`, every caller begins a call that often; without, as soon
/// as the one before was answered.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(crate) fn run(address: &str, token: &str, load: Load, time: Duration, pace: Option<Duration>) {
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
                let caller =
                    Caller { client: Grpc::new(channel.clone()), bearer: bearer.clone(), load, draw: Draw::new(seed) };
                #[expect(clippy::disallowed_methods, reason = "awaited below")]
                callers.push(tokio::task::spawn(caller.calls(pace, Arc::clone(&count))));
            }
        }
        tokio::time::sleep(WARMING).await;
        println!("warm");
        std::io::stdin().lock().lines().next();
        let before = count.calls.load(Ordering::Relaxed);
        count.timed.store(true, Ordering::Relaxed);
        tokio::time::sleep(time).await;
        count.timed.store(false, Ordering::Relaxed);
        println!("{}", count.calls.load(Ordering::Relaxed) - before);
        count.over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.await.expect("every call is answered"));
        }
        let times = Sample::new(times);
        println!("{}\n{}", times.median(), times.percentile(0.99));
    });
}

/// One of those who call at once.
struct Caller {
    client: Grpc<Channel>,
    bearer: MetadataValue<Ascii>,
    load: Load,
    draw: Draw,
}

impl Caller {
    /// Calls until it is over. Answers what calls took while they were timed, in microseconds.
    async fn calls(mut self, pace: Option<Duration>, count: Arc<Count>) -> Vec<f64> {
        // Keys that are good for everything at the one store that is named: every call must be allowed.
        let good: Vec<String> = (0..KEYS).filter(|number| data::opens_all(*number)).map(text).collect();
        let mut times = Vec::new();
        let mut ticks = pace.map(|pace| {
            // Not all at the same moment.
            let begin = tokio::time::Instant::now() + pace.mul_f64(self.draw.fraction());
            tokio::time::interval_at(begin, pace)
        });
        while !count.over.load(Ordering::Relaxed) {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            self.client.ready().await.expect("the server is there");
            let began = cpu::wall();
            self.call(&good).await;
            if count.timed.load(Ordering::Relaxed) {
                times.push(cpu::wall().saturating_sub(began).as_secs_f64() * 1_000_000.0);
            }
            count.calls.fetch_add(1, Ordering::Relaxed);
        }
        times
    }

    async fn call(&mut self, good: &[String]) {
        match self.load {
            Load::Authorize | Load::Echo => {
                let question = question(&mut self.draw, good);
                let request = self.request(question);
                let codec = ProstCodec::<_, proto::AuthorizeResponse>::default();
                let answer = self.client.unary(request, PathAndQuery::from_static(AUTHORIZE), codec).await;
                let decision = answer.expect("a call is answered").into_inner().decision.expect("with a decision");
                assert!(decision.allowed, "{decision:?}");
            }
            Load::Batch => {
                let requests = (0..BATCH).map(|_| question(&mut self.draw, good)).collect();
                let request = self.request(proto::BatchAuthorizeRequest { requests });
                let codec = ProstCodec::<_, proto::BatchAuthorizeResponse>::default();
                let answer = self.client.unary(request, PathAndQuery::from_static(BATCH_AUTHORIZE), codec).await;
                let results = answer.expect("a call is answered").into_inner().results;
                let allowed = results.iter().filter(|result| match &result.result {
                    Some(proto::batch_authorize_result::Result::Decision(decision)) => decision.allowed,
                    _ => false,
                });
                assert_eq!(allowed.count(), BATCH);
            }
            Load::Nothing => {
                let codec = ProstCodec::<(), ()>::default();
                let path = PathAndQuery::from_static(noop::PATH);
                self.client.unary(tonic::Request::new(()), path, codec).await.expect("a call is answered");
            }
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}

fn question(draw: &mut Draw, good: &[String]) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest {
        key: good[draw.place(good.len())].clone(),
        method: "GET /api/v5/orders".to_owned(),
        store: data::store_code(7),
        ..Default::default()
    }
}

fn text(number: u64) -> String {
    data::token(number).reveal().to_owned()
}
