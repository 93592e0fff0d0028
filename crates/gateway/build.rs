//! Compiles the vendored ext_authz definitions, without protoc.
#![expect(clippy::disallowed_macros, reason = "how a build script speaks to cargo")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "ext-authz")]
    {
        let files = protox::compile(["envoy/service/auth/v3/external_auth.proto"], ["proto"])?;
        tonic_prost_build::configure().build_transport(false).btree_map(".").compile_fds(files)?;
    }
    Ok(())
}
