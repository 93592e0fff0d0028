"""Asks for authorization as a proxy does, with Envoy's full definitions. Usage: check.py ADDRESS

Prints one JSON object per question.
"""

import json
import sys

import grpc
from envoy.service.auth.v3 import attribute_context_pb2, external_auth_pb2, external_auth_pb2_grpc
from google.protobuf import struct_pb2, timestamp_pb2

Context = attribute_context_pb2.AttributeContext


def question(body, **headers):
    http = Context.HttpRequest(
        id="req-1",
        method="POST",
        path="/mcp",
        host="tools.example",
        scheme="https",
        protocol="HTTP/2",
        size=len(body),
        headers={"content-length": str(len(body))} | headers,
        raw_body=body,
    )
    return external_auth_pb2.CheckRequest(
        attributes=Context(
            source=Context.Peer(service="agent", principal="spiffe://a/b", labels={"x": "y"}),
            destination=Context.Peer(service="tools"),
            request=Context.Request(time=timestamp_pb2.Timestamp(seconds=1), http=http),
            tls_session=Context.TLSSession(sni="tools.example"),
            metadata_context={"filter_metadata": {"a": struct_pb2.Struct()}},
            context_extensions={"cloister-protocol": "mcp"},
        )
    )


def call(name):
    params = {"name": name, "arguments": {"to": "bob"}}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = external_auth_pb2_grpc.AuthorizationStub(channel)
    for request in (
        question(call("pay"), **{"mcp-session-id": "s1"}),
        question(call("pay"), **{"mcp-session-id": "s1"}),
        question(b"not json"),
    ):
        answer = stub.Check(request, timeout=10)
        said = {"code": answer.status.code, "kind": answer.WhichOneof("http_response")}
        if said["kind"] == "ok_response":
            said["headers"] = {
                h.header.key: [h.header.value, h.append_action] for h in answer.ok_response.headers
            }
        else:
            denied = answer.denied_response
            said["status"] = denied.status.code
            said["body"] = json.loads(denied.body)
        print(json.dumps(said))
