//! Compiles the contract in proto/ to Rust, without an installed `protoc`, and keeps its description for reflection.

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

/// The parts of others' contracts that the decision port speaks.
const FOREIGN: [&str; 1] = ["envoy/service/auth/v3/external_auth.proto"];

/// Messages that carry a token or a digest: src/proto.rs prints them by hand, without it.
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

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");

    tonic_prost_build::configure()
        .codec_path("crate::proto::LeanCodec")
        .skip_debug(SECRET)
        // Labels and the fields of audit images are told in the order of their names, always.
        .btree_map(".latchkey.v1")
        .compile_fds(describe(&PROTOS)?)?;
    tonic_prost_build::configure()
        .codec_path("crate::proto::LeanCodec")
        .skip_debug(SECRET)
        // A header and a body are read where they lie in the message.
        .bytes(".envoy")
        .include_file("foreign.rs")
        .compile_fds(describe(&FOREIGN)?)?;

    let mut described = describe(&[&PROTOS[..], &FOREIGN[..]].concat())?;
    for file in &mut described.file {
        // Positions and comments double the size, and reflection is asked for names and types.
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run by cargo")?);
    fs::write(out.join("latchkey.v1.binpb"), described.encode_to_vec())?;
    // With its comments: tests hold the API reference of the book to it. The program does not contain it.
    fs::write(out.join("latchkey.v1.commented.binpb"), describe(&PROTOS)?.encode_to_vec())?;
    Ok(())
}

/// The description of `files` and of what they import.
fn describe(files: &[&str]) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    Ok(compiler.file_descriptor_set())
}
