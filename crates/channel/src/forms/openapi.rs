//! The OpenAPI 3.1 document, generated: paths, methods and names from [`Operation`], schemas from
//! the forms themselves. There is no second description that could go stale.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

use super::body::{
    AdvanceBody, ApproveBody, AttestBody, CosignBody, CountBody, DealBody, HoldBody, IncludeBody,
    LoginBody, OpenBody, OpeningsBody, ProveBody, ReinstateBody, ReleaseBody, ResumeBody,
    TokenForm, TryBody, UnlockBody,
};
use super::decision::DeadlineForm;
use super::encoding::Hex;
use super::export::PROTOBUF;
use super::notice::EVENT_STREAM;
use super::operation::Operation;
use super::problem::{PROBLEM_JSON, Problem};
use super::reply::ReplyForm;
use super::request::{JSON, NDJSON};
use crate::CMW_MEDIA_TYPE;

const BEARER: &str = "login";
const OCTETS: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

/// The document of every [`Operation`].
#[must_use]
pub fn document(version: &str) -> OpenApi {
    let mut paths = Paths::new();
    for operation in Operation::ALL {
        let methods = vec![match operation.method() {
            http::Method::POST => HttpMethod::Post,
            _ => HttpMethod::Get,
        }];
        let template = operation.template().replace("{*", "{");
        paths.add_path_operation(template, methods, describe(*operation));
    }
    let mut schemas = Vec::new();
    component::<ReplyForm>(&mut schemas);
    component::<DeadlineForm>(&mut schemas);
    component::<Problem>(&mut schemas);
    component::<TokenForm>(&mut schemas);
    component::<AdvanceBody>(&mut schemas);
    component::<ApproveBody>(&mut schemas);
    component::<AttestBody>(&mut schemas);
    component::<CosignBody>(&mut schemas);
    component::<DealBody>(&mut schemas);
    component::<CountBody>(&mut schemas);
    component::<HoldBody>(&mut schemas);
    component::<UnlockBody>(&mut schemas);
    component::<IncludeBody>(&mut schemas);
    component::<LoginBody>(&mut schemas);
    component::<OpenBody>(&mut schemas);
    component::<OpeningsBody>(&mut schemas);
    component::<ProveBody>(&mut schemas);
    component::<ReinstateBody>(&mut schemas);
    component::<ReleaseBody>(&mut schemas);
    component::<ResumeBody>(&mut schemas);
    component::<TryBody>(&mut schemas);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components =
        ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme(BEARER, bearer).build();
    let info = InfoBuilder::new()
        .title("Cloister monitor")
        .description(Some(
            "Clients appraise the monitor with POST /v1/attestation, inside the same TLS 1.3 \
             session, before they send anything else.",
        ))
        .version(version);
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn describe(operation: Operation) -> OperationBuilder {
    let mut described = OperationBuilder::new()
        .operation_id(Some(operation.name()))
        .summary(Some(operation.summary()));
    for parameter in parameters(operation) {
        described = described.parameter(parameter);
    }
    let mut body = RequestBodyBuilder::new().required(Some(Required::True));
    let bodies = bodies(operation);
    for (media_type, schema) in &bodies {
        body = body.content(*media_type, ContentBuilder::new().schema(schema.clone()).build());
    }
    if !bodies.is_empty() {
        described = described.request_body(Some(body.build()));
    }
    if operation.needs_login() {
        described = described.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    if matches!(operation, Operation::Health | Operation::Ready) {
        let plain = |words: &str| ResponseBuilder::new().description(words).build();
        return described
            .response("204", plain("Yes."))
            .response("503", plain("No. It is not said why."));
    }
    let mut answer = ResponseBuilder::new().description("Done, or decided.");
    for (media_type, schema) in answers(operation) {
        answer = answer.content(media_type, ContentBuilder::new().schema(schema).build());
    }
    let problem = ContentBuilder::new().schema(Some(reference::<Problem>())).build();
    let refused = ResponseBuilder::new()
        .description("Refused; nothing was recorded or counted.")
        .content(PROBLEM_JSON, problem);
    described.response("200", answer.build()).response("default", refused.build())
}

fn parameters(operation: Operation) -> Vec<Parameter> {
    let in_path = |name: &str, schema: RefOr<Schema>| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .build()
    };
    let elsewhere = |name: &str, place, required, schema: RefOr<Schema>, words: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(words))
            .schema(Some(schema))
            .build()
    };
    let session = || in_path("session", Hex::<32>::schema());
    let (query, optional) = (ParameterIn::Query, Required::False);
    match operation {
        Operation::Count | Operation::Feed | Operation::Resume => vec![session()],
        Operation::Decide => {
            let words = "RFC 7240: wait=SECONDS, at most 300, for a paused call's overseer";
            let schema = ObjectBuilder::new().schema_type(Type::String).into();
            vec![session(), elsewhere("Prefer", ParameterIn::Header, optional, schema, words)]
        }
        Operation::Read => {
            let words = "First place in the journal";
            vec![session(), elsewhere("from", query, optional, number(), words)]
        }
        Operation::Consistency => {
            vec![
                elsewhere("old", query.clone(), Required::True, number(), "The older size"),
                elsewhere(
                    "new",
                    query,
                    optional,
                    number(),
                    "The newer size; the newest when absent",
                ),
            ]
        }
        Operation::Chain => vec![in_path("pact", Hex::<32>::schema())],
        Operation::Disclose => vec![in_path("index", number())],
        Operation::Tile => {
            vec![in_path("tile", ObjectBuilder::new().schema_type(Type::String).into())]
        }
        _ => Vec::new(),
    }
}

fn bodies(operation: Operation) -> Vec<(&'static str, Option<RefOr<Schema>>)> {
    let form = |schema| vec![(JSON, Some(schema))];
    match operation {
        Operation::Advance => form(reference::<AdvanceBody>()),
        Operation::Approve => form(reference::<ApproveBody>()),
        Operation::Attest => form(reference::<AttestBody>()),
        Operation::Cosign => form(reference::<CosignBody>()),
        Operation::Deal => form(reference::<DealBody>()),
        Operation::Count => form(reference::<CountBody>()),
        Operation::Decide => form(document_of("A signed event, canonical JSON (RFC 8785)")),
        Operation::Feed => {
            let event = document_of("A signed event, canonical JSON (RFC 8785)");
            let lines = text_of("Signed events, one a line, in order");
            vec![(JSON, Some(event)), (NDJSON, Some(lines))]
        }
        Operation::ExportLogs | Operation::ExportMetrics | Operation::ExportTraces => {
            vec![(JSON, Some(anything("OTLP in JSON"))), (PROTOBUF, Some(text_of("OTLP")))]
        }
        Operation::Hold => form(reference::<HoldBody>()),
        Operation::Unlock => form(reference::<UnlockBody>()),
        Operation::Include => form(reference::<IncludeBody>()),
        Operation::Login => form(reference::<LoginBody>()),
        Operation::Open => form(reference::<OpenBody>()),
        Operation::Openings => form(reference::<OpeningsBody>()),
        Operation::Prove => form(reference::<ProveBody>()),
        Operation::Register => form(document_of("A pact with both signatures")),
        Operation::Reinstate => form(reference::<ReinstateBody>()),
        Operation::Release => form(reference::<ReleaseBody>()),
        Operation::Resume => form(reference::<ResumeBody>()),
        Operation::Try => form(reference::<TryBody>()),
        Operation::Checkpoint
        | Operation::CheckpointOfTiles
        | Operation::Chain
        | Operation::Consistency
        | Operation::Disclose
        | Operation::Follow
        | Operation::Health
        | Operation::Inbox
        | Operation::OpenApi
        | Operation::Read
        | Operation::Ready
        | Operation::Tile
        | Operation::Undealt => Vec::new(),
    }
}

fn answers(operation: Operation) -> Vec<(&'static str, Option<RefOr<Schema>>)> {
    let reply = (JSON, Some(reference::<ReplyForm>()));
    match operation {
        Operation::Attest => {
            vec![(CMW_MEDIA_TYPE, Some(text_of("A conceptual message, CBOR"))), reply]
        }
        Operation::Checkpoint | Operation::CheckpointOfTiles => {
            vec![(TEXT, Some(text_of("A C2SP signed note")))]
        }
        Operation::Decide => {
            let either = utoipa::openapi::schema::OneOfBuilder::new()
                .item(reference::<ReplyForm>())
                .item(reference::<DeadlineForm>());
            vec![(JSON, Some(either.into()))]
        }
        Operation::ExportLogs | Operation::ExportMetrics | Operation::ExportTraces => {
            let warned = "partialSuccess: nothing rejected, and a message that says what it is";
            vec![(JSON, Some(document_of(warned))), (PROTOBUF, Some(text_of(warned)))]
        }
        Operation::Feed => {
            let lines = text_of("One reply or problem a line, in the order of the events");
            vec![reply, (NDJSON, Some(lines))]
        }
        Operation::Follow => vec![(EVENT_STREAM, Some(text_of("Signed notices")))],
        Operation::Login => vec![(JSON, Some(reference::<TokenForm>()))],
        Operation::OpenApi => vec![(JSON, Some(document_of("This document")))],
        Operation::Tile => vec![(OCTETS, Some(text_of("The tile")))],
        _ => vec![reply],
    }
}

fn component<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

fn number() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_u64)).into()
}

fn text_of(words: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(words)).into()
}

fn document_of(words: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Object).description(Some(words)).into()
}

/// What is not looked at has any form.
fn anything(words: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(words)).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                let target = members.get("$ref").and_then(Value::as_str);
                found.extend(target.map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_is_documented_and_every_schema_exists() {
        let document: Value = serde_json::from_str(&document("1.2.3").to_json().unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], "1.2.3");
        for operation in Operation::ALL {
            let path = operation.template().replace("{*", "{");
            let method = operation.method().as_str().to_lowercase();
            let described = &document["paths"][&path][&method];
            assert_eq!(described["operationId"], operation.name());
            assert!(described["summary"].as_str().is_some_and(|s| s.ends_with('.')));
            let posts = operation.method() == http::Method::POST;
            assert_eq!(described.get("requestBody").is_some(), posts, "{path}");
            assert_eq!(described.get("security").is_some(), operation.needs_login(), "{path}");
            let named = described["parameters"]
                .as_array()
                .map_or(0, |parameters| parameters.iter().filter(|p| p["in"] == "path").count());
            assert_eq!(named, path.matches('{').count(), "{path}");
        }
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), Operation::ALL.len());
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
    }
}
