//! The tools of the tests work: servers start, survive what tests do to them, and leave nothing behind.

use helpers::support;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use helpers::support::pgbouncer::PgBouncer;
use helpers::support::postgres::{Cluster, Options, query};
use helpers::support::process::LatchkeyProcess;
use helpers::support::workspace::{Workspace, processes_in};
use helpers::support::{eventually, eventually_async, http, machine};

/// Set for a copy of this program that will be killed: it stays after its test.
const HOLD: &str = "LATCHKEY_TEST_HOLD";

fn one(rows: &[Vec<Option<String>>]) -> &str {
    rows[0][0].as_deref().expect("the value is not null")
}

/// Returns key and id of every System V segment of this machine.
fn segments() -> Vec<(String, String)> {
    let text = std::fs::read_to_string("/proc/sysvipc/shm").expect("the kernel lists its segments");
    let words = text.lines().map(|line| line.split_ascii_whitespace());
    words.filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.to_owned()))).collect()
}

fn stand_in() -> support::process::Builder {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helpers/src/support/stand_in.py");
    LatchkeyProcess::builder().program(machine::python_with("http.server")).args(&[script])
}

#[test]
#[expect(clippy::print_stdout, reason = "the test that kills a copy of this program reads the folder from it")]
fn databases_of_the_shared_cluster_are_empty_and_apart() {
    let cluster = Cluster::shared();
    let (first, second) = (cluster.database(), cluster.database());
    first.query("CREATE TABLE only_here (a int); INSERT INTO only_here VALUES (7)");
    assert_eq!(one(&first.query("SELECT a FROM only_here")), "7");
    assert_eq!(one(&query(first.socket_url(), "SELECT a FROM only_here").expect("the socket answers")), "7");
    assert!(first.dump().contains("only_here"), "the dump shows the table");
    let elsewhere = query(second.url(), "SELECT a FROM only_here").expect_err("the other database is empty");
    assert!(elsewhere.contains("only_here"), "{elsewhere}");
    if std::env::var_os(HOLD).is_some() {
        println!("holding {}", cluster.folder().display());
        std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input is readable");
    }
}

#[test]
fn a_cluster_keeps_to_its_defaults_and_its_options() {
    let cluster = Cluster::shared();
    assert_eq!(cluster.setting("fsync"), "on");
    assert_eq!(cluster.setting("synchronous_commit"), "on");
    assert_eq!(cluster.setting("full_page_writes"), "on");
    assert_eq!(cluster.setting("max_connections"), "200");
    let unlike_ours = cluster.database().query("SELECT string_agg(w, ',' ORDER BY w) FROM (VALUES ('a'),('B')) v(w)");
    assert_eq!(one(&unlike_ours), "a,B", "the default order is that of a language, not of bytes");

    let own = Cluster::start(Options::default().set("log_statement", "all").set("max_connections", "20"));
    assert_eq!(own.setting("max_connections"), "20");
    own.query("SELECT 'seen in the log'");
    eventually("the statement is logged", Duration::from_secs(5), || {
        own.log().contains("seen in the log").then_some(())
    });
}

#[test]
fn a_cluster_survives_kill_nine_and_freezing_and_then_leaves_nothing() {
    let mut cluster = Cluster::start(Options::default());
    let folder = cluster.folder().to_owned();
    let database = cluster.database();
    database.query("CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)");

    cluster.kill9();
    assert!(query(database.url(), "SELECT 1").is_err(), "killed: nothing answers");
    cluster.restart();
    assert_eq!(one(&database.query("SELECT count(*) FROM kept")), "1", "what was acknowledged is there");

    cluster.stop();
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| query(database.url(), "SELECT a FROM kept"));
        // The kernel accepts the connection, and the frozen server does not respond.
        let silent = std::net::TcpStream::connect(("127.0.0.1", cluster.port())).expect("the kernel accepts");
        silent.set_read_timeout(Some(Duration::from_millis(300))).expect("a time-out can be set");
        let read = (&silent).read(&mut [0; 1]).expect_err("frozen: nothing is sent");
        assert_eq!(read.kind(), std::io::ErrorKind::WouldBlock, "{read}");
        assert!(!asking.is_finished(), "frozen: the query waits");
        cluster.cont();
        asking.join().expect("the query does not panic")
    });
    assert_eq!(one(&asked.expect("thawed: the query is answered")), "1");

    assert!(!processes_in(&folder).is_empty(), "the server's processes are found by their folder");
    let segment = cluster.shared_memory();
    assert!(segments().contains(&segment), "the server's memory {segment:?} is found");
    assert_eq!(cluster.setting("dynamic_shared_memory_type"), "mmap", "the rest of its memory is in its folder");
    drop(cluster);
    assert!(!segments().contains(&segment), "no memory outlives the cluster");
    assert_eq!(processes_in(&folder), [0_u32; 0], "no process outlives the cluster");
    assert!(!folder.exists(), "no file outlives the cluster");
}

#[test]
fn a_pgbouncer_pools_by_transaction_and_leaves_nothing() {
    let database = Cluster::shared().database();
    let mut bouncer = PgBouncer::start_with(Cluster::shared(), "transaction", &[("default_pool_size", "1")]);
    let folder = bouncer.folder().to_owned();
    let url = bouncer.url(&database);
    let backend = || one(&query(&url, "SELECT pg_backend_pid()").expect("the bouncer answers")).to_owned();
    assert_eq!(backend(), backend(), "two clients, one after the other, share a server connection");

    bouncer.stop();
    bouncer.cont();
    assert_eq!(one(&query(&url, "SELECT 2").expect("thawed, it answers")), "2");
    bouncer.kill9();
    assert!(query(&url, "SELECT 1").is_err(), "killed: nothing answers");
    drop(bouncer);
    assert_eq!(processes_in(&folder), [0_u32; 0], "no process outlives the bouncer");
    assert!(!folder.exists(), "no file outlives the bouncer");
}

#[test]
fn a_server_process_is_started_killed_restarted_and_terminated() {
    let mut server = stand_in().env("LATCHKEY_EXTRA", "yes").start();
    let folder = server.folder().to_owned();
    assert_eq!(server.admin_token(), "lko_stand_in");
    assert_eq!(http::get(server.addresses().ops, "/readyz").expect("it answers").body, "ready\n");
    assert_eq!(http::get(server.addresses().ops, "/other").expect("it answers").status, 404);
    assert!(server.stderr().contains("LATCHKEY_EXTRA"), "{}", server.stderr());
    assert!(!server.stderr().contains("CARGO"), "nothing of our environment: {}", server.stderr());

    server.kill9();
    assert!(http::get(server.addresses().ops, "/readyz").is_err(), "killed: nothing answers");
    server.restart();
    assert_eq!(std::fs::read_to_string(server.data().join("starts")).expect("written at each start"), "xx");

    server.terminate();
    assert_eq!(server.wait_exit(Duration::from_secs(10)).code(), Some(7));
    drop(server);
    assert!(!folder.exists(), "no file outlives the server");
}

#[test]
#[should_panic(expected = "ended with exit status: 3 before it was ready")]
fn a_server_that_ends_instead_of_starting_is_not_waited_for() {
    let _never = LatchkeyProcess::builder().program("sh").args(&["-c", "exit 3"]).start();
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    let mut copy = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", "support_works::databases_of_the_shared_cluster_are_empty_and_apart", "--nocapture"])
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let mut lines = BufReader::new(copy.stdout.take().expect("piped")).lines();
    let folder = lines
        .find_map(|line| Some(PathBuf::from(line.expect("text").split_once("holding ")?.1)))
        .expect("the copy names its folder before it ends");
    assert!(!processes_in(&folder).is_empty(), "the copy's server runs in {folder:?}");
    copy.kill().expect("the copy can be killed");
    copy.wait().expect("the copy ends");
    eventually("the folder and its processes are gone", Duration::from_secs(20), || {
        (!folder.exists() && processes_in(&folder).is_empty()).then_some(())
    });
}

#[test]
fn a_workspace_takes_with_it_what_runs_in_it() {
    let workspace = Workspace::new("self");
    let folder = workspace.path().to_owned();
    let mut reader = Command::new("cat").current_dir(&folder).stdin(Stdio::piped()).spawn().expect("cat starts");
    drop(workspace);
    let status = reader.wait().expect("cat has ended");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(!folder.exists());
}

#[test]
#[should_panic(expected = "not within 20ms: the moon is cheese")]
fn waiting_ends_with_the_name_of_what_was_waited_for() {
    eventually("the moon is cheese", Duration::from_millis(20), || None::<()>);
}

#[tokio::test]
#[should_panic(expected = "not within 20ms: the moon is cheese")]
async fn waiting_cuts_off_a_look_that_hangs() {
    eventually_async("the moon is cheese", Duration::from_millis(20), async || {
        std::future::pending::<Option<()>>().await
    })
    .await;
}
