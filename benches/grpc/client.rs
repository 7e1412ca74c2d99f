//! The client process: loads a server as fast as it responds, or at a given rate.

use std::io::BufRead as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::uri::PathAndQuery;
use latchkey::proto::v1 as proto;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::{BATCH, CONNECTIONS, Load, STREAMS, authorize_request, noop};
use crate::common::cpu;
use crate::common::data;
use crate::common::stats::{Random, Sample, Zipf};

/// Duration of the load before anything is counted.
const WARMING: Duration = Duration::from_secs(1);

/// Number of keys drawn before the load: more than a round uses, except for batches, which start again.
const DRAWN: usize = 600_000;

pub(super) const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";
const BATCH_AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/BatchAuthorize";

/// Counts calls while counting is switched on.
#[derive(Debug, Default)]
struct Count {
    calls: AtomicU64,
    /// Whether call durations are recorded.
    timed: AtomicBool,
    over: AtomicBool,
}

/// Keys to send requests for, one after another.
struct Keys {
    texts: Vec<String>,
    next: AtomicUsize,
}

impl Keys {
    /// Draws keys among `count`; `seed` determines which ones.
    fn draw(load: Load, count: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let number: Box<dyn Fn(&mut Random) -> u64> = if load == Load::AuthorizeZipf {
            let zipf = Zipf::new(count);
            Box::new(move |random| zipf.next(random))
        } else {
            Box::new(move |random| random.below(count))
        };
        let drawn = if load == Load::Nothing { 0 } else { DRAWN };
        Self { texts: (0..drawn).map(|_| text(number(&mut random))).collect(), next: AtomicUsize::new(0) }
    }

    fn next(&self) -> String {
        self.texts[self.next.fetch_add(1, Ordering::Relaxed) % self.texts.len()].clone()
    }
}

/// Configuration of the client.
pub(super) struct ClientConfig<'a> {
    pub(super) address: &'a str,
    /// Token of an operator.
    pub(super) token: &'a str,
    pub(super) load: Load,
    pub(super) time: Duration,
    /// Time between two calls of every caller; `None`: as soon as the previous call has returned.
    pub(super) pace: Option<Duration>,
    /// Number of keys.
    pub(super) keys: u64,
    /// Determines which keys are used.
    pub(super) seed: u64,
}

/// Prints `warm`, waits for a line, and then prints how many calls returned in the time, and the median and the 99th
/// percentile of their durations in microseconds.
#[expect(clippy::print_stdout, reason = "the leading process reads it")]
pub(super) fn run(config: &ClientConfig<'_>) {
    let &ClientConfig { address, token, load, time, pace, .. } = config;
    let keys = Arc::new(Keys::draw(load, config.keys, config.seed));
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
                let random = Random::new((connection * STREAMS + stream) as u64);
                let (client, keys) = (Grpc::new(channel.clone()), Arc::clone(&keys));
                let caller = Caller { client, bearer: bearer.clone(), load, keys, random };
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

/// One of the concurrent callers.
struct Caller {
    client: Grpc<Channel>,
    bearer: MetadataValue<Ascii>,
    load: Load,
    keys: Arc<Keys>,
    random: Random,
}

impl Caller {
    /// Calls until the load ends. Returns the durations of the timed calls in microseconds.
    async fn calls(mut self, pace: Option<Duration>, count: Arc<Count>) -> Vec<f64> {
        let mut times = Vec::new();
        let mut ticks = pace.map(|pace| {
            // Spreads the first calls of all callers.
            let begin = tokio::time::Instant::now() + pace.mul_f64(self.random.fraction());
            tokio::time::interval_at(begin, pace)
        });
        while !count.over.load(Ordering::Relaxed) {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            self.client.ready().await.expect("the server is there");
            let began = cpu::wall();
            self.call().await;
            if count.timed.load(Ordering::Relaxed) {
                times.push(cpu::wall().saturating_sub(began).as_secs_f64() * 1_000_000.0);
            }
            count.calls.fetch_add(1, Ordering::Relaxed);
        }
        times
    }

    async fn call(&mut self) {
        match self.load {
            Load::Authorize | Load::AuthorizeZipf | Load::Echo => {
                let request = self.request(authorize_request(self.keys.next()));
                let codec = ProstCodec::<_, proto::AuthorizeResponse>::default();
                let answer = self.client.unary(request, PathAndQuery::from_static(AUTHORIZE), codec).await;
                let decision = answer.expect("a call is answered").into_inner().decision.expect("with a decision");
                assert!(decision.allowed, "{decision:?}");
            }
            Load::Batch => {
                let requests = (0..BATCH).map(|_| authorize_request(self.keys.next())).collect();
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

/// Returns the token of the key with this number.
pub(super) fn text(number: u64) -> String {
    data::token(number).reveal().to_owned()
}
