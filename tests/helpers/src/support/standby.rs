//! A streaming standby of a cluster: created by pg_basebackup, disconnected, promoted.

use std::process::Command;
use std::time::Duration;

use super::machine::{find_program, run_as};
use super::postgres::{Cluster, Options, query};
use super::wait::eventually;

/// Bound for internal work of a standby on a busy machine.
const BOUND: Duration = Duration::from_mins(1);

impl Cluster {
    /// Creates a standby that streams from this cluster, and returns once it has caught up.
    ///
    /// # Panics
    ///
    /// When pg_basebackup is missing or fails, or the standby does not start.
    #[must_use]
    pub fn standby(&self) -> Self {
        let standby = Self::start_from(Options::default(), |binaries, data, account| {
            let local = binaries.join("pg_basebackup");
            let program = if local.is_file() { Some(local) } else { find_program("pg_basebackup", &[]) };
            let program = program.expect("pg_basebackup comes with PostgreSQL's client: run `make setup`");
            let mut command = Command::new(program);
            command
                .args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--pgdata"])
                .arg(data)
                .args(["--dbname", &format!("host=127.0.0.1 port={} user=postgres", self.port())])
                .current_dir(data);
            run_as(&mut command, account);
            let output = command.output().expect("pg_basebackup starts");
            assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        });
        self.wait_caught_up(&standby);
        standby
    }

    /// Waits until `standby` has replayed everything that is written so far.
    ///
    /// # Panics
    ///
    /// When it does not within a minute.
    pub fn wait_caught_up(&self, standby: &Self) {
        let here = self.query("SELECT pg_current_wal_lsn()")[0][0].clone().expect("a place in the log");
        eventually("the standby has caught up", BOUND, || {
            let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{here}'");
            (standby.query(&sql)[0][0].as_deref() == Some("t")).then_some(())
        });
    }

    /// Stops the streaming of this standby: it does not receive later commits of its primary.
    ///
    /// # Panics
    ///
    /// When it does not stop within a minute.
    pub fn stop_streaming(&self) {
        self.query("ALTER SYSTEM SET primary_conninfo = ''");
        self.query("SELECT pg_reload_conf()");
        eventually("the standby does not stream any more", BOUND, || {
            (self.query("SELECT count(*) FROM pg_stat_wal_receiver")[0][0].as_deref() == Some("0")).then_some(())
        });
    }

    /// Promotes this standby to primary.
    ///
    /// # Panics
    ///
    /// When it does not accept writes within a minute.
    pub fn promote(&self) {
        self.query("SELECT pg_promote(wait => false)");
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port());
        eventually("the standby was promoted", BOUND, || {
            let answer = query(&url, "SELECT pg_is_in_recovery()").ok()?;
            (answer[0][0].as_deref() == Some("f")).then_some(())
        });
    }

    /// Makes commits wait until a standby has them as well.
    ///
    /// # Panics
    ///
    /// When no standby streams within a minute.
    pub fn require_standby_commit(&self) {
        self.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.query("SELECT pg_reload_conf()");
        eventually("the standby is one that commits wait for", BOUND, || {
            let rows = self.query("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'");
            (rows[0][0].as_deref() == Some("1")).then_some(())
        });
    }
}
