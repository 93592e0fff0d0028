//! Envoy's external authorization over gRPC.

pub mod wire;
