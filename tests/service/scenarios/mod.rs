//! The mission, row by row: each scenario runs through a real server and a gRPC client, on both engines, and asserts
//! the resulting decisions. The very next decision follows every acknowledged write: no scenario waits.

/// Runs each scenario on both engines, each time on a server of its own.
macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use helpers::test_server::{Engine, TestServer};

            #[tokio::test]
            async fn sqlite() {
                super::$scenario(&TestServer::start(Engine::Sqlite).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$scenario(&TestServer::start(Engine::Postgres).await).await;
            }
        }
    )+};
}

mod m01_connect_stores;
mod m02_list_of_keys;
mod m03_filter_the_list;
mod m04_tokens;
mod m05_all_stores;
mod m06_individual_stores;
mod m07_one_store_binds;
mod m08_one_key_over_several_sites;
mod m09_method_blocks;
mod m10_cpa_network;
mod m11_authorize_and_crud;
mod m13_health_and_admin;
