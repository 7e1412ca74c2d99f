//! Compiles the contract in proto/ to Rust, without an installed `protoc`, and writes its descriptors for reflection.
//! Disables guards in the program for `make guards`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;
use protox::prost_reflect::prost_types::FileDescriptorSet;

/// The files of the contract.
const PROTOS: [&str; 9] = [
    "latchkey/v1/audit.proto",
    "latchkey/v1/authorization.proto",
    "latchkey/v1/common.proto",
    "latchkey/v1/keys.proto",
    "latchkey/v1/methods.proto",
    "latchkey/v1/operators.proto",
    "latchkey/v1/replicas.proto",
    "latchkey/v1/stores.proto",
    "latchkey/v1/usage.proto",
];

/// The parts of third-party contracts that the decision port implements.
const FOREIGN: [&str; 1] = ["envoy/service/auth/v3/external_auth.proto"];

/// Messages that contain a token or a digest: src/proto.rs implements `Debug` for them without it.
const SECRET: [&str; 13] = [
    ".latchkey.v1.AuthorizeRequest",
    ".latchkey.v1.IntrospectKeyRequest",
    ".latchkey.v1.CreateKeyRequest",
    ".latchkey.v1.CreateKeyResponse",
    ".latchkey.v1.RotateKeyRequest",
    ".latchkey.v1.RotateKeyResponse",
    ".latchkey.v1.FindKeyRequest",
    ".latchkey.v1.ImportedKey",
    ".latchkey.v1.ImportedKey.secret",
    ".latchkey.v1.CreateOperatorResponse",
    ".latchkey.v1.RotateOperatorResponse",
    ".envoy.config.core.v3.HeaderValue",
    ".envoy.service.auth.v3.AttributeContext.HttpRequest",
];

/// The guards of ARCHITECTURE.md that `make guards` disables one at a time to see its test fail: one check each, at
/// `without_guard = "name"`. Not features of the crate, because `--all-features` must not weaken it.
const GUARDS: [&str; 15] = [
    "agreement",
    "coherence",
    "drift",
    "emptied",
    "fsync",
    "marks",
    "narrowing",
    "redaction",
    "settings",
    "silence",
    "strictness",
    "supervision",
    "undecided",
    "whole",
    "witness",
];
/// The names of the guards to disable, separated by commas.
const WITHOUT_GUARDS: &str = "BUILD_WITHOUT_GUARDS";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build.rs");
    build_out_guards()?;
    println!("cargo::rerun-if-changed=migrations");
    // Each migration makes one version; tests/fast/tidy checks that both engines have the same ones.
    let migrations = fs::read_dir("migrations/postgres")?.collect::<Result<Vec<_>, _>>()?;
    // Not what an editor leaves beside them.
    let versions = migrations.iter().filter(|file| file.path().extension().is_some_and(|kind| kind == "sql"));
    println!("cargo::rustc-env=SCHEMA_VERSION={}", versions.count());

    let mut config = tonic_prost_build::Config::new();
    // With its name, the command line finds the descriptor of a message.
    config.enable_type_names();
    tonic_prost_build::configure()
        .codec_path("crate::proto::LeanCodec")
        .skip_debug(SECRET)
        // Labels and the fields of audit images are always sent in the order of their names.
        .btree_map(".latchkey.v1")
        .compile_fds_with_config(describe(&PROTOS)?, config)?;
    tonic_prost_build::configure()
        .codec_path("crate::proto::LeanCodec")
        .skip_debug(SECRET)
        // Headers and bodies are read in place, without copying the message.
        .bytes(".envoy")
        .include_file("foreign.rs")
        .compile_fds(describe(&FOREIGN)?)?;

    let mut described = describe(&[&PROTOS[..], &FOREIGN[..]].concat())?;
    for file in &mut described.file {
        // Positions and comments double the size, and reflection needs only names and types.
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run by cargo")?);
    fs::write(out.join("latchkey.v1.binpb"), described.encode_to_vec())?;
    // With comments: tests compare the API reference of the book to it. The program does not contain it.
    fs::write(out.join("latchkey.v1.commented.binpb"), describe(&PROTOS)?.encode_to_vec())?;
    Ok(())
}

/// Sets `without_guard` for each guard in the environment. src/lib.rs refuses to compile with any of them in a build
/// without debug assertions, such as a release.
fn build_out_guards() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed={WITHOUT_GUARDS}");
    println!("cargo::rustc-check-cfg=cfg(without_guards)");
    println!("cargo::rustc-check-cfg=cfg(without_guard, values(\"{}\"))", GUARDS.join("\", \""));
    if env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("without_guard")) {
        return Err(format!("guards are built out by {WITHOUT_GUARDS} alone, not by RUSTFLAGS"));
    }
    let named = env::var(WITHOUT_GUARDS).unwrap_or_default();
    for guard in named.split(',').filter(|guard| !guard.is_empty()) {
        if !GUARDS.contains(&guard) {
            return Err(format!("{WITHOUT_GUARDS}: no guard is named `{guard}`; there are {}", GUARDS.join(", ")));
        }
        println!("cargo::rustc-cfg=without_guards");
        println!("cargo::rustc-cfg=without_guard=\"{guard}\"");
    }
    Ok(())
}

/// Returns the descriptors of `files` and their imports.
fn describe(files: &[&str]) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    Ok(compiler.file_descriptor_set())
}
