"""One agent's turn, told by the OpenTelemetry SDK as it comes. Usage: export.py grpc|http

Where to is said by OTEL_EXPORTER_OTLP_ENDPOINT, as for any program.
"""

import json
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
tracer = traces.get_tracer("agent")


def said(role, *parts):
    return {"role": role, "parts": list(parts)}


def text(content):
    return {"type": "text", "content": content}


conversation = {"gen_ai.conversation.id": "conv-7"}
call = {"type": "tool_call", "id": "call_1", "name": "get_balance", "arguments": {"account": "a1"}}
asked = said("user", text("What is my balance?"))

with tracer.start_as_current_span("invoke_agent teller") as agent:
    agent.set_attributes(conversation | {"gen_ai.operation.name": "invoke_agent"})
    with tracer.start_as_current_span("chat m", kind=trace.SpanKind.CLIENT) as chat:
        chat.set_attributes(
            conversation
            | {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": json.dumps([asked]),
                "gen_ai.output.messages": json.dumps([said("assistant", call)]),
            }
        )
    with tracer.start_as_current_span("execute_tool get_balance") as tool:
        tool.set_attributes(
            conversation
            | {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "get_balance",
                "gen_ai.tool.call.id": "call_1",
                "gen_ai.tool.call.arguments": json.dumps({"account": "a1"}),
                "gen_ai.tool.call.result": json.dumps({"balance": "12.50"}),
            }
        )
    # The second inference tells its content by a log event, in structured form.
    with tracer.start_as_current_span("chat m", kind=trace.SpanKind.CLIENT) as chat:
        chat.set_attributes(conversation | {"gen_ai.operation.name": "chat"})
        logs.get_logger("agent").emit(
            LogRecord(
                event_name="gen_ai.client.inference.operation.details",
                attributes=conversation
                | {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.input.messages": [
                        asked,
                        said("assistant", call),
                        said("tool", {"type": "tool_call_response", "id": "call_1", "response": 1}),
                    ],
                    "gen_ai.output.messages": [said("assistant", text("It is 12.50."))],
                },
            )
        )
    with tracer.start_as_current_span("execute_tool pay") as tool:
        tool.set_attributes(
            conversation
            | {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "pay",
                "gen_ai.tool.call.id": "call_2",
                "error.type": "timeout",
            }
        )
        tool.set_status(trace.StatusCode.ERROR)

meters.get_meter("agent").create_counter("turns").add(1)
flushed = [traces.force_flush(30_000), logs.force_flush(30_000), meters.force_flush(30_000)]
for provider in (traces, logs, meters):
    provider.shutdown()
sys.exit(0 if all(flushed[:2]) else 1)
