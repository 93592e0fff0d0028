//! Unsigned telemetry that reaches the monitor itself: class `unattributed`, which is counted and
//! feeds no claim. Nothing of it is read, so there is no OTLP parser here, and the answers are
//! fixed bytes: a success with nothing rejected and a message for whoever reads its exporter's log
//! (OTLP specification 1, "OTLP/HTTP response" and `ExportTracePartialSuccess`).

use super::operation::Operation;
use super::request::{JSON, is_media_type};

/// Media type of OTLP in protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";
/// Largest body of one export, bytes.
pub const MAX_EXPORT_BYTES: usize = 1024 * 1024;

/// What every answer says.
macro_rules! message {
    () => {
        "unattributed: unsigned telemetry is counted and feeds no claim; \
         send it through cloister connect"
    };
}

/// ProtoJSON writes a 64-bit number as a string.
macro_rules! answer {
    ($rejected:literal) => {
        concat!(
            "{\"partialSuccess\":{\"",
            $rejected,
            "\":\"0\",\"errorMessage\":\"",
            message!(),
            "\"}}"
        )
    };
}

/// Media type and bytes that answer an export of this media type, which is also the answer's; none
/// for a media type that OTLP does not have, or an operation that takes no telemetry.
#[must_use]
pub fn export_answer(
    operation: Operation,
    content_type: Option<&str>,
) -> Option<(&'static str, &'static [u8])> {
    let json = match operation {
        Operation::ExportLogs => answer!("rejectedLogRecords"),
        Operation::ExportMetrics => answer!("rejectedDataPoints"),
        Operation::ExportTraces => answer!("rejectedSpans"),
        _ => return None,
    };
    if is_media_type(content_type, PROTOBUF) {
        return Some((PROTOBUF, WARNED.as_bytes()));
    }
    is_media_type(content_type, JSON).then_some((JSON, json.as_bytes()))
}

/// Field 1, `partial_success`, of 98 bytes; in it field 2, `error_message`, of 96 bytes. Field 1
/// in it is the number of rejected items: 0, which protobuf leaves out. The three signals share
/// these numbers.
const WARNED: &str = concat!("\x0a\x62", "\x12\x60", message!());

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message;

    use super::*;

    const EXPORTS: [(Operation, &str); 3] = [
        (Operation::ExportLogs, "rejectedLogRecords"),
        (Operation::ExportMetrics, "rejectedDataPoints"),
        (Operation::ExportTraces, "rejectedSpans"),
    ];

    #[test]
    fn others_read_a_success_that_says_what_it_is_worth() {
        let answer = |operation| {
            let (media_type, bytes) = export_answer(operation, Some(PROTOBUF)).unwrap();
            assert_eq!(media_type, PROTOBUF);
            bytes
        };
        let logs = ExportLogsServiceResponse::decode(answer(Operation::ExportLogs)).unwrap();
        let logs = logs.partial_success.unwrap();
        assert_eq!((logs.rejected_log_records, logs.error_message.as_str()), (0, message!()));
        let metrics = answer(Operation::ExportMetrics);
        let metrics = ExportMetricsServiceResponse::decode(metrics).unwrap();
        let metrics = metrics.partial_success.unwrap();
        assert_eq!((metrics.rejected_data_points, &*metrics.error_message), (0, message!()));
        let traces = ExportTraceServiceResponse::decode(answer(Operation::ExportTraces)).unwrap();
        // One message has one encoding here, and nothing follows it.
        assert_eq!(traces.encode_to_vec(), answer(Operation::ExportTraces));
        let traces = traces.partial_success.unwrap();
        assert_eq!((traces.rejected_spans, traces.error_message.as_str()), (0, message!()));
    }

    #[test]
    fn json_says_the_same() {
        for (operation, rejected) in EXPORTS {
            let json = Some("application/json; charset=utf-8");
            let (media_type, bytes) = export_answer(operation, json).unwrap();
            assert_eq!(media_type, JSON);
            let told: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            let wanted = serde_json::json!({ rejected: "0", "errorMessage": message!() });
            assert_eq!(told, serde_json::json!({ "partialSuccess": wanted }));
        }
    }

    #[test]
    fn other_media_types_and_operations_have_no_answer() {
        for (operation, _) in EXPORTS {
            for other in [None, Some(""), Some("text/plain"), Some("application/x-ndjson")] {
                assert_eq!(export_answer(operation, other), None);
            }
        }
        let takes = |operation: &&Operation| export_answer(**operation, Some(JSON)).is_some();
        assert_eq!(Operation::ALL.iter().filter(takes).count(), EXPORTS.len());
    }
}
